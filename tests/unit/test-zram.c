/* SPDX-License-Identifier: BSD-3-Clause */
/* The device, request by request: any offset and length, extents, limits,
 * errors, sizes.  A single page's life is in test-pageio.c.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

#define KIB (UINT64_C (1) << 10)
#define MIB (UINT64_C (1) << 20)

static struct zram *
make_limited (uint64_t disksize, uint64_t mem_limit, const char *algorithm)
{
  const struct zram_config config = {
      .disksize = disksize,
      .mem_limit = mem_limit,
      .algorithms[0].backend =
          algorithm ? zcomp_backend_find (algorithm) : NULL,
  };
  struct zram *zram = NULL;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_ptr_nonnull (zram);
  return zram;
}

static struct zram *
make_device (uint64_t disksize)
{
  return make_limited (disksize, 0, NULL);
}

static struct zram_stats
stats_of (const struct zram *zram)
{
  struct zram_stats stats;

  zram_stats (zram, &stats);
  return stats;
}

/* Creation. */

static const struct {
  uint64_t asked, made;
} sizes[] = {
    {1, 4096},
    {4095, 4096},
    {4096, 4096},
    {4097, 8192},
    {1000000, 1003520},
    {UINT64_C (1) << 30, UINT64_C (1) << 30},
    {(UINT64_C (1) << 40) - 1, UINT64_C (1) << 40},
};

START_TEST (sizes_are_rounded_up_to_pages)
{
  struct zram *zram;
  char byte = 'x';

  if (!addresses_suffice (sizes[_i].made * 7 / 2))
    return;
  zram = make_device (sizes[_i].asked);
  ck_assert_uint_eq (zram_disksize (zram), sizes[_i].made);
  ck_assert_int_eq (zram_write (zram, &byte, 1, sizes[_i].made - 1), 0);
  byte = 0;
  ck_assert_int_eq (zram_read (zram, &byte, 1, sizes[_i].made - 1), 0);
  ck_assert_int_eq (byte, 'x');
  zram_destroy (zram);
}

START_TEST (sizes_out_of_range_are_refused)
{
  static const uint64_t bad[] = {0, ZRAM_MAX_DISKSIZE + 1,
                                 ZRAM_MAX_DISKSIZE + 4096, UINT64_C (1) << 63,
                                 UINT64_MAX};
  size_t i;

  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    const struct zram_config config = {.disksize = bad[i]};
    struct zram *zram = NULL;

    ck_assert_int_eq (zram_create (&zram, &config), -EINVAL);
    ck_assert_ptr_null (zram);
  }
  zram_destroy (NULL);
}

/* Addresses: its pool may grow to three times its size, and there is more. */
#define LARGEST_TAKES (ZRAM_MAX_DISKSIZE * 7 / 2)

START_TEST (the_largest_device_works_at_its_ends)
{
  const uint64_t last = ZRAM_MAX_DISKSIZE - ZRAM_PAGE_SIZE;
  const struct zram_config config = {.disksize = ZRAM_MAX_DISKSIZE};
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  struct zram *zram;
  bool hole;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_uint_eq (zram_disksize (zram), UINT64_C (1) << 44);
  content_fill (page, sizeof page, CONTENT_MIXED, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, last), 0);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, last), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  ck_assert_uint_eq (zram_extent (zram, 1, ZRAM_MAX_DISKSIZE - 1, &hole), 1);
  ck_assert (!hole);
  ck_assert_uint_eq (zram_extent (zram, ZRAM_MAX_DISKSIZE - 4096, 4096, &hole),
                     ZRAM_MAX_DISKSIZE - 2 * 4096);
  ck_assert (hole);
  ck_assert_int_eq (zram_zero (zram, ZRAM_MAX_DISKSIZE, 0), 0);
  ck_assert_uint_eq (zram_extent (zram, ZRAM_MAX_DISKSIZE, 0, &hole),
                     ZRAM_MAX_DISKSIZE);
  ck_assert (hole);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, last), 0);
  zram_discard (zram, ZRAM_MAX_DISKSIZE, 0);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, last), 0);
  ck_assert (all_zero (back, sizeof back));
  ck_assert_uint_eq (stats_of (zram).orig_data_size, 0);
  zram_destroy (zram);
}

