/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "data.h"
#include "nbdstore.h"
#include "steps.h"

#define NR_REQUESTS 150

static void
make_requests (void)
{
  modeldisk_run (&rig.disk, NR_REQUESTS);
  modeldisk_verify (&rig.disk);
}

/* And read them back, and write over them there. */
static void
write_back (void)
{
  rig_tell ("set zram0 idle all");
  rig_tell ("set zram0 writeback type=idle");
  rig_tell ("set zram0 writeback type=huge");
  modeldisk_run (&rig.disk, 30);
  modeldisk_verify (&rig.disk);
}

static void
recompress (void)
{
  rig_tell ("set zram0 idle all");
  rig_tell ("set zram0 recompress type=idle");
  rig_tell ("run zram0 recompress threshold=1000");
  modeldisk_verify (&rig.disk);
}

static void
compact (void)
{
  modeldisk_run (&rig.disk, NR_REQUESTS);
  rig_tell ("set zram0 compact 1");
  modeldisk_verify (&rig.disk);
}

/* Every attribute. */
static void
look (void)
{
  char list[16384], name[64];

  if (rig_ask (list, sizeof list, "attributes") != CTL_OK)
    return;
  for (const char *line = list; *line; line = strchr (line, '\n') + 1) {
    char mode[8];

    CHECK (sscanf (line, " %63s %7s", name, mode) == 2);
    if (mode[0] == 'r')
      rig_tell ("get zram0 %s", name);
  }
}

/* A disk more, which has everything, is changed, and goes. */
static void
add_and_remove (void)
{
  char name[512];

  unlink (rig_file ("disk2"));
  if (rig_ask (name, sizeof name,
               "hot_add disksize=4M comp_algorithm=zstd backing_size=2M "
               "backing_dev=%s",
               rig_file ("disk2")) != CTL_OK)
    return;
  name[strcspn (name, "\n")] = '\0';
  rig_tell ("set%s reset 1", name);
  rig_tell ("set%s comp_algorithm lz4", name);
  rig_tell ("set%s recomp_algorithm algo=zstd", name);
  rig_tell ("set%s recomp_algorithm algo=deflate priority=2", name);
  rig_tell ("set%s algorithm_params priority=1 dict=%s", name,
            rig_file ("dict"));
  rig_tell ("set%s backing_dev %s", name, rig_file ("disk2"));
  rig_tell ("set%s disksize 8M", name);
  rig_tell ("set%s mem_limit 1M", name);
  rig_tell ("hot_remove%s", name);
}

/* Whatever else fails. */
static void
must_refuse (const char *what, const char *value)
{
  const bool faulty = rig.faulty;
  char text[512], request[256];
  enum ctl r;

  snprintf (request, sizeof request, "%s%s", what, value);
  rig.faulty = true;
  r = rig_ask (text, sizeof text, "%s", request);
  rig.faulty = faulty;
  if (r == CTL_OK || (r == CTL_GONE && !faulty))
    fail ("is not refused: %s", request);
}

static void
be_refused (void)
{
  static const char *const stores[] = {"foreign", "control", "no/such", "disk"};

  for (unsigned i = 0; i < sizeof stores / sizeof stores[0]; i++)
    must_refuse ("hot_add disksize=1M backing_dev=", rig_file (stores[i]));
  must_refuse ("hot_add disksize=1M comp_algorithm=", "none");
}

/* NULL: could not. */
static struct nbd_handle *
connect_as (const char *export)
{
  struct nbd_handle *const nbd = nbd_create ();

  CHECK (nbd != NULL);
  NBD_OK (nbd_set_export_name (nbd, export));
  if (nbd_connect_unix (nbd, rig.server.socket) == 0)
    return nbd;
  if (!rig.faulty)
    fail ("cannot connect: %s", nbd_get_error ());
  nbd_close (nbd);
  return NULL;
}

static int
ignore_export (void *user_data, const char *name, const char *description)
{
  (void) user_data;
  (void) name;
  (void) description;
  return 0;
}

