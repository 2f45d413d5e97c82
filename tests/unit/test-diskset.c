/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a server: who may come when, what is made for those who ask,
 * what goes when they have gone, and what memory each is sure of.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diskset.h"
#include "run.h"
#include "unit.h"
#include "zsmalloc.h"

#define MIB (UINT64_C (1) << 20)

/* Of pages that do not compress, a disk has no more than this. */
#define PAGES 1024

static struct diskset set;

/* What there is no memory for, if this thread asks. */
static _Thread_local enum {
  NOTHING,
  DISKS,
  DEVICES
} refused;

extern void *__real_malloc (size_t size);
extern void *__wrap_malloc (size_t size);
extern void *__real_calloc (size_t n, size_t size);
extern void *__wrap_calloc (size_t n, size_t size);

void *
__wrap_malloc (size_t size)
{
  return refused == DISKS && size == sizeof (struct disk)
             ? NULL
             : __real_malloc (size);
}

void *
__wrap_calloc (size_t n, size_t size)
{
  return refused == DEVICES ? NULL : __real_calloc (n, size);
}

/* What others do before the next step that is wrapped below. */
static void (*meanwhile) (void);

static void
let_others (void)
{
  void (*const act) (void) = meanwhile;

  meanwhile = NULL;
  if (act)
    act ();
}

extern int __real_do_attr_start (struct disk *disk, struct attr_error *error);
extern int __wrap_do_attr_start (struct disk *disk, struct attr_error *error);

int
__wrap_do_attr_start (struct disk *disk, struct attr_error *error)
{
  let_others ();
  return __real_do_attr_start (disk, error);
}

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

/* Parameters, "KEY=VALUE" each, up to NULL. */
struct parameters {
  const char *words[8];
};

/* 0 or -1 with ERROR. */
static int
configure (struct attr_config *config, const struct parameters *parameters,
           struct attr_error *error)
{
  static char words[8][64]; /* attr_store wants the values to stay */

  *config = (struct attr_config) ATTR_CONFIG_DEFAULT;
  for (size_t i = 0; parameters->words[i]; i++) {
    char *value = words[i];

    snprintf (words[i], sizeof words[i], "%s", parameters->words[i]);
    const char *const key = strsep (&value, "=");
    if (attr_store (config, key, value, error) < 0)
      return -1;
  }
  return attr_complete (config, error);
}

/* A server that serves, started with these parameters. */
static void
serve (const struct parameters *parameters)
{
  struct attr_error error = {0};
  struct attr_config config;

  if (configure (&config, parameters, &error) < 0)
    ck_abort_msg ("%s", error.message);
  diskset_init (&set, &config);
  if (diskset_create (&set, &error) < 0 || diskset_start (&set, &error) < 0)
    ck_abort_msg ("%s", error.message);
}

#define SERVE(...) serve (&(struct parameters){{__VA_ARGS__, NULL}})

/* No call is under way: nobody has the lock, and each place has a disk, of
 * those that can be found. */
static void
must_be_at_rest (void)
{
  unsigned disks = 0;

  ck_assert_int_eq (pthread_mutex_trylock (&set.lock), 0);
  for (const struct disk *disk = set.disks; disk; disk = disk->next)
    disks++;
  ck_assert_uint_eq (set.places, disks);
  ck_assert_uint_eq (set.leaving, 0);
  pthread_mutex_unlock (&set.lock);
}

static void
end (void)
{
  must_be_at_rest ();
  diskset_stop (&set);
  diskset_destroy (&set);
}

/* The names of all disks, a blank behind each. */
static const char *
names (void)
{
  static char text[256];

  text[0] = '\0';
  for (struct disk *disk = diskset_next (&set, NULL); disk;
       disk = diskset_next (&set, disk)) {
    strcat (text, disk->name);
    strcat (text, " ");
  }
  return text;
}

/* A client; NULL: he was refused with CODE. */
static struct disk *
connect_as (const char *export, int code)
{
  struct attr_error error = {0};
  struct disk *disk = NULL;
  const int r = diskset_open (&set, export, &disk, &error);

  ck_assert_msg (error.code == code, "'%s': %s: %s", export,
                 strerrorname_np (error.code), error.message);
  ck_assert_int_eq (r < 0, code != 0);
  must_be_at_rest ();
  return disk;
}

