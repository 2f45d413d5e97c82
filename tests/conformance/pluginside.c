/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin: a server that is started here; its attributes only through
 * nbdkit-zramctl, its pages through libnbd. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data.h"
#include "server.h"
#include "side.h"

#define NAME "nbdkit-zramctl: "

static struct side plugin = {.name = "here", .device = "zram0"};
static struct server server;
static char dir[PATH_MAX - 16], control[PATH_MAX];
static struct nbd_handle *nbd;
static char attributes[16 * RESULT_SIZE];

/* The program. */

/* Run it with WORDS after its options, what it prints in OUT and ERROR. */
static int
spawn (const char *const *words, int out, int error)
{
  const char *argv[16] = {ZRAMCTL_PATH, "--socket", control};
  posix_spawn_file_actions_t actions;
  size_t n = 3;
  int status;
  pid_t pid;

  while (*words)
    argv[n++] = *words++;
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, error, STDERR_FILENO);
  if (posix_spawn (&pid, argv[0], &actions, NULL, (char *const *) argv,
                   environ) != 0)
    fail ("%s cannot be run", argv[0]);
  posix_spawn_file_actions_destroy (&actions);
  CHECK (waitpid (pid, &status, 0) == pid);
  if (!WIFEXITED (status))
    fail ("%s was killed by signal %d", argv[0], WTERMSIG (status));
  return WEXITSTATUS (status);
}

/* A file without a name, for what is printed. */
static int
new_output (void)
{
  const int fd = open (dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  CHECK (fd != -1);
  return fd;
}

/* What has been printed, without the last newline; closes FD. */
static void
take_output (int fd, char *text, size_t size)
{
  const ssize_t n = pread (fd, text, size - 1, 0);

  CHECK (n >= 0);
  text[n] = '\0';
  if (n > 0 && text[n - 1] == '\n')
    text[n - 1] = '\0';
  close (fd);
}

/* "nbdkit-zramctl: EBUSY: what is wrong"; "refused", if the program has not
 * asked the server. */
static void
take_errno (const char *message, char result[RESULT_SIZE])
{
  size_t len;

  if (strncmp (message, NAME, strlen (NAME)) != 0)
    fail ("nbdkit-zramctl said '%s'", message);
  message += strlen (NAME);
  len = strspn (message, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
  if (len > 1 && message[len] == ':')
    snprintf (result, RESULT_SIZE, "%.*s", (int) len, message);
  else
    snprintf (result, RESULT_SIZE, "refused");
}

/* RESULT, of SIZE bytes at least RESULT_SIZE: what is printed, or the errno.
 * Returns whether it was done. */
static bool
run_program (const char *const *words, char *result, size_t size)
{
  const int out = new_output (), error = new_output ();
  const int status = spawn (words, out, error);
  char message[RESULT_SIZE];

  take_output (error, message, sizeof message);
  take_output (out, result, size);
  if (status == 0)
    return true;
  if (status != 1)
    fail ("nbdkit-zramctl %s: exit status %d", words[0], status);
  take_errno (message, result);
  return false;
}

/* RESULT: "ok", unless the program prints something. */
static void
tell_program (const char *const *words, char result[RESULT_SIZE])
{
  run_program (words, result, RESULT_SIZE);
  if (*result == '\0')
    snprintf (result, RESULT_SIZE, "ok");
}

/* Attributes. */

static bool
plugin_has (const char *attribute)
{
  const size_t len = strlen (attribute);

  for (const char *line = attributes; line; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, attribute, len) == 0 && line[len] == ' ')
      return true;
  }
  return false;
}

static void
plugin_get (const char *attribute, char result[RESULT_SIZE])
{
  run_program (
      (const char *const[]){"--errno", "get", plugin.device, attribute, NULL},
      result, RESULT_SIZE);
}

/* A newline ends the request, so it has one already.  hot_add and hot_remove,
 * which are zram-control's, are the program's own commands. */
