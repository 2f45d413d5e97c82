/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lockdep.h"
#include "pageio.h"
#include "postprocess.h"
#include "run.h"
#include "slottable.h"
#include "zsmalloc.h"

int
run_begin (struct zram *zram, const struct run *run)
{
  const struct timespec moment = {.tv_nsec = 10000000};

  while (pthread_mutex_trylock (&zram->run_lock) != 0) {
    if (run_stopped (run))
      return -EINTR;
    nanosleep (&moment, NULL);
  }
  lockdep_acquired_try (zram, LOCK_RUN);
  return 0;
}

void
run_end (struct zram *zram)
{
  pthread_mutex_unlock (&zram->run_lock);
  lockdep_release (zram, LOCK_RUN);
}

bool
page_take (struct zram *zram, uint64_t index, page_wanted_fn wanted,
           const void *arg, char object[ZRAM_PAGE_SIZE], uint32_t *flags)
{
  struct slot *const slot = slot_borrow (zram->table, index, flags);
  uint64_t handle;

  if (!slot)
    return false;
  if (!slot_in_pool (*flags) || !wanted (arg, *flags)) {
    slot_return (zram->table, index, slot, *flags);
    return false;
  }
  handle = atomic_load_explicit (&slot->word, memory_order_relaxed);
  memcpy (object, zs_obj_read_begin (zram->pool, handle), slot_size (*flags));
  zs_obj_read_end (zram->pool, handle);
  slot_return (zram->table, index, slot, *flags | SLOT_PP);
  return true;
}

/* Borrow the slot of a page in hand; NULL: the page was used meanwhile. */
static struct slot *
borrow_in_hand (struct zram *zram, uint64_t index, uint32_t *flags)
{
  struct slot *const slot = slot_borrow (zram->table, index, flags);

  if (!slot || *flags & SLOT_PP)
    return slot;
  slot_return (zram->table, index, slot, *flags);
  return NULL;
}

bool
page_replace (struct zram *zram, uint64_t index, uint64_t handle, uint32_t len,
              unsigned priority)
{
  uint32_t old, new;
  struct slot *const slot = borrow_in_hand (zram, index, &old);
  uint64_t old_handle;

  if (!slot)
    return false;
  new =
      old & ~(SLOT_PP | SLOT_IDLE | SLOT_HUGE | SLOT_PRIORITY | SLOT_SIZE_MASK);
  new |= (priority << SLOT_PRIORITY_SHIFT) | len;
  old_handle = atomic_load_explicit (&slot->word, memory_order_relaxed);
  atomic_store_explicit (&slot->word, handle, memory_order_relaxed);
  slot_return (zram->table, index, slot, new);
  stats_count_page (&zram->stats, old, new);
  zs_free (zram->pool, old_handle);
  return true;
}

bool
page_write_back (struct zram *zram, uint64_t index, uint64_t word)
{
  uint32_t old, new;
  struct slot *const slot = borrow_in_hand (zram, index, &old);
  uint64_t handle;

  if (!slot)
    return false;
  new = (old & ~(SLOT_PP | SLOT_IDLE)) | SLOT_WB;
  handle = atomic_load_explicit (&slot->word, memory_order_relaxed);
  atomic_store_explicit (&slot->word, word, memory_order_relaxed);
  slot_return (zram->table, index, slot, new);
  stats_count_page (&zram->stats, old, new);
  zs_free (zram->pool, handle);
  return true;
}

/* Put page INDEX back with CLEAR and SET in its flags. */
static void
put_back (struct zram *zram, uint64_t index, uint32_t clear, uint32_t set)
{
  uint32_t flags;
  struct slot *const slot = borrow_in_hand (zram, index, &flags);

  if (slot)
    slot_return (zram->table, index, slot, (flags & ~clear) | set);
}

void
page_let_be (struct zram *zram, uint64_t index)
{
  put_back (zram, index, SLOT_PP, 0);
}

void
page_tried (struct zram *zram, uint64_t index, bool incompressible)
{
  put_back (zram, index, SLOT_PP | SLOT_IDLE,
            incompressible ? SLOT_INCOMPRESSIBLE : 0);
}
