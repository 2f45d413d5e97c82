/* SPDX-License-Identifier: BSD-3-Clause */
/* Writeback and reading back: what leaves comes back, whatever happens to a
 * page while it is on its way, whatever fails, and whatever becomes of the
 * store; and nothing is lost, or counted twice, in any case.
 *
 * The store is in memory, and does what the test wants when it wants it.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memorystore.h"
#include "packed.h"
#include "pageio.h"
#include "run.h"
#include "segments.h"
#include "slottable.h"
#include "unit.h"
#include "workpool.h"
#include "writeback.h"
#include "zcomp.h"
#include "zram.h"

#define NR_PAGES 1024U
#define DISKSIZE ((uint64_t) NR_PAGES * ZRAM_PAGE_SIZE)

/* In segments, with the one of the mark. */
#define STORE_SEGMENTS 24U

static struct zram *zram;
static struct store *store;
static struct workpool *workers;
static struct zram_written done;

static void
make_device_of (struct zram_config config, unsigned segments, unsigned block)
{
  store = memory_store_make ((uint64_t) segments * SEGMENT_SIZE, block);
  config.disksize = DISKSIZE;
  config.store = store;
  config.workers = workers;
  config.spread_threshold = 8;
  config.algorithms[1].backend = zcomp_backend_find ("zstd");
  must_equal (zram_create (&zram, &config), 0);
  must_equal (zram_start (zram), 0);
}

static void
make_device (void)
{
  make_device_of ((struct zram_config){0}, STORE_SEGMENTS, 512);
}

static void
make_device_with_workers (void)
{
  must_equal (workpool_create (&workers, 2), 0);
  must_equal (workpool_start (workers), 0);
  make_device_of ((struct zram_config){0}, STORE_SEGMENTS, 4096);
}

static void
destroy_device (void)
{
  zram_destroy (zram);
  workpool_destroy (workers);
  zram = NULL;
  workers = NULL;
}

/* All kinds, by turns. */
static enum content
content_of (uint64_t index)
{
  return (enum content) (index % CONTENT_KINDS);
}

static void
fill_page (char *page, uint64_t index, uint64_t seed)
{
  content_fill (page, ZRAM_PAGE_SIZE, content_of (index), index + seed * 1000);
}

static void
write_page (uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE];

  fill_page (page, index, seed);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

static void
fill (uint64_t seed)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_page (i, seed);
}

static void
must_read (uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill_page (page, index, seed);
  must_equal (zram_read (zram, read, sizeof read, index * sizeof read), 0);
  must (memcmp (page, read, sizeof page) == 0);
}

static void
must_read_all (uint64_t seed)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, seed);
}

/* In one request. */
static void
must_read_at_once (uint64_t seed)
{
  char *const all = malloc (DISKSIZE);
  char page[ZRAM_PAGE_SIZE];

  must_equal (zram_read (zram, all, DISKSIZE, 0), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    fill_page (page, i, seed);
    must (memcmp (page, all + i * sizeof page, sizeof page) == 0);
  }
  free (all);
}

static struct zram_stats
stats (void)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  return s;
}

static int
writeback_range (uint64_t first, uint64_t end, const struct run *run)
{
  return zram_writeback (
      zram, &(struct zram_writeback){.first = first, .end = end}, run, &done);
}

static int
writeback_all (void)
{
  return writeback_range (0, NR_PAGES, NULL);
}

static uint32_t
flags_of (uint64_t index)
{
  uint32_t flags = 0;

  return slot_next_allocated (zram->table, index, index + 1, &flags) == index
             ? flags
             : 0;
}

static uint64_t
word_of (uint64_t index)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, index, &flags);
  const uint64_t word = slot->word;

  slot_return (zram->table, index, slot, flags);
  return word;
}

/* Nothing is in hand, and what the store takes to be alive is what slots name;
 * zram_destroy looks at the other sums. */
static void
must_be_at_rest (void)
{
  uint64_t live = 0;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    const uint32_t flags = flags_of (i);

    must (!(flags & SLOT_PP));
    if (flags & SLOT_WB)
      live += packed_size (slot_wb_len (word_of (i)));
  }
  ck_assert_uint_eq (stats ().bd_live, live);
}

