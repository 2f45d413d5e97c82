/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot table.
 *
 * Problem.  The kernel's zram allocates sixteen bytes for every page of the
 * disk when its size is set: 4 GiB for 1 TiB, before a byte is stored, and none
 * of it comes back when the pages are discarded.
 *
 * Idea.  The table is one reserved run of addresses.  A leaf is what lies in
 * one page of memory, 256 slots or 1 MiB of disk.  Beside the table stands one
 * word for each leaf, which counts the slots in it that are allocated or
 * borrowed:
 *
 *   leaves   [ 0 | 3 | 0 | 0 | 256 | 0 | 1 ... ]     4 bytes each
 *                  |           |         |
 *   table    - - -[leaf]- - -[leaf]- - -[leaf]- -    4 KiB each, 0: no memory
 *
 * Count 0: the leaf's slots are empty, and nobody needs to look.  That makes a
 * read of a never-written place, a trim of a terabyte and a map of the disk
 * cheap.  Whoever takes a count to 0 marks the step that the leaf is in (below)
 * and goes on; its memory goes back when somebody shrinks the table, who has
 * the time, and finds neighbours that go together.
 *
 * Invariants:
 *   - a slot is borrowed, or allocated, only in a leaf whose count says so;
 *   - LEAF_TOUCHED is set before the first slot of a leaf is borrowed, and is
 *     cleared when its memory has been given back;
 *   - while LEAF_SHRINKING is set, the count is 0 and stays so: whoever wants a
 *     new slot of the leaf sets LEAF_WAITERS and sleeps until its memory has
 *     been given back.
 *
 * Table and leaf counts are opened to writing in steps (vmem.h), far fewer than
 * the mappings that a process may have.  The counts can be read from the start:
 * those that nobody has written are 0.
 */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler.h"
#include "futex.h"
#include "slotlock.h"
#include "slottable.h"
#include "vmem.h"

#define LEAF_SHRINKING (1U << 31)
#define LEAF_TOUCHED   (1U << 30)
#define LEAF_WAITERS   (1U << 29)
#define LEAF_COUNT     (LEAF_WAITERS - 1)

/* A step is at least 2 MiB, what one page-table page maps. */
#define MIN_STEP_SHIFT 21
#define MAX_STEPS      4096

/* More leaves than that, 16 MiB, are not left to wait: writes that are refused
 * in all places of a large disk would come to any number of them. */
#define MANY_EMPTIED 4096

struct slot_table {
  const void *domain;
  struct slot *slots;
  _Atomic uint32_t *leaves;
  size_t slots_size;   /* bytes */
  size_t leaves_size;  /* bytes */
  unsigned leaf_shift; /* log2 of the slots in a leaf */
  unsigned step_shift; /* log2 of the bytes of "slots" in a step */
  bool populated;      /* all memory is there, and stays */
  _Atomic bool opened[MAX_STEPS];

  /* What has been emptied since the table was last shrunk. */
  _Atomic bool emptied[MAX_STEPS]; /* steps with such leaves */
  _Atomic uint32_t nr_emptied;     /* leaves, or how often */
  _Atomic uint32_t *wake;          /* of who shrinks it; may be NULL */
};

static unsigned
log2_of (size_t power_of_two)
{
  return (unsigned) __builtin_ctzll (power_of_two);
}

static size_t
round_up (size_t n, size_t unit)
{
  return (n + unit - 1) / unit * unit;
}

static int
reserve_table (struct slot_table *table, uint64_t nr_slots)
{
  const size_t page = (size_t) getpagesize ();
  size_t nr_leaves;

  table->slots_size = round_up (nr_slots * sizeof (struct slot), page);
  table->leaf_shift = log2_of (page / sizeof (struct slot));
  table->step_shift = MIN_STEP_SHIFT;
  while (table->slots_size >> table->step_shift >= MAX_STEPS)
    table->step_shift++;
  nr_leaves = table->slots_size / page;
  table->leaves_size = round_up (nr_leaves * sizeof *table->leaves, page);

  table->slots = vmem_reserve (table->slots_size);
  table->leaves = vmem_reserve (table->leaves_size);
  if (!table->slots || !table->leaves)
    return -ENOMEM;
  return vmem_open_reading (table->leaves, table->leaves_size);
}

