/* SPDX-License-Identifier: BSD-3-Clause */
/* Disks that are made for those who ask, and go when these have gone: whatever
 * else happens, and however many come and go at once.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "serving.h"

extern void __real_disk_retire (struct disk *disk);
extern void __wrap_disk_retire (struct disk *disk);

void
__wrap_disk_retire (struct disk *disk)
{
  let_others ();
  __real_disk_retire (disk);
}

/* How often somebody has begun to wait for a place. */
static _Atomic unsigned waits;

extern int
__real_pthread_cond_wait (pthread_cond_t *cond, pthread_mutex_t *lock);
extern int
__wrap_pthread_cond_wait (pthread_cond_t *cond, pthread_mutex_t *lock);

int
__wrap_pthread_cond_wait (pthread_cond_t *cond, pthread_mutex_t *lock)
{
  if (cond == &set.left)
    waits++;
  return __real_pthread_cond_wait (cond, lock);
}

START_TEST (one_is_made_for_who_asks)
{
  SERVE ("on_demand=4M", "max_devices=2", "mem_limit=64K");
  ck_assert_str_eq (names (), "");
  struct disk *const disk = connect_to ("alice");
  ck_assert_ptr_eq (connect_to ("alice"), disk);
  ck_assert_uint_eq (disk_size (disk), 4 * MIB);
  ck_assert_uint_eq (disk->config.mem_limit, 65536);
  connect_to ("bob");
  connect_as ("carol", ENOSPC);
  connect_as ("not a name", ENOENT);
  ck_assert_str_eq (names (), "alice bob ");
  ck_assert_int_eq (remove_code ("alice"), EBUSY);
  end ();
}

/* But not for who asks for nothing. */
START_TEST (none_is_made_without_a_name)
{
  SERVE ("on_demand=4M", "max_devices=2");
  connect_as ("", ENOENT);
  connect_to ("zram0");
  ck_assert_str_eq (connect_to ("")->name, "zram0");
  end ();
}

START_TEST (it_goes_when_it_is_empty)
{
  SERVE ("on_demand=4M", "max_devices=1");
  struct disk *disk = connect_to ("alice");
  connect_to ("alice");
  diskset_close (&set, disk);
  ck_assert_str_eq (names (), "alice ");
  ck_assert_int_eq (write_page (disk, 7), 0);
  diskset_close (&set, disk);
  ck_assert_str_eq (names (), "alice ");
  connect_as ("bob", ENOSPC);

  disk = connect_to ("alice");
  zram_discard (disk->zram, 4 * MIB, 0);
  diskset_close (&set, disk);
  ck_assert_str_eq (names (), "");
  connect_to ("bob");
  end ();
}

START_TEST (it_goes_if_that_was_asked)
{
  SERVE ("on_demand=4M", "max_devices=1", "on_demand_close=drop");
  struct disk *const disk = connect_to ("alice");
  ck_assert_int_eq (write_page (disk, 7), 0);
  diskset_close (&set, disk);
  ck_assert_str_eq (names (), "");
  end ();
}

/* Those that the server was started with, and those that were added, stay. */
START_TEST (others_stay)
{
  SERVE ("disksize=1M", "on_demand=4M", "max_devices=3",
         "on_demand_close=drop");
  ck_assert_int_eq (add_code ("name=bob disksize=1M"), 0);
  diskset_close (&set, connect_to ("zram0"));
  diskset_close (&set, connect_to ("bob"));
  diskset_close (&set, connect_to ("alice"));
  ck_assert_str_eq (names (), "zram0 bob ");
  end ();
}

/* Somebody has reset it, which he may when nobody is connected. */
START_TEST (one_that_is_reset_goes)
{
  struct attr_error error;
  struct disk *disk;

  SERVE ("on_demand=4M", "max_devices=1");
  disk = connect_to ("alice");
  ck_assert_int_eq (write_page (disk, 7), 0);
  diskset_emptied (&set, disk);
  ck_assert_str_eq (names (), "alice ");
  diskset_close (&set, disk);
  disk = diskset_get (&set, "alice");
  diskset_emptied (&set, disk);
  ck_assert_str_eq (names (), "alice ");
  ck_assert_int_eq (attr_set (disk, "reset", "1", NULL, &error), 0);
  diskset_emptied (&set, disk);
  ck_assert_str_eq (names (), "");
  diskset_emptied (&set, disk);
  diskset_put (&set, disk);
  connect_to ("bob");
  end ();
}

/* A client who comes before it has gone has it as it was made. */
START_TEST (a_reset_one_is_made_again)
{
  struct attr_error error;

  SERVE ("on_demand=4M", "max_devices=1", "mem_limit=1M");
  struct disk *disk = connect_to ("alice");
  ck_assert_int_eq (write_page (disk, 7), 0);
  diskset_close (&set, disk);
  ck_assert_int_eq (attr_set (disk, "reset", "1", NULL, &error), 0);
  disk = connect_to ("alice");
  ck_assert_uint_eq (disk_size (disk), 4 * MIB);
  ck_assert_uint_eq (disk->config.mem_limit, MIB);
  end ();
}

/* And when nothing hinders it any more, there is one for another. */
START_TEST (one_that_cannot_be_made_leaves_its_place)
{
  SERVE ("on_demand=4M", "max_devices=1", "mem_total=4M");
  refused = DISKS;
  connect_as ("alice", ENOMEM);
  refused = DEVICES;
  connect_as ("alice", ENOMEM);
  refused = NOTHING;
  ck_assert_str_eq (names (), "");
  ck_assert_uint_eq (set.budget.claimed, set.config.zram.mem_min);
  connect_to ("bob");
  end ();
}

