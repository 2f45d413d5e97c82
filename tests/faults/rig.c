/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nbdstore.h"
#include "preload.h"
#include "rig.h"

#define DISKSIZE  "6303744"
#define MAX_FILES 16
#define MAX_WORDS 14

const char *const setup_names[SETUPS] = {[SETUP_FILE] = "file",
                                         [SETUP_THREADS] = "threads",
                                         [SETUP_NBD] = "nbd",
                                         [SETUP_SWAP] = "swap",
                                         [SETUP_DEMAND] = "demand"};

struct rig rig;

static char dir[] = "/tmp/test-faults-XXXXXX";
static char files[MAX_FILES][64];
static unsigned nr_files;
static struct points totals;

static void
remove_all (void)
{
  for (unsigned i = 0; i < nr_files; i++)
    unlink (files[i]);
  rmdir (dir);
}

const char *
rig_file (const char *name)
{
  char path[64];

  CHECK (snprintf (path, sizeof path, "%s/%s", dir, name) < (int) sizeof path);
  for (unsigned i = 0; i < nr_files; i++)
    if (strcmp (files[i], path) == 0)
      return files[i];
  CHECK (nr_files < MAX_FILES);
  return strcpy (files[nr_files++], path);
}

/* Something that a dictionary can be, and that no store may overwrite. */
static void
make_file (const char *name)
{
  FILE *const fp = fopen (rig_file (name), "we");

  CHECK (fp != NULL);
  for (unsigned i = 0; i < 200000; i++)
    fprintf (fp, "line %u of %s\n", i, name);
  CHECK (fclose (fp) == 0);
}

bool
rig_has (enum setup setup)
{
  return setup != SETUP_SWAP || !getenv ("FAULTS_PRELOAD") ||
         getenv ("FAULTS_PLAIN_PLUGIN");
}

/* A server of swap looks at all that is mapped, page by page: of
 * AddressSanitizer's 16 TiB it would never come to the end. */
static void
choose_plugin (enum setup setup)
{
  const char *const runtime = getenv ("FAULTS_PRELOAD");

  if (runtime && setup == SETUP_SWAP)
    setenv ("ZRAM_PLUGIN", getenv ("FAULTS_PLAIN_PLUGIN"), 1);
  else if (runtime) {
    preload (runtime);
    setenv ("ASAN_OPTIONS", "detect_leaks=1", 1);
  }
}

static void
choose_nothing (void)
{
  unsetenv ("ZRAM_PLUGIN");
  preload_nothing ();
  setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
}

void
rig_init (uint64_t seed)
{
  CHECK (mkdtemp (dir) != NULL);
  /* As /tmp itself: what is there already is looked at before it is used. */
  CHECK (chmod (dir, 01777) == 0);
  CHECK (atexit (remove_all) == 0);
  make_file ("foreign");
  CHECK (truncate (rig_file ("foreign"), 2 * MiB) == 0);
  make_file ("dict");
  CHECK (truncate (rig_file ("dict"), 32 * KiB) == 0);
  setenv ("NBDKIT_ZRAM_FAULTS_AT_EXIT", rig_file ("at-exit"), 1);
  choose_nothing ();
  rig.disk = (struct modeldisk){.size = strtoull (DISKSIZE, NULL, 10),
                                .longest = strtoull (DISKSIZE, NULL, 10),
                                .fallible = true,
                                .state = seed};
  modeldisk_open (&rig.disk);
  nbdstore_make (16 * MiB);
  nbdstore_start ();
}

/* A word "KEY=FILE". */
static char *
word (const char *key, const char *file)
{
  static char words[4][96];
  static unsigned next;
  char *const w = words[next++ % 4];

  CHECK (snprintf (w, sizeof words[0], "%s=%s", key, rig_file (file)) <
         (int) sizeof words[0]);
  return w;
}