int
slot_table_create (struct slot_table **tablep, uint64_t nr_slots,
                   const void *domain)
{
  struct slot_table *const table = calloc (1, sizeof *table);
  int r;

  if (!table)
    return -ENOMEM;
  table->domain = domain;
  r = reserve_table (table, nr_slots);
  if (r < 0) {
    slot_table_destroy (table);
    return r;
  }
  *tablep = table;
  return 0;
}

int
slot_table_populate (struct slot_table *table)
{
  int r = vmem_open (table->slots, table->slots_size);

  if (r == 0)
    r = vmem_populate (table->slots, table->slots_size);
  if (r == 0)
    r = vmem_open (table->leaves, table->leaves_size);
  if (r == 0)
    r = vmem_populate (table->leaves, table->leaves_size);
  if (r < 0)
    return r;
  for (unsigned i = 0; i < MAX_STEPS; i++)
    table->opened[i] = true;
  table->populated = true;
  return 0;
}

void
slot_table_destroy (struct slot_table *table)
{
  if (!table)
    return;
  vmem_release (table->slots, table->slots_size);
  vmem_release (table->leaves, table->leaves_size);
  free (table);
}

/* Bytes of slots in a leaf: the host's page size. */
static size_t
leaf_size (const struct slot_table *table)
{
  return sizeof (struct slot) << table->leaf_shift;
}

static inline _Atomic uint32_t *
leaf_of (const struct slot_table *table, uint64_t index)
{
  return &table->leaves[index >> table->leaf_shift];
}

/* Is any of the leaf's slots allocated or borrowed?  Or else there may be no
 * memory behind it. */
static inline bool
leaf_in_use (const struct slot_table *table, uint64_t index)
{
  return atomic_load_explicit (leaf_of (table, index), memory_order_relaxed) &
         LEAF_COUNT;
}

/* The flags of a slot that the caller has not borrowed. */
static inline uint32_t
flags_seen (const struct slot *slot)
{
  return atomic_load_explicit (&slot->flags, memory_order_relaxed) &
         ~(SLOT_LOCKED | SLOT_WAITERS);
}

static ZRAM_NOINLINE uint32_t
wait_for_shrink (_Atomic uint32_t *leaf, uint32_t seen)
{
  if (seen & LEAF_WAITERS || atomic_compare_exchange_strong_explicit (
                                 leaf, &seen, seen | LEAF_WAITERS,
                                 memory_order_relaxed, memory_order_relaxed))
    futex_wait (leaf, seen | LEAF_WAITERS);
  return atomic_load_explicit (leaf, memory_order_relaxed);
}

/* Count one more user of LEAF, which SEEN is about, and set LEAF_TOUCHED;
 * unless the count is 0 and must not be. */
static inline bool
enter_leaf (_Atomic uint32_t *leaf, uint32_t seen, bool may_be_empty)
{
  for (;;) {
    if (unlikely (seen & LEAF_SHRINKING)) {
      if (!may_be_empty)
        return false;
      seen = wait_for_shrink (leaf, seen);
    }
    else if (!(seen & LEAF_COUNT) && !may_be_empty)
      return false;
    else if (likely (atomic_compare_exchange_weak_explicit (
                 leaf, &seen, (seen + 1) | LEAF_TOUCHED, memory_order_acquire,
                 memory_order_relaxed)))
      return true;
  }
}

static inline size_t
step_of (const struct slot_table *table, uint64_t index)
{
  return (index * sizeof (struct slot)) >> table->step_shift;
}

/* By an exchange, whatever the mark was: who shrinks either sees the count that
 * came before it, or leaves the mark. */
