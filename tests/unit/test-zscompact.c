/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction: what it gains, what it moves for that, what it must leave where
 * it is, and that nobody waits for it or is refused because of it.
 */
#include <config.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "slots.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

/* Who waits this long waits for what never comes. */
#define WATCHDOG_SECONDS 100

/* Objects that fill a zspage to its last byte: tags are 8 bytes, or none. */
struct kind {
  uint32_t len;
  unsigned per_zspage;
};

static const struct kind kinds[] = {{2040, 32}, {ZRAM_PAGE_SIZE, 16}};

#define NR_KINDS ((int) (sizeof kinds / sizeof kinds[0]))

/* N full zspages, one after the other. */
static void
make_full (struct slots *slots, unsigned n, const struct kind *kind)
{
  slots_make (slots, n * kind->per_zspage, 64 * MIB);
  for (unsigned i = 0; i < slots->count; i++) {
    ck_assert_int_eq (slots_put (slots, i, kind->len), 0);
    must_equal (slots_zspage (slots->slot[i].handle),
                slots_zspage (slots->slot[i - i % kind->per_zspage].handle));
  }
  ck_assert_uint_eq (slots_stats (slots).used, n * ZSPAGE);
}

/* Two zspages, the first with one free place, the second with one object: the
 * returned slot's.  So there is one zspage to be gained, by one move. */
static unsigned
make_nearly_one (struct slots *slots, const struct kind *kind)
{
  const unsigned lone = kind->per_zspage + kind->per_zspage / 2;

  make_full (slots, 2, kind);
  slots_drop (slots, 0);
  for (unsigned i = kind->per_zspage; i < slots->count; i++)
    if (i != lone)
      slots_drop (slots, i);
  return lone;
}

/* Compact, and look whether what that returns is what the pool counts, and what
 * it shrank by. */
static uint64_t
compact (struct slots *slots)
{
  const struct zs_pool_stats before = slots_stats (slots);
  const uint64_t pages = zs_compact (slots->pool, NULL);
  const struct zs_pool_stats after = slots_stats (slots);

  slots_check_all (slots);
  must_equal (after.pages_compacted - before.pages_compacted, pages);
  must_equal (before.used - after.used, pages * ZRAM_PAGE_SIZE);
  must_equal (after.live, before.live);
  return pages;
}

/* Real sizes, and others. */

static uint64_t
draw_raw_len (uint64_t *random)
{
  return zs_huge_size () +
         random_below (random, ZRAM_PAGE_SIZE + 1 - zs_huge_size ());
}

static uint64_t
draw_any_len (uint64_t *random)
{
  return random_below (random, 8) == 0
             ? 1 + random_below (random, ZS_MAX_ALLOC_SIZE)
             : draw_lz4_len (random);
}

struct sizes {
  uint64_t (*draw_len) (uint64_t *random);
  unsigned count;    /* of objects */
  unsigned permille; /* how much the pool may be over what was asked for */
  unsigned percent;  /* how much may be moved, of the least */
};

static const struct sizes all_sizes[] = {
    {draw_lz4_len, 50000, 50, 170},
    {draw_raw_len, 20000, 50, 110},
    {draw_any_len, 20000, 50, 300},
};

#define NR_SIZES ((int) (sizeof all_sizes / sizeof all_sizes[0]))

static void
fill_at_random (struct slots *slots, const struct sizes *sizes,
                uint64_t *random)
{
  slots_make (slots, (unsigned) scaled (sizes->count), 1024 * MIB);
  for (unsigned i = 0; i < slots->count; i++)
    must_equal (slots_put (slots, i, (uint32_t) sizes->draw_len (random)), 0);
}

static void
drop_at_random (struct slots *slots, unsigned percent, uint64_t *random)
{
  for (unsigned i = 0; i < slots->count; i++)
    if (random_below (random, 100) < percent)
      slots_drop (slots, i);
}

