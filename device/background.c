/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>

#include "background.h"
#include "clock.h"
#include "run.h"
#include "slottable.h"
#include "zsmalloc.h"

/* Milliseconds between two looks. */
#define LOOK_MS 500U

/* Holes below this are not worth a run, whatever their share; nor does it
 * matter if less is freed between two looks: 1 MiB. */
#define FEW_HOLES (UINT64_C (1) << 20)

/* While much is freed, only at every so many looks does memory go back, and are
 * holes closed: after 2 s. */
#define PUT_OFF_MAX 4

/* The pause after a run that gained nothing, twice as long after each more in
 * vain, up to the most; in milliseconds. */
#define SHORTEST_PAUSE 1000U
#define LONGEST_PAUSE  64000U

/* Bytes of holes, if that many pay. */
static uint64_t
holes_that_pay (const struct background *background,
                const struct zs_pool_stats *stats)
{
  const uint64_t holes = stats->used - stats->live;
  const unsigned threshold = background->compact_threshold;
  const bool pay = threshold > 0 && holes > FEW_HOLES &&
                   holes > stats->used / 100 * threshold;

  return pay ? holes : 0;
}

static void
compact_if_it_pays (struct background *background,
                    const struct zs_pool_stats *stats)
{
  struct vain *const vain = &background->vain;
  const struct run run = {.stop = &background->worker.stop};
  const uint64_t holes = holes_that_pay (background, stats);
  int64_t pages;

  if (holes == 0 ||
      (clock_ms () < vain->until && holes < vain->holes + FEW_HOLES))
    return;
  pages = zs_compact (background->pool, &run);
  if (pages > 0)
    *vain = (struct vain){.pause = SHORTEST_PAUSE};
  else if (pages == 0) {
    vain->until = clock_ms () + vain->pause;
    vain->pause *= vain->pause < LONGEST_PAUSE ? 2 : 1;
    vain->holes = holes;
  }
}

/* Give back what the pool does not need, and close its holes.  While much is
 * being freed both can wait, unless somebody has ASKED, who knows that it is
 * over: beside a TRIM they would take the processor and the locks, and what is
 * moved may well be freed next.  (Beside compaction a TRIM of everything takes
 * 1.1 to 1.3 times as long: 4 GiB, medians of three and four alternating runs.)
 * But not for long: who frees a little all the time, all over the disk, would
 * keep the pool full of holes, and at its limit writes are refused for them.
 * So a TRIM of more than 2 s is not spared. */
static void
look_at_pool (struct background *background, bool asked)
{
  struct zs_pool_stats stats;
  bool freeing;

  zs_pool_stats (background->pool, &stats);
  freeing = !asked && stats.live + FEW_HOLES < background->live;
  background->live = stats.live;
  background->put_off = freeing ? background->put_off + 1 : 0;
  if (background->put_off % PUT_OFF_MAX == 0) {
    zs_pool_shrink (background->pool);
    compact_if_it_pays (background, &stats);
  }
}

/* The table wakes us when many of its leaves are empty.  That is no reason to
 * do more, nor to do it later: beside a TRIM it may wake us each time just
 * before. */
static void
look (void *arg)
{
  struct background *const background = arg;
  const uint64_t now = clock_ms (), due = background->due;
  bool asked;

  slot_table_shrink (background->table);
  if (now < due) {
    background->worker.interval = (unsigned) (due - now);
    return;
  }
  /* Who asks meanwhile is heard now, or finds the next look due. */
  asked = atomic_exchange (&background->due, now + LOOK_MS) == 0;
  background->worker.interval = LOOK_MS;
  look_at_pool (background, asked);
}

int
background_start (struct background *background, struct zs_pool *pool,
                  struct slot_table *table)
{
  background->pool = pool;
  background->table = table;
  background->due = 0;
  background->live = 0;
  background->put_off = 0;
  background->vain = (struct vain){.pause = SHORTEST_PAUSE};
  background->worker.name = BACKGROUND_THREAD;
  background->worker.interval = LOOK_MS;
  background->worker.ordinary = true;
  background->worker.look = look;
  background->worker.arg = background;
  slot_table_set_wake (table, &background->worker.wake);
  return worker_start (&background->worker);
}

void
background_stop (struct background *background)
{
  worker_stop (&background->worker);
}

void
background_wake (struct background *background)
{
  background->due = 0;
  worker_wake (&background->worker);
}