static struct disk *
connect_to (const char *export)
{
  return connect_as (export, 0);
}

static int
add_code (const char *text)
{
  struct attr_error error = {0};
  struct disk *disk;
  char words[256];

  snprintf (words, sizeof words, "%s", text);
  if (diskset_add (&set, words, &disk, &error) == 0)
    diskset_put (&set, disk);
  return error.code;
}

static int
remove_code (const char *name)
{
  struct attr_error error = {0};

  diskset_remove (&set, name, &error);
  return error.code;
}

static int
write_page (struct disk *disk, uint64_t index)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_NOISE, index);
  return zram_write (disk->zram, page, sizeof page, index * sizeof page);
}

/* How many bytes of pages it takes before it refuses. */
static uint64_t
fill (struct disk *disk)
{
  struct zram_stats stats;
  uint64_t index = 0;
  int r = 0;

  while (r == 0 && index < PAGES)
    r = write_page (disk, index++);
  ck_assert_int_eq (r, -ENOSPC);
  zram_stats (disk->zram, &stats);
  return stats.mem_used_total;
}

/* The start. */

START_TEST (without_any_of_this_there_is_one)
{
  SERVE ("disksize=1M");
  ck_assert_str_eq (names (), "zram0 ");
  struct disk *const disk = connect_to ("");
  ck_assert_ptr_eq (connect_to ("zram0"), disk);
  ck_assert_uint_eq (disk_size (disk), MIB);
  connect_as ("zram1", ENOENT);
  connect_as ("zram", ENOENT);
  connect_as (" ", ENOENT);
  ck_assert_int_eq (disk->clients, 2);
  end ();
}

START_TEST (so_many_as_are_asked_for)
{
  SERVE ("disksize=2M", "num_devices=3", "comp_algorithm=zstd");
  ck_assert_str_eq (names (), "zram0 zram1 zram2 ");
  struct disk *const disk = connect_to ("zram2");
  ck_assert_uint_eq (disk_size (disk), 2 * MIB);
  ck_assert_str_eq (zram_comp_algorithm (disk->zram), "zstd");
  ck_assert_int_eq (write_page (disk, 1), 0);
  struct zram_stats stats;
  zram_stats (connect_to ("zram1")->zram, &stats);
  ck_assert_uint_eq (stats.orig_data_size, 0);
  end ();
}