START_TEST (pages_leave_and_come_back)
{
  struct zram_stats before, after;

  fill (1);
  before = stats ();
  ck_assert_int_eq (writeback_all (), 0);
  after = stats ();
  ck_assert_uint_eq (after.compr_data_size, 0);
  ck_assert_uint_eq (after.huge_pages, 0);
  ck_assert_uint_eq (after.bd_count, NR_PAGES - before.same_pages);
  ck_assert_uint_eq (after.bd_count, done.pages);
  ck_assert_uint_eq (after.orig_data_size, before.orig_data_size);
  ck_assert_uint_eq (after.bd_writes, done.bytes);
  must_be_at_rest ();
  must_read_all (1);
  must_read_at_once (1);
  after = stats ();
  ck_assert_uint_eq (after.bd_reads, 2 * after.bd_count);
  ck_assert_uint_eq (after.compr_data_size, 0);

  /* What is there already does not leave again. */
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_eq (done.tried, 0);
  ck_assert_uint_eq (done.bytes, 0);
}

START_TEST (little_is_written_beside_the_objects)
{
  uint64_t objects;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    char page[ZRAM_PAGE_SIZE];

    content_fill (page, sizeof page, CONTENT_TEXT, i);
    must_equal (zram_write (zram, page, sizeof page, i * sizeof page), 0);
  }
  objects = stats ().compr_data_size;
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_eq (done.pages, NR_PAGES);
  ck_assert_uint_le (done.bytes * 100, objects * 110);
}

/* What one writes is alive, and what was written over is not. */
START_TEST (what_is_written_over_is_freed)
{
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  fill (2);
  ck_assert_uint_eq (stats ().bd_count, 0);
  must_be_at_rest ();
  ck_assert_uint_eq (stats ().bd_live, 0);
  must_read_all (2);
  ck_assert_int_eq (writeback_all (), 0);
  must_read_all (2);
  zram_discard (zram, DISKSIZE, 0);
  ck_assert_uint_eq (stats ().bd_live, 0);
  ck_assert_uint_eq (stats ().orig_data_size, 0);
}

START_TEST (parts_of_pages_can_be_changed)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE], part[100];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memset (part, 0x5a, sizeof part);
  for (uint64_t i = 0; i < NR_PAGES; i += 2) {
    must_equal (zram_write (zram, part, sizeof part, i * ZRAM_PAGE_SIZE + 1000),
                0);
    must_equal (zram_zero (zram, 50, i * ZRAM_PAGE_SIZE + 2000), 0);
  }
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    fill_page (page, i, 1);
    if (i % 2 == 0) {
      memset (page + 1000, 0x5a, sizeof part);
      memset (page + 2000, 0, 50);
    }
    must_equal (zram_read (zram, read, 3000, i * sizeof page + 7), 0);
    must (memcmp (page + 7, read, 3000) == 0);
  }
  must_be_at_rest ();
}

START_TEST (only_the_class_asked_for_leaves)
{
  struct zram_writeback what = {.huge = true, .end = NR_PAGES};
  const uint64_t huge = (fill (1), stats ().huge_pages);

  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &done), 0);
  ck_assert_uint_eq (done.pages, huge);
  ck_assert_uint_gt (huge, 0);

  what = (struct zram_writeback){.idle = true, .end = NR_PAGES};
  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &done), 0);
  ck_assert_uint_eq (done.pages, 0);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  must_read (2, 1);
  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &done), 0);
  ck_assert (!(flags_of (2) & SLOT_WB));
  ck_assert (flags_of (7) & SLOT_WB);
  ck_assert (!(flags_of (7) & SLOT_IDLE));

  ck_assert_int_eq (writeback_range (2, 3, NULL), 0);
  ck_assert_uint_eq (done.pages, 1);
  ck_assert_int_eq (writeback_range (2, NR_PAGES + 1, NULL), -ERANGE);
  ck_assert_int_eq (writeback_range (2, 2, NULL), -ERANGE);
}

