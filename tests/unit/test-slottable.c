/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot table: empty until used, empty again when emptied, and nothing lost
 * in between.  What it costs is in test-memory.c.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slot.h"
#include "slottable.h"
#include "slotting.h"
#include "unit.h"

#define MAX_SLOTS (UINT64_C (1) << 32)

START_TEST (a_never_used_slot_has_no_memory)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags;
  uint64_t i;

  for (i = 0; i < 1000; ++i)
    ck_assert_ptr_null (slot_borrow (table, i, &flags));
  ck_assert_uint_eq (slot_table_next (table, 0, 1000), 1000);
  slot_table_destroy (table);
}

START_TEST (a_new_slot_is_empty)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags = 1;
  struct slot *slot = slot_borrow_new (table, 500, &flags);

  ck_assert_ptr_nonnull (slot);
  ck_assert_uint_eq (flags, 0);
  ck_assert_uint_eq (slot->word, 0);
  slot_return (table, 500, slot, 0);
  must_be_empty (table, 500);
  slot_table_destroy (table);
}

static const uint64_t table_sizes[] = {
    1,         2,         255,      256,       257,
    511,       513,       1 << 16,  1 << 20,   (1 << 20) + 1,
    (1 << 28), MAX_SLOTS, 10000001, 131072000, MAX_SLOTS - 1,
};

#define NR_SIZES ((int) (sizeof table_sizes / sizeof table_sizes[0]))

START_TEST (first_and_last_slot_work)
{
  const uint64_t n = table_sizes[_i], last = n - 1;
  struct slot_table *table;

  if (!addresses_suffice (n * sizeof (struct slot)))
    return;
  table = make_table (n);
  set_slot (table, 0, 1234);
  must_be_set (table, 0, 1234);
  ck_assert_uint_eq (slot_table_next (table, 0, n), 0);
  set_slot (table, last, 5678);
  must_be_set (table, last, 5678);
  ck_assert_uint_eq (slot_table_next (table, last, n), last);
  if (last > 0)
    must_be_set (table, 0, 1234);
  clear_slot (table, 0);
  clear_slot (table, last);
  slot_table_shrink (table);
  ck_assert_uint_eq (slot_table_next (table, 0, n), n);
  slot_table_destroy (table);
}

START_TEST (destroying_nothing_is_harmless)
{
  slot_table_destroy (NULL);
}

START_TEST (holes_are_what_reads_as_zeros)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags;
  struct slot *slot;

  ck_assert (slot_is_hole (table, 7));
  set_slot (table, 7, 0);
  ck_assert (slot_is_hole (table, 7));
  for (unsigned bit = 0; bit < 64; bit++) {
    set_slot (table, 7, UINT64_C (1) << bit);
    ck_assert (!slot_is_hole (table, 7));
  }
  ck_assert (slot_is_hole (table, 8));
  slot = slot_borrow (table, 7, &flags);
  slot->word = 99;
  slot_return (table, 7, slot, 1200);
  ck_assert (!slot_is_hole (table, 7));
  slot = slot_borrow (table, 7, &flags);
  ck_assert_uint_eq (flags, 1200);
  slot_return (table, 7, slot, SLOT_HUGE | ZRAM_PAGE_SIZE);
  ck_assert (!slot_is_hole (table, 7));
  clear_slot (table, 7);
  ck_assert (slot_is_hole (table, 7));
  slot_table_destroy (table);
}

/* It takes no lock, so a borrowed slot is no obstacle. */
START_TEST (a_borrowed_slot_can_be_asked_about)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags;
  struct slot *slot;

  set_slot (table, 7, 3);
  slot = slot_borrow (table, 7, &flags);
  ck_assert (!slot_is_hole (table, 7));
  ck_assert_uint_eq (slot_table_next (table, 7, 1000), 7);
  slot_return (table, 7, slot, flags);
  slot_table_destroy (table);
}

