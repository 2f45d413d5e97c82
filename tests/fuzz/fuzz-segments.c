/* SPDX-License-Identifier: BSD-3-Clause */
/* A backing store whose bytes change.
 *
 * An input is steps: pages are written, freed, written back, so often that
 * segments are cleaned, and read; and bytes of the store are changed.  What the
 * device has written there is known, so it is known which objects are damaged:
 * pages of these cannot be read, which is counted, all others can, and never is
 * any byte another than what was written.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "packed.h"
#include "pageio.h"
#include "ramstore.h"
#include "segments.h"
#include "slottable.h"
#include "store.h"

/* So few that cleaning is never far. */
#define PAGES      32U
#define STORE_SIZE (UINT64_C (7) * SEGMENT_MIN)
#define STEPS      64U

static struct {
  struct zram *zram;
  char *bytes;                       /* what is in the store, */
  char written[STORE_SIZE];          /* and what was written there */
  char pages[PAGES][ZRAM_PAGE_SIZE]; /* what the device is to hold */
  uint64_t used; /* pages that were ever written are before this one */
} t;

extern void __real_store_submit (struct store *store, struct store_op *ops);
extern void __wrap_store_submit (struct store *store, struct store_op *ops);

void
__wrap_store_submit (struct store *store, struct store_op *ops)
{
  for (const struct store_op *op = ops; op; op = op->next) {
    must (op->offset >= STORE_HEADER && op->len > 0);
    must (op->offset + op->len <= STORE_SIZE);
    if (op->write)
      memcpy (t.written + op->offset, op->buf, op->len);
  }
  __real_store_submit (store, ops);
}

/* Where the object of page INDEX is in the store, and how long it is, with its
 * header; 0: it is not there. */
static uint32_t
object_of (uint64_t index, uint64_t *where)
{
  uint32_t flags, len = 0;
  struct slot *const slot = slot_borrow (t.zram->table, index, &flags);

  if (!slot)
    return 0;
  if (flags & SLOT_WB) {
    *where = slot_wb_where (slot->word);
    len = PACKED_HEADER + slot_wb_len (slot->word);
  }
  slot_return (t.zram->table, index, slot, flags);
  return len;
}

static bool
is_damaged (uint64_t index)
{
  uint64_t where = 0;
  const uint32_t len = object_of (index, &where);

  return len > 0 && memcmp (t.bytes + where, t.written + where, len) != 0;
}

static struct zram_stats
stats (void)
{
  struct zram_stats s;

  zram_stats (t.zram, &s);
  return s;
}

/* Numbers of pages, FIRST to END. */
struct range {
  uint64_t first, end;
};

/* Whether it is damaged. */
static bool
read_page (uint64_t index)
{
  const bool damaged = is_damaged (index);
  char page[ZRAM_PAGE_SIZE];
  const int r = zram_read (t.zram, page, sizeof page, index * ZRAM_PAGE_SIZE);

  must (r == (damaged ? -EIO : 0));
  must (damaged || memcmp (page, t.pages[index], sizeof page) == 0);
  return damaged;
}

static void
read_pages (struct range range)
{
  const uint64_t before = stats ().bd_checksum_errors;
  uint64_t damaged = 0;

  for (uint64_t i = range.first; i < range.end; i++)
    damaged += read_page (i);
  must (stats ().bd_checksum_errors == before + damaged);
}

/* Steps.  Each takes what it needs of the input. */

static struct range
take_range (struct input *input)
{
  const uint64_t first = input_byte (input) % PAGES;
  const uint64_t n = input_byte (input) % PAGES + 1;

  return (struct range){first, first + n < PAGES ? first + n : PAGES};
}

static void
step_write (struct input *input)
{
  const struct range range = take_range (input);
  const enum content kind = (enum content) (input_byte (input) % CONTENT_KINDS);
  const uint64_t seed = input_number (input, 2);

  t.used = range.end > t.used ? range.end : t.used;
  for (uint64_t i = range.first; i < range.end; i++) {
    content_fill (t.pages[i], ZRAM_PAGE_SIZE, kind, seed + i);
    must (zram_write (t.zram, t.pages[i], ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE) ==
          0);
  }
}

/* A part of a page, the rest of which may be damaged: then nothing happens. */
static void
step_write_part (struct input *input)
{
  const uint64_t index = input_byte (input) % PAGES;
  const uint64_t from = input_number (input, 2) % ZRAM_PAGE_SIZE;
  const uint64_t len = input_number (input, 2) % (ZRAM_PAGE_SIZE - from);
  const bool damaged = is_damaged (index);
  char part[ZRAM_PAGE_SIZE];
  int r;

  t.used = index >= t.used ? index + 1 : t.used;
  content_fill (part, len, CONTENT_HALF, from);
  r = zram_write (t.zram, part, len, index * ZRAM_PAGE_SIZE + from);
  must (r == (damaged && len > 0 ? -EIO : 0));
  if (r == 0)
    memcpy (t.pages[index] + from, part, len);
}