static ZRAM_NOINLINE void
mark_emptied (struct slot_table *table, uint64_t index)
{
  atomic_exchange_explicit (&table->emptied[step_of (table, index)], true,
                            memory_order_acq_rel);
  if (atomic_fetch_add_explicit (&table->nr_emptied, 1, memory_order_relaxed) >=
          MANY_EMPTIED &&
      table->wake)
    futex_tell (table->wake);
}

/* So many users less of the leaf that slot INDEX is in. */
static inline void
leave_leaf (struct slot_table *table, uint64_t index, uint32_t users)
{
  const uint32_t old = atomic_fetch_sub_explicit (leaf_of (table, index), users,
                                                  memory_order_release);

  if (unlikely ((old & LEAF_COUNT) == users))
    mark_emptied (table, index);
}

/* A trim and a read of what is empty come by many such slots, in leaves that
 * are in use for one that is not: they are only looked at. */
struct slot *
slot_borrow (struct slot_table *table, uint64_t index, uint32_t *flags)
{
  _Atomic uint32_t *const leaf = leaf_of (table, index);
  const uint32_t seen = atomic_load_explicit (leaf, memory_order_relaxed);

  if (!(seen & LEAF_COUNT) ||
      !slot_allocated (flags_seen (&table->slots[index])) ||
      !enter_leaf (leaf, seen, false))
    return NULL;
  *flags = slot_lock (table->domain, &table->slots[index]);
  return &table->slots[index];
}

struct slot *
slot_try_borrow (struct slot_table *table, uint64_t index, uint32_t *flags)
{
  _Atomic uint32_t *const leaf = leaf_of (table, index);

  if (!enter_leaf (leaf, atomic_load_explicit (leaf, memory_order_relaxed),
                   false))
    return NULL;
  if (slot_trylock (table->domain, &table->slots[index], flags))
    return &table->slots[index];
  leave_leaf (table, index, 1);
  return NULL;
}

/* Open the part of SIZE bytes at START that begins at byte FIRST and is STEP
 * long, or less at the end. */
static int
open_part (void *start, size_t size, size_t first, size_t step)
{
  const size_t left = size - first;

  return vmem_open ((char *) start + first, left < step ? left : step);
}

/* Two threads may open a step at once: doing it twice is harmless. */
static ZRAM_NOINLINE bool
open_step (struct slot_table *table, size_t step)
{
  const size_t slots = (size_t) 1 << table->step_shift;
  const size_t leaves = (slots / sizeof (struct slot) >> table->leaf_shift) *
                        sizeof *table->leaves;

  if (open_part (table->leaves, table->leaves_size, step * leaves, leaves) <
          0 ||
      open_part (table->slots, table->slots_size, step * slots, slots) < 0)
    return false;
  atomic_store_explicit (&table->opened[step], true, memory_order_release);
  return true;
}

struct slot *
slot_borrow_new (struct slot_table *table, uint64_t index, uint32_t *flags)
{
  _Atomic uint32_t *const leaf = leaf_of (table, index);
  const size_t step = step_of (table, index);

  if (unlikely (
          !atomic_load_explicit (&table->opened[step], memory_order_acquire)) &&
      !open_step (table, step))
    return NULL;
  enter_leaf (leaf, atomic_load_explicit (leaf, memory_order_relaxed), true);
  *flags = slot_lock (table->domain, &table->slots[index]);
  return &table->slots[index];
}

void
slot_return (struct slot_table *table, uint64_t index, struct slot *slot,
             uint32_t flags)
{
  const uint32_t old =
      atomic_load_explicit (&slot->flags, memory_order_relaxed);
  const bool was = slot_allocated (old), is = slot_allocated (flags);

  lockdep_assert_held (table->domain, LOCK_SLOT);
  slot_unlock (table->domain, slot, flags);
  /* The borrower leaves, and so does what it has emptied; what it has newly
   * allocated takes its place in the count. */
  if (was == is)
    leave_leaf (table, index, 1);
  else if (was)
    leave_leaf (table, index, 2);
}

void
slot_table_set_wake (struct slot_table *table, _Atomic uint32_t *wake)
{
  table->wake = wake;
}

