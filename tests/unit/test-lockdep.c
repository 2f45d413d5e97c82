/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock-order checker: every forbidden order aborts, every allowed one does
 * not, by the bare calls and through the real locks.
 *
 * Only a build with --enable-debug has the checker.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "lockdep.h"
#include "page.h"
#include "slotlock.h"
#include "slottable.h"
#include "unit.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* Two devices, as the checker knows them. */
static const char device_a, device_b;

struct order {
  enum lock_class held;
  enum lock_class wanted;
};

/* Pair NR of those that the order forbids, or of those that it allows. */
static struct order
order_nr (int nr, bool forbidden)
{
  struct order order;
  int held, wanted;

  for (held = 0; held < LOCK_CLASSES; ++held)
    for (wanted = 0; wanted < LOCK_CLASSES; ++wanted)
      if ((held >= wanted) == forbidden && nr-- == 0) {
        order.held = (enum lock_class) held;
        order.wanted = (enum lock_class) wanted;
        return order;
      }
  ck_abort_msg ("there is no such pair");
}

#define NR_FORBIDDEN (LOCK_CLASSES * (LOCK_CLASSES + 1) / 2)
#define NR_ALLOWED   (LOCK_CLASSES * (LOCK_CLASSES - 1) / 2)

/* A violation prints one line, so that it is not lost among others. */
static void
must_abort_saying_why (void (*fn) (const void *arg), const void *arg)
{
  char output[4096];
  const char *end;

  must_abort (fn, arg, output, sizeof output);
  ck_assert_msg (strncmp (output, "lockdep: ", 9) == 0, "it says: %s", output);
  end = strchr (output, '\n');
  ck_assert_msg (end && end[1] == '\0', "it says: %s", output);
}

static void
take_two (const void *arg)
{
  const struct order *order = arg;

  lockdep_acquire (&device_a, order->held);
  abort_is_next ();
  lockdep_acquire (&device_a, order->wanted);
}

START_TEST (forbidden_order_aborts)
{
  const struct order order = order_nr (_i, true);

  must_abort_saying_why (take_two, &order);
}

/* A lock that was tried for is held like any other. */
static void
try_then_take (const void *arg)
{
  const struct order *order = arg;

  lockdep_acquired_try (&device_a, order->held);
  abort_is_next ();
  lockdep_acquire (&device_a, order->wanted);
}

START_TEST (forbidden_order_after_trylock_aborts)
{
  const struct order order = order_nr (_i, true);

  must_abort_saying_why (try_then_take, &order);
}

START_TEST (allowed_order_passes)
{
  const struct order order = order_nr (_i, false);

  lockdep_acquire (&device_a, order.held);
  lockdep_acquire (&device_a, order.wanted);
  lockdep_assert_held (&device_a, order.held);
  lockdep_assert_held (&device_a, order.wanted);
  lockdep_release (&device_a, order.wanted);
  lockdep_release (&device_a, order.held);

  /* Not only in the reverse order may they be let go. */
  lockdep_acquire (&device_a, order.held);
  lockdep_acquire (&device_a, order.wanted);
  lockdep_release (&device_a, order.held);
  lockdep_release (&device_a, order.wanted);

  /* Nothing is held any more, so the reverse is no violation either. */
  lockdep_acquire (&device_a, order.wanted);
  lockdep_release (&device_a, order.wanted);
  lockdep_acquire (&device_a, order.held);
  lockdep_release (&device_a, order.held);
}

START_TEST (all_classes_in_order_pass)
{
  int class;

  for (class = 0; class < LOCK_CLASSES; ++class)
    lockdep_acquire (&device_a, (enum lock_class) class);
  for (class = 0; class < LOCK_CLASSES; ++class)
    lockdep_assert_held (&device_a, (enum lock_class) class);
  for (class = 0; class < LOCK_CLASSES; ++class)
    lockdep_release (&device_a, (enum lock_class) class);
}