START_TEST (the_algorithm_is_the_one_that_was_asked_for)
{
  struct zram *zram = make_device (MIB);
  int i;

  ck_assert_str_eq (zram_comp_algorithm (zram), ZRAM_DEFAULT_ALGORITHM);
  zram_destroy (zram);
  for (i = 0; zcomp_backends[i]; ++i) {
    zram = make_limited (MIB, 0, zcomp_backend_name (zcomp_backends[i]));
    ck_assert_str_eq (zram_comp_algorithm (zram),
                      zcomp_backend_name (zcomp_backends[i]));
    zram_destroy (zram);
  }
}

START_TEST (a_new_device_is_all_zero_and_empty)
{
  struct zram *zram = make_limited (MIB, 5 * MIB, NULL);
  const struct zram_stats want = {.mem_limit = 5 * MIB};
  const struct zram_stats stats = stats_of (zram);
  static char all[1 << 20];
  bool hole;

  ck_assert (memcmp (&stats, &want, sizeof want) == 0);
  memset (all, 1, sizeof all);
  ck_assert_int_eq (zram_read (zram, all, sizeof all, 0), 0);
  ck_assert (all_zero (all, sizeof all));
  ck_assert_uint_eq (zram_extent (zram, MIB, 0, &hole), MIB);
  ck_assert (hole);
  zram_destroy (zram);
}

/* Offsets and lengths: a small disk, and all that should be on it. */

#define DISK_PAGES 5
#define DISK_SIZE  (DISK_PAGES * ZRAM_PAGE_SIZE)

static struct zram *disk;
static char shadow[DISK_SIZE], scratch[DISK_SIZE];

static const uint32_t borders[] = {
    0,    1,    7,    8,    9,    100,   2048,  4088,  4095,  4096,
    4097, 6000, 8191, 8192, 8193, 12287, 12288, 16000, 20479, 20480,
};

#define NR_BORDERS (sizeof borders / sizeof borders[0])

static void
must_agree (void)
{
  memset (scratch, 0x99, sizeof scratch);
  must_equal (zram_read (disk, scratch, sizeof scratch, 0), 0);
  must (memcmp (shadow, scratch, sizeof scratch) == 0);
}

/* Fill the disk with a mixture of all kinds. */
static void
fill_disk (uint64_t seed)
{
  unsigned i;

  for (i = 0; i < DISK_PAGES; ++i)
    content_fill (shadow + i * ZRAM_PAGE_SIZE, ZRAM_PAGE_SIZE,
                  (enum content) ((i + seed) % CONTENT_KINDS), seed + i);
  must_equal (zram_write (disk, shadow, sizeof shadow, 0), 0);
}

static void
do_write (uint64_t count, uint64_t offset)
{
  content_fill (shadow + offset, count, CONTENT_NOISE, count + offset);
  must_equal (zram_write (disk, shadow + offset, count, offset), 0);
}

static void
do_zero (uint64_t count, uint64_t offset)
{
  memset (shadow + offset, 0, count);
  must_equal (zram_zero (disk, count, offset), 0);
}

static void
do_discard (uint64_t count, uint64_t offset)
{
  const uint64_t first = (offset + ZRAM_PAGE_SIZE - 1) / ZRAM_PAGE_SIZE;
  const uint64_t end = (offset + count) / ZRAM_PAGE_SIZE;

  if (first < end)
    memset (shadow + first * ZRAM_PAGE_SIZE, 0, (end - first) * ZRAM_PAGE_SIZE);
  zram_discard (disk, count, offset);
}

/* Nothing beyond the bytes that were asked for may be touched. */
static void
do_read (uint64_t count, uint64_t offset)
{
  char *buf = (char *) guarded_end (DISK_SIZE) + DISK_SIZE - count;

  must_equal (zram_read (disk, buf, count, offset), 0);
  must (memcmp (buf, shadow + offset, count) == 0);
}

static void (*const requests[]) (uint64_t count, uint64_t offset) = {
    do_write, do_zero, do_discard, do_read};

#define NR_REQUESTS ((int) (sizeof requests / sizeof requests[0]))

START_TEST (requests_need_no_alignment)
{
  size_t i, j;

  disk = make_device (DISK_SIZE);
  for (i = 0; i < NR_BORDERS; ++i)
    for (j = i; j < NR_BORDERS; ++j) {
      fill_disk (i + j);
      requests[_i](borders[j] - borders[i], borders[i]);
      must_agree ();
    }
  zram_destroy (disk);
}

