/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that comes back to a server which has been killed and started again
 * finds an empty disk of the same size.  With run_id=auto it is refused, since
 * the name that it knows is of an older run; without, it is not, and reads
 * zeros where its data was.  With run_id=NAME the operator says whether it is
 * the same run.
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "data.h"
#include "server.h"

#define SIZE     "16M"
#define MAX_NAME 128

static char dir[] = "/tmp/nbdkit-zram-XXXXXX";
static char control[64]; /* the socket of every server, one after the other */

static void
remove_control (void)
{
  unlink (control);
  rmdir (dir);
}

/* Before the first server, so that it is removed after the last one. */
static void
make_control (void)
{
  CHECK (mkdtemp (dir) != NULL);
  snprintf (control, sizeof control, "%s/control", dir);
  CHECK (atexit (remove_control) == 0);
}

/* RUN_ID is the parameter; NULL: there is none. */
static void
start (struct server *server, const char *run_id)
{
  char word[80];

  snprintf (word, sizeof word, "control=%s", control);
  server_start (server, SIZE, word, run_id, NULL);
}

/* Names: what is printed and shown. */

/* The rest of the first line of FP that begins with PREFIX. */
static void
find_line (FILE *fp, const char *prefix, char found[MAX_NAME])
{
  char line[1024];

  while (fgets (line, sizeof line, fp))
    if (strncmp (line, prefix, strlen (prefix)) == 0) {
      line[strcspn (line, "\n")] = '\0';
      snprintf (found, MAX_NAME, "%.*s", MAX_NAME - 1, line + strlen (prefix));
      return;
    }
  fail ("there is no line '%s'", prefix);
}

/* What the server has printed; it is there when a client has been answered. */
static void
printed_id (const struct server *server, char id[MAX_NAME])
{
  FILE *const fp = fopen (server->log, "r");

  CHECK (fp != NULL);
  find_line (fp, "zram: the exports of this run end in @", id);
  fclose (fp);
}

static int
take_name (void *user_data, const char *name, const char *description)
{
  char *const listed = user_data;

  (void) description;
  CHECK (listed[0] == '\0');
  snprintf (listed, MAX_NAME, "%s", name);
  return 0;
}

/* The one export that a client is told of. */
static void
listed_export (const struct server *server, char name[MAX_NAME])
{
  struct nbd_handle *nbd = server_negotiate (server);

  name[0] = '\0';
  NBD_OK (nbd_opt_list (
      nbd, (nbd_list_callback){.callback = take_name, .user_data = name}));
  NBD_OK (nbd_opt_abort (nbd));
  nbd_close (nbd);
}

/* What the program says. */
static void
shown_export (char name[MAX_NAME])
{
  char command[256];
  FILE *fp;

  snprintf (command, sizeof command, "'%s' -n -s '%s' get zram0 export",
            ZRAMCTL_PROG, control);
  fp = popen (command, "r");
  CHECK (fp != NULL);
  find_line (fp, "", name);
  CHECK (pclose (fp) == 0);
}

/* The name of this run's disk, which all say alike. */
static void
get_export (const struct server *server, char export[MAX_NAME])
{
  char id[MAX_NAME], shown[MAX_NAME], expected[MAX_NAME + 8];

  listed_export (server, export);
  shown_export (shown);
  printed_id (server, id);
  snprintf (expected, sizeof expected, "zram0@%s", id);
  CHECK (id[0] != '\0');
  CHECK (strcmp (export, expected) == 0);
  CHECK (strcmp (shown, expected) == 0);
}

/* Clients. */

/* A connection; NULL: the export is refused. */
static struct nbd_handle *
ask_for (const struct server *server, const char *export)
{
  struct nbd_handle *nbd = server_negotiate (server);

  NBD_OK (nbd_set_export_name (nbd, export));
  if (nbd_opt_go (nbd) == 0)
    return nbd;
  if (nbd_get_errno () != ENOENT)
    fail ("%s: %s; expected ENOENT", export, nbd_get_error ());
  nbd_close (nbd);
  return NULL;
}