/* Size, algorithm and time of last use stay; as does what is raw. */
START_TEST (what_is_known_of_a_page_stays)
{
  uint32_t before[NR_PAGES];

  fill (1);
  ck_assert_int_eq (
      zram_recompress (
          zram,
          &(struct zram_recompress){.max_pages = NR_PAGES / 4, .priority = 1},
          NULL, &(struct zram_recompressed){0}),
      0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    before[i] = flags_of (i);
  ck_assert_int_eq (writeback_all (), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_equal (flags_of (i),
                before[i] & SLOT_SAME ? before[i] : before[i] | SLOT_WB);
  must_read_all (1);
}

/* What happens to pages 0 to NR_EVENT_PAGES - 1 while they are on their way,
 * and what they hold then. */
#define NR_EVENT_PAGES 100U

static void
write_them (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++)
    write_page (i, 2);
}

static void
discard_them (void)
{
  zram_discard (zram, (uint64_t) NR_EVENT_PAGES * ZRAM_PAGE_SIZE, 0);
}

static void
write_parts (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++) {
    char page[ZRAM_PAGE_SIZE];

    fill_page (page, i, 2);
    must_equal (zram_write (zram, page, sizeof page / 2, i * ZRAM_PAGE_SIZE),
                0);
    must_equal (zram_write (zram, page + sizeof page / 2, sizeof page / 2,
                            i * ZRAM_PAGE_SIZE + sizeof page / 2),
                0);
  }
}

static void
read_them (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++)
    must_read (i, 1);
}

static void
discard_and_write (void)
{
  discard_them ();
  write_them ();
}

static const struct {
  void (*what) (void);
  int holds; /* a seed; -1: zeros */
} events[] = {
    {write_them, 2}, {discard_them, -1},     {write_parts, 2},
    {read_them, 1},  {discard_and_write, 2},
};

#define NR_EVENTS ((int) (sizeof events / sizeof *events))

static void
must_hold (int holds)
{
  char page[ZRAM_PAGE_SIZE];

  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i >= NR_EVENT_PAGES || holds > 0)
      must_read (i, i >= NR_EVENT_PAGES ? 1 : (uint64_t) holds);
    else {
      must_equal (zram_read (zram, page, sizeof page, i * sizeof page), 0);
      must (all_zero (page, sizeof page));
    }
}

static void
wait_held (unsigned n)
{
  while (memory_store_held (store) < n)
    usleep (1000);
}

/* Thread 0 writes back what is huge, all in one write; thread 1 lets the event
 * happen when that is on its way. */
static void
write_back_meanwhile (void *arg, unsigned me)
{
  const struct zram_writeback what = {.huge = true, .end = NR_EVENT_PAGES};
  const int event = *(int *) arg;

  if (me == 0) {
    must_equal (zram_writeback (zram, &what, NULL, &done), 0);
    must_equal (done.tried, NR_EVENT_PAGES / CONTENT_KINDS);
    must_equal (done.pages, 0);
    return;
  }
  wait_held (1);
  events[event].what ();
  memory_store_let_go (store);
}

START_TEST (a_page_that_is_used_on_its_way_out_stays)
{
  int event = _i;

  fill (1);
  memory_store_hold (store, false, true);
  threads_run (2, write_back_meanwhile, &event);
  must_be_at_rest ();
  must_hold (events[event].holds);
  ck_assert_uint_eq (stats ().bd_reads, 0);
}

/* Thread 0 reads what is in the store, in one request or page by page; what it
 * gets is of before the event or of after it. */
struct reading {
  int event;
  bool at_once;
  char got[NR_EVENT_PAGES * ZRAM_PAGE_SIZE];
};

static void
read_meanwhile (void *arg, unsigned me)
{
  struct reading *const reading = arg;

  if (me == 0) {
    must_equal (zram_read (zram, reading->got, sizeof reading->got, 0), 0);
    return;
  }
  wait_held (1);
  if (events[reading->event].what != write_parts)
    events[reading->event].what ();
  else {
    memory_store_let_go (store);
    write_parts ();
  }
  memory_store_let_go (store);
}

