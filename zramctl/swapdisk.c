/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "complain.h"
#include "nbddevice.h"
#include "newtext.h"
#include "servers.h"
#include "swapdisk.h"
#include "swaps.h"

/* How long a server may take to end.  One that nobody is connected to ends at
 * once. */
#define SERVER_END_MS 30000
#define TICK_MS       20

void
swap_disk_init (struct swap_disk *disk, unsigned number)
{
  const char *const dir = servers_rundir ();

  *disk = (struct swap_disk){
      .number = number,
      .device = newtext ("/dev/nbd%u", number),
      .control = newtext ("%s/nbd%u", dir, number),
      .socket = newtext ("%s/.nbd%u.socket", dir, number),
      .pidfile = newtext ("%s/.nbd%u.pid", dir, number),
  };
}

void
swap_disk_free (struct swap_disk *disk)
{
  free (disk->device);
  free (disk->control);
  free (disk->socket);
  free (disk->pidfile);
}

/* The number of the device whose pidfile has that name; -1: it is none. */
static int
number_of_pidfile (const char *file)
{
  const size_t len = strlen (file);
  char device[16];

  if (file[0] != '.' || len < 5 || len > sizeof device ||
      strcmp (file + len - 4, ".pid") != 0)
    return -1;
  snprintf (device, sizeof device, "%.*s", (int) len - 5, file + 1);
  return nbd_device_number (device);
}

unsigned *
swap_disk_list (unsigned *n)
{
  DIR *const dir = opendir (servers_rundir ());
  unsigned *numbers = NULL;
  struct dirent *entry;

  *n = 0;
  while (dir && (entry = readdir (dir)) != NULL) {
    const int number = number_of_pidfile (entry->d_name);

    if (number < 0)
      continue;
    numbers = complain_unless (reallocarray (numbers, *n + 1, sizeof *numbers));
    numbers[(*n)++] = (unsigned) number;
  }
  if (dir)
    closedir (dir);
  return numbers;
}

/* The descriptor stays open without a name: the lock is to last until the
 * program ends, and then goes with it. */
int
swap_disk_lock (void)
{
  char *const file = newtext ("%s/.swap.lock", servers_rundir ());
  const int fd = open (file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  const int r = fd >= 0 ? flock (fd, LOCK_EX) : -1;

  if (r < 0) {
    complain ("%s: %s", file, strerrordesc_np (errno));
    if (fd >= 0)
      close (fd);
  }
  free (file);
  return r;
}

/* Is WHAT a word of the command that process PID was started by? */
static bool
was_told (pid_t pid, const char *what)
{
  char *const path = newtext ("/proc/%d/cmdline", (int) pid);
  FILE *const fp = fopen (path, "re");
  bool found = false;
  char *word = NULL;
  size_t size = 0;

  free (path);
  if (!fp)
    return false;
  while (!found && getdelim (&word, &size, '\0', fp) > 0)
    found = strcmp (word, what) == 0;
  free (word);
  fclose (fp);
  return found;
}

/* The number in its pidfile may have become another process's. */
pid_t
swap_disk_server (const struct swap_disk *disk)
{
  const pid_t pid = (pid_t) swaps_number_in (disk->pidfile, "");

  return pid > 0 && was_told (pid, disk->pidfile) ? pid : 0;
}

/* Whoever connects would have a service manager start a server: but the kernel
 * lists, last in a line, the path of each socket. */
bool
swap_disk_is_offered (const struct swap_disk *disk)
{
  FILE *const fp = fopen ("/proc/net/unix", "re");
  bool found = false;
  char *line = NULL;
  size_t size = 0;

  while (fp && !found && getline (&line, &size, fp) > 0) {
    const char *const path = strrchr (line, ' ');

    line[strcspn (line, "\n")] = '\0';
    found = path && strcmp (path + 1, disk->socket) == 0;
  }
  free (line);
  if (fp)
    fclose (fp);
  return found;
}

/* Is its socket a service manager's, not that of its server, PID?  (0: it has
 * gone.) */
static bool
is_managed (const struct swap_disk *disk, pid_t pid)
{
  return pid > 0 ? !was_told (pid, disk->socket) : swap_disk_is_offered (disk);
}

static int
clear (const struct swap_disk *disk, const struct steps *steps, bool managed)
{
  return managed ? steps_run (steps, STEP ("rm", "-f", disk->pidfile))
                 : steps_run (steps,
                              STEP ("rm", "-f", disk->socket, disk->pidfile));
}

int
swap_disk_clear (const struct swap_disk *disk, const struct steps *steps)
{
  return clear (disk, steps, is_managed (disk, 0));
}

/* Tell it to end, and wait until it has. */
static int
end_server (const struct swap_disk *disk, const struct steps *steps, pid_t pid)
{
  char *const command = newtext ("kill %d", (int) pid);
  const int r = steps_run (steps, STEP ("sh", "-c", command));

  free (command);
  if (r < 0 || steps->dry)
    return r;
  for (int ms = 0; ms < SERVER_END_MS; ms += TICK_MS) {
    if (swap_disk_server (disk) == 0)
      return 0;
    poll (NULL, 0, TICK_MS);
  }
  complain ("process %d, the server of %s, does not end: a client is connected "
            "to it",
            (int) pid, disk->device);
  return -1;
}

int
swap_disk_end (const struct swap_disk *disk, const struct steps *steps,
               bool connected)
{
  const pid_t pid = swap_disk_server (disk);
  const bool managed = is_managed (disk, pid);

  if (connected &&
      steps_run (steps, STEP ("nbd-client", "-d", disk->device)) < 0)
    return -1;
  if (pid > 0 && end_server (disk, steps, pid) < 0)
    return -1;
  return clear (disk, steps, managed);
}
