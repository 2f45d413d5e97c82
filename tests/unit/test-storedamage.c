/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever becomes of what is stored, a page that is not what it was is an
 * error, which is told and counted, and only that page.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backed.h"
#include "clock.h"
#include "packed.h"
#include "slottable.h"
#include "store.h"

/* Whatever becomes of what is stored, a page that is not what it was is an
 * error, and only that page. */
static char complaint[256];
static unsigned complaints;

static void
listen (const char *line)
{
  complaints++;
  snprintf (complaint, sizeof complaint, "%s", line);
}

/* All of its pages are in the store. */
static void
listen_to_a_device (void)
{
  complaints = 0;
  destroy_device ();
  make_device_of ((struct zram_config){.complain = listen}, 96, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
}

/* In one line, which says where. */
START_TEST (damage_is_told)
{
  char page[ZRAM_PAGE_SIZE], expected[64];
  uint64_t where;

  listen_to_a_device ();
  where = slot_wb_where (word_of (7));
  memory_store_bytes (store)[where + 100] ^= 1;
  ck_assert_int_eq (zram_read (zram, page, sizeof page, 7 * sizeof page), -EIO);
  snprintf (expected, sizeof expected, "page 7: byte %llu of",
            (unsigned long long) where);
  ck_assert_ptr_nonnull (strstr (complaint, expected));
}

/* Whoever may read could fill the log: a line a second, and how many there
 * would have been. */
START_TEST (damage_is_told_a_few_times)
{
  const struct timespec longer = {.tv_sec = 1, .tv_nsec = 100000000};
  const uint64_t before = clock_ms ();
  char page[ZRAM_PAGE_SIZE];
  const char *reads;

  listen_to_a_device ();
  memory_store_bytes (store)[slot_wb_where (word_of (7)) + 100] ^= 1;
  for (unsigned i = 0; i < 1000; i++)
    ck_assert_int_eq (zram_read (zram, page, sizeof page, 7 * sizeof page),
                      -EIO);
  ck_assert_uint_ge (complaints, 1);
  ck_assert_uint_le (complaints, 1 + (clock_ms () - before) / 1000);
  ck_assert_uint_eq (stats ().bd_checksum_errors, 1000);

  nanosleep (&longer, NULL);
  ck_assert_int_eq (zram_read (zram, page, sizeof page, 7 * sizeof page), -EIO);
  reads = strstr (complaint, "; nor was it at ");
  ck_assert_ptr_nonnull (reads);
  ck_assert_ptr_nonnull (strstr (reads, " reads since the last such line"));
}

/* A thousand corruptions of a file, up to four at once. */
#define NR_CORRUPTIONS 1000U
#define AT_ONCE        4U
#define BLOCK          4096U
#define ROUNDS         24U /* of all pages: more than the store has room for */
#define SIZE           (STORE_SEGMENTS * (uint64_t) SEGMENT_MIN)

static struct {
  int fd;
  uint64_t used;      /* where the store's last object ends */
  uint64_t cut;       /* where the file ends */
  char right[SIZE];   /* what it held, */
  char now[SIZE];     /* it holds, but for what is cut off, */
  char earlier[SIZE]; /* and held before all pages were written once more */
} file;

static void
put (uint64_t at, uint64_t len)
{
  if (at + len > file.cut)
    len = at < file.cut ? file.cut - at : 0;
  must_equal (pwrite (file.fd, file.now + at, len, (off_t) at), len);
}

/* A multiple of ALIGN where something of ALIGN bytes may be. */
static uint64_t
somewhere (uint64_t *random, uint64_t align)
{
  return SEGMENT_MIN +
         random_below (random, (file.used - SEGMENT_MIN) / align) * align;
}

static void
flip_a_bit (uint64_t *random)
{
  const uint64_t at = somewhere (random, 1);

  file.now[at] ^= (char) (1 << random_below (random, 8));
  put (at, 1);
}

static void
zero_a_block (uint64_t *random)
{
  const uint64_t at = somewhere (random, BLOCK);

  memset (file.now + at, 0, BLOCK);
  put (at, BLOCK);
}

static void
copy_a_block (uint64_t *random)
{
  const uint64_t at = somewhere (random, BLOCK);

  memmove (file.now + at, file.right + somewhere (random, BLOCK), BLOCK);
  put (at, BLOCK);
}

static void
swap_segments (uint64_t *random)
{
  const uint64_t a = somewhere (random, SEGMENT_MIN);
  const uint64_t b = somewhere (random, SEGMENT_MIN);

  memcpy (file.now + a, file.right + b, SEGMENT_MIN);
  memcpy (file.now + b, file.right + a, SEGMENT_MIN);
  put (a, SEGMENT_MIN);
  put (b, SEGMENT_MIN);
}

static void
replay_a_segment (uint64_t *random)
{
  const uint64_t at = somewhere (random, SEGMENT_MIN);

  memcpy (file.now + at, file.earlier + at, SEGMENT_MIN);
  put (at, SEGMENT_MIN);
}

/* To whole blocks, as what is on disks is. */
static void
truncate_it (uint64_t *random)
{
  const uint64_t at = somewhere (random, BLOCK);

  file.cut = at < file.cut ? at : file.cut;
  must_equal (ftruncate (file.fd, (off_t) file.cut), 0);
}

static void (*const corruptions[]) (uint64_t *random) = {
    flip_a_bit,    zero_a_block,     copy_a_block,
    swap_segments, replay_a_segment, truncate_it,
};

#define NR_KINDS (sizeof corruptions / sizeof corruptions[0])

static void
read_file (char *bytes)
{
  must_equal (pread (file.fd, bytes, SIZE, 0), SIZE);
}

static void
repair (void)
{
  const uint64_t cut = file.cut;

  file.cut = SIZE;
  for (uint64_t at = 0; at < SIZE; at += BLOCK)
    if (at + BLOCK > cut ||
        memcmp (file.now + at, file.right + at, BLOCK) != 0) {
      memcpy (file.now + at, file.right + at, BLOCK);
      put (at, BLOCK);
    }
}

/* Where the object of page INDEX is, with what stands before it, but without
 * the zeros behind it; 0: it is not in the store. */
static uint64_t
place_of (uint64_t index, uint32_t *len)
{
  const uint64_t word = word_of (index);

  *len = PACKED_HEADER + slot_wb_len (word);
  return flags_of (index) & SLOT_WB ? slot_wb_where (word) : 0;
}

static bool
is_whole (uint64_t index)
{
  uint32_t len;
  const uint64_t where = place_of (index, &len);

  return where == 0 ||
         (where + len <= file.cut &&
          memcmp (file.now + where, file.right + where, len) == 0);
}

/* Read those that are damaged, and some that are not; how many are. */
static unsigned
read_some (uint64_t *random)
{
  unsigned damaged = 0;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    char read[ZRAM_PAGE_SIZE];

    if (!is_whole (i)) {
      must_equal (zram_read (zram, read, sizeof read, i * sizeof read), -EIO);
      damaged++;
    }
    else if (random_below (random, 32) == 0)
      must_read (i, 1);
  }
  return damaged;
}