START_TEST (a_page_that_changes_on_its_way_in_is_old_or_new)
{
  static struct reading reading;
  const int holds = events[_i].holds;
  char old[ZRAM_PAGE_SIZE], new[ZRAM_PAGE_SIZE];

  if (events[_i].what == read_them)
    return;
  reading.event = _i;
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_meanwhile, &reading);
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++) {
    const char *const got = reading.got + i * ZRAM_PAGE_SIZE;

    fill_page (old, i, 1);
    fill_page (new, i, 2);
    if (holds < 0)
      memset (new, 0, sizeof new);
    if (events[_i].what == write_parts)
      memcpy (old + sizeof old / 2, got + sizeof old / 2, sizeof old / 2);
    must (memcmp (got, new, sizeof new) == 0 ||
          memcmp (got, old, sizeof old) == 0 ||
          events[_i].what == discard_and_write);
  }
  must_be_at_rest ();
  must_hold (holds);
}

/* A page is read while it is freed, and its place would be used for another:
 * the place is pinned. */
static void
read_while_its_place_is_wanted (void *arg, unsigned me)
{
  char page[ZRAM_PAGE_SIZE];

  (void) arg;
  if (me == 0) {
    must_equal (zram_read (zram, page, sizeof page, 2 * ZRAM_PAGE_SIZE), 0);
    must (all_zero (page, sizeof page));
    return;
  }
  wait_held (1);
  zram_discard (zram, DISKSIZE, 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i != 2)
      write_page (i, 2);
  /* Reads wait as before, so that nothing can be cleaned. */
  for (unsigned i = 0; i < 3; i++) {
    must_equal (writeback_all (), 0);
    for (uint64_t k = 3; k < NR_PAGES; k++)
      write_page (k, 2);
  }
  memory_store_let_go (store);
}

START_TEST (a_place_that_is_read_is_not_used_again)
{
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_while_its_place_is_wanted, NULL);
  must_be_at_rest ();
}

/* A write of part of a page fetches it, and it is another when it comes. */
static void
change_part_meanwhile (void *arg, unsigned me)
{
  char part[100];

  memset (part, 0x5a, sizeof part);
  if (me == 0) {
    must_equal (zram_write (zram, part, sizeof part, 2 * ZRAM_PAGE_SIZE), 0);
    return;
  }
  wait_held (1);
  ((void (*) (void)) arg) ();
  memory_store_let_go (store);
}

static void
write_page_2 (void)
{
  write_page (2, 2);
}

/* Elsewhere in the store. */
static void
write_page_2_back (void)
{
  write_page (2, 2);
  must_equal (writeback_range (2, 3, NULL), 0);
}

START_TEST (a_part_is_changed_in_what_the_page_is_then)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, change_part_meanwhile,
               _i == 0 ? (void *) write_page_2 : (void *) write_page_2_back);
  fill_page (page, 2, 2);
  memset (page, 0x5a, 100);
  must_equal (zram_read (zram, read, sizeof read, 2 * ZRAM_PAGE_SIZE), 0);
  must (memcmp (page, read, sizeof page) == 0);
  must_be_at_rest ();
}

/* Every write in turn, or where that takes long some of them. */
START_TEST (a_write_that_fails_loses_nothing)
{
  const unsigned step = instrumented () ? 5 : 1;
  unsigned n;

  for (n = 0;; n += step) {
    fill (n);
    memory_store_fail_write (store, (int) n, -EIO);
    if (writeback_all () == 0)
      break;
    must_be_at_rest ();
    ck_assert_uint_gt (stats ().compr_data_size, 0);
    ck_assert_int_eq (writeback_all (), 0);
    ck_assert_uint_eq (stats ().compr_data_size, 0);
    must_read_all (n);
  }
  ck_assert_uint_gt (n, 2);
  ck_assert_uint_eq (stats ().bd_write_errors, n / step);
}

START_TEST (a_read_that_fails_can_be_repeated)
{
  char page[ZRAM_PAGE_SIZE];
  char *const all = malloc (DISKSIZE);

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_fail_read (store, 0, -EIO);
  ck_assert_int_eq (zram_read (zram, page, sizeof page, 2 * sizeof page), -EIO);
  must_read (2, 1);
  memory_store_fail_read (store, 0, -EIO);
  ck_assert_int_eq (zram_write (zram, page, 1, 2 * sizeof page), -EIO);
  must_read (2, 1);
  memory_store_fail_read (store, 10, -EIO);
  ck_assert_int_eq (zram_read (zram, all, DISKSIZE, 0), -EIO);
  must_read_at_once (1);
  must_be_at_rest ();
  free (all);
}