/* The same on a disk that has never been written. */
START_TEST (requests_need_no_alignment_on_an_empty_disk)
{
  size_t i, j;

  for (i = 0; i < NR_BORDERS; ++i)
    for (j = i; j < NR_BORDERS; ++j) {
      disk = make_device (DISK_SIZE);
      memset (shadow, 0, sizeof shadow);
      requests[_i](borders[j] - borders[i], borders[i]);
      must_agree ();
      zram_destroy (disk);
    }
}

/* A buffer of the caller's may lie anywhere, too. */
START_TEST (buffers_need_no_alignment)
{
  unsigned i, kind;

  disk = make_device (DISK_SIZE);
  for (kind = 0; kind < CONTENT_KINDS; ++kind)
    for (i = 0; i < 17; ++i) {
      char in[ZRAM_PAGE_SIZE + 32], out[ZRAM_PAGE_SIZE + 32];

      content_fill (in + i, ZRAM_PAGE_SIZE, (enum content) kind, i);
      must_equal (zram_write (disk, in + i, ZRAM_PAGE_SIZE, 0), 0);
      must_equal (zram_read (disk, out + i + 3, ZRAM_PAGE_SIZE, 0), 0);
      must (memcmp (in + i, out + i + 3, ZRAM_PAGE_SIZE) == 0);
    }
  zram_destroy (disk);
}

START_TEST (zeroing_all_of_a_page_frees_it)
{
  disk = make_device (DISK_SIZE);
  fill_disk (0);
  do_zero (3 * ZRAM_PAGE_SIZE, ZRAM_PAGE_SIZE);
  must_agree ();
  ck_assert_uint_eq (stats_of (disk).orig_data_size, 2 * ZRAM_PAGE_SIZE);

  /* In parts, it is as good as a page of zeros. */
  fill_disk (0);
  do_zero (1000, 4 * ZRAM_PAGE_SIZE);
  do_zero (ZRAM_PAGE_SIZE - 1000, 4 * ZRAM_PAGE_SIZE + 1000);
  must_agree ();
  ck_assert_uint_eq (stats_of (disk).huge_pages, 0);
  zram_destroy (disk);
}

START_TEST (zeroing_part_of_nothing_takes_no_memory)
{
  disk = make_device (DISK_SIZE);
  memset (shadow, 0, sizeof shadow);
  do_zero (5000, 100);
  must_agree ();
  ck_assert_uint_eq (stats_of (disk).orig_data_size, 0);
  zram_destroy (disk);
}

START_TEST (discard_leaves_the_edges)
{
  disk = make_device (DISK_SIZE);
  fill_disk (2);
  do_discard (2 * ZRAM_PAGE_SIZE, 1);
  must_agree ();
  ck_assert_uint_eq (stats_of (disk).notify_free, 1);
  do_discard (ZRAM_PAGE_SIZE - 1, 3 * ZRAM_PAGE_SIZE);
  do_discard (ZRAM_PAGE_SIZE - 1, 3 * ZRAM_PAGE_SIZE + 1);
  do_discard (100, 3 * ZRAM_PAGE_SIZE + 100);
  must_agree ();
  ck_assert_uint_eq (stats_of (disk).notify_free, 1);
  zram_destroy (disk);
}

/* Each request counts once, whatever it has to do and whether it fails; zeroing
 * is writing, as in the kernel's block layer. */
START_TEST (requests_are_counted)
{
  struct zram *zram = make_limited (8 * MIB, MIB, NULL);
  static char all[2 << 20];
  struct zram_stats s;

  content_fill (all, sizeof all, CONTENT_NOISE, 1);
  zram_write (zram, all, 5000, 100);
  ck_assert_int_eq (zram_write (zram, all, sizeof all, 0), -ENOSPC);
  ck_assert_int_eq (zram_zero (zram, 65536, 0), 0);
  zram_read (zram, all, 9000, 4095);
  zram_discard (zram, 10000, 1);
  zram_discard (zram, MIB, 0);
  s = stats_of (zram);
  ck_assert_uint_eq (s.writes, 3);
  ck_assert_uint_eq (s.write_bytes, 5000 + sizeof all + 65536);
  ck_assert_uint_eq (s.reads, 1);
  ck_assert_uint_eq (s.read_bytes, 9000);
  ck_assert_uint_eq (s.discards, 2);
  ck_assert_uint_eq (s.discard_bytes, 10000 + MIB);
  zram_destroy (zram);
}