/* The server's parameters, up to NULL. */
static void
choose_words (const char **w, enum setup setup)
{
  static char dict[128];

  *w++ = DISKSIZE;
  *w++ = word ("control", "control");
  *w++ = "spread_threshold=2";
  if (setup == SETUP_DEMAND) { /* its statistics go to stderr */
    *w++ = "on_demand=4M";
    *w++ = "max_devices=8";
    *w++ = "on_demand_close=drop";
    *w++ = "mem_total=512M";
    return;
  }
  *w++ = word ("statsfile", "stats");
  snprintf (dict, sizeof dict, "algorithm_params=priority=1 dict=%s",
            rig_file ("dict"));
  *w++ = "recomp_algorithm=algo=zstd";
  *w++ = dict;
  if (setup == SETUP_SWAP) {
    *w++ = "swap=try";
    *w++ = "reserve=2M";
  }
  if (setup == SETUP_NBD) {
    *w++ = nbdstore_parameter ();
    *w++ = "backing_overwrite=y";
    return;
  }
  *w++ = word ("backing_dev", "disk");
  *w++ = "backing_size=16M";
}

/* As a server leaves it that is killed. */
static void
leave_socket (const char *path)
{
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  unlink (path);
  CHECK (fd >= 0 && strlen (path) < sizeof addr.sun_path);
  memcpy (addr.sun_path, path, strlen (path) + 1);
  CHECK (bind (fd, (const struct sockaddr *) &addr, sizeof addr) == 0);
  close (fd);
}

static void
start (const char *faults)
{
  const char *w[MAX_WORDS] = {NULL};
  char all[512];

  /* Threads do the store's I/O where io_uring cannot be had. */
  snprintf (all, sizeof all, "%s%s%s",
            rig.setup == SETUP_THREADS ? "begin.io_uring_queue_init fail" : "",
            rig.setup == SETUP_THREADS && *faults ? ";" : "", faults);
  choose_words (w, rig.setup);
  leave_socket (rig_file ("control"));
  unlink (rig_file ("disk"));
  if (*all)
    setenv ("NBDKIT_ZRAM_FAULTS", all, 1);
  else
    unsetenv ("NBDKIT_ZRAM_FAULTS");
  choose_plugin (rig.setup);
  server_start (&rig.server, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7],
                w[8], w[9], w[10], w[11], w[12], w[13], NULL);
  choose_nothing ();
}

static bool
has_ended (int *status)
{
  const pid_t r = waitpid (rig.server.pid, status, WNOHANG);

  CHECK (r >= 0);
  return r == rig.server.pid;
}

static bool
has_leaks_looked_for (enum setup setup)
{
  return getenv ("FAULTS_PRELOAD") && setup != SETUP_SWAP;
}

/* Does the line after FROM in STACK that has TEXT have OTHER, too? */
static bool
line_has (const char *stack, const char *text, const char *other)
{
  const char *const line = strstr (stack, text);
  const char *const found = line ? strstr (line, other) : NULL;

  return found && found < line + strcspn (line, "\n");
}

/* STACK is where what was lost had been allocated.  Memory that nbdkit itself
 * has not freed, and that no source of the plugin has asked it for, is not the
 * plugin's: what connections have that end as it does, and names of files.  Any
 * other is, but for what was lost to see whether leaks are found: true. */
static bool
check_leak (const char *stack)
{
  if (line_has (stack, "    #1 ", " in lose_memory "))
    return true;
  if (!line_has (stack, "    #1 ", "/nbdkit+0x") || strstr (stack, ".c:"))
    fail ("memory is lost:\n%s", stack);
  return false;
}

/* Each leak is a line and, up to an empty one, the stack. */
static void
check_leaks (FILE *log)
{
  char line[1024], stack[16384];
  bool reading = false, found = false;
  size_t len = 0;

  while (fgets (line, sizeof line, log)) {
    const size_t n = strlen (line);

    if (strstr (line, "irect leak of")) {
      reading = true;
      len = 0;
    }
    if (reading && line[0] == '\n') {
      found = check_leak (stack) || found;
      reading = false;
    }
    if (reading && len + n < sizeof stack)
      len = (size_t) (stpcpy (stack + len, line) - stack);
  }
  if (reading)
    fail ("a leak's stack does not end:\n%s", stack);
  if (found != has_leaks_looked_for (rig.setup))
    fail ("leaks were %slooked for", found ? "" : "not ");
}

static void
check_log (void)
{
  FILE *const log = fopen (rig.server.log, "re");

  CHECK (log != NULL);
  check_leaks (log);
  fclose (log);
  if (server_log_count (&rig.server, "ERROR: AddressSanitizer") > 0 ||
      server_log_count (&rig.server, "runtime error") > 0)
    fail ("a sanitizer has found something");
}