/* The store is full: what found room is there, the others stay. */
START_TEST (a_full_store_is_told)
{
  destroy_device ();
  make_device_of ((struct zram_config){0}, 6, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), -ENOSPC);
  ck_assert_uint_gt (done.pages, 0);
  must_be_at_rest ();
  must_read_all (1);
  /* When something has died there is room again. */
  zram_discard (zram, DISKSIZE / 4 * 3, 0);
  ck_assert_int_eq (writeback_all (), 0);
  must_be_at_rest ();
  for (uint64_t i = NR_PAGES / 4 * 3; i < NR_PAGES; i++)
    must_read (i, 1);
}

/* Pages are written over at random and written back, in a store that is small:
 * it has to be cleaned all the time. */
static void
overwrite_and_write_back (unsigned rounds)
{
  uint64_t seeds[NR_PAGES], random = 1;

  fill (0);
  memset (seeds, 0, sizeof seeds);
  ck_assert_int_eq (writeback_all (), 0);
  for (unsigned round = 1; round <= rounds; round++) {
    for (unsigned n = 0; n < NR_PAGES / 10; n++) {
      const uint64_t i = random_below (&random, NR_PAGES);

      write_page (i, round);
      seeds[i] = round;
    }
    ck_assert_int_eq (writeback_all (), 0);
  }
  must_be_at_rest ();
  ck_assert_uint_eq (stats ().compr_data_size, 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, seeds[i]);
}

START_TEST (segments_are_cleaned)
{
  struct zram_stats s;

  destroy_device ();
  make_device_of ((struct zram_config){0}, 14, 4096);
  overwrite_and_write_back ((unsigned) scaled (200));
  s = stats ();
  ck_assert_uint_gt (s.bd_writes, 14 * (uint64_t) SEGMENT_SIZE);
  ck_assert_uint_eq (s.bd_checksum_errors, 0);
}

/* Units of bytes here; a write that is unwanted, or fails, gives back. */
START_TEST (no_more_is_written_than_may_be)
{
  uint64_t left;
  bool enabled;

  fill (1);
  zram_set_writeback_limit (zram, true, 0);
  ck_assert_int_eq (writeback_all (), -EIO);
  ck_assert_uint_eq (done.pages, 0);
  zram_set_writeback_limit (zram, true, 64 << 10);
  ck_assert_int_eq (writeback_all (), -EIO);
  left = zram_writeback_limit (zram, &enabled);
  ck_assert_uint_gt (done.pages, 0);
  ck_assert_uint_le (done.bytes, 64 << 10);
  ck_assert_uint_eq (done.bytes + left, 64 << 10);
  ck_assert_uint_eq (stats ().bd_writes, done.bytes);
  must_be_at_rest ();

  zram_set_writeback_limit (zram, true, UINT64_C (1) << 40);
  memory_store_fail_write (store, 0, -EIO);
  ck_assert_int_eq (writeback_range (2, 3, NULL), -EIO);
  ck_assert_uint_eq (zram_writeback_limit (zram, &enabled), UINT64_C (1) << 40);
  zram_set_writeback_limit (zram, false, 0);
  ck_assert_int_eq (writeback_all (), 0);
  must_read_all (1);
}

static _Atomic bool stop;

static void
stop_when_far (void *arg, uint64_t so_far, uint64_t total)
{
  (void) arg;
  (void) total;
  if (so_far > 100)
    stop = true;
}

START_TEST (a_run_can_be_stopped)
{
  const struct run run = {.stop = &stop, .progress = stop_when_far};

  fill (1);
  stop = false;
  ck_assert_int_eq (writeback_range (0, NR_PAGES, &run), -EINTR);
  ck_assert_uint_gt (done.pages, 0);
  ck_assert_uint_lt (done.pages, stats ().orig_data_size / ZRAM_PAGE_SIZE);
  must_be_at_rest ();
  must_read_all (1);
}

/* Whatever becomes of what is stored, a page that is not what it was is an
 * error, and only that page. */