/* Extents. */

#define MAP_PAGES 12

/* Make page I of ZRAM what KIND says; is it a hole then? */
static bool
make_page (struct zram *zram, unsigned i, uint64_t kind)
{
  char page[ZRAM_PAGE_SIZE];

  switch (kind) {
  case 0:
    return true;
  case 1:
    zram_discard (zram, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE);
    return true;
  case 2:
    must_equal (zram_zero (zram, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE), 0);
    return true;
  case 3:
    content_fill (page, sizeof page, CONTENT_ZERO, 0);
    break;
  default:
    content_fill (page, sizeof page,
                  (enum content) (1 + kind % (CONTENT_KINDS - 1)), kind);
  }
  must_equal (zram_write (zram, page, sizeof page, i * ZRAM_PAGE_SIZE), 0);
  return kind == 3;
}

/* Ask about every range that begins and ends at, or one byte beside, a page's
 * border. */
static void
check_extents (const struct zram *zram, const bool *is_hole)
{
  static const int beside[] = {-1, 0, 1, 2000};
  uint64_t end = MAP_PAGES * ZRAM_PAGE_SIZE;
  unsigned i, j;

  for (i = 0; i < 4 * MAP_PAGES; ++i)
    for (j = 0; j < 4 * MAP_PAGES; ++j) {
      const int64_t from = (int64_t) (i / 4 * ZRAM_PAGE_SIZE) + beside[i % 4];
      const int64_t to =
          (int64_t) ((j / 4 + 1) * ZRAM_PAGE_SIZE) + beside[j % 4];
      uint64_t want = ZRAM_PAGE_SIZE - (uint64_t) from % ZRAM_PAGE_SIZE;
      bool hole = !is_hole[(uint64_t) from / ZRAM_PAGE_SIZE % MAP_PAGES];
      uint64_t got, page;

      if (from < 0 || to <= from || (uint64_t) to > end)
        continue;
      for (page = (uint64_t) from / ZRAM_PAGE_SIZE + 1;
           page < MAP_PAGES && is_hole[page] != hole; ++page)
        want += ZRAM_PAGE_SIZE;
      if (want > (uint64_t) (to - from))
        want = (uint64_t) (to - from);
      got = zram_extent ((struct zram *) zram, (uint64_t) (to - from),
                         (uint64_t) from, &hole);
      must_equal (hole, is_hole[from / (int64_t) ZRAM_PAGE_SIZE]);
      must_equal (got, want);
    }
}

START_TEST (extents_are_joined_and_clamped)
{
  uint64_t random = (uint64_t) _i;
  unsigned round, i;

  for (round = 0; round < scaled (60); ++round) {
    struct zram *zram = make_device (MAP_PAGES * ZRAM_PAGE_SIZE);
    bool is_hole[MAP_PAGES] = {false};

    for (i = 0; i < 2 * MAP_PAGES; ++i) {
      const unsigned page = i % MAP_PAGES;
      const uint64_t kind = random_below (&random, 8);

      /* Kind 0 is to leave the page alone: never written, the first time. */
      if (kind != 0 || i < MAP_PAGES)
        is_hole[page] = make_page (zram, page, kind);
    }
    check_extents (zram, is_hole);
    zram_destroy (zram);
  }
}

/* Holes that were never written, or have been discarded, among data far apart:
 * they must be passed over whole. */
START_TEST (extents_are_joined_over_long_distances)
{
  struct zram *zram = make_device (1024 * MIB);
  char page[ZRAM_PAGE_SIZE];
  bool hole = false;

  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  must_equal (zram_write (zram, page, sizeof page, 700 * MIB), 0);
  must_equal (zram_write (zram, page, sizeof page, 701 * MIB), 0);
  must_equal (zram_write (zram, page, sizeof page, 100 * MIB), 0);
  zram_discard (zram, sizeof page, 100 * MIB);
  ck_assert_uint_eq (zram_extent (zram, 1024 * MIB, 0, &hole), 700 * MIB);
  ck_assert (hole);
  ck_assert_uint_eq (zram_extent (zram, 324 * MIB, 700 * MIB, &hole),
                     sizeof page);
  ck_assert (!hole);
  ck_assert_uint_eq (
      zram_extent (zram, 324 * MIB - 5000, 700 * MIB + 5000, &hole),
      MIB - 5000);
  ck_assert (hole);
  ck_assert_uint_eq (zram_extent (zram, 1000, 701 * MIB - 999, &hole), 999);
  ck_assert (hole);
  zram_destroy (zram);
}

