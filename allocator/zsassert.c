/* SPDX-License-Identifier: BSD-3-Clause */
/* What a debug build looks at when the pool is called: a handle that is no
 * object's, or no longer, and an object that is freed while it is read. */
#include <config.h>

#include "zspool.h"

#if ZRAM_DEBUG

#include <stdio.h>
#include <stdlib.h>

static ZRAM_NOINLINE void
die (const char *what, const char *which, uint64_t handle)
{
  fprintf (stderr, "zsmalloc: %s %s, handle %#llx\n", what, which,
           (unsigned long long) handle);
  abort ();
}

static bool
in_a_zspage (const struct zs_pool *pool, uint64_t handle)
{
  const uint32_t index = zs_ref_zspage (zs_handle_ref (handle));
  const enum zspage_kind kind =
      zs_handle_raw (handle) ? ZSPAGE_RAW : ZSPAGE_BLOCKS;

  return index > 0 && index < pool->frontier &&
         zs_handle_ref (handle) >> ZS_REF_SHIFT == index &&
         zspage_kind (&pool->zspages[index]) == kind;
}

/* Without the lock: what cannot change while HANDLE's object lives. */
static bool
may_live (const struct zs_pool *pool, uint64_t handle)
{
  const uint64_t tag = zs_tag_load (zs_object_tag (pool, handle));

  if (zs_handle_raw (handle))
    return zs_ref_granule (zs_handle_ref (handle)) % RAW_GRANULES == 0;
  return !(tag & ZS_TAG_FREE) && zs_tag_len (tag) >= ZS_MIN_BLOCK;
}

void
zs_assert_handle (const struct zs_pool *pool, uint64_t handle, const char *what)
{
  if (!in_a_zspage (pool, handle) || !may_live (pool, handle))
    die (what, "an object that is not there", handle);
}

/* Does a block begin there?  Found out from the zspage's first block on, since
 * the inside of an object may look like a tag. */
static bool
do_begins_block (const struct zs_pool *pool, zs_ref ref)
{
  zs_ref at = ref & ~(zs_ref) (ZSPAGE_GRANULES - 1);

  while (at < ref)
    at += zs_tag_len (zs_tag_load (zs_block (pool->base, at)));
  return at == ref;
}

void
zs_do_assert_may_free (const struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);
  const uint32_t place = zs_ref_granule (ref) / RAW_GRANULES;
  const struct zspage *const zspage = &pool->zspages[zs_ref_zspage (ref)];
  const bool live = zs_handle_raw (handle) ? zspage->raw_used & (1U << place)
                                           : do_begins_block (pool, ref);

  if (!in_a_zspage (pool, handle) || !live || !may_live (pool, handle))
    die ("freeing", "an object that is not there", handle);
  if (zs_tag_load (zs_object_tag (pool, handle)) & ZS_TAG_PINS)
    die ("freeing", "a pinned object", handle);
}

#else

/* ISO C wants something in every translation unit. */
extern int zs_asserts_are_compiled_out;

#endif