static void
plugin_set (const char *attribute, const char *value, bool newline,
            char result[RESULT_SIZE])
{
  (void) newline;
  if (strncmp (attribute, "hot_", 4) == 0)
    tell_program (
        (const char *const[]){"--errno", attribute, "--", value, NULL}, result);
  /* What a run prints of its outcome is not zram's. */
  else if (run_program ((const char *const[]){"--errno", "set", "--",
                                              plugin.device, attribute, value,
                                              NULL},
                        result, RESULT_SIZE))
    snprintf (result, RESULT_SIZE, "ok");
}

static bool
plugin_hot_add (char result[RESULT_SIZE])
{
  run_program ((const char *const[]){"--errno", "hot_add", NULL}, result,
               RESULT_SIZE);
  return strncmp (result, "zram", 4) == 0;
}

const char *
pluginside_attributes (void)
{
  return attributes;
}

/* Pages. */

static int
plugin_open (void)
{
  int code;

  nbd = nbd_create ();
  CHECK (nbd != NULL);
  NBD_OK (nbd_set_strict_mode (nbd, 0));
  NBD_OK (nbd_set_export_name (nbd, plugin.device));
  if (nbd_connect_unix (nbd, server.socket) == 0)
    return 0;
  code = nbd_get_errno ();
  nbd_close (nbd);
  nbd = NULL;
  return code;
}

static int
has_no_clients (void *arg)
{
  char result[RESULT_SIZE];

  (void) arg;
  plugin_get ("clients", result);
  return strcmp (result, "0") == 0;
}

/* As the kernel's disk is closed when close has returned, and not later. */
static void
plugin_close (void)
{
  if (!nbd)
    return;
  nbd_shutdown (nbd, 0);
  nbd_close (nbd);
  nbd = NULL;
  wait_until (has_no_clients, NULL, "a client goes");
}

static int
plugin_io (enum io io, void *page, uint64_t offset, uint64_t len)
{
  int r = 0;

  switch (io) {
  case IO_READ:
    r = nbd_pread (nbd, page, PAGE, offset, 0);
    break;
  case IO_WRITE:
    r = nbd_pwrite (nbd, page, PAGE, offset, 0);
    break;
  case IO_DISCARD:
    r = nbd_trim (nbd, len, offset, 0);
    break;
  case IO_ZERO:
    r = nbd_zero (nbd, len, offset, 0);
    break;
  }
  return r < 0 ? nbd_get_errno () : 0;
}

/* The server. */

static void
plugin_leave (void)
{
  plugin_close ();
  server_stop (&server);
}

static void
remove_directory (void)
{
  unlink (control);
  unlink (plugin.store);
  rmdir (dir);
}

/* A file, which is all that it takes here. */
static void
make_store (void)
{
  int fd;

  snprintf (plugin.store, sizeof plugin.store, "%s/store", dir);
  fd = open (plugin.store, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  CHECK (fd >= 0 && ftruncate (fd, STORE_SIZE) == 0);
  close (fd);
}

/* Its control socket is there before its other one answers. */
static void
start_server (void)
{
  const char *const tmp = getenv ("ZRAM_TMP");
  char parameter[PATH_MAX + 16];

  snprintf (dir, sizeof dir, "%s/nbdkit-zram-XXXXXX", tmp ? tmp : "/tmp");
  CHECK (mkdtemp (dir) != NULL);
  CHECK (atexit (remove_directory) == 0);
  make_store ();
  snprintf (control, sizeof control, "%s/control", dir);
  snprintf (parameter, sizeof parameter, "control=%s", control);
  server_start (&server, "1M", parameter, "compact_threshold=0",
                "statsfile=/dev/null", NULL);
  CHECK (plugin_open () == 0);
  plugin_close ();
}

struct side *
pluginside_enter (void)
{
  plugin.has = plugin_has;
  plugin.get = plugin_get;
  plugin.set = plugin_set;
  plugin.hot_add = plugin_hot_add;
  plugin.open = plugin_open;
  plugin.close = plugin_close;
  plugin.io = plugin_io;
  plugin.leave = plugin_leave;
  start_server ();
  snprintf (plugin.version, sizeof plugin.version, "%s", PACKAGE_VERSION);
  run_program ((const char *const[]){"-n", "-r", "attributes", NULL},
               attributes, sizeof attributes);
  CHECK (plugin_has ("disksize"));
  return &plugin;
}