START_TEST (trylock_is_exempt)
{
  const struct order order = order_nr (_i, true);

  lockdep_acquire (&device_a, order.held);
  lockdep_acquired_try (&device_a, order.wanted);
  lockdep_assert_held (&device_a, order.wanted);
  lockdep_release (&device_a, order.wanted);
  lockdep_release (&device_a, order.held);
}

START_TEST (devices_are_independent)
{
  const struct order order = order_nr (_i, true);

  lockdep_acquire (&device_a, order.held);
  lockdep_acquire (&device_b, order.wanted);
  lockdep_assert_held (&device_b, order.wanted);
  lockdep_release (&device_a, order.held);
  lockdep_release (&device_b, order.wanted);
}

static void
take_one (void *arg, unsigned me)
{
  (void) me;
  lockdep_acquire (arg, LOCK_DEVICE);
  lockdep_release (arg, LOCK_DEVICE);
}

START_TEST (threads_are_independent)
{
  lockdep_acquire (&device_a, LOCK_ZSPAGE);
  threads_run (1, take_one, (void *) &device_a);
  lockdep_release (&device_a, LOCK_ZSPAGE);
}

static void
release_unheld (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_a, LOCK_STREAM);
  lockdep_release (&device_a, LOCK_STREAM);
  abort_is_next ();
  lockdep_release (&device_a, LOCK_STREAM);
}

static void
release_of_other_device (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_a, LOCK_SLOT);
  abort_is_next ();
  lockdep_release (&device_b, LOCK_SLOT);
}

static void
release_of_other_class (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_a, LOCK_SLOT);
  abort_is_next ();
  lockdep_release (&device_a, LOCK_STREAM);
}

START_TEST (release_of_what_is_not_held_aborts)
{
  must_abort_saying_why (release_unheld, NULL);
  must_abort_saying_why (release_of_other_device, NULL);
  must_abort_saying_why (release_of_other_class, NULL);
}

static void
sleep_under_shard (const void *device)
{
  lockdep_acquire (device, LOCK_SHARD);
  abort_is_next ();
  lockdep_may_sleep ();
}

START_TEST (sleep_under_a_shard_lock_aborts)
{
  must_abort_saying_why (sleep_under_shard, &device_a);
  must_abort_saying_why (sleep_under_shard, &device_b);
}

START_TEST (sleep_under_other_locks_passes)
{
  int class;

  lockdep_may_sleep ();
  for (class = 0; class < LOCK_CLASSES; ++class)
    if (class != LOCK_SHARD) {
      lockdep_acquire (&device_a, (enum lock_class) class);
      lockdep_may_sleep ();
    }
  lockdep_acquire (&device_b, LOCK_SHARD);
  lockdep_release (&device_b, LOCK_SHARD);
  lockdep_may_sleep ();
  for (class = 0; class < LOCK_CLASSES; ++class)
    if (class != LOCK_SHARD)
      lockdep_release (&device_a, (enum lock_class) class);
}

static void
assert_unheld (const void *arg)
{
  (void) arg;
  abort_is_next ();
  lockdep_assert_held (&device_a, LOCK_SLOT);
}

static void
assert_held_of_other_device (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_b, LOCK_SLOT);
  abort_is_next ();
  lockdep_assert_held (&device_a, LOCK_SLOT);
}

static void
assert_held_of_other_class (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_a, LOCK_DEVICE);
  abort_is_next ();
  lockdep_assert_held (&device_a, LOCK_SLOT);
}

START_TEST (assert_held_aborts_unless_held)
{
  must_abort_saying_why (assert_unheld, NULL);
  must_abort_saying_why (assert_held_of_other_device, NULL);
  must_abort_saying_why (assert_held_of_other_class, NULL);
}

/* The real locks of device A.  zstd is the algorithm that needs a stream to
 * decompress, too. */