/* Who wants what it holds does not wait for who is about to fill it. */
START_TEST (an_empty_slot_is_not_borrowed)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags;
  struct slot *slot;

  set_slot (table, 7, 3);
  ck_assert_ptr_null (slot_borrow (table, 8, &flags));
  slot = slot_borrow_new (table, 8, &flags);
  ck_assert_ptr_null (slot_borrow (table, 8, &flags));
  slot_return (table, 8, slot, SLOT_SAME);
  slot = slot_borrow (table, 8, &flags);
  ck_assert_ptr_nonnull (slot);
  ck_assert_uint_eq (flags, SLOT_SAME);
  slot_return (table, 8, slot, 0);
  ck_assert_ptr_null (slot_borrow (table, 8, &flags));
  must_be_set (table, 7, 3);
  slot_table_destroy (table);
}

/* Every slot that NEXT passes over must be empty. */
static uint64_t
next_and_check (struct slot_table *table, uint64_t index, uint64_t end)
{
  const uint64_t next = slot_table_next (table, index, end);
  uint32_t flags;

  ck_assert_uint_ge (next, index);
  ck_assert_uint_le (next, end);
  for (; index < next; ++index)
    must (slot_borrow (table, index, &flags) == NULL);
  return next;
}

START_TEST (next_skips_what_has_no_memory)
{
  const uint64_t n = 1 << 16, used = 40000;
  struct slot_table *table = make_table (n);
  uint64_t next;

  set_slot (table, used, 9);
  next = next_and_check (table, 0, n);
  ck_assert_uint_gt (next, 0);
  ck_assert_uint_le (next, used);
  ck_assert_uint_eq (slot_table_next (table, used, n), used);
  ck_assert_uint_eq (slot_table_next (table, 0, next), next);
  ck_assert_uint_eq (slot_table_next (table, 5, 5), 5);
  ck_assert_uint_eq (next_and_check (table, n - 1, n), n);
  slot_table_destroy (table);
}

/* In whichever leaves they are; borrowed ones and those that were emptied are
 * as their flags say. */
START_TEST (allocated_slots_are_found)
{
  static const uint64_t wanted[] = {3, 4, 255, 256, 70000, 99999};
  struct slot_table *table = make_table (100000);
  const size_t n = sizeof wanted / sizeof wanted[0];
  uint64_t index = 0;
  uint32_t flags;
  struct slot *slot;

  ck_assert_uint_eq (slot_next_allocated (table, 0, 100000, &flags), 100000);
  for (size_t i = 0; i < n; i++)
    set_slot (table, wanted[i], i);
  set_slot (table, 5, 1);
  clear_slot (table, 5);
  slot = slot_borrow (table, 255, &flags);
  for (size_t i = 0; i < n; i++, index++) {
    index = slot_next_allocated (table, index, 100000, &flags);
    ck_assert_uint_eq (index, wanted[i]);
    ck_assert_uint_eq (flags, SLOT_SAME);
  }
  slot_return (table, 255, slot, SLOT_SAME);
  ck_assert_uint_eq (slot_next_allocated (table, 5, 200, &flags), 200);
  ck_assert_uint_eq (slot_next_allocated (table, 257, 70000, &flags), 70000);
  slot_table_destroy (table);
}

/* Where there is no memory nothing is read, and a borrower holds nobody up. */
START_TEST (a_look_finds_what_a_slot_holds)
{
  struct slot_table *table = make_table (100000);
  uint64_t word = 1;
  uint32_t flags;
  struct slot *slot;

  ck_assert (!slot_peek (table, 70000, &word, &flags));
  slot_prefetch (table, 70000);
  set_slot (table, 70000, 123);
  ck_assert (!slot_peek (table, 70001, &word, &flags));
  slot = slot_borrow (table, 70000, &flags);
  ck_assert (slot_peek (table, 70000, &word, &flags));
  ck_assert_uint_eq (word, 123);
  ck_assert_uint_eq (flags, SLOT_SAME);
  slot_return (table, 70000, slot, SLOT_SAME);
  clear_slot (table, 70000);
  ck_assert (!slot_peek (table, 70000, &word, &flags));
  slot_table_destroy (table);
}