static void
damage (uint64_t *random)
{
  char *const bytes = memory_store_bytes (store);
  const uint64_t size = STORE_SEGMENTS * (uint64_t) SEGMENT_SIZE;
  const uint64_t at = SEGMENT_SIZE + random_below (random, size / 3);

  switch (random_below (random, 4)) {
  case 0:
    bytes[at] ^= (char) (1 << random_below (random, 8));
    break;
  case 1:
    memset (bytes + at / 512 * 512, 0, 512);
    break;
  case 2:
    memcpy (bytes + at / 4096 * 4096,
            bytes + random_below (random, size) / 4096 * 4096, 4096);
    break;
  default:
    memset (bytes + at, 0xff, size - at);
  }
}

static char complaint[256];

static void
listen (const char *line)
{
  snprintf (complaint, sizeof complaint, "%s", line);
}

/* In one line, which says where. */
START_TEST (damage_is_told)
{
  char page[ZRAM_PAGE_SIZE], expected[64];
  uint64_t where;

  destroy_device ();
  make_device_of ((struct zram_config){.complain = listen}, 24, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  where = slot_wb_where (word_of (7));
  memory_store_bytes (store)[where + 100] ^= 1;
  ck_assert_int_eq (zram_read (zram, page, sizeof page, 7 * sizeof page), -EIO);
  snprintf (expected, sizeof expected, "page 7: byte %llu of",
            (unsigned long long) where);
  ck_assert_ptr_nonnull (strstr (complaint, expected));
}

START_TEST (damage_is_found)
{
  const uint64_t size = STORE_SEGMENTS * (uint64_t) SEGMENT_SIZE;
  char *const copy = malloc (size);
  uint64_t random = 7, errors = 0, damaged = 0;

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memcpy (copy, memory_store_bytes (store), size);
  for (uint64_t n = 0; n < scaled (50); n++) {
    damage (&random);
    for (uint64_t i = 0; i < NR_PAGES; i++) {
      char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];
      const uint64_t where = slot_wb_where (word_of (i));
      const bool same =
          !(flags_of (i) & SLOT_WB) ||
          memcmp (memory_store_bytes (store) + where, copy + where,
                  PACKED_HEADER + slot_wb_len (word_of (i))) == 0;
      const int r = zram_read (zram, read, sizeof read, i * sizeof read);

      must_equal (r, same ? 0 : -EIO);
      fill_page (page, i, 1);
      must (r < 0 || memcmp (page, read, sizeof page) == 0);
      errors += r < 0;
    }
    damaged += memcmp (copy, memory_store_bytes (store), size) != 0;
    memcpy (memory_store_bytes (store), copy, size);
  }
  ck_assert_uint_gt (damaged, 0);
  ck_assert_uint_eq (stats ().bd_checksum_errors, errors);
  must_read_all (1);
  free (copy);
}

/* What was in its place before, for the same page, is not taken for it. */
START_TEST (what_was_there_before_is_found)
{
  const uint64_t size = STORE_SEGMENTS * (uint64_t) SEGMENT_SIZE;
  char *const copy = malloc (size);
  char read[ZRAM_PAGE_SIZE];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memcpy (copy, memory_store_bytes (store), size);
  /* The first segment that is free is the last that was. */
  zram_discard (zram, DISKSIZE, 0);
  fill (1);
  for (uint64_t i = 0; i < scaled (20); i++) {
    ck_assert_int_eq (writeback_all (), 0);
    fill (1);
  }
  ck_assert_int_eq (writeback_all (), 0);
  memcpy (memory_store_bytes (store), copy, size);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (flags_of (i) & SLOT_WB)
      must_equal (zram_read (zram, read, sizeof read, i * sizeof read), -EIO);
  free (copy);
}

/* What cannot be cleaned stays where it is, and can be read. */
START_TEST (what_is_damaged_is_not_moved)
{
  uint64_t errors = 0;
  char read[ZRAM_PAGE_SIZE];

  destroy_device ();
  make_device_of ((struct zram_config){0}, 14, 4096);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  /* A header of every eighth page. */
  for (uint64_t i = 0; i < NR_PAGES; i += 8)
    if (flags_of (i) & SLOT_WB)
      memory_store_bytes (store)[slot_wb_where (word_of (i)) + 12] ^= 0x55;
  for (unsigned round = 0; round < 40; round++) {
    for (uint64_t i = 0; i < NR_PAGES; i++)
      if (i % 8 != 0 && (i + round) % 3 == 0)
        write_page (i, 1);
    writeback_all ();
  }
  must_be_at_rest ();
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i % 8 != 0)
      must_read (i, 1);
    else if (flags_of (i) & SLOT_WB) {
      must_equal (zram_read (zram, read, sizeof read, i * sizeof read), -EIO);
      errors++;
    }
  ck_assert_uint_gt (errors, 0);
}

