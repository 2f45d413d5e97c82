/* SPDX-License-Identifier: BSD-3-Clause */
/* swap on: a server of swap for this machine, and all that it takes to swap to
 * it.  When a step fails, those before it are undone.  And swap attach: the
 * same with a server that is there already, a service manager's.
 */
#include <config.h>

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "nbddevice.h"
#include "newtext.h"
#include "servers.h"
#include "swapdisk.h"
#include "swaps.h"

/* Of connections, more than the first are not taken unless they are given; each
 * takes memory that stays locked. */
#define USUAL_CONNECTIONS 4U

/* A device that has a server gets its size from it at once. */
#define SIZE_MS 10000
#define TICK_MS 20

/* A device that somebody has open, as udev has at boot when it looks at each,
 * takes no connection by netlink (EBUSY): half a second after, then one, two
 * and four it is tried again. */
#define TRIES          5
#define FIRST_PAUSE_MS 500

/* What is to be done. */
struct swap_on {
  const char *what; /* "swap on" or "swap attach" */
  struct steps steps;
  struct swap_disk disk;
  const char *size;        /* as nbdkit takes it */
  char *const *parameters; /* a NULL behind them */
  int nr_parameters;
  unsigned priority;
  unsigned connections;
  bool serving, connected; /* what has been done */
};

/* Half of the memory, as zram-generator has it; to be freed. */
static char *
usual_size (void)
{
  const uint64_t kib = swaps_number_in ("/proc/meminfo", "MemTotal:");

  return newtext ("%" PRIu64 "M", kib / 2 >> 10);
}

/* One for each CPU, since each has a queue and a thread of the server's: on two
 * CPUs two served 1.35 times the reads of one, and four 1.4 times.  But what a
 * socket holds comes from the memory that is kept for emergencies
 * (vm.min_free_kbytes), of which a quarter is enough for all: see
 * nbdkit-zram-plugin(1), "Swap". */
static unsigned
usual_connections (void)
{
  const uint64_t min = swaps_number_in ("/proc/sys/vm/min_free_kbytes", "");
  const uint64_t buffer =
      swaps_number_in ("/proc/sys/net/core/wmem_default", "") >> 10;
  const long cpus = sysconf (_SC_NPROCESSORS_ONLN);
  uint64_t most = cpus > 0 ? (uint64_t) cpus : 1;

  if (most > USUAL_CONNECTIONS)
    most = USUAL_CONNECTIONS;
  if (buffer > 0 && most > min / 4 / buffer)
    most = min / 4 / buffer;
  return most > 0 ? (unsigned) most : 1;
}

/* Load the module, if there is no device. */
static int
load_module (const struct steps *steps)
{
  return nbd_device_exists (NBD_DEVICE_SYSFS, 0)
             ? 0
             : steps_run (steps, STEP ("modprobe", "nbd"));
}

/* Does a server have it, be it one of ours that is not connected? */
static bool
is_taken (const struct swap_disk *disk)
{
  return nbd_device_is_connected (NBD_DEVICE_SYSFS, disk->number) ||
         swap_disk_server (disk) > 0 || swap_disk_is_offered (disk);
}

/* If it is only shown, the module may not be there yet. */
static bool
will_exist (const struct swap_on *on, unsigned number)
{
  return nbd_device_exists (NBD_DEVICE_SYSFS, number) ||
         (on->steps.dry && !nbd_device_exists (NBD_DEVICE_SYSFS, 0));
}

/* The first that is free.  -1: that has been complained of. */
static int
choose_device (struct swap_on *on)
{
  unsigned number = 0;

  swap_disk_init (&on->disk, number);
  while (will_exist (on, number) && is_taken (&on->disk)) {
    swap_disk_free (&on->disk);
    swap_disk_init (&on->disk, ++number);
  }
  if (will_exist (on, number))
    return 0;
  complain ("swap on: all %u devices /dev/nbd* are in use: load the module nbd "
            "with more (nbds_max)",
            number);
  return -1;
}

/* What a server that has been killed has left is in its successor's way. */
static int
clear_away (const struct swap_on *on)
{
  return access (on->disk.pidfile, F_OK) == 0
             ? swap_disk_clear (&on->disk, &on->steps)
             : 0;
}

/* One thread for each connection serves swap as fast as more do, and takes the
 * least memory. */
