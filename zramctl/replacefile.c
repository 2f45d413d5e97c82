/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "replacefile.h"

/* mkostemp makes it for its owner only; the mode is to be what other files
 * get. */
static bool
give_usual_mode (int fd)
{
  const mode_t mask = umask (0);

  umask (mask);
  return fchmod (fd, 0666 & ~mask) == 0;
}

/* A file of a name that nothing has, as TEMPLATE says, which becomes it. */
static FILE *
create (char *template)
{
  const int fd = mkostemp (template, O_CLOEXEC);
  FILE *fp = NULL;

  if (fd < 0)
    return NULL;
  if (give_usual_mode (fd))
    fp = fdopen (fd, "w");
  if (!fp) {
    const int code = errno;

    close (fd);
    unlink (template);
    errno = code;
  }
  return fp;
}

int
replacefile_begin (struct replacefile *file, const char *path)
{
  int code;

  *file = (struct replacefile){.path = path};
  if (asprintf (&file->temporary, "%s.XXXXXX", path) < 0)
    return -1;
  file->fp = create (file->temporary);
  if (file->fp)
    return 0;
  code = errno;
  free (file->temporary);
  errno = code;
  return -1;
}

/* Both that what was written before got lost, and that this is. */
static int
close_file (FILE *fp)
{
  const int lost = ferror (fp);
  const int r = fclose (fp);

  if (r == 0 && lost)
    errno = EIO;
  return lost ? -1 : r;
}

int
replacefile_end (struct replacefile *file)
{
  int r = close_file (file->fp);
  int code;

  if (r == 0)
    r = rename (file->temporary, file->path);
  code = errno;
  if (r < 0)
    unlink (file->temporary);
  free (file->temporary);
  errno = code;
  return r < 0 ? -1 : 0;
}
