/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands for the device when the pool is tested; slots.h says how. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "unit.h"
#include "zspool.h"

/* Distinct for each object that there ever was. */
static _Atomic uint64_t seeds;

/* The caller has locked SLOT. */
static bool
move_locked (struct slots *slots, struct test_slot *slot, uint64_t from,
             uint64_t to)
{
  if (slot->handle != from) {
    slots->foreign++;
    return false;
  }
  if (!zs_obj_copy (slots->pool, from, to)) {
    slots->pinned++;
    return false;
  }
  slot->handle = to;
  slots->moved++;
  slots->moved_bytes += zs_cost (slot->len);
  return true;
}

static bool
relocate (void *arg, uint64_t owner, uint64_t from, uint64_t to)
{
  struct slots *const slots = arg;
  struct test_slot *const slot = &slots->slot[owner];
  bool moved;

  must (owner < slots->count);
  slots->asked++;
  if (slots->before)
    slots->before (slots, owner, from);
  if (pthread_mutex_trylock (&slot->lock) != 0) {
    slots->locked++;
    return false;
  }
  moved = move_locked (slots, slot, from, to);
  pthread_mutex_unlock (&slot->lock);
  return moved;
}

void
slots_make (struct slots *slots, unsigned count, uint64_t max_size)
{
  memset (slots, 0, sizeof *slots);
  slots->count = count;
  slots->slot = calloc (count, sizeof *slots->slot);
  ck_assert_ptr_nonnull (slots->slot);
  for (unsigned i = 0; i < count; i++)
    pthread_mutex_init (&slots->slot[i].lock, NULL);
  ck_assert_int_eq (zs_pool_create (&slots->pool, max_size, slots), 0);
  zs_pool_set_relocate (slots->pool, relocate, slots);
}

void
slots_destroy (struct slots *slots)
{
  zs_pool_destroy (slots->pool);
  for (unsigned i = 0; i < slots->count; i++)
    pthread_mutex_destroy (&slots->slot[i].lock);
  free (slots->slot);
}

int
slots_put (struct slots *slots, unsigned i, uint32_t len)
{
  struct test_slot *const slot = &slots->slot[i];
  const uint64_t seed = ++seeds;
  char bytes[ZS_MAX_ALLOC_SIZE];
  uint64_t handle, old;
  const int r = zs_malloc (slots->pool, len, i, &handle);

  if (r < 0)
    return r;
  content_fill (bytes, len, CONTENT_NOISE, seed);
  zs_obj_write (slots->pool, handle, bytes, len);
  pthread_mutex_lock (&slot->lock);
  old = slot->handle;
  slot->handle = handle;
  slot->seed = seed;
  slot->len = len;
  pthread_mutex_unlock (&slot->lock);
  if (old)
    zs_free (slots->pool, old);
  return 0;
}

void
slots_drop (struct slots *slots, unsigned i)
{
  struct test_slot *const slot = &slots->slot[i];

  pthread_mutex_lock (&slot->lock);
  if (slot->handle)
    zs_free (slots->pool, slot->handle);
  slot->handle = 0;
  pthread_mutex_unlock (&slot->lock);
}

void
slots_must_be (const struct test_slot *slot, const void *bytes)
{
  char want[ZS_MAX_ALLOC_SIZE];

  content_fill (want, slot->len, CONTENT_NOISE, slot->seed);
  must (memcmp (bytes, want, slot->len) == 0);
}

void
slots_read (struct slots *slots, unsigned i)
{
  struct test_slot *const slot = &slots->slot[i];

  pthread_mutex_lock (&slot->lock);
  if (slot->handle) {
    slots_must_be (slot, zs_obj_read_begin (slots->pool, slot->handle));
    must_equal (zs_obj_owner (slots->pool, slot->handle), i);
    zs_obj_read_end (slots->pool, slot->handle);
  }
  pthread_mutex_unlock (&slot->lock);
}

void
slots_read_all (struct slots *slots)
{
  for (unsigned i = 0; i < slots->count; i++)
    slots_read (slots, i);
}

uint64_t
slots_bytes (const struct slots *slots)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < slots->count; i++)
    if (slots->slot[i].handle)
      sum += slots->slot[i].len;
  return sum;
}

uint64_t
slots_cost (const struct slots *slots)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < slots->count; i++)
    if (slots->slot[i].handle)
      sum += zs_cost (slots->slot[i].len);
  return sum;
}

struct zs_census
slots_check (struct slots *slots)
{
  struct zs_census census;
  const char *const wrong = zs_pool_check (slots->pool, &census);

  if (wrong)
    ck_abort_msg ("the pool is broken: %s", wrong);
  return census;
}

void
slots_check_all (struct slots *slots)
{
  const struct zs_census census = slots_check (slots);
  const struct zs_pool_stats stats = slots_stats (slots);
  uint64_t live = 0;

  for (unsigned i = 0; i < slots->count; i++)
    live += slots->slot[i].handle != 0;
  must_equal (census.objects, live);
  must_equal (census.object_bytes, slots_cost (slots));
  must_equal (stats.live, slots_cost (slots));
  must_equal (stats.used, census.zspages * ZSPAGE_SIZE);
  must_equal (census.nowhere, 0);
  slots_read_all (slots);
}

struct zs_pool_stats
slots_stats (const struct slots *slots)
{
  struct zs_pool_stats stats;

  zs_pool_stats (slots->pool, &stats);
  return stats;
}

uint32_t
slots_zspage (uint64_t handle)
{
  return zs_ref_zspage (zs_handle_ref (handle));
}
