/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics wait for nobody: with a slot, every stream, and every lock of the
 * pool held by other threads, all of them can be read, but for the one that
 * says that it looks at each zspage.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "attr.h"
#include "cpu.h"
#include "pageio.h"
#include "slottable.h"
#include "unit.h"
#include "zcomp.h"
#include "zspool.h"

/* What the threads hold, one thing each, since no thread may have two of a
 * kind; streams and shards come after these. */
enum {
  READER,
  SLOT,
  GROW,
  COMPACT,
  INDEX,
  OTHERS
};

static struct disk disk;
static pthread_barrier_t held, done;
static unsigned nr_read;

static void
hold_slot (void)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (disk.zram->table, 0, &flags);

  must (slot);
  pthread_barrier_wait (&held);
  pthread_barrier_wait (&done);
  slot_return (disk.zram->table, 0, slot, flags);
}

static void
hold_stream (enum zcomp_direction direction)
{
  struct zcomp_stream *const stream =
      zcomp_stream_get (disk.zram->comps[0], direction);

  pthread_barrier_wait (&held);
  pthread_barrier_wait (&done);
  zcomp_stream_put (stream);
}

static void
hold_mutex (pthread_mutex_t *mutex, enum lock_class class)
{
  zs_mutex_lock (disk.zram->pool, mutex, class);
  pthread_barrier_wait (&held);
  pthread_barrier_wait (&done);
  zs_mutex_unlock (disk.zram->pool, mutex, class);
}

/* As much as there is to be held. */
static unsigned
nr_threads (void)
{
  return OTHERS + ZCOMP_DIRECTIONS * cpu_count () + disk.zram->pool->nr_shards;
}

static void
hold_other (unsigned i)
{
  const unsigned streams = ZCOMP_DIRECTIONS * cpu_count ();

  if (i < streams)
    hold_stream ((enum zcomp_direction) (i % ZCOMP_DIRECTIONS));
  else
    hold_mutex (&disk.zram->pool->shards[i - streams].lock, LOCK_SHARD);
}

static void
read_all (void)
{
  FILE *const null = fopen ("/dev/null", "w");
  struct attr_error error;

  must (null);
  pthread_barrier_wait (&held);
  must (pthread_mutex_trylock (&disk.zram->pool->shards[0].lock) == EBUSY);
  for (size_t i = 0; i < attr_count; i++)
    if (attr_is_readable (&attrs[i]) && attrs[i].walk != ATTR_WALKS_ZSPAGES) {
      must_equal (attr_get (&disk, attrs[i].name, null, &error), 0);
      nr_read++;
    }
  pthread_barrier_wait (&done);
  fclose (null);
}

static void
work (void *arg, unsigned me)
{
  struct zs_pool *const pool = disk.zram->pool;

  (void) arg;
  switch (me) {
  case READER:
    read_all ();
    break;
  case SLOT:
    hold_slot ();
    break;
  case GROW:
    hold_mutex (&pool->grow_lock, LOCK_GROW);
    break;
  case COMPACT:
    hold_mutex (&pool->compact_lock, LOCK_COMPACT);
    break;
  case INDEX:
    hold_mutex (&pool->index_lock, LOCK_SHARD);
    break;
  default:
    hold_other (me - OTHERS);
  }
}

START_TEST (statistics_wait_for_no_lock)
{
  struct attr_error error;
  char page[ZRAM_PAGE_SIZE];

  disk_init (&disk, "zram0");
  ck_assert_int_eq (attr_set (&disk, "disksize", "1M", NULL, &error), 0);
  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_write (disk.zram, page, sizeof page, 0), 0);
  pthread_barrier_init (&held, NULL, nr_threads ());
  pthread_barrier_init (&done, NULL, nr_threads ());
  threads_run (nr_threads (), work, NULL);
  ck_assert_uint_gt (nr_read, 10);
  pthread_barrier_destroy (&held);
  pthread_barrier_destroy (&done);
  disk_destroy (&disk);
}

int
main (void)
{
  Suite *suite = suite_create ("attrlocks");
  TCase *tc = suite_case (suite, "attrlocks");

  tcase_add_test (tc, statistics_wait_for_no_lock);
  return suite_run (suite);
}
