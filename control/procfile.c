/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "procfile.h"

/* What most files fit. */
#define FIRST_SIZE 4096U

struct text {
  char *bytes;
  size_t len;
  size_t size; /* of the memory at "bytes" */
};

/* Make room for a byte more, and for the NUL byte. */
static int
make_room (struct text *text)
{
  const size_t size = text->size ? 2 * text->size : FIRST_SIZE;
  char *bytes;

  if (text->len + 1 < text->size)
    return 0;
  bytes = realloc (text->bytes, size);
  if (!bytes)
    return -1;
  text->bytes = bytes;
  text->size = size;
  return 0;
}

/* 1: there is more; 0: the end; -1. */
static int
read_part (int fd, struct text *text)
{
  ssize_t n;

  if (make_room (text) < 0)
    return -1;
  do
    n = read (fd, text->bytes + text->len, text->size - 1 - text->len);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    text->len += (size_t) n;
  return n > 0 ? 1 : (int) n;
}

char *
procfile_read (const char *file, size_t *len)
{
  const int fd = open (file, O_RDONLY | O_CLOEXEC);
  struct text text = {0};
  int r;

  if (fd < 0)
    return NULL;
  do
    r = read_part (fd, &text);
  while (r > 0);
  close (fd);
  if (r < 0) {
    free (text.bytes);
    return NULL;
  }
  text.bytes[text.len] = '\0';
  if (len)
    *len = text.len;
  return text.bytes;
}