static struct slot_table *table;
static struct zcomp *comp;
static struct zs_pool *pool;
static uint64_t object;
static uint32_t flags;

static void
make_device (void)
{
  ck_assert_int_eq (slot_table_create (&table, 16, &device_a), 0);
  ck_assert_int_eq (
      zcomp_create (&comp, zcomp_backend_find ("zstd"), NULL, 2, &device_a), 0);
  ck_assert_int_eq (zcomp_prepare (comp), 0);
  ck_assert_int_eq (zs_pool_create (&pool, 1 << 20, &device_a), 0);
  ck_assert_int_eq (zs_malloc (pool, 100, 0, &object), 0);
}

static void
destroy_device (void)
{
  zs_free (pool, object);
  zs_pool_destroy (pool);
  zcomp_destroy (comp);
  slot_table_destroy (table);
}

static void
slot_while_holding_slot (const void *arg)
{
  (void) arg;
  slot_borrow_new (table, 1, &flags);
  abort_is_next ();
  slot_borrow_new (table, 2, &flags);
}

static void
slot_while_holding_stream (const void *arg)
{
  (void) arg;
  zcomp_stream_get (comp, ZCOMP_COMPRESS);
  abort_is_next ();
  slot_borrow_new (table, 1, &flags);
}

static void
slot_while_pinning (const void *arg)
{
  (void) arg;
  zs_obj_read_begin (pool, object);
  abort_is_next ();
  slot_borrow_new (table, 1, &flags);
}

static void
stream_while_holding_stream (const void *arg)
{
  (void) arg;
  zcomp_stream_get (comp, ZCOMP_COMPRESS);
  abort_is_next ();
  zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
}

static void
stream_while_pinning (const void *arg)
{
  (void) arg;
  zs_obj_read_begin (pool, object);
  abort_is_next ();
  zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
}

static void
malloc_while_pinning (const void *arg)
{
  uint64_t other;

  (void) arg;
  zs_obj_read_begin (pool, object);
  abort_is_next ();
  zs_malloc (pool, 100, 0, &other);
}

static void
pin_while_pinning (const void *arg)
{
  uint64_t other;

  (void) arg;
  zs_malloc (pool, 100, 0, &other);
  zs_obj_read_begin (pool, object);
  abort_is_next ();
  zs_obj_read_begin (pool, other);
}

static bool
relocate_nothing (void *arg, uint64_t owner, uint64_t from, uint64_t to)
{
  (void) arg;
  (void) owner;
  (void) from;
  (void) to;
  return false;
}

/* Even in a pool where there is something to move. */
static void
compact_while_pinning (const void *arg)
{
  uint64_t handles[1000];

  (void) arg;
  zs_pool_set_relocate (pool, relocate_nothing, NULL);
  for (int i = 0; i < 1000; ++i)
    zs_malloc (pool, 1000, 0, &handles[i]);
  for (int i = 0; i < 1000; i += 2)
    zs_free (pool, handles[i]);
  zs_obj_read_begin (pool, object);
  abort_is_next ();
  zs_compact (pool, NULL);
}

static void
compact_while_holding_shard (const void *arg)
{
  (void) arg;
  zs_pool_set_relocate (pool, relocate_nothing, NULL);
  lockdep_acquire (&device_b, LOCK_SHARD);
  abort_is_next ();
  zs_compact (pool, NULL);
}

static void
slot_lock_while_holding_slot (const void *arg)
{
  static struct slot one, two;

  (void) arg;
  slot_lock (&device_a, &one);
  abort_is_next ();
  slot_lock (&device_a, &two);
}

/* Every call of zcomp may sleep, whatever device the shard lock is of. */
static void
stream_while_holding_shard (const void *arg)
{
  (void) arg;
  lockdep_acquire (&device_b, LOCK_SHARD);
  abort_is_next ();
  zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
}

