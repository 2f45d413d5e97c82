/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>

#include "pageio.h"
#include "run.h"
#include "selection.h"
#include "slottable.h"
#include "thread.h"

/* Groups are at most so many, and one for each bucket that is larger. */
#define GROUPS 16

/* What it takes to look at a slot, in about so many ns: see thread_share. */
#define NS_PER_SLOT 10U

static unsigned
bucket_of (uint32_t flags)
{
  return slot_size (flags) / SELECTION_BUCKET;
}

int
selection_begin (struct selection *selection, struct zram *zram, uint64_t first,
                 uint64_t end, page_wanted_fn wanted, const void *arg,
                 const struct run *run)
{
  uint32_t flags = 0;

  *selection = (struct selection){.zram = zram,
                                  .first = first,
                                  .end = end,
                                  .wanted = wanted,
                                  .arg = arg,
                                  .low = SELECTION_BUCKETS};
  for (uint64_t i = slot_next_allocated (zram->table, first, end, &flags);
       i < end; i = slot_next_allocated (zram->table, i + 1, end, &flags)) {
    thread_share (&selection->turn, NS_PER_SLOT);
    if (run_stopped (run))
      return -EINTR;
    if (!wanted (arg, flags))
      continue;
    selection->buckets[bucket_of (flags)]++;
    selection->candidates++;
  }
  return 0;
}

bool
selection_next_group (struct selection *selection, uint64_t left)
{
  uint64_t pages = 0;

  selection->high = selection->low;
  while (selection->low > 0 && pages <= selection->candidates / GROUPS) {
    const uint64_t more = selection->buckets[selection->low - 1];

    if (pages > 0 && pages + more > left)
      break;
    pages += more;
    selection->low--;
  }
  selection->next = selection->first;
  return pages > 0;
}

static bool
in_group (const struct selection *selection, uint32_t flags)
{
  const unsigned bucket = bucket_of (flags);

  return bucket >= selection->low && bucket < selection->high;
}

bool
selection_next (struct selection *selection, const struct run *run,
                uint64_t *index)
{
  const uint64_t end = selection->end;
  uint32_t flags = 0;

  while (selection->next < end && !run_stopped (run)) {
    const uint64_t i = slot_next_allocated (selection->zram->table,
                                            selection->next, end, &flags);

    thread_share (&selection->turn, NS_PER_SLOT);
    selection->next = i + 1;
    if (i < end && in_group (selection, flags) &&
        selection->wanted (selection->arg, flags)) {
      *index = i;
      return true;
    }
  }
  return false;
}