START_TEST (shrink_keeps_what_is_allocated)
{
  const uint64_t n = 1 << 16;
  struct slot_table *table = make_table (n);
  uint64_t i;

  for (i = 0; i < n; ++i)
    set_slot (table, i, i + 1);
  for (i = 0; i < n; ++i)
    if (i % 1000 != 0)
      clear_slot (table, i);
  slot_table_shrink (table);
  for (i = 0; i < n; ++i)
    if (i % 1000 == 0)
      must_be_set (table, i, i + 1);
    else
      must_be_empty (table, i);
  slot_table_destroy (table);
}

START_TEST (shrink_of_everything_leaves_nothing)
{
  const uint64_t n = 10000;
  struct slot_table *table = make_table (n);
  uint32_t flags;
  uint64_t i;

  for (i = 0; i < n; ++i)
    set_slot (table, i, i);
  for (i = 0; i < n; ++i)
    clear_slot (table, i);
  slot_table_shrink (table);
  ck_assert_uint_eq (slot_table_next (table, 0, n), n);
  for (i = 0; i < n; ++i)
    must (slot_borrow (table, i, &flags) == NULL);

  /* And it can be used again. */
  for (i = 0; i < n; ++i)
    set_slot (table, i, ~i);
  for (i = 0; i < n; ++i)
    must_be_set (table, i, ~i);
  slot_table_destroy (table);
}

/* A range that does not begin or end where a part of the table does. */
START_TEST (shrink_after_odd_ranges_keeps_neighbours)
{
  const uint64_t n = 5000;
  struct slot_table *table = make_table (n);
  uint64_t first, end, i;

  for (first = 0; first < n; first += 777)
    for (end = first; end <= n; end += 389) {
      for (i = 0; i < n; ++i)
        set_slot (table, i, i + 1);
      for (i = first; i < end; ++i)
        clear_slot (table, i);
      slot_table_shrink (table);
      for (i = 0; i < n; ++i)
        if (i < first || i >= end)
          must_be_set (table, i, i + 1);
        else
          must_be_empty (table, i);
    }
  slot_table_destroy (table);
}

/* 16 MiB of memory behind leaves that are empty again are too much. */
START_TEST (many_emptied_leaves_wake_who_shrinks)
{
  const uint64_t per_leaf =
      (uint64_t) sysconf (_SC_PAGESIZE) / sizeof (struct slot);
  struct slot_table *table = make_table (5000 * per_leaf);
  _Atomic uint32_t wake = 0;

  slot_table_set_wake (table, &wake);
  for (int round = 0; round < 2; round++) {
    for (uint64_t i = 0; i < 4096; i++) {
      set_slot (table, i * per_leaf, 1);
      clear_slot (table, i * per_leaf);
    }
    ck_assert_uint_eq (wake, 0);
    for (uint64_t i = 4096; i < 5000; i++) {
      set_slot (table, i * per_leaf, 1);
      clear_slot (table, i * per_leaf);
    }
    ck_assert_uint_eq (wake, 1);
    wake = 0;
    slot_table_shrink (table);
  }
  slot_table_destroy (table);
}

START_TEST (shrink_spares_a_borrowed_slot)
{
  const uint64_t n = 10000;
  struct slot_table *table = make_table (n);
  uint32_t flags;
  struct slot *slot = slot_borrow_new (table, 4321, &flags);

  ck_assert_ptr_nonnull (slot);
  slot->word = 77;
  slot_table_shrink (table);
  ck_assert_uint_eq (slot->word, 77);
  slot_return (table, 4321, slot, SLOT_SAME);
  must_be_set (table, 4321, 77);
  slot_table_destroy (table);
}