static int
serve (struct swap_on *on)
{
  const struct swap_disk *const disk = &on->disk;
  char *const disksize = newtext ("disksize=%s", on->size);
  char *const control = newtext ("control=%s", disk->control);
  const char *const first[] = {"nbdkit",     "-t",      "1",           "-U",
                               disk->socket, "-P",      disk->pidfile, "zram",
                               disksize,     "swap=on", control};
  const size_t nr_first = sizeof first / sizeof *first;
  const char **const words = complain_unless (
      calloc (nr_first + (size_t) on->nr_parameters + 1, sizeof *words));
  int r;

  memcpy (words, first, sizeof first);
  memcpy (words + nr_first, on->parameters,
          (size_t) on->nr_parameters * sizeof *words);
  on->serving = true;
  r = steps_run_apart (&on->steps, words);
  free (words);
  free (control);
  free (disksize);
  return r;
}

static int
wait_for_size (const struct swap_on *on)
{
  if (on->steps.dry)
    return 0;
  for (int ms = 0; ms < SIZE_MS; ms += TICK_MS) {
    if (steps_go_on (&on->steps) < 0)
      return -1;
    if (nbd_device_size (NBD_DEVICE_SYSFS, on->disk.number) > 0)
      return 0;
    poll (NULL, 0, TICK_MS);
  }
  complain ("%s: %s does not get a size", on->what, on->disk.device);
  return -1;
}

/* It goes by netlink where it can, so that nobody stays to be killed. */
static int
run_client (const struct swap_on *on)
{
  const struct swap_disk *const disk = &on->disk;
  char connections[16];

  snprintf (connections, sizeof connections, "%u", on->connections);
  for (int tries = 1, pause = FIRST_PAUSE_MS;; tries++, pause *= 2) {
    if (steps_run (&on->steps,
                   STEP ("nbd-client", "-unix", disk->socket, disk->device,
                         "-b", "4096", "-C", connections, "-swap")) == 0)
      return 0;
    if (tries == TRIES || steps_go_on (&on->steps) < 0)
      return -1;
    complain ("%s: somebody may have %s open: it is tried again", on->what,
              disk->device);
    poll (NULL, 0, pause);
  }
}

static int
connect_device (struct swap_on *on)
{
  if (run_client (on) < 0)
    return -1;
  on->connected = true;
  return wait_for_size (on);
}

/* A scheduler has nothing to gain from memory. */
static int
unschedule (const struct swap_on *on)
{
  char command[128];

  snprintf (command, sizeof command,
            "echo none >" NBD_DEVICE_SYSFS "/nbd%u/queue/scheduler",
            on->disk.number);
  return steps_run (&on->steps, STEP ("sh", "-c", command));
}

static int
swap_on_it (const struct swap_on *on)
{
  char priority[16];

  snprintf (priority, sizeof priority, "%u", on->priority);
  return steps_run (&on->steps, STEP ("swapon", "--discard", "--priority",
                                      priority, on->disk.device));
}

/* Its server is there, or will be when somebody connects. */
static int
attach (struct swap_on *on)
{
  return connect_device (on) < 0 || unschedule (on) < 0 ||
                 steps_run (&on->steps, STEP ("mkswap", on->disk.device)) < 0 ||
                 swap_on_it (on) < 0 || steps_go_on (&on->steps) < 0
             ? -1
             : 0;
}

/* The last step may have been interrupted when the system already swapped to
 * it. */
static void
undo (struct swap_on *on)
{
  struct swaps swaps = {.on = false};

  on->steps.undoing = true;
  if (on->connected &&
      (swaps_of (on->disk.device, &swaps) < 0 ||
       (swaps.on &&
        steps_run (&on->steps, STEP ("swapoff", on->disk.device)) < 0)))
    return;
  if (on->serving)
    swap_disk_end (&on->disk, &on->steps, on->connected);
  else if (on->connected)
    steps_run (&on->steps, STEP ("nbd-client", "-d", on->disk.device));
}

static int
undone (struct swap_on *on)
{
  complain ("%s: what has been done is undone", on->what);
  undo (on);
  return -1;
}

static int
make_rundir (const struct steps *steps)
{
  const char *const dir = servers_rundir ();

  if (access (dir, F_OK) != 0 &&
      steps_run (steps, STEP ("mkdir", "-m", "0755", "-p", dir)) < 0)
    return -1;
  return steps->dry ? 0 : swap_disk_lock ();
}

