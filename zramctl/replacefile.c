/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "replacefile.h"

/* Of a name that can be foreseen, so not through a link that somebody has put
 * there. */
static FILE *
create (const char *path)
{
  FILE *fp;
  int fd;

  if (unlink (path) < 0 && errno != ENOENT)
    return NULL;
  fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return NULL;
  fp = fdopen (fd, "w");
  if (!fp)
    close (fd);
  return fp;
}

int
replacefile_begin (struct replacefile *file, const char *path)
{
  *file = (struct replacefile){.path = path};
  if (asprintf (&file->temporary, "%s.tmp", path) < 0)
    return -1;
  file->fp = create (file->temporary);
  if (file->fp)
    return 0;
  free (file->temporary);
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