/* Limits and failures. */

/* Write pages of noise until that fails; returns the first that did. */
static uint64_t
fill_until_refused (struct zram *zram, int *r)
{
  char page[ZRAM_PAGE_SIZE];
  uint64_t i, n = zram_disksize (zram) / sizeof page;

  *r = 0;
  for (i = 0; i < n; ++i) {
    content_fill (page, sizeof page, CONTENT_NOISE, i);
    *r = zram_write (zram, page, sizeof page, i * sizeof page);
    if (*r < 0)
      break;
  }
  return i;
}

static void
must_be_noise (struct zram *zram, uint64_t n)
{
  char page[ZRAM_PAGE_SIZE], want[ZRAM_PAGE_SIZE];
  uint64_t i;

  for (i = 0; i < n; ++i) {
    content_fill (want, sizeof want, CONTENT_NOISE, i);
    must_equal (zram_read (zram, page, sizeof page, i * sizeof page), 0);
    must (memcmp (page, want, sizeof page) == 0);
  }
}

START_TEST (mem_limit_refuses_and_keeps_what_was)
{
  struct zram *zram = make_limited (8 * MIB, MIB, NULL);
  char page[ZRAM_PAGE_SIZE];
  struct zram_stats stats;
  uint64_t n;
  int r;

  n = fill_until_refused (zram, &r);
  ck_assert_int_eq (r, -ENOSPC);
  ck_assert_uint_eq (n, MIB / ZRAM_PAGE_SIZE);
  stats = stats_of (zram);
  ck_assert_uint_eq (stats.failed_writes, 1);
  ck_assert_uint_eq (stats.orig_data_size, n * ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (stats.compr_data_size, n * ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (stats.huge_pages, n);
  ck_assert_uint_eq (stats.huge_pages_since, n);
  ck_assert_uint_eq (stats.mem_used_total, MIB);
  ck_assert_uint_eq (stats.mem_used_max, MIB);
  ck_assert_uint_eq (stats.mem_limit, MIB);

  /* Neither a page, nor a part of one, nor zeros in one, can be put there. */
  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), -ENOSPC);
  ck_assert_int_eq (zram_write (zram, page, 100, 100), -ENOSPC);
  ck_assert_int_eq (zram_write (zram, page, 1, n * ZRAM_PAGE_SIZE), -ENOSPC);
  ck_assert_int_eq (zram_zero (zram, 100, 100), -ENOSPC);
  must_be_noise (zram, n);
  ck_assert_uint_eq (stats_of (zram).failed_writes, 5);
  ck_assert_uint_eq (stats_of (zram).orig_data_size, n * ZRAM_PAGE_SIZE);

  /* What needs no memory can. */
  content_fill (page, sizeof page, CONTENT_SAME, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, n * sizeof page), 0);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  ck_assert_int_eq (zram_zero (zram, 2 * sizeof page, 0), 0);
  zram_discard (zram, sizeof page, 2 * sizeof page);
  ck_assert_uint_eq (stats_of (zram).failed_writes, 5);

  /* And what was given up is there for others. */
  content_fill (page, sizeof page, CONTENT_NOISE, 12345);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  zram_destroy (zram);
}

START_TEST (a_request_that_fails_does_the_pages_before)
{
  struct zram *zram = make_limited (8 * MIB, MIB, NULL);
  static char all[2 << 20], back[2 << 20];
  uint64_t done;

  content_fill (all, sizeof all, CONTENT_NOISE, 1);
  ck_assert_int_eq (zram_write (zram, all, sizeof all, 100), -ENOSPC);
  ck_assert_uint_eq (stats_of (zram).failed_writes, 1);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, 100), 0);
  for (done = 0; done < sizeof all && all[done] == back[done]; ++done)
    ;
  ck_assert_uint_gt (done, 0);
  ck_assert_uint_eq ((100 + done) % ZRAM_PAGE_SIZE, 0);
  ck_assert (all_zero (back + done, sizeof back - done));
  zram_destroy (zram);
}