/* An old client's way to ask, which has no answer but the end. */
static void
must_end_old_client (const struct server *server, const char *export)
{
  struct nbd_handle *nbd = nbd_create ();

  CHECK (nbd != NULL);
  NBD_OK (nbd_set_handshake_flags (nbd, 0));
  NBD_OK (nbd_set_export_name (nbd, export));
  if (nbd_connect_unix (nbd, server->socket) == 0)
    fail ("'%s' is not refused by NBD_OPT_EXPORT_NAME", export);
  nbd_close (nbd);
}

static void
must_refuse (const struct server *server, const char *export)
{
  if (ask_for (server, export))
    fail ("'%s' is not refused", export);
  must_end_old_client (server, export);
}

static struct nbd_handle *
must_accept (const struct server *server, const char *export)
{
  struct nbd_handle *nbd = ask_for (server, export);

  if (nbd == NULL)
    fail ("'%s' is refused", export);
  return nbd;
}

static void
must_be_empty (const struct server *server, const char *export)
{
  struct nbd_handle *nbd = must_accept (server, export);

  check_reads_byte (nbd, 0, 16 * PAGE, 0);
  NBD_OK (nbd_shutdown (nbd, 0));
  nbd_close (nbd);
}

/* A client of EXPORT stores something, and the server is killed under it. */
static void
lose_data (struct server *server, const char *export)
{
  struct nbd_handle *nbd = must_accept (server, export);
  unsigned char data[16 * PAGE];

  data_fill (data, sizeof data, DATA_TEXT, 1);
  NBD_OK (nbd_pwrite (nbd, data, sizeof data, 0, 0));
  check_read (nbd, data, sizeof data, 0);
  server_kill (server);
  CHECK (nbd_pread (nbd, data, PAGE, 0, 0) == -1);
  nbd_close (nbd);
}

/* The tests. */

static void
test_auto (void)
{
  static const char *const others[] = {"", "zram0", "zram0@", "@",
                                       "zram0@auto"};
  const size_t n = sizeof others / sizeof *others;
  char old[MAX_NAME], new[MAX_NAME], none[MAX_NAME];
  struct server server;

  start (&server, "run_id=auto");
  get_export (&server, old);
  lose_data (&server, old);

  start (&server, "run_id=auto");
  get_export (&server, new);
  CHECK (strcmp (old, new) != 0);
  must_refuse (&server, old);
  for (size_t i = 0; i < n; i++)
    must_refuse (&server, others[i]);
  CHECK (server_log_count (&server, "is not of this run") == 2 * (n + 1));
  snprintf (none, sizeof none, "zram1%s", strchr (new, '@'));
  must_refuse (&server, none);
  CHECK (server_log_count (&server, "there is no export") == 2);
  must_be_empty (&server, new);
  server_stop (&server);
}

/* What it is for: any server of that size is taken for the old one. */
static void
test_hazard (void)
{
  static const char *const names[] = {"", "zram0"};
  struct server server;

  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    start (&server, NULL);
    lose_data (&server, names[i]);
    start (&server, NULL);
    must_be_empty (&server, names[i]);
    server_stop (&server);
  }
}

static void
test_named (void)
{
  char export[MAX_NAME];
  struct server server;

  start (&server, "run_id=monday");
  get_export (&server, export);
  CHECK (strcmp (export, "zram0@monday") == 0);
  lose_data (&server, export);

  start (&server, "run_id=monday");
  must_be_empty (&server, export);
  lose_data (&server, export);

  start (&server, "run_id=tuesday");
  must_refuse (&server, export);
  must_be_empty (&server, "zram0@tuesday");
  server_stop (&server);
}

int
main (void)
{
  make_control ();
  test_auto ();
  test_hazard ();
  test_named ();
  return EXIT_SUCCESS;
}