/* What the server that has ended came by. */
static void
take_points (void)
{
  const char *const file = rig_file ("at-exit");

  rig.ended.n = 0;
  points_add_file (&rig.ended, file);
  points_add_file (&totals, file);
  if (rig.ended.n == 0)
    fail ("the server has not said what it came by");
  unlink (file);
}

/* Errors that the log has, but not warnings. */
static unsigned
count_errors (void)
{
  return server_log_count (&rig.server, "error: ") -
         server_log_count (&rig.server, "error: warning: ");
}

/* It has ended as it was started: that is to be by one clear line. */
static void
check_refusal (int status, const char *faults)
{
  check_log ();
  take_points ();
  if (!WIFEXITED (status) || WEXITSTATUS (status) != EXIT_FAILURE)
    fail ("%s, %s: the server has ended with status %#x", faults,
          setup_names[rig.setup], (unsigned) status);
  if (count_errors () != 1)
    fail ("%s, %s: the server says by %u lines why it does not start, not by "
          "one",
          faults, setup_names[rig.setup], count_errors ());
  rig.server.pid = 0;
  server_kill (&rig.server);
}

/* The control socket answers before all else has been started. */
static bool
is_up (void)
{
  struct nbd_handle *nbd;
  char text[256];
  bool up;

  if (ctl_ask (rig_file ("control"), "list", text, sizeof text) != CTL_OK)
    return false;
  nbd = nbd_create ();
  CHECK (nbd != NULL);
  up = nbd_connect_unix (nbd, rig.server.socket) == 0;
  nbd_close (nbd);
  return up;
}

bool
rig_start (enum setup setup, const char *faults)
{
  const struct timespec moment = {.tv_nsec = 10000000};
  int status;

  rig.setup = setup;
  start (faults);
  for (int i = 0; i < 6000; i++) {
    if (has_ended (&status)) {
      check_refusal (status, faults);
      return false;
    }
    if (is_up ())
      return true;
    nanosleep (&moment, NULL);
  }
  fail ("%s, %s: the server neither starts nor ends", faults,
        setup_names[setup]);
}

void
rig_stop (void)
{
  server_end (&rig.server);
  check_log ();
  take_points ();
  server_kill (&rig.server);
}

enum ctl
rig_ask (char *text, size_t size, const char *format, ...)
{
  static char unused[1 << 20];
  char request[512];
  enum ctl r;
  va_list args;

  va_start (args, format);
  vsnprintf (request, sizeof request, format, args);
  va_end (args);
  r = ctl_ask (rig_file ("control"), request, text ? text : unused,
               text ? size : sizeof unused);
  if (r != CTL_OK && !rig.faulty)
    fail ("%s: %s", request,
          r == CTL_GONE ? "no answer"
          : text        ? text
                        : unused);
  rig.refused += r == CTL_REFUSED;
  rig.gone += r == CTL_GONE;
  return r;
}

/* What is broken may be what it is to be mended by. */
static void
insist (char *text, size_t size, const char *request)
{
  for (int i = 0; i < 20; i++)
    if (ctl_ask (rig_file ("control"), request, text, size) == CTL_OK)
      return;
  fail ("%s: %s", request, *text ? text : "no answer");
}

void
rig_points (struct points *points)
{
  static char text[65536];

  insist (text, sizeof text, "get zram0 faults");
  points->n = 0;
  points_add (points, text);
}

void
rig_break (const char *point, const char *words)
{
  rig_may_fail (true); /* the answer may be what fails */
  rig_tell ("set zram0 faults %s %s", point, words);
}

void
rig_mend (void)
{
  char text[256];

  insist (text, sizeof text, "set zram0 faults * off");
  if (rig.setup == SETUP_THREADS)
    insist (text, sizeof text,
            "set zram0 faults begin.io_uring_queue_init fail");
  rig_may_fail (false);
}

void
rig_may_fail (bool may)
{
  if (may == rig.faulty)
    return;
  rig.faulty = may;
  (may ? excuse_begin : excuse_end) (&rig.disk.faulty);
}

void
rig_connect (void)
{
  modeldisk_connect (&rig.disk, &rig.server, "");
}

void
rig_disconnect (void)
{
  modeldisk_disconnect (&rig.disk);
}

struct points *
rig_totals (void)
{
  return &totals;
}