START_TEST (a_limit_below_a_zspage_takes_what_needs_none)
{
  struct zram *zram = make_limited (MIB, 1, NULL);
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), -ENOSPC);
  content_fill (page, sizeof page, CONTENT_SAME, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, 0), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  ck_assert_uint_eq (stats_of (zram).mem_used_total, 0);
  zram_destroy (zram);
}

START_TEST (no_memory_is_an_answer_and_keeps_what_was)
{
  struct zram *zram = make_device (1024 * MIB);
  char page[ZRAM_PAGE_SIZE];
  uint64_t n;
  int r;

  memory_limit (16 * MIB);
  n = fill_until_refused (zram, &r);
  ck_assert_int_eq (r, -ENOMEM);
  ck_assert_uint_eq (stats_of (zram).failed_writes, 1);
  ck_assert_uint_eq (stats_of (zram).orig_data_size, n * ZRAM_PAGE_SIZE);
  content_fill (page, sizeof page, CONTENT_NOISE, 1000000);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), -ENOMEM);
  ck_assert_int_eq (zram_write (zram, page, 1000, 50), -ENOMEM);
  must_be_noise (zram, n);
  memory_limit_lift ();
  ck_assert_uint_eq (stats_of (zram).failed_writes, 3);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, n * sizeof page), 0);
  must_be_noise (zram, n);
  zram_destroy (zram);
}

/* No memory for the slot itself: what was made of the page goes back, each
 * time. */
START_TEST (no_memory_for_a_slot_leaves_nothing_behind)
{
  struct zram *zram = make_device (1024 * 1024 * MIB);
  char page[ZRAM_PAGE_SIZE];
  struct zram_stats before, after;
  uint64_t i;
  int r = 0;

  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  memory_limit (MIB);
  for (i = 0; i < 1024 && r == 0; ++i)
    r = zram_write (zram, page, sizeof page, i * 1024 * MIB);
  ck_assert_int_eq (r, -ENOMEM);
  before = stats_of (zram);
  for (i = 0; i < 1000; ++i)
    must_equal (zram_write (zram, page, sizeof page, 1023 * 1024 * MIB),
                -ENOMEM);
  memory_limit_lift ();
  after = stats_of (zram);
  ck_assert_uint_eq (after.failed_writes, 1001);
  ck_assert_uint_eq (after.orig_data_size, before.orig_data_size);
  ck_assert_uint_eq (after.compr_data_size, before.compr_data_size);
  ck_assert_uint_eq (after.mem_used_total, before.mem_used_total);
  zram_destroy (zram);
}

START_TEST (making_a_device_without_memory_fails)
{
  const struct zram_config config = {.disksize = MIB};
  struct zram *zram = NULL;

  memory_limit (0);
  ck_assert_int_eq (zram_create (&zram, &config), -ENOMEM);
  memory_limit_lift ();
  ck_assert_ptr_null (zram);
  zram_destroy (make_device (MIB));
}

