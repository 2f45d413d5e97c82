/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests write, and how they look at what they read. */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "data.h"
#include "server.h"

/* What a buffer holds before it is read into: in no test's data as a run. */
#define POISON 0xa5

/* splitmix64: a counter and a mixer, so any state will do, 0 too. */
uint64_t
random_next (uint64_t *state)
{
  uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t
random_below (uint64_t *state, uint64_t n)
{
  return random_next (state) % n;
}

static void
fill_word (unsigned char *buf, size_t len, uint64_t word)
{
  for (size_t i = 0; i < len; i += sizeof word)
    memcpy (buf + i, &word, len - i < sizeof word ? len - i : sizeof word);
}

static void
fill_random (unsigned char *buf, size_t len, uint64_t seed)
{
  for (size_t i = 0; i < len; i += sizeof seed) {
    const uint64_t word = random_next (&seed);

    memcpy (buf + i, &word, len - i < sizeof word ? len - i : sizeof word);
  }
}

/* Every other 32 bytes repeat the 32 before them. */
static void
fill_text (unsigned char *buf, size_t len, uint64_t seed)
{
  const size_t run = 32;

  for (size_t i = 0; i < len; i += 2 * run) {
    const size_t fresh = len - i < run ? len - i : run;
    const size_t left = len - i - fresh;

    fill_random (buf + i, fresh, random_next (&seed));
    memcpy (buf + i + fresh, buf + i, left < run ? left : run);
  }
}

void
data_fill (void *buf, size_t len, enum data_kind kind, uint64_t seed)
{
  switch (kind) {
  case DATA_ZERO:
    memset (buf, 0, len);
    break;
  case DATA_SAME:
    fill_word (buf, len, random_next (&seed) | 1);
    break;
  case DATA_TEXT:
    fill_text (buf, len, seed);
    break;
  case DATA_RANDOM:
    fill_random (buf, len, seed);
    break;
  case DATA_KINDS:
  default:
    fail ("no such kind of data: %d", (int) kind);
  }
}

void *
buffer_new (size_t len)
{
  void *buf = malloc (len);

  if (buf == NULL)
    fail ("no memory for the test's own buffers");
  return buf;
}

void
check_same (const void *actual, const void *expected, size_t len,
            uint64_t offset)
{
  const unsigned char *a = actual, *b = expected;

  if (memcmp (a, b, len) == 0)
    return;
  for (size_t i = 0; i < len; i++)
    if (a[i] != b[i])
      fail ("byte %" PRIu64 " is 0x%02x, not 0x%02x (request of %zu bytes "
            "at %" PRIu64 ")",
            offset + i, a[i], b[i], len, offset);
}

void
check_filled (const void *actual, int byte, size_t len, uint64_t offset)
{
  const unsigned char *a = actual;

  for (size_t i = 0; i < len; i++)
    if (a[i] != (unsigned char) byte)
      fail ("byte %" PRIu64 " is 0x%02x, not 0x%02x (request of %zu bytes "
            "at %" PRIu64 ")",
            offset + i, a[i], (unsigned) byte, len, offset);
}

static void *
read_poisoned (struct nbd_handle *nbd, size_t count, uint64_t offset)
{
  void *buf = buffer_new (count);

  memset (buf, POISON, count);
  NBD_OK (nbd_pread (nbd, buf, count, offset, 0));
  return buf;
}

void
check_read (struct nbd_handle *nbd, const void *expected, size_t count,
            uint64_t offset)
{
  void *buf = read_poisoned (nbd, count, offset);

  check_same (buf, expected, count, offset);
  free (buf);
}

void
check_reads_byte (struct nbd_handle *nbd, int byte, size_t count,
                  uint64_t offset)
{
  void *buf = read_poisoned (nbd, count, offset);

  check_filled (buf, byte, count, offset);
  free (buf);
}

static void
extents_add (struct extents *extents, uint64_t length, uint32_t flags)
{
  const size_t n = extents->n;

  extents->end += length;
  if (n > 0 && extents->e[n - 1].flags == flags) {
    extents->e[n - 1].length += length;
    return;
  }
  if (n == MAX_EXTENTS)
    fail ("more than %d extents", MAX_EXTENTS);
  extents->e[n].length = length;
  extents->e[n].flags = flags;
  extents->n++;
}

/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
extents_receive (void *user_data, const char *context, uint64_t offset,
                 uint32_t *entries, size_t nr_entries, int *error)
{
  struct extents *extents = user_data;

  (void) error;
  if (strcmp (context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0)
    return 0;
  if (offset != extents->end)
    fail ("extents at %" PRIu64 ", asked at %" PRIu64, offset, extents->end);
  for (size_t i = 0; i + 1 < nr_entries; i += 2)
    extents_add (extents, entries[i], entries[i + 1]);
  return 0;
}
/* NOLINTEND(readability-non-const-parameter) */

nbd_extent_callback
extents_into (struct extents *extents)
{
  return (nbd_extent_callback){.callback = extents_receive,
                               .user_data = extents};
}

/* Ask for what follows extents->end. */
static void
extents_ask_more (struct nbd_handle *nbd, struct extents *extents,
                  uint64_t count, uint32_t flags)
{
  const uint64_t start = extents->end;

  NBD_OK (nbd_block_status (nbd, count, start, extents_into (extents), flags));
  if (extents->end == start)
    fail ("no extents at %" PRIu64, start);
  if (extents->end > start + count)
    fail ("asked for %" PRIu64 " bytes at %" PRIu64 ", extents end at %" PRIu64,
          count, start, extents->end);
}

void
extents_ask (struct nbd_handle *nbd, struct extents *extents, uint64_t count,
             uint64_t offset, uint32_t flags)
{
  extents->n = 0;
  extents->end = offset;
  extents_ask_more (nbd, extents, count, flags);
}

void
extents_ask_all (struct nbd_handle *nbd, struct extents *extents,
                 uint64_t count, uint64_t offset)
{
  const uint64_t end = offset + count;

  extents_ask (nbd, extents, count, offset, 0);
  while (extents->end < end)
    extents_ask_more (nbd, extents, end - extents->end, 0);
}