/* All pages are written back, and had been before, to the same places. */
static void
make_file (const char *path)
{
  file.fd = open (path, O_RDWR | O_CLOEXEC);
  must (file.fd >= 0);
  for (unsigned round = 0; round < 2 * ROUNDS; round++) {
    if (round == ROUNDS)
      read_file (file.earlier);
    fill (1);
    ck_assert_int_eq (writeback_all (), 0);
  }
  read_file (file.right);
  memcpy (file.now, file.right, SIZE);
  file.cut = SIZE;
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    uint32_t len;
    const uint64_t where = place_of (i, &len);

    if (where + len > file.used)
      file.used = where + len;
  }
  file.used = (file.used + SEGMENT_MIN - 1) / SEGMENT_MIN * SEGMENT_MIN;
}

static void
corrupt (void)
{
  uint64_t random = 7, errors = 0;
  uint64_t found[NR_KINDS] = {0};
  unsigned damaged = 0;

  for (unsigned n = 0; n < scaled (NR_CORRUPTIONS); n++) {
    const unsigned kind = n % NR_KINDS, before = damaged;

    corruptions[kind](&random);
    damaged = read_some (&random);
    found[kind] += damaged > before;
    errors += damaged;
    if (n % AT_ONCE == AT_ONCE - 1) {
      repair ();
      damaged = 0;
    }
  }
  repair ();
  for (unsigned kind = 0; kind < NR_KINDS; kind++)
    ck_assert_uint_gt (found[kind], 0);
  ck_assert_uint_eq (stats ().bd_checksum_errors + stats ().bd_read_errors,
                     errors);
  must_read_all (1);
  must_be_at_rest ();
  printf ("REPORT: store: %u corruptions, %llu reads of what they had damaged: "
          "all were found out\n",
          (unsigned) scaled (NR_CORRUPTIONS), (unsigned long long) errors);
}

START_TEST (damage_is_found)
{
  struct store_config config = {.size = SIZE};
  /* On a disk, each read would wait for the damage to get there. */
  const bool has_shm = access ("/dev/shm", W_OK) == 0;
  char dir[64], path[80];
  struct store *on;
  char *why;

  destroy_device ();
  snprintf (dir, sizeof dir, "%s/test-storedamage-XXXXXX",
            has_shm ? "/dev/shm" : "/tmp");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  config.backing_dev = path;
  ck_assert_msg (store_open (&on, &config, &why) == 0, "%s", why);
  make_device_on ((struct zram_config){0}, on);
  make_file (path);
  corrupt ();
  close (file.fd);
  unlink (path);
  rmdir (dir);
}

/* What was in its place before, for the same page, is not taken for it. */
START_TEST (what_was_there_before_is_found)
{
  const uint64_t size = STORE_SEGMENTS * (uint64_t) SEGMENT_MIN;
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

/* What cannot be cleaned stays where it is, and can be read.  A length that is
 * not the slot's, or a byte of the object's. */
START_TEST (what_is_damaged_is_not_moved)
{
  const uint64_t damaged = _i ? PACKED_HEADER : 12;
  uint64_t errors = 0;
  char read[ZRAM_PAGE_SIZE];

  destroy_device ();
  make_device_of ((struct zram_config){0}, 56, 4096);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  /* Every eighth page. */
  for (uint64_t i = 0; i < NR_PAGES; i += 8)
    if (flags_of (i) & SLOT_WB)
      memory_store_bytes (store)[slot_wb_where (word_of (i)) + damaged] ^= 0x55;
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

int
main (void)
{
  Suite *const suite = suite_create ("storedamage");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, make_device, destroy_device);
  tcase_add_test (tc, damage_is_told);
  tcase_add_test (tc, damage_is_told_a_few_times);
  tcase_add_test (tc, damage_is_found);
  tcase_add_test (tc, what_was_there_before_is_found);
  tcase_add_loop_test (tc, what_is_damaged_is_not_moved, 0, 2);
  return suite_run (suite);
}