START_TEST (pages_can_leave_uncompressed)
{
  destroy_device ();
  make_device_of ((struct zram_config){.writeback_decompress = true}, 24, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_ge (done.bytes, done.pages * ZRAM_PAGE_SIZE);
  must_read_all (1);
  must_be_at_rest ();
}

/* Everything at once, each thread with pages of its own. */
#define NR_PLAYERS 4U

struct play {
  uint64_t seeds[NR_PAGES];
  _Atomic unsigned playing;
};

static void
play (void *arg, unsigned me)
{
  struct play *const play = arg;
  uint64_t random = me + 1;

  if (me >= NR_PLAYERS) {
    while (play->playing > 0) {
      if (me == NR_PLAYERS)
        zram_writeback (zram, &(struct zram_writeback){.end = NR_PAGES}, NULL,
                        &(struct zram_written){0});
      else
        zram_recompress (
            zram, &(struct zram_recompress){.max_pages = 100, .priority = 1},
            NULL, &(struct zram_recompressed){0});
      zram_compact (zram, NULL);
    }
    return;
  }
  for (uint64_t n = 0; n < scaled (20000); n++) {
    const uint64_t i =
        random_below (&random, NR_PAGES / NR_PLAYERS) * NR_PLAYERS + me;
    char part[7];

    switch (random_below (&random, 6)) {
    case 0:
      write_page (i, ++play->seeds[i]);
      break;
    case 1:
      must_equal (zram_read (zram, part, sizeof part, i * ZRAM_PAGE_SIZE), 0);
      must_equal (zram_write (zram, part, sizeof part, i * ZRAM_PAGE_SIZE), 0);
      break;
    default:
      must_read (i, play->seeds[i]);
    }
  }
  play->playing--;
}

START_TEST (everything_at_once)
{
  static struct play everything;

  destroy_device ();
  make_device_with_workers ();
  fill (0);
  everything = (struct play){.playing = NR_PLAYERS};
  threads_run (NR_PLAYERS + 2, play, &everything);
  must_be_at_rest ();
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, everything.seeds[i]);
}

static void
add_tests (TCase *tc)
{
  tcase_add_test (tc, pages_leave_and_come_back);
  tcase_add_test (tc, little_is_written_beside_the_objects);
  tcase_add_test (tc, what_is_written_over_is_freed);
  tcase_add_test (tc, parts_of_pages_can_be_changed);
  tcase_add_test (tc, only_the_class_asked_for_leaves);
  tcase_add_test (tc, what_is_known_of_a_page_stays);
  tcase_add_loop_test (tc, a_page_that_is_used_on_its_way_out_stays, 0,
                       NR_EVENTS);
  tcase_add_loop_test (tc, a_page_that_changes_on_its_way_in_is_old_or_new, 0,
                       NR_EVENTS);
  tcase_add_test (tc, a_place_that_is_read_is_not_used_again);
  tcase_add_loop_test (tc, a_part_is_changed_in_what_the_page_is_then, 0, 2);
  tcase_add_test (tc, a_write_that_fails_loses_nothing);
  tcase_add_test (tc, a_read_that_fails_can_be_repeated);
}

int
main (void)
{
  Suite *const suite = suite_create ("writeback");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, make_device, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, a_full_store_is_told);
  tcase_add_test (tc, segments_are_cleaned);
  tcase_add_test (tc, no_more_is_written_than_may_be);
  tcase_add_test (tc, a_run_can_be_stopped);
  tcase_add_test (tc, damage_is_told);
  tcase_add_test (tc, damage_is_found);
  tcase_add_test (tc, what_was_there_before_is_found);
  tcase_add_test (tc, what_is_damaged_is_not_moved);
  tcase_add_test (tc, pages_can_leave_uncompressed);
  tcase_add_test (tc, everything_at_once);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, make_device_with_workers, destroy_device);
  add_tests (tc);
  return suite_run (suite);
}