static int
run_on (struct swap_on *on)
{
  if (load_module (&on->steps) < 0 || make_rundir (&on->steps) < 0 ||
      choose_device (on) < 0)
    return -1;
  return clear_away (on) < 0 || serve (on) < 0 || attach (on) < 0 ? undone (on)
                                                                  : 0;
}

static int
check_offered (const struct swap_disk *disk)
{
  if (swap_disk_is_offered (disk))
    return 0;
  complain (
      "swap attach: %s: nobody listens on %s: \"swap on\" starts a server "
      "of its own",
      disk->device, disk->socket);
  return -1;
}

static int
check_device (const struct swap_disk *disk)
{
  if (!nbd_device_exists (NBD_DEVICE_SYSFS, disk->number))
    complain ("swap attach: there is no %s: load the module nbd with more "
              "(nbds_max)",
              disk->device);
  else if (nbd_device_is_connected (NBD_DEVICE_SYSFS, disk->number))
    complain ("swap attach: %s is connected to a server already", disk->device);
  else
    return 0;
  return -1;
}

/* What loading the module makes, a dry run cannot see. */
static int
run_attach (struct swap_on *on)
{
  if (check_offered (&on->disk) < 0 || load_module (&on->steps) < 0 ||
      (!on->steps.dry &&
       (swap_disk_lock () < 0 || check_device (&on->disk) < 0)))
    return -1;
  return attach (on) < 0 ? undone (on) : 0;
}

/* A number of an option's, LEAST to MOST; -1: that has been complained of. */
static int
take_number (const char *option, const char *text, unsigned long least,
             unsigned long most, unsigned *number)
{
  const size_t digits = strspn (text, "0123456789");
  const unsigned long n = strtoul (text, NULL, 10);

  if (digits == 0 || text[digits] != '\0' || n < least || n > most) {
    complain_usage ("swap: --%s: '%s' is wrong: give %lu to %lu", option, text,
                    least, most);
    return -1;
  }
  *number = (unsigned) n;
  return 0;
}

static int
take_options (struct swap_on *on, const struct command_line *line)
{
  return (line->priority &&
          take_number ("priority", line->priority, 0, SWAP_DISK_MOST_PRIORITY,
                       &on->priority) < 0) ||
                 (line->connections &&
                  take_number ("connections", line->connections, 1,
                               SWAP_DISK_MOST_CONNECTIONS,
                               &on->connections) < 0)
             ? -1
             : 0;
}

/* Parameters are the server's to judge, but a size is no parameter. */
static int
take_words (struct swap_on *on, const struct command_line *line)
{
  int i = 1;

  if (i < line->count && !strchr (line->words[i], '='))
    on->size = line->words[i++];
  on->parameters = line->words + i;
  on->nr_parameters = line->count - i;
  for (; i < line->count; i++)
    if (strncmp (line->words[i], "run_id=", 7) == 0) {
      complain_usage ("swap on: run_id= is for clients of other machines: what "
                      "this one attaches is always of this run");
      return -1;
    }
    else if (!strchr (line->words[i], '=')) {
      complain_usage ("swap on: '%s' is no parameter: give SIZE first, then "
                      "PARAMETER=VALUE",
                      line->words[i]);
      return -1;
    }
  return 0;
}

/* Free what is left of ON; what main returns. */
static int
end (struct swap_on *on, int r)
{
  swap_disk_free (&on->disk);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct swap_on
begin (const char *what, const struct command_line *line)
{
  return (struct swap_on){.what = what,
                          .steps = {.dry = line->dry_run},
                          .priority = SWAP_DISK_PRIORITY,
                          .connections = usual_connections ()};
}

int
command_swap_on (struct command_line *line)
{
  char *const usual = usual_size ();
  struct swap_on on = begin ("swap on", line);
  int r = -1;

  on.size = usual;
  if (take_options (&on, line) == 0 && take_words (&on, line) == 0) {
    steps_catch_signals ();
    r = run_on (&on);
  }
  free (usual);
  return end (&on, r);
}

int
command_swap_attach (struct command_line *line)
{
  const char *const device = line->count == 2 ? line->words[1] : "";
  const int number = nbd_device_number (device);
  struct swap_on on = begin ("swap attach", line);
  int r = -1;

  if (number < 0)
    return complain_usage ("swap attach: give the device, as /dev/nbd0");
  swap_disk_init (&on.disk, (unsigned) number);
  if (take_options (&on, line) == 0) {
    steps_catch_signals ();
    r = run_attach (&on);
  }
  return end (&on, r);
}