static void
step_discard (struct input *input)
{
  const struct range range = take_range (input);
  const uint64_t size = (range.end - range.first) * ZRAM_PAGE_SIZE;

  zram_discard (t.zram, size, range.first * ZRAM_PAGE_SIZE);
  memset (t.pages[range.first], 0, size);
}

/* It ends early where the store is full. */
static void
step_write_back (struct input *input)
{
  const struct range range = take_range (input);
  const struct zram_writeback what = {.first = range.first, .end = range.end};
  struct zram_written done;
  const int r = zram_writeback (t.zram, &what, NULL, &done);

  must (r == 0 || r == -ENOSPC);
  must (done.pages <= done.tried && done.tried <= range.end - range.first);
}

static void
step_read (struct input *input)
{
  read_pages (take_range (input));
}

/* A place in the store behind its mark, and *LEN bytes at most there. */
static uint64_t
take_place (struct input *input, uint64_t *len)
{
  const uint64_t at =
      STORE_HEADER + input_number (input, 3) % (STORE_SIZE - STORE_HEADER);

  *len = *len < STORE_SIZE - at ? *len : STORE_SIZE - at;
  return at;
}

static void
step_change (struct input *input)
{
  uint64_t len = input_byte (input) % 32 + 1;
  const uint64_t at = take_place (input, &len);

  for (uint64_t i = 0; i < len; i++)
    t.bytes[at + i] = (char) input_byte (input);
}

/* Some bytes of an object, the first of which are its header. */
static void
step_change_object (struct input *input)
{
  uint64_t where = 0;
  const uint32_t len = object_of (input_byte (input) % PAGES, &where);
  const uint64_t from = input_number (input, 2);
  const uint8_t n = input_byte (input) % 8 + 1;

  for (uint64_t i = from; len > 0 && i < from + n; i++)
    t.bytes[where + i % len] =
        (char) (t.bytes[where + i % len] ^ input_byte (input));
}

static void
step_copy (struct input *input)
{
  uint64_t len = input_number (input, 2);
  const uint64_t from = take_place (input, &len);
  const uint64_t to = take_place (input, &len);

  memmove (t.bytes + to, t.bytes + from, len);
}

/* One page's object comes where that of another is. */
static void
step_copy_object (struct input *input)
{
  uint64_t from = 0, to = 0;
  const uint32_t len = object_of (input_byte (input) % PAGES, &from);

  if (object_of (input_byte (input) % PAGES, &to) > 0 && len > 0 &&
      to + len <= STORE_SIZE)
    memmove (t.bytes + to, t.bytes + from, len);
}

static void
step_clear (struct input *input)
{
  uint64_t len = input_number (input, 2);
  const uint64_t at = take_place (input, &len);

  memset (t.bytes + at, 0, len);
}

/* Everything is as it was written. */
static void
step_repair (struct input *input)
{
  (void) input;
  memcpy (t.bytes + STORE_HEADER, t.written + STORE_HEADER,
          STORE_SIZE - STORE_HEADER);
}

static void (*const steps[]) (struct input *input) = {
    step_write,       step_write_part, step_discard,       step_write_back,
    step_read,        step_change,     step_change_object, step_copy,
    step_copy_object, step_clear,      step_repair,
};

/* What is taken to be alive in the store is what slots name. */
static void
check_sums (void)
{
  uint64_t live = 0, where, n = 0;

  for (uint64_t i = 0; i < PAGES; i++) {
    const uint32_t len = object_of (i, &where);

    n += len > 0;
    live += len > 0 ? packed_size (len - PACKED_HEADER) : 0;
  }
  must (stats ().bd_live == live && stats ().bd_count == n);
}

static void
make_device (void)
{
  const struct zram_config config = {
      .disksize = (uint64_t) PAGES * ZRAM_PAGE_SIZE,
      .store = ram_store_make (STORE_SIZE),
  };

  must (config.store);
  t.bytes = ram_store_bytes (config.store);
  memset (t.written, 0, sizeof t.written);
  memset (t.pages, 0, sizeof t.pages);
  t.used = 0;
  must (zram_create (&t.zram, &config) == 0);
  must (zram_start (t.zram) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct input input = {data, size};

  make_device ();
  for (unsigned i = 0; i < STEPS && input.left > 0; i++)
    steps[input_byte (&input) % (sizeof steps / sizeof *steps)](&input);
  read_pages ((struct range){0, t.used});
  check_sums ();
  zram_destroy (t.zram);
  return 0;
}