uint64_t
slot_table_next (const struct slot_table *table, uint64_t index, uint64_t end)
{
  const uint64_t leaf_slots = UINT64_C (1) << table->leaf_shift;

  while (index < end && !leaf_in_use (table, index))
    index = (index & ~(leaf_slots - 1)) + leaf_slots;
  return index < end ? index : end;
}

uint64_t
slot_next_allocated (const struct slot_table *table, uint64_t index,
                     uint64_t end, uint32_t *flags)
{
  for (index = slot_table_next (table, index, end); index < end;
       index = slot_table_next (table, index + 1, end)) {
    *flags = flags_seen (&table->slots[index]);
    if (slot_allocated (*flags))
      break;
  }
  return index;
}

bool
slot_peek (const struct slot_table *table, uint64_t index, uint64_t *word,
           uint32_t *flags)
{
  const struct slot *const slot = &table->slots[index];

  if (!leaf_in_use (table, index))
    return false;
  *word = atomic_load_explicit (&slot->word, memory_order_relaxed);
  *flags = flags_seen (slot);
  return slot_allocated (*flags);
}

void
slot_prefetch (const struct slot_table *table, uint64_t index)
{
  __builtin_prefetch (&table->slots[index], 1);
}

uint32_t
slot_accessed (const struct slot_table *table, uint64_t index)
{
  return atomic_load_explicit (&table->slots[index].accessed,
                               memory_order_relaxed);
}

/* 0 is the word of empty and zero-filled slots alone. */
bool
slot_is_hole (const struct slot_table *table, uint64_t index)
{
  return !leaf_in_use (table, index) ||
         atomic_load_explicit (&table->slots[index].word,
                               memory_order_relaxed) == 0;
}

/* How many leaves from FIRST on, before END, could be marked to shrink: those
 * that have memory and need none. */
static uint64_t
mark_leaves (struct slot_table *table, uint64_t first, uint64_t end)
{
  uint64_t leaf;

  for (leaf = first; leaf < end; leaf++) {
    uint32_t seen = LEAF_TOUCHED;

    if (atomic_load_explicit (&table->leaves[leaf], memory_order_relaxed) !=
            LEAF_TOUCHED ||
        !atomic_compare_exchange_strong_explicit (
            &table->leaves[leaf], &seen, LEAF_SHRINKING, memory_order_acquire,
            memory_order_relaxed))
      break;
  }
  return leaf - first;
}

static void
shrink_leaves (struct slot_table *table, uint64_t first, uint64_t count)
{
  const struct iovec leaves = {(char *) table->slots +
                                   first * leaf_size (table),
                               count * leaf_size (table)};

  vmem_give_back (&leaves, 1);
  for (uint64_t leaf = first; leaf < first + count; leaf++) {
    const uint32_t old = atomic_exchange_explicit (&table->leaves[leaf], 0,
                                                   memory_order_release);

    if (unlikely (old & LEAF_WAITERS))
      futex_wake_all (&table->leaves[leaf]);
  }
}

/* The leaves of STEP that nobody needs, neighbours together. */
static void
shrink_step (struct slot_table *table, size_t step)
{
  const uint64_t nr_leaves = table->slots_size / leaf_size (table);
  const uint64_t per_step =
      ((size_t) 1 << table->step_shift) / leaf_size (table);
  const uint64_t first = step * per_step;
  const uint64_t end =
      first + per_step < nr_leaves ? first + per_step : nr_leaves;

  for (uint64_t leaf = first; leaf < end; leaf++) {
    const uint64_t count = mark_leaves (table, leaf, end);

    if (count > 0)
      shrink_leaves (table, leaf, count);
    leaf += count;
  }
}

void
slot_table_shrink (struct slot_table *table)
{
  if (table->populated)
    return;
  table->nr_emptied = 0;
  for (size_t step = 0; step < MAX_STEPS; step++)
    if (atomic_load_explicit (&table->emptied[step], memory_order_relaxed) &&
        atomic_exchange_explicit (&table->emptied[step], false,
                                  memory_order_acq_rel))
      shrink_step (table, step);
}
