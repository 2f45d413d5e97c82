/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exportname.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* Between a disk and a run; part of neither. */
#define SEPARATOR '@'

bool
exportname_ok (const char *text, size_t len)
{
  const size_t n = strspn (text, ALNUM "._-");

  return n > 0 && n <= len && text[n] == '\0' && strchr (ALNUM, text[0]);
}

void
exportname_make (char export[EXPORTNAME_SIZE], const char *disk,
                 const char *run_id)
{
  if (run_id[0])
    snprintf (export, EXPORTNAME_SIZE, "%s%c%s", disk, SEPARATOR, run_id);
  else
    snprintf (export, EXPORTNAME_SIZE, "%s", disk);
}

/* How much of EXPORT is the disk's name; -1: it is not of that run. */
static int
disk_part (const char *export, const char *run_id)
{
  const char *const separator = strrchr (export, SEPARATOR);

  if (run_id[0] == '\0')
    return (int) strlen (export);
  if (!separator || strcmp (separator + 1, run_id) != 0)
    return -1;
  return (int) (separator - export);
}

int
exportname_disk (const char *export, const char *run_id,
                 char disk[EXPORTNAME_DISK_LEN + 1])
{
  const int len = disk_part (export, run_id);

  if (len < 0)
    return -ESTALE;
  if (len > EXPORTNAME_DISK_LEN)
    return -EINVAL;
  if (export[0] == '\0')
    snprintf (disk, EXPORTNAME_DISK_LEN + 1, "%s", EXPORTNAME_DEFAULT);
  else
    snprintf (disk, EXPORTNAME_DISK_LEN + 1, "%.*s", len, export);
  return exportname_ok (disk, EXPORTNAME_DISK_LEN) ? 0 : -EINVAL;
}
