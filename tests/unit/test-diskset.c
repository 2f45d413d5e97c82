/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a server: what it begins with, what is added and removed, who
 * may come when, and what memory each is sure of.  (What is made for those who
 * ask has a suite of its own: test-disksetdemand.)
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serving.h"

/* Of pages that do not compress, a disk has no more than this. */
#define PAGES 1024

extern int __real_do_attr_start (struct disk *disk, struct attr_error *error);
extern int __wrap_do_attr_start (struct disk *disk, struct attr_error *error);

int
__wrap_do_attr_start (struct disk *disk, struct attr_error *error)
{
  let_others ();
  return __real_do_attr_start (disk, error);
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
  tcase_add_test (tcase, one_that_is_being_reset_is_refused);
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