START_TEST (try_borrow_takes_only_what_is_there_and_free)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags, others;
  struct slot *slot;

  ck_assert_ptr_null (slot_try_borrow (table, 7, &flags));
  ck_assert_uint_eq (slot_table_next (table, 0, 1000), 1000);

  set_slot (table, 7, 70);
  slot = slot_try_borrow (table, 7, &flags);
  ck_assert_ptr_nonnull (slot);
  ck_assert_uint_eq (flags, SLOT_SAME);
  ck_assert_uint_eq (slot->word, 70);
  ck_assert_ptr_null (slot_try_borrow (table, 7, &others));

  /* Its neighbour is empty, but free. */
  slot_return (table, 7, slot, flags);
  slot = slot_try_borrow (table, 8, &flags);
  ck_assert_ptr_nonnull (slot);
  ck_assert_uint_eq (flags, 0);
  slot_return (table, 8, slot, flags);
  must_be_set (table, 7, 70);

  slot = slot_borrow (table, 7, &flags);
  ck_assert_ptr_null (slot_try_borrow (table, 7, &others));
  slot_return (table, 7, slot, flags);
  slot_table_destroy (table);
}

/* However often it was tried, in vain or not, the counts of what is used must
 * be as before: what is emptied then has no memory any more. */
START_TEST (try_borrow_keeps_the_counts)
{
  struct slot_table *table = make_table (1000);
  uint32_t flags, others;
  struct slot *slot;
  unsigned i;

  set_slot (table, 7, 70);
  for (i = 0; i < 100; ++i) {
    slot = slot_try_borrow (table, 7, &flags);
    must (slot != NULL);
    must (slot_try_borrow (table, 7, &others) == NULL);
    slot_return (table, 7, slot, flags);
    slot_table_shrink (table);
    must_be_set (table, 7, 70);
  }

  /* Emptied by whoever tried, or by another while it is tried in vain. */
  slot =
      _i ? slot_try_borrow (table, 7, &flags) : slot_borrow (table, 7, &flags);
  ck_assert_ptr_null (slot_try_borrow (table, 7, &others));
  slot->word = 0;
  slot_return (table, 7, slot, 0);
  slot_table_shrink (table);
  ck_assert_uint_eq (slot_table_next (table, 0, 1000), 1000);
  ck_assert_ptr_null (slot_try_borrow (table, 7, &flags));
  slot_table_destroy (table);
}

/* Borrow one slot in each MiB of the table until the system refuses; returns
 * where it did. */
static uint64_t
fill_until_refused (struct slot_table *table, uint64_t n)
{
  const uint64_t stride = (1 << 20) / sizeof (struct slot);
  uint32_t flags;
  struct slot *slot;
  uint64_t i;

  for (i = 0; i < n; i += stride) {
    slot = slot_borrow_new (table, i, &flags);
    if (slot == NULL)
      break;
    slot->word = i + 1;
    slot_return (table, i, slot, SLOT_SAME);
  }
  return i;
}

START_TEST (no_memory_is_an_answer)
{
  const uint64_t n = 1 << 28, stride = (1 << 20) / sizeof (struct slot);
  struct slot_table *table = make_table (n);
  uint64_t refused, i;
  uint32_t flags;

  memory_limit ((uint64_t) 256 << 20);
  refused = fill_until_refused (table, n);
  ck_assert_uint_lt (refused, n);
  ck_assert_ptr_null (slot_borrow (table, refused, &flags));
  for (i = 0; i < refused; i += stride)
    must_be_set (table, i, i + 1);
  memory_limit_lift ();
  set_slot (table, refused, 3);
  must_be_set (table, refused, 3);
  slot_table_destroy (table);
}

/* A populated table. */

static struct slot_table *
make_populated (uint64_t nr_slots)
{
  struct slot_table *table = make_table (nr_slots);

  ck_assert_int_eq (slot_table_populate (table), 0);
  return table;
}

START_TEST (a_populated_table_is_a_table)
{
  const uint64_t n = _i ? 100001 : 1;
  struct slot_table *table = make_populated (n);
  uint64_t i;

  ck_assert_uint_eq (slot_table_next (table, 0, n), n);
  for (i = 0; i < n; i += 3)
    set_slot (table, i, i + 1);
  for (i = 0; i < n; ++i)
    if (i % 3 == 0)
      must_be_set (table, i, i + 1);
    else
      must_be_empty (table, i);
  for (i = 0; i < n; ++i)
    must (slot_is_hole (table, i) == (i % 3 != 0));
  for (i = 0; i < n; ++i)
    clear_slot (table, i);
  slot_table_shrink (table);
  ck_assert_uint_eq (slot_table_next (table, 0, n), n);
  set_slot (table, n - 1, 5);
  must_be_set (table, n - 1, 5);
  slot_table_destroy (table);
}