/* Clients come and go, and look at what there is. */
static void
connect_clients (void)
{
  /* cppcheck-suppress legacyUninitvar; libnbd's type is not seen */
  const nbd_list_callback callback = {.callback = ignore_export};
  struct nbd_handle *nbd;
  char page[4096];

  for (int i = 0; i < 3; i++)
    if ((nbd = connect_as ("")) != NULL) {
      nbd_pread (nbd, page, sizeof page, 0, 0);
      nbd_close (nbd);
    }
  nbd = nbd_create ();
  CHECK (nbd != NULL);
  nbd_set_opt_mode (nbd, true);
  if (nbd_connect_unix (nbd, rig.server.socket) == 0)
    nbd_opt_list (nbd, callback);
  nbd_close (nbd);
}

/* A disk that is not there is made, and goes with its client. */
static void
demand (void)
{
  struct nbd_handle *const nbd = connect_as ("one");
  char page[4096] = "something";

  if (!nbd)
    return;
  if (nbd_pwrite (nbd, page, sizeof page, 0, 0) < 0 && !rig.faulty)
    fail ("a disk on demand: %s", nbd_get_error ());
  nbd_shutdown (nbd, 0);
  nbd_close (nbd);
}

static off_t
length_of (const char *file)
{
  struct stat st;

  return stat (file, &st) == 0 ? st.st_size : 0;
}

static void
ask_by_signal (void)
{
  const struct timespec moment = {.tv_nsec = 5000000};
  const off_t before = length_of (rig_file ("stats"));

  server_signal (&rig.server, SIGUSR1);
  for (int i = 0; length_of (rig_file ("stats")) == before; i++) {
    if (i >= 40 && rig.faulty)
      return;
    if (i >= 12000)
      fail ("no statistics");
    nanosleep (&moment, NULL);
  }
}

/* The store goes and comes back. */
static void
lose_store (void)
{
  rig_tell ("set zram0 idle all");
  rig_tell ("set zram0 writeback type=idle");
  nbdstore_kill ();
  nbdstore_start ();
  modeldisk_run (&rig.disk, NR_REQUESTS);
  modeldisk_verify (&rig.disk);
}

#define BIT(setup) (1U << (setup))
#define STORED \
  (BIT (SETUP_FILE) | BIT (SETUP_THREADS) | BIT (SETUP_NBD) | BIT (SETUP_SWAP))
#define ALL (STORED | BIT (SETUP_DEMAND))

const struct step steps[] = {
    {"requests", make_requests, ALL},
    {"writeback", write_back, STORED},
    {"recompress", recompress, STORED},
    {"compact", compact, ALL},
    {"attributes", look, ALL},
    {"hot_add", add_and_remove,
     BIT (SETUP_FILE) | BIT (SETUP_THREADS) | BIT (SETUP_SWAP)},
    {"refused", be_refused, BIT (SETUP_FILE)},
    {"clients", connect_clients, ALL},
    {"demand", demand, BIT (SETUP_DEMAND)},
    {"signal", ask_by_signal, STORED},
    {"store away", lose_store, BIT (SETUP_NBD)},
};

const unsigned nr_steps = sizeof steps / sizeof steps[0];

static bool
is_first (const char *line)
{
  return strncmp (line, " zram0 ", 7) == 0;
}

/* Its client may not have gone yet, or it may go with him. */
static void
remove_disk (const char *name)
{
  const struct timespec moment = {.tv_nsec = 10000000};
  char text[512];

  for (int i = 0; i < 6000; i++) {
    rig.faulty = true;
    if (rig_ask (text, sizeof text, "hot_remove %s", name) == CTL_OK ||
        strncmp (text, "error EBUSY", 11) != 0)
      break;
    nanosleep (&moment, NULL);
  }
  rig.faulty = false;
  if (*text && strncmp (text, "error ENODEV", 12) != 0)
    fail ("%s cannot be removed: %s", name, text);
}

void
steps_clean (void)
{
  char list[4096], name[64];

  rig_ask (list, sizeof list, "list");
  for (const char *line = list; *line; line = strchr (line, '\n') + 1)
    if (!is_first (line) && sscanf (line, " %63s", name) == 1)
      remove_disk (name);
}
