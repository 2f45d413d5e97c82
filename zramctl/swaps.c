/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "swaps.h"

#define SWAPS "/proc/swaps"

/* A line of /proc/swaps: the name, which has no blanks (they are \040), the
 * type, and in KiB the size and how much of it is used.  Of the headings, there
 * is no number. */
static void
add_line (struct swaps *swaps, char *line, const char *device)
{
  const char *words[4];
  uint64_t size, used;
  char *rest = line;

  for (int i = 0; i < 4; i++) {
    words[i] = strtok_r (rest, " \t\n", &rest);
    if (!words[i])
      return;
  }
  size = strtoull (words[2], NULL, 10) << 10;
  used = strtoull (words[3], NULL, 10) << 10;
  if (strcmp (words[0], device) == 0) {
    swaps->on = true;
    swaps->used = used;
  }
  else
    swaps->free += size - used;
}

struct swaps
swaps_read (FILE *fp, const char *device)
{
  struct swaps swaps = {.on = false};
  char *line = NULL;
  size_t size = 0;

  while (getline (&line, &size, fp) >= 0)
    add_line (&swaps, line, device);
  free (line);
  return swaps;
}

uint64_t
swaps_number (FILE *fp, const char *name)
{
  const size_t len = strlen (name);
  uint64_t number = 0;
  char *line = NULL;
  size_t size = 0;

  while (getline (&line, &size, fp) >= 0)
    if (strncmp (line, name, len) == 0) {
      number = strtoull (line + len, NULL, 10);
      break;
    }
  free (line);
  return number;
}

int
swaps_of (const char *device, struct swaps *swaps)
{
  FILE *const fp = fopen (SWAPS, "re");

  if (!fp) {
    complain ("%s: %s", SWAPS, strerrordesc_np (errno));
    return -1;
  }
  *swaps = swaps_read (fp, device);
  fclose (fp);
  return 0;
}

uint64_t
swaps_number_in (const char *path, const char *name)
{
  uint64_t number = 0;
  FILE *const fp = fopen (path, "re");

  if (fp) {
    number = swaps_number (fp, name);
    fclose (fp);
  }
  return number;
}