/* How many faults it takes to set all slots, and to clear them again. */
static long
faults_of_filling (struct slot_table *table, uint64_t n)
{
  const long before = thread_faults ();
  uint64_t i;

  for (i = 0; i < n; ++i)
    set_slot (table, i, 9);
  for (i = 0; i < n; ++i)
    clear_slot (table, i);
  slot_table_shrink (table);
  return thread_faults () - before;
}

/* Nor the second time, so nothing has been given back. */
START_TEST (a_populated_table_takes_no_page_fault)
{
  const uint64_t n = 1000001, pages = n * sizeof (struct slot) / 65536;
  struct slot_table *table = make_table (n);
  uint64_t before;
  int round;

  ck_assert_int_ge (faults_of_filling (table, n), pages);
  ck_assert_int_ge (faults_of_filling (table, n), pages);
  slot_table_destroy (table);

  before = rss_bytes ();
  table = make_populated (n);
  for (round = 0; round < 3; ++round) {
    ck_assert_uint_ge (rss_bytes (), before + n * sizeof (struct slot));
    ck_assert_int_eq (faults_of_filling (table, n), 0);
  }
  slot_table_destroy (table);
}

START_TEST (without_memory_populate_says_so)
{
  struct slot_table *table = make_table (1 << 24);
  int r;

  memory_limit (1 << 20);
  r = slot_table_populate (table);
  memory_limit_lift ();
  ck_assert_int_eq (r, -ENOMEM);

  /* It is as before. */
  set_slot (table, 77, 3);
  must_be_set (table, 77, 3);
  slot_table_destroy (table);
}

int
main (void)
{
  Suite *suite = suite_create ("slottable");
  TCase *tc;

  tc = suite_case (suite, "one thread");
  tcase_add_test (tc, a_never_used_slot_has_no_memory);
  tcase_add_test (tc, a_new_slot_is_empty);
  tcase_add_loop_test (tc, first_and_last_slot_work, 0, NR_SIZES);
  tcase_add_test (tc, destroying_nothing_is_harmless);
  tcase_add_test (tc, holes_are_what_reads_as_zeros);
  tcase_add_test (tc, a_borrowed_slot_can_be_asked_about);
  tcase_add_test (tc, an_empty_slot_is_not_borrowed);
  tcase_add_test (tc, next_skips_what_has_no_memory);
  tcase_add_test (tc, allocated_slots_are_found);
  tcase_add_test (tc, a_look_finds_what_a_slot_holds);
  tcase_add_test (tc, shrink_keeps_what_is_allocated);
  tcase_add_test (tc, shrink_of_everything_leaves_nothing);
  tcase_add_test (tc, shrink_after_odd_ranges_keeps_neighbours);
  tcase_add_test (tc, many_emptied_leaves_wake_who_shrinks);
  tcase_add_test (tc, shrink_spares_a_borrowed_slot);
  tcase_add_test (tc, try_borrow_takes_only_what_is_there_and_free);
  tcase_add_loop_test (tc, try_borrow_keeps_the_counts, 0, 2);
  if (memory_can_be_limited ())
    tcase_add_test (tc, no_memory_is_an_answer);

  tc = suite_case (suite, "populated");
  tcase_add_loop_test (tc, a_populated_table_is_a_table, 0, 2);
  if (memory_can_be_limited ())
    tcase_add_test (tc, without_memory_populate_says_so);
  if (instrumented ())
    puts ("SKIP: a test of page faults: who watches takes some, too");
  else
    tcase_add_test (tc, a_populated_table_takes_no_page_fault);
  return suite_run (suite);
}