START_TEST (after_freeing_at_random_little_is_lost)
{
  const struct sizes *const sizes = &all_sizes[_i];
  uint64_t random = 5, bytes, used;
  struct slots slots;

  fill_at_random (&slots, sizes, &random);
  drop_at_random (&slots, 60, &random);
  bytes = slots_bytes (&slots);
  ck_assert_uint_gt (slots_stats (&slots).used, bytes * 2);
  ck_assert_uint_gt (compact (&slots), 0);
  used = slots_stats (&slots).used;
  printf ("compact: sizes %d: %llu KiB asked for, overhead %.1f %%, %llu "
          "moves\n",
          _i, (unsigned long long) bytes >> 10,
          (double) (used - bytes) * 100 / (double) bytes,
          (unsigned long long) slots.moved);
  ck_assert_uint_le (used, bytes + bytes * sizes->permille / 1000);
  slots_destroy (&slots);
}

/* What is left after that is as good as any pool: it can be used on, emptied,
 * and all of it goes. */
START_TEST (a_compacted_pool_works_on)
{
  const struct sizes *const sizes = &all_sizes[_i];
  uint64_t random = 6;
  struct slots slots;

  fill_at_random (&slots, sizes, &random);
  for (int round = 0; round < 3; round++) {
    drop_at_random (&slots, 60, &random);
    compact (&slots);
    for (unsigned i = 0; i < slots.count; i += 2)
      must_equal (slots_put (&slots, i, (uint32_t) sizes->draw_len (&random)),
                  0);
    slots_check_all (&slots);
  }
  drop_at_random (&slots, 100, &random);
  ck_assert_uint_eq (slots_stats (&slots).used, 0);
  ck_assert_uint_eq (slots_stats (&slots).live, 0);
  slots_destroy (&slots);
}

/* What is moved. */

static int
compare_uint64 (const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return x < y ? -1 : x > y;
}

/* What lives in the N emptiest zspages together. */
static uint64_t
emptiest_hold (const struct slots *slots, uint64_t n)
{
  uint64_t *const held = calloc (16384, sizeof *held);
  uint64_t sum = 0;

  ck_assert_ptr_nonnull (held);
  for (unsigned i = 0; i < slots->count; i++)
    if (slots->slot[i].handle) {
      must (slots_zspage (slots->slot[i].handle) < 16384);
      held[slots_zspage (slots->slot[i].handle)] +=
          zs_cost (slots->slot[i].len);
    }
  qsort (held, 16384, sizeof *held, compare_uint64);
  for (unsigned i = 0; i < 16384 && n > 0; i++)
    if (held[i] > 0) {
      sum += held[i];
      n--;
    }
  free (held);
  return sum;
}

/* The least that must be moved to gain so much is what the emptiest zspages
 * hold; more is moved where it cannot stay. */
START_TEST (little_more_than_the_least_is_moved)
{
  const struct sizes *const sizes = &all_sizes[_i / 3];
  const unsigned percent = 20 + 20 * (unsigned) (_i % 3);
  uint64_t random = 7, pages;
  struct slots slots, before;

  fill_at_random (&slots, sizes, &random);
  drop_at_random (&slots, percent, &random);
  before = slots;
  before.slot = malloc (slots.count * sizeof *before.slot);
  ck_assert_ptr_nonnull (before.slot);
  memcpy (before.slot, slots.slot, slots.count * sizeof *before.slot);
  pages = compact (&slots);
  const uint64_t least = emptiest_hold (&before, pages / 16);

  printf ("compact: sizes %d, %u %% free: moved %.2f of the least\n", _i / 3,
          percent, (double) slots.moved_bytes / (double) least);
  ck_assert_uint_le (slots.moved_bytes, least * sizes->percent / 100);
  free (before.slot);
  slots_destroy (&slots);
}

/* Ten zspages, of which zspage i has i + 1 objects: those with the fewest are
 * the ones that go. */
START_TEST (the_emptiest_go)
{
  const struct kind *const kind = &kinds[_i];
  const unsigned per = kind->per_zspage;
  struct slots slots;
  uint64_t moved = 0;

  make_full (&slots, 10, kind);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % per > i / per)
      slots_drop (&slots, i);
  /* They are 55: two zspages of 32, or four of 16. */
  compact (&slots);
  ck_assert_uint_eq (slots_stats (&slots).used, (55 + per - 1) / per * ZSPAGE);
  for (unsigned i = 0; i < 10 - (55 + per - 1) / per; i++)
    moved += i + 1;
  /* Some first went to one that was to go later: the more, the more often this
   * thread has been moved from one CPU to another, up to a quarter and more. */
  ck_assert_uint_ge (slots.moved, moved);
  ck_assert_uint_le (slots.moved, moved + moved / 2);
  slots_destroy (&slots);
}

