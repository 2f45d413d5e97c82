/* SPDX-License-Identifier: BSD-3-Clause */
/* swap off: what "swap on" has done, the other way round.
 *
 * Nothing is lost: what is in swap must have room in memory, and the server is
 * told to end when the system does not need it any more, and no sooner.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "nbddevice.h"
#include "progressbar.h"
#include "swapdisk.h"
#include "swaps.h"

#define BAR_DELAY 500

/* The device that is meant: that of the only server there is, unless it is
 * named.  -1: that has been complained of. */
static int
choose (const struct command_line *line, unsigned *number)
{
  const char *const device = line->count > 1 ? line->words[1] : NULL;
  const int given = device ? nbd_device_number (device) : -1;
  unsigned n, found = 0;
  unsigned *const numbers = swap_disk_list (&n);

  for (unsigned i = 0; i < n; i++)
    if (!device || (int) numbers[i] == given) {
      *number = numbers[i];
      found++;
    }
  free (numbers);
  if (found == 1)
    return 0;
  if (device)
    complain ("swap off: %s: \"swap on\" has not made it", device);
  else if (n == 0)
    complain ("swap off: \"swap on\" has made none");
  else
    complain ("swap off: there are %u: give the device of one", n);
  return -1;
}

/* May all that is in swap there leave it? */
static int
check (const struct swap_disk *disk, const struct swaps *swaps)
{
  const uint64_t room =
      (swaps_number_in ("/proc/meminfo", "MemAvailable:") << 10) + swaps->free;

  if (swaps->used > 0 && swap_disk_server (disk) == 0)
    complain ("swap off: %s: its server has gone, with %" PRIu64
              " KiB that the system has there: swapoff would kill whom they "
              "belong to",
              disk->device, swaps->used >> 10);
  else if (swaps->used > room)
    complain ("swap off: %s has %" PRIu64 " MiB of the system's memory, and "
              "%" PRIu64 " MiB are available, other swap with them: end "
              "programs, or add other swap",
              disk->device, (swaps->used >> 20) + 1, room >> 20);
  else
    return 0;
  return -1;
}

/* What swapoff has still to do. */
struct leaving {
  const char *device;
  uint64_t used; /* bytes, at the start */
};

static void
show_progress (void *arg)
{
  const struct leaving *const leaving = arg;
  struct swaps swaps;

  if (swaps_of (leaving->device, &swaps) == 0 && swaps.used <= leaving->used)
    progressbar_update (NULL, leaving->used - swaps.used, leaving->used);
}

/* Has somebody else done it, as a service manager does at shutdown? */
static bool
has_left (const struct swap_disk *disk)
{
  struct swaps swaps;

  if (swaps_of (disk->device, &swaps) == 0 && !swaps.on)
    return true;
  complain ("swap off: %s stays as it is", disk->device);
  return false;
}

static int
leave (const struct swap_disk *disk, const struct swaps *swaps,
       const struct steps *steps)
{
  struct leaving leaving = {.device = disk->device, .used = swaps->used};
  int r;

  if (!steps->dry && leaving.used > 0)
    progressbar_begin (STDERR_FILENO, "swapoff", BAR_DELAY);
  r = steps_run_long (steps, STEP ("swapoff", disk->device), show_progress,
                      &leaving);
  progressbar_end ();
  return r == 0 || has_left (disk) ? 0 : -1;
}

/* Does the system use it otherwise, whoever did that by hand?  (Shown only,
 * swap is still on, and would be taken for that.) */
static int
check_others (const struct swap_disk *disk)
{
  if (!nbd_device_is_held (disk->device))
    return 0;
  complain ("swap off: %s is mounted, or part of another device (MD, device "
            "mapper): that has to go first",
            disk->device);
  return -1;
}

/* Each step for which there is something to do: somebody may have done some of
 * them by hand. */
static int
end_disk (const struct swap_disk *disk, const struct steps *steps)
{
  struct swaps swaps;

  if (swaps_of (disk->device, &swaps) < 0)
    return -1;
  if (swaps.on && (check (disk, &swaps) < 0 || leave (disk, &swaps, steps) < 0))
    return -1;
  if (!(swaps.on && steps->dry) && check_others (disk) < 0)
    return -1;
  return swap_disk_end (
      disk, steps, nbd_device_is_connected (NBD_DEVICE_SYSFS, disk->number));
}

int
command_swap_off (struct command_line *line)
{
  const struct steps steps = {.dry = line->dry_run};
  struct swap_disk disk;
  unsigned number = 0;
  int r;

  if (line->count > 2)
    return complain_usage ("swap off: one device at a time");
  if (choose (line, &number) < 0 || (!steps.dry && swap_disk_lock () < 0))
    return EXIT_FAILURE;
  swap_disk_init (&disk, number);
  steps_catch_signals ();
  r = end_disk (&disk, &steps);
  swap_disk_free (&disk);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