static void
compress_while_holding_shard (const void *arg)
{
  struct zcomp_stream *stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  char page[ZRAM_PAGE_SIZE] = "", out[ZRAM_PAGE_SIZE];
  size_t len;

  (void) arg;
  lockdep_acquire (&device_b, LOCK_SHARD);
  abort_is_next ();
  zcomp_compress (stream, page, out, sizeof out, &len);
}

static void
decompress_while_holding_shard (const void *arg)
{
  struct zcomp_stream *stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  char in[16] = "", page[ZRAM_PAGE_SIZE];

  (void) arg;
  lockdep_acquire (&device_b, LOCK_SHARD);
  abort_is_next ();
  zcomp_decompress (stream, in, sizeof in, page);
}

static void (*const real_violations[]) (const void *arg) = {
    slot_while_holding_slot,
    slot_while_holding_stream,
    slot_while_pinning,
    stream_while_holding_stream,
    stream_while_pinning,
    malloc_while_pinning,
    pin_while_pinning,
    compact_while_pinning,
    compact_while_holding_shard,
    slot_lock_while_holding_slot,
    stream_while_holding_shard,
    compress_while_holding_shard,
    decompress_while_holding_shard,
};

#define NR_REAL_VIOLATIONS \
  ((int) (sizeof real_violations / sizeof real_violations[0]))

START_TEST (real_violation_aborts)
{
  make_device ();
  must_abort_saying_why (real_violations[_i], NULL);
  destroy_device ();
}

START_TEST (real_locks_in_order_pass)
{
  struct zcomp_stream *stream;
  struct slot *slot;
  uint64_t other;

  make_device ();
  slot = slot_borrow_new (table, 1, &flags);
  ck_assert_ptr_nonnull (slot);
  ck_assert_int_eq (zs_malloc (pool, 100, 1, &other), 0);
  stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  ck_assert_ptr_nonnull (zs_obj_read_begin (pool, object));
  zs_obj_read_end (pool, object);
  zcomp_stream_put (stream);
  zs_free (pool, other);
  slot_return (table, 1, slot, 0);
  destroy_device ();
}

START_TEST (real_locks_of_two_devices_pass)
{
  static struct slot slot;
  struct zcomp_stream *stream;

  make_device ();
  stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  ck_assert_uint_eq (slot_lock (&device_b, &slot), 0);
  slot_unlock (&device_b, &slot, 0);
  zcomp_stream_put (stream);
  destroy_device ();
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (!ZRAM_DEBUG)
    return skip ("the lock-order checker needs configure --enable-debug");
  suite = suite_create ("lockdep");
  tc = suite_case (suite, "order");
  tcase_add_loop_test (tc, forbidden_order_aborts, 0, NR_FORBIDDEN);
  tcase_add_loop_test (tc, forbidden_order_after_trylock_aborts, 0,
                       NR_FORBIDDEN);
  tcase_add_loop_test (tc, allowed_order_passes, 0, NR_ALLOWED);
  tcase_add_test (tc, all_classes_in_order_pass);
  tcase_add_loop_test (tc, trylock_is_exempt, 0, NR_FORBIDDEN);
  tcase_add_loop_test (tc, devices_are_independent, 0, NR_FORBIDDEN);
  tcase_add_test (tc, threads_are_independent);

  tc = suite_case (suite, "other rules");
  tcase_add_test (tc, release_of_what_is_not_held_aborts);
  tcase_add_test (tc, sleep_under_a_shard_lock_aborts);
  tcase_add_test (tc, sleep_under_other_locks_passes);
  tcase_add_test (tc, assert_held_aborts_unless_held);

  tc = suite_case (suite, "real locks");
  tcase_add_loop_test (tc, real_violation_aborts, 0, NR_REAL_VIOLATIONS);
  tcase_add_test (tc, real_locks_in_order_pass);
  tcase_add_test (tc, real_locks_of_two_devices_pass);
  return suite_run (suite);
}