START_TEST (nothing_to_gain_moves_nothing)
{
  const struct kind *const kind = &kinds[_i];
  struct slots slots;

  slots_make (&slots, 1, MIB);
  ck_assert_uint_eq (compact (&slots), 0);
  slots_destroy (&slots);

  /* Full; then with as many holes as are just too few; then with more, but
   * hardly any in each zspage. */
  make_full (&slots, 60, kind);
  ck_assert_uint_eq (compact (&slots), 0);
  for (unsigned i = 0; i < 60; i++) {
    slots_drop (&slots, i * kind->per_zspage);
    if (i == kind->per_zspage - 2)
      ck_assert_uint_eq (compact (&slots), 0);
  }
  ck_assert_uint_eq (compact (&slots), 0);
  ck_assert_uint_eq (slots.asked, 0);
  slots_destroy (&slots);
}

/* Holes that together are many zspages, but each too short for any object: two
 * or one to a zspage.  Whoever finds that out may move a few. */
static const uint32_t unfitting[] = {12000, 25000, ZS_MAX_ALLOC_SIZE};

START_TEST (holes_too_short_for_anything_move_little)
{
  struct slots slots;

  slots_make (&slots, 200, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (slots_put (&slots, i, unfitting[_i]), 0);
  ck_assert_uint_eq (compact (&slots), 0);
  ck_assert_uint_le (slots.moved, 10);
  slots_destroy (&slots);
}

/* Half of a zspage or nearly: those left alone in one can be put together, but
 * what that gains is no reason to move all the others from zspage to zspage. */
START_TEST (long_objects_are_not_moved_for_next_to_nothing)
{
  struct slots slots;

  slots_make (&slots, 4000, 512 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (slots_put (&slots, i, 30000), 0);
  for (unsigned i = 0; i < slots.count; i += 100)
    slots_drop (&slots, i);
  ck_assert_uint_gt (compact (&slots), 0);
  ck_assert_uint_le (slots.moved, slots.count / 10);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

START_TEST (a_second_run_finds_nothing_left)
{
  uint64_t random = 8, moved, used;
  struct slots slots;

  fill_at_random (&slots, &all_sizes[_i], &random);
  drop_at_random (&slots, 60, &random);
  compact (&slots);
  moved = slots.moved;
  used = slots_stats (&slots).used;
  compact (&slots);
  ck_assert_uint_le (slots.moved - moved, moved / 20);
  ck_assert_uint_le (slots_stats (&slots).used, used);
  slots_destroy (&slots);
}

/* What must stay. */

START_TEST (one_move_gains_a_zspage)
{
  struct slots slots;
  const unsigned lone = make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;

  ck_assert_uint_eq (compact (&slots), 16);
  ck_assert_uint_eq (slots.moved, 1);
  ck_assert_uint_eq (slots_stats (&slots).used, ZSPAGE);
  ck_assert_uint_ne (slots.slot[lone].handle, handle);
  slots_destroy (&slots);
}

/* A thread that has an object pinned until it is told to let go: compaction is
 * no business of a thread that holds one itself. */
struct pin {
  struct zs_pool *pool;
  uint64_t handle;
  const void *bytes;
  pthread_t thread;
  sem_t pinned;
  sem_t let_go;
};

static void *
pin_main (void *arg)
{
  struct pin *const pin = arg;

  pin->bytes = zs_obj_read_begin (pin->pool, pin->handle);
  sem_post (&pin->pinned);
  sem_wait (&pin->let_go);
  zs_obj_read_end (pin->pool, pin->handle);
  return NULL;
}

static void
pin_begin (struct pin *pin, struct zs_pool *pool, uint64_t handle)
{
  pin->pool = pool;
  pin->handle = handle;
  ck_assert_int_eq (sem_init (&pin->pinned, 0, 0), 0);
  ck_assert_int_eq (sem_init (&pin->let_go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&pin->thread, NULL, pin_main, pin), 0);
  sem_wait (&pin->pinned);
}

static void
pin_end (struct pin *pin)
{
  sem_post (&pin->let_go);
  pthread_join (pin->thread, NULL);
  sem_destroy (&pin->pinned);
  sem_destroy (&pin->let_go);
}

START_TEST (a_pinned_object_stays_until_it_is_not)
{
  struct slots slots;
  const unsigned lone = make_nearly_one (&slots, &kinds[_i]);
  const struct test_slot was = slots.slot[lone];
  struct pin pin;

  pin_begin (&pin, slots.pool, was.handle);
  ck_assert_uint_eq (compact (&slots), 0);
  ck_assert_uint_eq (slots.pinned, 1);
  ck_assert_uint_eq (slots.slot[lone].handle, was.handle);
  slots_must_be (&was, pin.bytes);
  pin_end (&pin);
  ck_assert_uint_eq (compact (&slots), 16);
  ck_assert_uint_eq (slots.moved, 1);
  slots_destroy (&slots);
}

START_TEST (the_last_of_several_pins_holds_too)
{
  struct slots slots;
  const unsigned lone = make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;
  struct pin pins[10];

  for (int i = 0; i < 10; i++)
    pin_begin (&pins[i], slots.pool, handle);
  for (int i = 0; i < 9; i++)
    pin_end (&pins[i]);
  ck_assert_uint_eq (compact (&slots), 0);
  ck_assert_uint_eq (slots.pinned, 1);
  pin_end (&pins[9]);
  ck_assert_uint_eq (compact (&slots), 16);
  slots_destroy (&slots);
}

START_TEST (a_locked_slot_is_skipped)
{
  struct slots slots;
  const unsigned lone = make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;

  pthread_mutex_lock (&slots.slot[lone].lock);
  ck_assert_uint_eq (zs_compact (slots.pool, NULL), 0);
  pthread_mutex_unlock (&slots.slot[lone].lock);
  slots_check_all (&slots);
  ck_assert_uint_eq (slots.locked, 1);
  ck_assert_uint_eq (slots.slot[lone].handle, handle);
  ck_assert_uint_eq (compact (&slots), 16);
  slots_destroy (&slots);
}

/* Its slot names nothing yet, or something else already. */
START_TEST (an_object_that_no_slot_names_is_skipped)
{
  struct slots slots;
  const unsigned lone = make_nearly_one (&slots, &kinds[_i % NR_KINDS]);
  struct test_slot *const slot = &slots.slot[lone];
  const uint64_t handle = slot->handle;

  slot->handle = _i < NR_KINDS ? 0 : slots.slot[1].handle;
  ck_assert_uint_eq (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_eq (slots.foreign, 1);
  ck_assert_uint_eq (slots.moved, 0);
  slot->handle = handle;
  slots_check_all (&slots);
  ck_assert_uint_eq (compact (&slots), 16);
  slots_destroy (&slots);
}

START_TEST (without_a_relocate_function_nothing_is_moved)
{
  struct slots slots;
  uint64_t used;

  make_nearly_one (&slots, &kinds[_i]);
  used = slots_stats (&slots).used;
  zs_pool_set_relocate (slots.pool, NULL, NULL);
  ck_assert_uint_eq (compact (&slots), 0);
  ck_assert_uint_eq (slots_stats (&slots).used, used);
  slots_destroy (&slots);
}

/* Ten zspages, a quarter full. */
static void
make_quarter_full (struct slots *slots, const struct kind *kind)
{
  make_full (slots, 10, kind);
  for (unsigned i = 0; i < slots->count; i++)
    if (i % 4)
      slots_drop (slots, i);
}

static void
stop_after_five (struct slots *slots, uint64_t owner, uint64_t from)
{
  _Atomic bool *const stop = slots->arg;

  (void) owner;
  (void) from;
  if (slots->asked == 5)
    *stop = true;
}

START_TEST (a_run_can_be_stopped)
{
  _Atomic bool stop = true;
  struct slots slots;

  make_quarter_full (&slots, &kinds[_i]);
  ck_assert_uint_eq (zs_compact (slots.pool, &stop), 0);
  ck_assert_uint_eq (slots.asked, 0);
  stop = false;
  slots.arg = &stop;
  slots.before = stop_after_five;
  zs_compact (slots.pool, &stop);
  ck_assert_uint_eq (slots.asked, 5);
  slots_check_all (&slots);
  stop = false;
  slots.before = NULL;
  ck_assert_uint_gt (zs_compact (slots.pool, &stop), 0);
  slots_check_all (&slots);
  ck_assert_uint_eq (slots_stats (&slots).used,
                     (slots_cost (&slots) + ZSPAGE - 1) / ZSPAGE * ZSPAGE);
  slots_destroy (&slots);
}

static void *
compact_too (void *arg)
{
  const struct slots *const slots = arg;

  must_equal (zs_compact (slots->pool, NULL), 0);
  return NULL;
}

static void
compact_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  pthread_t thread;

  (void) owner;
  (void) from;
  must_equal (pthread_create (&thread, NULL, compact_too, slots), 0);
  must_equal (pthread_join (thread, NULL), 0);
}

START_TEST (of_two_runs_at_once_one_does_nothing)
{
  struct slots slots;
  uint64_t asked;

  make_quarter_full (&slots, &kinds[_i]);
  slots.before = compact_beside;
  ck_assert_uint_gt (compact (&slots), 0);
  asked = slots.asked;
  ck_assert_uint_eq (slots.moved, asked);
  slots_destroy (&slots);
}

/* Others at the same time. */

/* Each time an object of a zspage is about to be moved, others of that zspage
 * are freed, and now and then it itself; of odd slots only. */
static void
free_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  unsigned freed = 0;

  for (unsigned i = 1; i < slots->count && freed < 2; i += 2)
    if (i != owner && slots->slot[i].handle &&
        slots_zspage (slots->slot[i].handle) == slots_zspage (from)) {
      slots_drop (slots, i);
      freed++;
    }
  if (owner % 6 == 3)
    slots_drop (slots, (unsigned) owner);
  slots_check (slots);
}

START_TEST (others_may_free_in_a_zspage_that_is_leaving)
{
  uint64_t random = (uint64_t) _i;
  struct slots slots;

  slots_make (&slots, 2000, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  drop_at_random (&slots, 60, &random);
  slots.before = free_beside;
  ck_assert_uint_gt (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_gt (slots.asked, 0);
  slots_check_all (&slots);
  slots.before = NULL;
  compact (&slots);
  drop_at_random (&slots, 100, &random);
  ck_assert_uint_eq (slots_stats (&slots).used, 0);
  slots_destroy (&slots);
}

/* The same, and what is leaving does not get empty: it goes on being used.  The
 * locks of some even slots are kept. */
static void
free_some_and_lock (struct slots *slots, uint64_t owner, uint64_t from)
{
  free_beside (slots, owner, from);
  /* ThreadSanitizer follows a thread with no more than 64 locks. */
  if (owner % 2 == 0 && slots->locked < 40)
    pthread_mutex_trylock (&slots->slot[owner].lock);
}

START_TEST (a_zspage_that_cannot_leave_is_whole_again)
{
  uint64_t random = (uint64_t) _i;
  struct slots slots;

  slots_make (&slots, 2000, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  drop_at_random (&slots, 60, &random);
  slots.before = free_some_and_lock;
  zs_compact (slots.pool, NULL);
  ck_assert_uint_gt (slots.locked, 0);
  slots_check (&slots);
  for (unsigned i = 0; i < slots.count; i++) {
    pthread_mutex_trylock (&slots.slot[i].lock);
    pthread_mutex_unlock (&slots.slot[i].lock);
  }
  slots_check_all (&slots);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* An allocation that finds no room because compaction has taken the room. */
struct refused {
  struct slots *slots;
  uint32_t len;
  sem_t go;
  _Atomic pid_t tid;
  int result;
  _Atomic bool answered;
  bool answered_in_time;
};

static void *
malloc_when_told (void *arg)
{
  struct refused *const refused = arg;
  uint64_t handle;

  sem_wait (&refused->go);
  refused->tid = (pid_t) syscall (SYS_gettid);
  refused->result = zs_malloc (refused->slots->pool, refused->len, 0, &handle);
  refused->answered = true;
  if (refused->result == 0)
    zs_free (refused->slots->pool, handle);
  return NULL;
}

/* Wait until thread TID of this process sleeps, or is gone. */
static void
wait_until_asleep (pid_t tid)
{
  char path[64], state = 0;

  snprintf (path, sizeof path, "/proc/self/task/%d/stat", (int) tid);
  while (state != 'S') {
    FILE *const fp = fopen (path, "r");

    if (!fp)
      return;
    if (fscanf (fp, "%*d (%*[^)]) %c", &state) != 1)
      state = 0;
    fclose (fp);
    sched_yield ();
  }
}

static void
malloc_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  struct refused *const refused = slots->arg;

  (void) owner;
  (void) from;
  sem_post (&refused->go);
  while (!refused->tid)
    sched_yield ();
  wait_until_asleep (refused->tid);
}

/* The last object of a zspage is being moved into the last place of the other,
 * so there is no place left; but then there is a zspage more to be had. */
static void
malloc_while_the_last_place_is_taken (bool no_memory)
{
  struct slots slots;
  struct refused refused = {.slots = &slots, .len = kinds[0].len};
  pthread_t thread;

  make_nearly_one (&slots, &kinds[0]);
  if (!no_memory)
    zs_pool_set_limit (slots.pool, 2 * ZSPAGE);
  ck_assert_int_eq (sem_init (&refused.go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, malloc_when_told, &refused),
                    0);
  slots.before = malloc_beside;
  slots.arg = &refused;
  if (no_memory)
    memory_limit (ZSPAGE / 2);
  zs_compact (slots.pool, NULL);
  pthread_join (thread, NULL);
  if (no_memory)
    memory_limit_lift ();
  ck_assert_uint_eq (slots.moved, 1);
  ck_assert_int_eq (refused.result, 0);
  slots_check_all (&slots);
  sem_destroy (&refused.go);
  slots_destroy (&slots);
}

START_TEST (the_limit_refuses_nothing_because_of_compaction)
{
  malloc_while_the_last_place_is_taken (false);
}

START_TEST (no_memory_refuses_nothing_because_of_compaction)
{
  malloc_while_the_last_place_is_taken (true);
}

/* Somebody begins to wait at the first move.  A quarter of all moves later the
 * answer is there, or on its way, or its thread still sleeps. */
static void
malloc_beside_then_look (struct slots *slots, uint64_t owner, uint64_t from)
{
  struct refused *const refused = slots->arg;

  if (!refused->tid)
    malloc_beside (slots, owner, from);
  if (slots->moved == 600) {
    wait_until_asleep (refused->tid);
    refused->answered_in_time = refused->answered;
  }
}

/* A long object, for which there is room as soon as any zspage has gone: that
 * is not to wait until three hundred have. */
START_TEST (who_waits_for_a_zspage_does_not_wait_for_all)
{
  struct slots slots;
  struct refused refused = {.slots = &slots, .len = 20000};
  pthread_t thread;

  make_full (&slots, 400, &kinds[0]);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % 4)
      slots_drop (&slots, i);
  zs_pool_set_limit (slots.pool, slots_stats (&slots).used);
  ck_assert_int_eq (sem_init (&refused.go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, malloc_when_told, &refused),
                    0);
  slots.before = malloc_beside_then_look;
  slots.arg = &refused;
  zs_compact (slots.pool, NULL);
  pthread_join (thread, NULL);
  ck_assert_int_eq (refused.result, 0);
  ck_assert_uint_gt (slots.moved, 600);
  ck_assert (refused.answered_in_time);
  slots_check_all (&slots);
  sem_destroy (&refused.go);
  slots_destroy (&slots);
}

/* One thread makes and frees in a pool at its limit what always has room, while
 * another compacts all the time. */
struct at_limit {
  struct slots slots;
  const struct kind *kind;
  _Atomic bool stop;
};

#define LIMIT_ZSPAGES 8

static void
churn_at_limit (struct at_limit *at)
{
  const unsigned live = at->slots.count;
  uint64_t random = 9, round;

  for (round = 0; round < scaled (100000); round++)
    must_equal (slots_put (&at->slots, (unsigned) random_below (&random, live),
                           at->kind->len),
                0);
}

static void
limit_main (void *arg, unsigned me)
{
  struct at_limit *const at = arg;

  if (me == 0) {
    churn_at_limit (at);
    at->stop = true;
  }
  while (!at->stop)
    zs_compact (at->slots.pool, NULL);
}

/* With so many zspages left over, from none but for the two objects that are on
 * their way to two and a half. */
START_TEST (at_the_limit_what_fits_is_not_refused)
{
  struct at_limit at = {.kind = &kinds[_i % NR_KINDS]};
  const unsigned per = at.kind->per_zspage;
  const unsigned free_places = _i < NR_KINDS ? 2 : 5 * per / 2;

  slots_make (&at.slots, LIMIT_ZSPAGES * per - free_places, 64 * MIB);
  zs_pool_set_limit (at.slots.pool, LIMIT_ZSPAGES * ZSPAGE);
  for (unsigned i = 0; i < at.slots.count; i++)
    must_equal (slots_put (&at.slots, i, at.kind->len), 0);
  threads_run (2, limit_main, &at);
  slots_check_all (&at.slots);
  ck_assert_uint_le (slots_stats (&at.slots).max_used, LIMIT_ZSPAGES * ZSPAGE);
  slots_destroy (&at.slots);
}

/* A pool at its limit can be compacted like any other. */
START_TEST (a_pool_at_its_limit_is_compacted)
{
  uint64_t random = 10, used;
  struct slots slots;

  fill_at_random (&slots, &all_sizes[_i], &random);
  drop_at_random (&slots, 60, &random);
  used = slots_stats (&slots).used;
  zs_pool_set_limit (slots.pool, used);
  ck_assert_uint_gt (compact (&slots), 0);
  ck_assert_uint_le (slots_stats (&slots).max_used, used * 3);
  ck_assert_uint_le (slots_stats (&slots).used,
                     slots_bytes (&slots) + slots_bytes (&slots) / 20);
  slots_destroy (&slots);
}

/* No memory for a zspage more.  Long objects, whose holes take nothing, and
 * what a random drop leaves of the usual ones. */
START_TEST (without_memory_everything_is_kept)
{
  uint64_t random = 11, used;
  struct slots slots;

  slots_make (&slots, 2000, 1024 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, _i ? 25000 : (uint32_t) draw_lz4_len (&random)),
        0);
  if (_i == 0)
    drop_at_random (&slots, 30, &random);
  used = slots_stats (&slots).used;
  memory_limit (0);
  zs_compact (slots.pool, NULL);
  memory_limit_lift ();
  ck_assert_uint_gt (slots.asked + (unsigned) _i, 0);
  ck_assert_uint_le (slots_stats (&slots).used, used);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* A reader who sleeps. */
struct sleeper {
  struct slots slots;
  unsigned slot;
  bool keeps_lock;
  sem_t asleep;
  sem_t all_done;
};

/* Sleeps until all the others are done: if one of them waits for this reader,
 * the watchdog barks. */
static void
sleep_while_reading (struct sleeper *sleeper)
{
  struct test_slot *const slot = &sleeper->slots.slot[sleeper->slot];
  struct timespec end;
  const void *bytes;

  pthread_mutex_lock (&slot->lock);
  const uint64_t handle = slot->handle;
  bytes = zs_obj_read_begin (sleeper->slots.pool, handle);
  if (!sleeper->keeps_lock)
    pthread_mutex_unlock (&slot->lock);
  sem_post (&sleeper->asleep);
  clock_gettime (CLOCK_REALTIME, &end);
  end.tv_sec += WATCHDOG_SECONDS;
  must_equal (sem_timedwait (&sleeper->all_done, &end), 0);
  must_equal (slot->handle, handle);
  slots_must_be (slot, bytes);
  zs_obj_read_end (sleeper->slots.pool, handle);
  if (sleeper->keeps_lock)
    pthread_mutex_unlock (&slot->lock);
}

/* All that others do with the pool, beside the reader's object and around it.
 */
static void
use_the_pool (struct sleeper *sleeper)
{
  struct slots *const slots = &sleeper->slots;
  uint64_t random = 12;

  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot)
      slots_read (slots, i);
  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot && random_below (&random, 100) < 60)
      slots_drop (slots, i);
  must (zs_compact (slots->pool, NULL) > 0);
  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot)
      must_equal (slots_put (slots, i, (uint32_t) draw_lz4_len (&random)), 0);
  slots_check (slots);
}

static void
sleeper_main (void *arg, unsigned me)
{
  struct sleeper *const sleeper = arg;

  if (me == 0)
    sleep_while_reading (sleeper);
  else {
    sem_wait (&sleeper->asleep);
    use_the_pool (sleeper);
    sem_post (&sleeper->all_done);
  }
}

START_TEST (a_reader_asleep_holds_up_nobody)
{
  struct sleeper sleeper = {.keeps_lock = _i % 2};
  uint64_t random = 13;

  slots_make (&sleeper.slots, (unsigned) scaled (10000), 64 * MIB);
  for (unsigned i = 0; i < sleeper.slots.count; i++)
    must_equal (
        slots_put (&sleeper.slots, i, (uint32_t) draw_lz4_len (&random)), 0);
  sleeper.slot = sleeper.slots.count / 2;
  must_equal (
      slots_put (&sleeper.slots, sleeper.slot, _i / 2 ? ZRAM_PAGE_SIZE : 1000),
      0);
  ck_assert_int_eq (sem_init (&sleeper.asleep, 0, 0), 0);
  ck_assert_int_eq (sem_init (&sleeper.all_done, 0, 0), 0);
  threads_run (2, sleeper_main, &sleeper);
  slots_check_all (&sleeper.slots);
  slots_destroy (&sleeper.slots);
}

static void
add_gain (Suite *suite)
{
  TCase *tc = suite_case (suite, "what is gained and moved");

  tcase_add_loop_test (tc, after_freeing_at_random_little_is_lost, 0, NR_SIZES);
  tcase_add_loop_test (tc, a_compacted_pool_works_on, 0, NR_SIZES);
  tcase_add_loop_test (tc, little_more_than_the_least_is_moved, 0,
                       3 * NR_SIZES);
  tcase_add_loop_test (tc, the_emptiest_go, 0, NR_KINDS);
  tcase_add_loop_test (tc, nothing_to_gain_moves_nothing, 0, NR_KINDS);
  tcase_add_loop_test (tc, holes_too_short_for_anything_move_little, 0, 3);
  tcase_add_test (tc, long_objects_are_not_moved_for_next_to_nothing);
  tcase_add_loop_test (tc, a_second_run_finds_nothing_left, 0, NR_SIZES);
}

static void
add_stay (Suite *suite)
{
  TCase *tc = suite_case (suite, "what stays");

  tcase_add_loop_test (tc, one_move_gains_a_zspage, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_pinned_object_stays_until_it_is_not, 0, NR_KINDS);
  tcase_add_loop_test (tc, the_last_of_several_pins_holds_too, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_locked_slot_is_skipped, 0, NR_KINDS);
  tcase_add_loop_test (tc, an_object_that_no_slot_names_is_skipped, 0,
                       2 * NR_KINDS);
  tcase_add_loop_test (tc, without_a_relocate_function_nothing_is_moved, 0,
                       NR_KINDS);
  tcase_add_loop_test (tc, a_run_can_be_stopped, 0, NR_KINDS);
  tcase_add_loop_test (tc, of_two_runs_at_once_one_does_nothing, 0, NR_KINDS);
}

static void
add_others (Suite *suite)
{
  TCase *tc = suite_case (suite, "others at the same time");

  tcase_add_loop_test (tc, others_may_free_in_a_zspage_that_is_leaving, 0,
                       NR_SIZES);
  tcase_add_loop_test (tc, a_zspage_that_cannot_leave_is_whole_again, 0,
                       NR_SIZES);
  tcase_add_test (tc, the_limit_refuses_nothing_because_of_compaction);
  tcase_add_test (tc, who_waits_for_a_zspage_does_not_wait_for_all);
  tcase_add_loop_test (tc, at_the_limit_what_fits_is_not_refused, 0,
                       2 * NR_KINDS);
  tcase_add_loop_test (tc, a_pool_at_its_limit_is_compacted, 0, NR_SIZES);
  tcase_add_loop_test (tc, a_reader_asleep_holds_up_nobody, 0, 4);
  if (memory_can_be_limited ()) {
    tcase_add_test (tc, no_memory_refuses_nothing_because_of_compaction);
    tcase_add_loop_test (tc, without_memory_everything_is_kept, 0, 2);
  }
}

int
main (void)
{
  Suite *suite = suite_create ("zscompact");

  add_gain (suite);
  add_stay (suite);
  add_others (suite);
  return suite_run (suite);
}