static const struct {
  struct parameters parameters;
  int code; /* of the refusal */
  const char *word;
} wrong[] = {
    {{{"num_devices=2"}}, EINVAL, "disksize"},
    {{{"num_devices=2000"}}, ERANGE, "num_devices"},
    {{{"num_devices=0", "disksize=1M"}}, EINVAL, "disksize"},
    {{{"on_demand=1M"}}, EINVAL, "max_devices"},
    {{{"on_demand=0", "max_devices=2"}}, EINVAL, "on_demand"},
    {{{"on_demand=17T", "max_devices=2"}}, EINVAL, "on_demand"},
    {{{"max_devices=0", "disksize=1M"}}, EINVAL, "max_devices"},
    {{{"max_devices=1", "num_devices=2", "disksize=1M"}},
     EINVAL,
     "max_devices"},
    {{{"on_demand_close=keep", "disksize=1M"}}, EINVAL, "on_demand_close"},
    {{{"on_demand=1M", "max_devices=2", "on_demand_close=x"}},
     EINVAL,
     "on_demand_close"},
    {{{"disksize=1M", "mem_min=1M"}}, EINVAL, "mem_min"},
    {{{"disksize=1M", "mem_total=1M", "mem_min=2M"}}, EINVAL, "mem_min"},
    {{{"disksize=1M", "num_devices=2", "mem_total=3M", "mem_min=2M"}},
     EINVAL,
     "mem_min"},
    {{{"num_devices=0", "mem_total=1M"}}, EINVAL, "mem_total"},
    {{{"disksize=1M", "mem_total=65535"}}, EINVAL, "mem_total"},
    {{{"disksize=1M", "mem_total=1M", "max_devices=17"}}, EINVAL, "mem_total"},
    {{{"disksize=1M", "run_id="}}, EINVAL, "run_id"},
    {{{"disksize=1M", "run_id=a@b"}}, EINVAL, "run_id"},
    {{{"disksize=1M", "run_id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
     EINVAL,
     "run_id"},
};

#define NR_WRONG ((int) (sizeof wrong / sizeof wrong[0]))

START_TEST (what_does_not_go_together_is_refused)
{
  struct attr_error error = {0};
  struct attr_config config;

  ck_assert_int_eq (configure (&config, &wrong[_i].parameters, &error), -1);
  ck_assert_int_eq (error.code, wrong[_i].code);
  ck_assert_msg (strstr (error.message, wrong[_i].word), "%s", error.message);
}

/* Adding and removing. */

START_TEST (they_come_and_go)
{
  SERVE ("disksize=1M", "mem_limit=64K");
  ck_assert_int_eq (add_code ("disksize=2M comp_algorithm=zstd"), 0);
  ck_assert_int_eq (add_code ("name=bob"), 0);
  ck_assert_str_eq (names (), "zram0 zram1 bob ");
  ck_assert_uint_eq (disk_size (connect_to ("zram1")), 2 * MIB);
  ck_assert_uint_eq (disk_size (connect_to ("bob")), 0);
  ck_assert_int_eq (remove_code ("zram0"), 0);
  connect_as ("", ENOENT);
  ck_assert_int_eq (remove_code ("zram0"), ENODEV);
  ck_assert_int_eq (add_code ("name=bob"), EEXIST);
  ck_assert_str_eq (names (), "zram1 bob ");
  end ();
}

/* What is not said of it is as the server's are. */
START_TEST (what_is_added_is_as_the_others)
{
  struct disk *disk;

  SERVE ("disksize=1M", "mem_limit=64K", "compact_threshold=50");
  ck_assert_int_eq (add_code ("name=a compact_threshold=7 disksize=1M"), 0);
  disk = diskset_get (&set, "a");
  ck_assert_uint_eq (disk->config.mem_limit, 65536);
  ck_assert_uint_eq (disk->config.compact_threshold, 7);
  diskset_put (&set, disk);
  ck_assert_int_eq (add_code ("name=b mem_limit=0"), 0);
  disk = diskset_get (&set, "b");
  ck_assert_uint_eq (disk->config.mem_limit, 0);
  ck_assert_uint_eq (disk->config.compact_threshold, 50);
  diskset_put (&set, disk);
  end ();
}

START_TEST (one_that_is_connected_is_not_removed)
{
  SERVE ("disksize=1M", "num_devices=2");
  struct disk *const disk = connect_to ("zram1");
  ck_assert_int_eq (write_page (disk, 0), 0);
  ck_assert_int_eq (remove_code ("zram1"), EBUSY);
  ck_assert_int_eq (write_page (disk, 1), 0);
  diskset_close (&set, disk);
  ck_assert_int_eq (remove_code ("zram1"), 0);
  ck_assert_str_eq (names (), "zram0 ");
  end ();
}

START_TEST (there_are_no_more_than_may_be)
{
  SERVE ("disksize=1M", "max_devices=2");
  ck_assert_int_eq (add_code ("disksize=0"), EINVAL);
  ck_assert_int_eq (add_code ("disksize=1M"), 0);
  ck_assert_int_eq (add_code ("disksize=1M"), ENOSPC);
  ck_assert_int_eq (remove_code ("zram0"), 0);
  ck_assert_int_eq (add_code ("disksize=1M"), 0);
  ck_assert_int_eq (add_code ("disksize=1M"), ENOSPC);
  ck_assert_str_eq (names (), "zram1 zram0 ");
  end ();
}

/* Who has found it, and lost the race, is told so; what he holds stays. */
START_TEST (who_holds_a_removed_one_is_told)
{
  struct attr_error error;
  struct disk *disk;

  SERVE ("disksize=1M");
  disk = diskset_get (&set, "zram0");
  ck_assert_int_eq (remove_code ("zram0"), 0);
  ck_assert_ptr_null (disk->zram);
  ck_assert_int_eq (attr_set (disk, "disksize", "1M", NULL, &error), -1);
  ck_assert_int_eq (error.code, ENODEV);
  ck_assert_int_eq (attr_get (disk, "disksize", stdout, &error), -1);
  ck_assert_int_eq (error.code, ENODEV);
  diskset_put (&set, disk);
  end ();
}

/* Whoever goes through them all misses none that stays. */
START_TEST (a_walk_outlives_what_it_looks_at)
{
  struct disk *disk;

  SERVE ("disksize=1M", "num_devices=3");
  disk = diskset_next (&set, NULL);
  ck_assert_int_eq (remove_code ("zram0"), 0);
  ck_assert_int_eq (remove_code ("zram1"), 0);
  ck_assert_int_eq (add_code (""), EINVAL);
  ck_assert_int_eq (add_code ("name=zram0"), 0);
  ck_assert_str_eq (disk->name, "zram0");
  disk = diskset_next (&set, disk);
  ck_assert_str_eq (disk->name, "zram2");
  disk = diskset_next (&set, disk);
  ck_assert_str_eq (disk->name, "zram0");
  ck_assert_ptr_null (diskset_next (&set, disk));
  end ();
}

/* On demand. */

/* But not for who asks for nothing. */
START_TEST (none_is_made_without_a_name)
{
  SERVE ("on_demand=4M", "max_devices=2");
  connect_as ("", ENOENT);
  connect_to ("zram0");
  ck_assert_str_eq (connect_to ("")->name, "zram0");
  end ();
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

START_TEST (one_that_is_being_reset_is_refused)
{
  SERVE ("disksize=1M");
  struct disk *const disk = diskset_get (&set, "zram0");
  ck_assert (disk_shut (disk));
  connect_as ("zram0", EBUSY);
  disk_unshut (disk);
  connect_to ("zram0");
  ck_assert_int_eq (disk->clients, 1);
  diskset_put (&set, disk);
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

/* Memory. */

START_TEST (a_share_is_the_total_by_the_count)
{
  SERVE ("disksize=4M", "num_devices=2", "max_devices=4", "mem_total=2M");
  ck_assert_uint_eq (set.config.zram.mem_min, MIB / 2);
  ck_assert_uint_eq (fill (connect_to ("zram0")), MIB / 2);
  ck_assert_uint_eq (fill (connect_to ("zram1")), MIB / 2);
  end ();
}

START_TEST (the_greedy_leave_the_others_their_share)
{
  SERVE ("disksize=4M", "on_demand=4M", "max_devices=3", "mem_total=2M",
         "mem_min=256K");
  /* 2 MiB, less what the two others are sure of. */
  ck_assert_uint_eq (fill (connect_to ("zram0")), 2 * MIB - MIB / 2);
  ck_assert_uint_eq (fill (connect_to ("alice")), MIB / 4);
  ck_assert_uint_eq (fill (connect_to ("bob")), MIB / 4);
  ck_assert_uint_eq (set.budget.claimed, 2 * MIB);
  end ();
}

START_TEST (one_may_have_a_share_of_its_own)
{
  SERVE ("disksize=4M", "max_devices=3", "mem_total=2M", "mem_min=256K");
  ck_assert_int_eq (add_code ("name=a disksize=4M mem_min=2M"), ENOMEM);
  ck_assert_int_eq (add_code ("name=a disksize=4M mem_min=1M"), 0);
  ck_assert_int_eq (add_code ("name=b disksize=4M mem_min=0"), 0);
  /* Nothing is left but what is a's. */
  ck_assert_uint_eq (fill (connect_to ("zram0")), MIB);
  struct disk *const disk = connect_to ("a");
  ck_assert_uint_eq (fill (disk), MIB);
  ck_assert_uint_eq (fill (connect_to ("b")), 0);

  diskset_close (&set, disk);
  ck_assert_int_eq (remove_code ("a"), 0);
  ck_assert_uint_eq (fill (connect_to ("b")), MIB - MIB / 4);
  end ();
}

/* What a disk did without, another has taken, and keeps when it has gone: who
 * comes then can only be promised what there is. */
START_TEST (what_was_given_up_is_not_promised_again)
{
  SERVE ("disksize=4M", "max_devices=3", "mem_total=2M", "mem_min=512K");
  ck_assert_int_eq (add_code ("name=a disksize=4M mem_min=0"), 0);
  struct disk *const disk = connect_to ("zram0");
  ck_assert_uint_eq (fill (disk), 3 * MIB / 2);
  ck_assert_int_eq (remove_code ("a"), 0);

  /* One place has its share, and one has not. */
  ck_assert_int_eq (add_code ("name=b disksize=4M"), 0);
  ck_assert_int_eq (add_code ("name=c disksize=4M"), ENOMEM);
  ck_assert_int_eq (add_code ("name=c disksize=4M mem_min=0"), 0);
  struct disk *const c = connect_to ("c");
  ck_assert_uint_eq (fill (c), 0);
  ck_assert_uint_eq (fill (connect_to ("b")), MIB / 2);
  ck_assert_uint_eq (set.budget.claimed, set.budget.total);

  /* Now there is room for it. */
  diskset_close (&set, c);
  ck_assert_int_eq (remove_code ("c"), 0);
  zram_discard (disk->zram, 4 * MIB, 0);
  ck_assert_int_eq (add_code ("name=c disksize=4M"), 0);
  ck_assert_uint_eq (fill (connect_to ("c")), MIB);
  ck_assert_uint_eq (fill (disk), MIB / 2);
  ck_assert_uint_eq (set.budget.claimed, set.budget.total);
  end ();
}

START_TEST (a_limit_holds_within_a_share)
{
  SERVE ("disksize=4M", "num_devices=2", "mem_total=2M", "mem_limit=128K");
  ck_assert_uint_eq (fill (connect_to ("zram0")), MIB / 8);
  end ();
}

/* What fails leaves no place taken, and no memory. */
START_TEST (what_fails_takes_nothing)
{
  SERVE ("disksize=1M", "max_devices=2", "mem_total=1M");
  ck_assert_int_eq (add_code ("name=zram0 disksize=1M"), EEXIST);
  ck_assert_int_eq (add_code ("name=zram0 mem_min=128K"), EEXIST);
  ck_assert_int_eq (add_code ("disksize=1M mem_min=2M"), ENOMEM);
  for (refused = DISKS; refused <= DEVICES; refused++)
    ck_assert_int_eq (add_code ("disksize=1M"), ENOMEM);
  refused = NOTHING;
  must_be_at_rest ();
  ck_assert_uint_eq (set.places, 1);
  ck_assert_uint_eq (set.budget.claimed, MIB);
  ck_assert_int_eq (add_code ("disksize=1M"), 0);
  end ();
}

/* Its length, and what it begins with. */
static void
must_hold (const char *file, off_t len, const char *text)
{
  char found[16] = "";
  FILE *const fp = fopen (file, "r");

  ck_assert_ptr_nonnull (fp);
  ck_assert_ptr_nonnull (fgets (found, sizeof found, fp));
  ck_assert_str_eq (found, text);
  ck_assert_int_eq (fseeko (fp, 0, SEEK_END), 0);
  ck_assert_int_eq (ftello (fp), len);
  fclose (fp);
}

static void
add_bob (void)
{
  ck_assert_int_eq (add_code ("name=bob"), 0);
}

/* A store that was there is as it was, and one that was not is not: whether the
 * name is taken, or somebody takes it while the device is being made. */
START_TEST (a_name_that_is_taken_costs_no_store)
{
  char dir[] = "/tmp/test-diskset-XXXXXX";
  char old[64], new[64], words[256];
  FILE *fp;

  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (old, sizeof old, "%s/old", dir);
  snprintf (new, sizeof new, "%s/new", dir);
  fp = fopen (old, "w");
  ck_assert_ptr_nonnull (fp);
  fputs ("precious", fp);
  fclose (fp);

  SERVE ("disksize=1M");
  snprintf (words, sizeof words,
            "name=zram0 disksize=1M backing_size=4M backing_overwrite=1 "
            "backing_dev=%s",
            old);
  ck_assert_int_eq (add_code (words), EEXIST);
  must_hold (old, 8, "precious");
  for (int i = 0; i < 2; i++) {
    snprintf (words, sizeof words,
              "name=bob disksize=1M backing_size=4M backing_dev=%s", new);
    meanwhile = i == 0 ? add_bob : NULL;
    ck_assert_int_eq (add_code (words), EEXIST);
    ck_assert_int_ne (access (new, F_OK), 0);
  }
  ck_assert_str_eq (names (), "zram0 bob ");
  end ();
  ck_assert_int_eq (unlink (old), 0);
  ck_assert_int_eq (rmdir (dir), 0);
}

/* Runs. */

START_TEST (a_name_is_good_for_one_run)
{
  SERVE ("disksize=1M", "on_demand=1M", "max_devices=3", "run_id=monday");
  connect_as ("zram0", ESTALE);
  connect_as ("", ESTALE);
  connect_as ("zram0@sunday", ESTALE);
  connect_as ("alice", ESTALE);
  ck_assert_str_eq (connect_to ("zram0@monday")->name, "zram0");
  ck_assert_str_eq (connect_to ("alice@monday")->name, "alice");
  ck_assert_str_eq (names (), "zram0 alice ");
  end ();
}

START_TEST (no_two_runs_have_a_name)
{
  struct attr_config one, two;
  struct attr_error error;

  ck_assert_int_eq (
      configure (&one, &(struct parameters){{"disksize=1M", "run_id=auto"}},
                 &error),
      0);
  ck_assert_int_eq (
      configure (&two, &(struct parameters){{"disksize=1M", "run_id=auto"}},
                 &error),
      0);
  ck_assert_uint_eq (strlen (one.server.run_id), 16);
  ck_assert_str_ne (one.server.run_id, two.server.run_id);
}

int
main (void)
{
  Suite *const suite = suite_create ("diskset");
  TCase *const tcase = suite_case (suite, "disks");

  tcase_add_test (tcase, without_any_of_this_there_is_one);
  tcase_add_test (tcase, so_many_as_are_asked_for);
  tcase_add_loop_test (tcase, what_does_not_go_together_is_refused, 0,
                       NR_WRONG);
  tcase_add_test (tcase, they_come_and_go);
  tcase_add_test (tcase, what_is_added_is_as_the_others);
  tcase_add_test (tcase, one_that_is_connected_is_not_removed);
  tcase_add_test (tcase, there_are_no_more_than_may_be);
  tcase_add_test (tcase, who_holds_a_removed_one_is_told);
  tcase_add_test (tcase, a_walk_outlives_what_it_looks_at);
  tcase_add_test (tcase, none_is_made_without_a_name);
  tcase_add_test (tcase, one_is_made_for_who_asks);
  tcase_add_test (tcase, none_is_made_without_a_name);
  tcase_add_test (tcase, it_goes_when_it_is_empty);
  tcase_add_test (tcase, it_goes_if_that_was_asked);
  tcase_add_test (tcase, others_stay);
  tcase_add_test (tcase, one_that_is_reset_goes);
  tcase_add_test (tcase, a_reset_one_is_made_again);
  tcase_add_test (tcase, one_that_cannot_be_made_leaves_its_place);
  tcase_add_test (tcase, one_that_is_being_reset_is_refused);
  tcase_add_test (tcase, clients_come_and_go_at_once);
  tcase_add_test (tcase, who_comes_while_it_is_made_finds_it_complete);
  tcase_add_test (tcase, all_who_wait_for_a_disk_get_it);
  tcase_add_test (tcase, a_share_is_the_total_by_the_count);
  tcase_add_test (tcase, the_greedy_leave_the_others_their_share);
  tcase_add_test (tcase, one_may_have_a_share_of_its_own);
  tcase_add_test (tcase, what_was_given_up_is_not_promised_again);
  tcase_add_test (tcase, a_limit_holds_within_a_share);
  tcase_add_test (tcase, what_fails_takes_nothing);
  tcase_add_test (tcase, a_name_that_is_taken_costs_no_store);
  tcase_add_test (tcase, a_name_is_good_for_one_run);
  tcase_add_test (tcase, no_two_runs_have_a_name);
  return suite_run (suite);
}