#define CLIENTS 8
#define ROUNDS  (SANITIZED ? 200 : 2000)

/* The disk is there for as long as anybody is connected, and all see the same:
 * what one writes, he reads, whoever else comes and goes. */
static void *
come_and_go (void *arg)
{
  const uint64_t index = (uintptr_t) arg;
  char want[ZRAM_PAGE_SIZE], page[ZRAM_PAGE_SIZE];

  content_fill (want, sizeof want, CONTENT_NOISE, index);
  for (unsigned i = 0; i < ROUNDS; i++) {
    struct attr_error error;
    struct disk *disk;

    must (diskset_open (&set, "alice", &disk, &error) == 0);
    must (disk_size (disk) == 4 * MIB);
    must (write_page (disk, index) == 0);
    must (zram_read (disk->zram, page, sizeof page, index * sizeof page) == 0);
    must (memcmp (page, want, sizeof page) == 0);
    zram_discard (disk->zram, sizeof page, index * sizeof page);
    diskset_close (&set, disk);
  }
  return NULL;
}

START_TEST (clients_come_and_go_at_once)
{
  pthread_t threads[CLIENTS];

  SERVE ("on_demand=4M", "max_devices=1", "mem_total=4M");
  for (uintptr_t i = 0; i < CLIENTS; i++)
    pthread_create (&threads[i], NULL, come_and_go, (void *) i);
  for (size_t i = 0; i < CLIENTS; i++)
    pthread_join (threads[i], NULL);
  /* The last one found it empty. */
  ck_assert_str_eq (names (), "");
  ck_assert_uint_eq (set.places, 0);
  ck_assert_uint_eq (set.budget.claimed, set.config.zram.mem_min);
  end ();
}

/* Bytes, which take long enough to fill for others to come meanwhile. */
#define RESERVE (32 * MIB)

static void *
find_it_complete (void *all_there)
{
  struct attr_error error;
  struct zram_stats stats;
  struct disk *disk;

  must (diskset_open (&set, "alice", &disk, &error) == 0);
  zram_stats (disk->zram, &stats);
  must (stats.reserve == RESERVE);
  pthread_barrier_wait (all_there);
  diskset_close (&set, disk);
  return NULL;
}

START_TEST (who_comes_while_it_is_made_finds_it_complete)
{
  pthread_barrier_t all_there;
  pthread_t threads[CLIENTS];

  SERVE ("on_demand=256M", "max_devices=1", "reserve=32M");
  pthread_barrier_init (&all_there, NULL, CLIENTS);
  for (size_t i = 0; i < CLIENTS; i++)
    pthread_create (&threads[i], NULL, find_it_complete, &all_there);
  for (size_t i = 0; i < CLIENTS; i++)
    pthread_join (threads[i], NULL);
  pthread_barrier_destroy (&all_there);
  end ();
}

/* Wait for COUNT to be N, but not for ever. */
static void
await (const _Atomic unsigned *count, unsigned n)
{
  for (unsigned ms = 0; *count != n && ms < 60000; ms++)
    usleep (1000);
  ck_assert_uint_eq (*count, n);
}

static pthread_t waiting[2];
static _Atomic unsigned connected;

static void *
connect_to_bob (void *arg)
{
  struct attr_error error;
  struct disk *disk;

  must (diskset_open (&set, "bob", &disk, &error) == 0);
  connected++;
  return arg;
}

/* They sleep when the caller next has the set's lock, for it is theirs until
 * then. */
static void
two_wait_for_bob (void)
{
  waits = 0; /* tests before this one waited, too */
  for (size_t i = 0; i < 2; i++)
    pthread_create (&waiting[i], NULL, connect_to_bob, NULL);
  await (&waits, 2);
}

/* The first makes it; the other has it then, without one more that leaves. */
START_TEST (all_who_wait_for_a_disk_get_it)
{
  SERVE ("on_demand=4M", "max_devices=1");
  struct disk *const disk = connect_to ("alice");
  meanwhile = two_wait_for_bob;
  diskset_close (&set, disk);
  await (&connected, 2);
  for (size_t i = 0; i < 2; i++)
    pthread_join (waiting[i], NULL);
  ck_assert_str_eq (names (), "bob ");
  end ();
}

int
main (void)
{
  Suite *const suite = suite_create ("disksetdemand");
  TCase *const tcase = suite_case (suite, "disks");

  tcase_add_test (tcase, one_is_made_for_who_asks);
  tcase_add_test (tcase, none_is_made_without_a_name);
  tcase_add_test (tcase, it_goes_when_it_is_empty);
  tcase_add_test (tcase, it_goes_if_that_was_asked);
  tcase_add_test (tcase, others_stay);
  tcase_add_test (tcase, one_that_is_reset_goes);
  tcase_add_test (tcase, a_reset_one_is_made_again);
  tcase_add_test (tcase, one_that_cannot_be_made_leaves_its_place);
  tcase_add_test (tcase, clients_come_and_go_at_once);
  tcase_add_test (tcase, who_comes_while_it_is_made_finds_it_complete);
  tcase_add_test (tcase, all_who_wait_for_a_disk_get_it);
  return suite_run (suite);
}