/* Two devices in one process know nothing of each other. */
START_TEST (two_devices_are_independent)
{
  struct zram *a = make_limited (4 * MIB, MIB, "lz4");
  struct zram *b = make_limited (8 * MIB, 0, "zstd");
  const struct zram_stats b_before = stats_of (b);
  struct zram_stats b_after;
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  int r;

  fill_until_refused (a, &r);
  ck_assert_int_eq (r, -ENOSPC);
  b_after = stats_of (b);
  ck_assert (memcmp (&b_before, &b_after, sizeof b_before) == 0);
  content_fill (page, sizeof page, CONTENT_TEXT, 5);
  ck_assert_int_eq (zram_write (b, page, sizeof page, 0), 0);
  must_be_noise (a, 10);
  zram_discard (a, 4 * MIB, 0);
  ck_assert_int_eq (zram_read (b, back, sizeof back, 0), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  ck_assert_uint_eq (zram_disksize (a), 4 * MIB);
  ck_assert_uint_eq (zram_disksize (b), 8 * MIB);
  zram_destroy (a);
  ck_assert_int_eq (zram_read (b, back, sizeof back, 0), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  zram_destroy (b);
}

/* Counted, by the names that the linker gives them: what one request has freed
 * must wait for no more than 64 slots, and not be freed page by page. */
static unsigned nr_free_alls;

extern void
__real_zs_free_all (struct zs_pool *pool, struct zs_freeing *freeing);
extern void
__wrap_zs_free_all (struct zs_pool *pool, struct zs_freeing *freeing);

void
__wrap_zs_free_all (struct zs_pool *pool, struct zs_freeing *freeing)
{
  nr_free_alls += freeing->n > 0;
  __real_zs_free_all (pool, freeing);
}

/* Every so many pages is written, and all are discarded at once. */
START_TEST (what_is_discarded_is_freed_wherever_it_lies)
{
  static const unsigned steps[] = {1, 31, 33, 63, 64, 65, 100, 5000};
  const struct zram_config config = {.disksize = 64 * MIB};
  const unsigned step = steps[_i], n = (16384 + step - 1) / step;
  char page[ZRAM_PAGE_SIZE];
  struct zram_stats s;
  struct zram *z;

  must_equal (zram_create (&z, &config), 0);
  for (unsigned i = 0; i < n; i++) {
    content_fill (page, sizeof page, i % 2 ? CONTENT_NOISE : CONTENT_TEXT, i);
    must_equal (
        zram_write (z, page, sizeof page, (uint64_t) i * step * sizeof page),
        0);
  }
  nr_free_alls = 0;
  zram_discard (z, 64 * MIB, 0);
  if (step >= 64)
    ck_assert_uint_eq (nr_free_alls, n);
  else
    ck_assert_uint_le (nr_free_alls, 16384 / 64);
  zram_stats (z, &s);
  ck_assert_uint_eq (s.compr_data_size, 0);
  ck_assert_uint_eq (s.mem_used_total, 0);
  zram_destroy (z);
}

static void
add_requests (Suite *suite)
{
  TCase *tc = suite_case (suite, "requests");

  tcase_add_loop_test (tc, requests_need_no_alignment, 0, NR_REQUESTS);
  tcase_add_loop_test (tc, requests_need_no_alignment_on_an_empty_disk, 0,
                       NR_REQUESTS);
  tcase_add_test (tc, buffers_need_no_alignment);
  tcase_add_test (tc, zeroing_all_of_a_page_frees_it);
  tcase_add_test (tc, zeroing_part_of_nothing_takes_no_memory);
  tcase_add_test (tc, discard_leaves_the_edges);
  tcase_add_loop_test (tc, what_is_discarded_is_freed_wherever_it_lies, 0, 8);
  tcase_add_test (tc, requests_are_counted);
}

int
main (void)
{
  Suite *suite = suite_create ("zram");
  TCase *tc;

  tc = suite_case (suite, "creation");
  tcase_add_loop_test (tc, sizes_are_rounded_up_to_pages, 0,
                       sizeof sizes / sizeof sizes[0]);
  tcase_add_test (tc, sizes_out_of_range_are_refused);
  if (addresses_suffice (LARGEST_TAKES))
    tcase_add_test (tc, the_largest_device_works_at_its_ends);
  tcase_add_test (tc, the_algorithm_is_the_one_that_was_asked_for);
  tcase_add_test (tc, a_new_device_is_all_zero_and_empty);
  tcase_add_test (tc, two_devices_are_independent);

  add_requests (suite);

  tc = suite_case (suite, "extents");
  tcase_add_loop_test (tc, extents_are_joined_and_clamped, 0, 4);
  tcase_add_test (tc, extents_are_joined_over_long_distances);

  tc = suite_case (suite, "limits");
  tcase_add_test (tc, mem_limit_refuses_and_keeps_what_was);
  tcase_add_test (tc, a_request_that_fails_does_the_pages_before);
  tcase_add_test (tc, a_limit_below_a_zspage_takes_what_needs_none);
  if (memory_can_be_limited ()) {
    tcase_add_test (tc, no_memory_is_an_answer_and_keeps_what_was);
    tcase_add_test (tc, no_memory_for_a_slot_leaves_nothing_behind);
    tcase_add_test (tc, making_a_device_without_memory_fails);
  }
  return suite_run (suite);
}
