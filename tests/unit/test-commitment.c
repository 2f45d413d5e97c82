/* SPDX-License-Identifier: BSD-3-Clause */
/* Where vm.overcommit_memory is 2, every private mapping that may be written
 * counts against a limit, touched or not.  A machine's setting is not a test's
 * to change; but what would be counted can be added up.
 */
#include <config.h>

#include <stdio.h>

#include "filling.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)
#define TIB (UINT64_C (1) << 40)

static uint64_t
more_than (uint64_t before)
{
  const uint64_t now = writable_bytes ();

  return now > before ? now - before : 0;
}

static struct zram *
make_device (uint64_t disksize)
{
  const struct zram_config config = {.disksize = disksize};
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  return zram;
}

static void
write_run (struct zram *zram, uint64_t offset, uint64_t size)
{
  char page[ZRAM_PAGE_SIZE];
  uint64_t done;

  for (done = 0; done < size; done += sizeof page) {
    page_fill_real (page, offset + done);
    must_equal (zram_write (zram, page, sizeof page, offset + done), 0);
  }
}

/* Reading, asking, and discarding what was never written adds nothing. */
static void
use_what_is_empty (struct zram *zram)
{
  const uint64_t size = zram_disksize (zram);
  char page[ZRAM_PAGE_SIZE];
  uint64_t i;
  bool hole;

  for (i = 0; i < 1000; ++i) {
    must_equal (zram_read (zram, page, sizeof page, size / 1000 * i), 0);
    must (all_zero (page, sizeof page));
  }
  ck_assert_uint_eq (zram_extent (zram, size, 0, &hole), size);
  ck_assert (hole);
  zram_discard (zram, size, 0);
  ck_assert_uint_eq (zram_compact (zram, NULL), 0);
}

START_TEST (a_device_that_is_not_used_is_hardly_counted)
{
  static const uint64_t sizes[] = {64 * MIB, 64 * 1024 * MIB, TIB, 16 * TIB};
  const uint64_t before = writable_bytes ();
  struct zram *zram = make_device (sizes[_i]);
  uint64_t made = more_than (before), used;

  use_what_is_empty (zram);
  used = more_than (before);
  printf ("device of %llu GiB: %llu KiB of writable mappings when made, %llu "
          "when read and trimmed\n",
          (unsigned long long) (sizes[_i] >> 30),
          (unsigned long long) (made >> 10), (unsigned long long) (used >> 10));
  ck_assert_uint_lt (made, 4 * MIB);
  ck_assert_uint_lt (used, 4 * MIB);
  zram_destroy (zram);
  ck_assert_uint_lt (more_than (before), MIB);
}

/* Runs of a megabyte, far apart.  Each opens a part of the table, which is
 * larger the larger the disk is. */
START_TEST (a_device_is_counted_in_proportion_to_what_it_holds)
{
  const uint64_t before = writable_bytes ();
  struct zram *zram = make_device (TIB);
  struct zram_stats full, after;
  uint64_t i, counted;

  for (i = 0; i < 64; ++i)
    write_run (zram, TIB / 64 * i, MIB);
  zram_stats (zram, &full);
  counted = more_than (before);
  for (i = 0; i < 64; ++i)
    zram_discard (zram, MIB * 3 / 4, TIB / 64 * i);
  ck_assert_uint_gt (zram_compact (zram, NULL), 0);
  zram_stats (zram, &after);
  printf ("64 MiB in 64 places of 1 TiB: %llu KiB of writable mappings for "
          "%llu KiB of memory; compacted, %llu for %llu\n",
          (unsigned long long) (counted >> 10),
          (unsigned long long) (full.mem_used_total >> 10),
          (unsigned long long) (more_than (before) >> 10),
          (unsigned long long) (after.mem_used_total >> 10));
  ck_assert_uint_lt (counted, full.mem_used_total + 64 * 2 * MIB + 8 * MIB);
  ck_assert_uint_le (more_than (before), counted);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("who watches has mappings of its own");
  if (!addresses_suffice (60 * TIB))
    return skip ("there are no addresses for a disk of 16 TiB");
  suite = suite_create ("commitment");
  tc = suite_case (suite, "writable mappings");
  tcase_add_loop_test (tc, a_device_that_is_not_used_is_hardly_counted, 0, 4);
  tcase_add_test (tc, a_device_is_counted_in_proportion_to_what_it_holds);
  return suite_run (suite);
}
