/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk's life, as it is told over the control socket: what may be set when,
 * zram's errno for what may not, and what is left when something fails.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "attrwords.h"
#include "disk.h"
#include "futex.h"
#include "procfile.h"
#include "run.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

static struct disk disk;

/* What the machine has: see procfile_read. */
static uint64_t available;

/* In the place of the real one: what is asked for here is /proc/meminfo. */
char *
procfile_read (const char *file, size_t *len)
{
  char *text;

  (void) len;
  ck_assert_str_eq (file, "/proc/meminfo");
  ck_assert_int_gt (
      asprintf (&text, "MemAvailable: %" PRIu64 " kB\n", available >> 10), 0);
  return text;
}

static void
setup (void)
{
  disk_init (&disk, "zram0");
  available = UINT64_C (1) << 40;
}

static void
teardown (void)
{
  disk_destroy (&disk);
}

/* 0, or the errno with which it is refused. */
static int
set (const char *name, const char *value)
{
  struct attr_error error = {0};
  const int r = attr_set (&disk, name, value, NULL, &error);

  ck_assert_int_eq (r < 0, error.code != 0);
  ck_assert_int_eq (r < 0, error.message[0] != '\0');
  return error.code;
}

/* The first line of what attribute NAME shows. */
static void
show (const char *name, char *text, size_t size)
{
  struct attr_error error;
  FILE *const fp = fmemopen (text, size, "w");

  ck_assert_ptr_nonnull (fp);
  ck_assert_int_eq (attr_get (&disk, name, fp, &error), 0);
  fclose (fp);
  text[strcspn (text, "\n")] = '\0';
}

/* What it shows must be the line WANT. */
static void
must_show (const char *name, const char *want)
{
  char text[256] = "";

  show (name, text, sizeof text);
  ck_assert_str_eq (text, want);
}

/* What comes after it depends on what was built in. */
static void
must_begin (const char *name, const char *want)
{
  char text[256] = "";

  show (name, text, sizeof text);
  ck_assert_msg (strncmp (text, want, strlen (want)) == 0, "%s shows '%s'",
                 name, text);
}

/* What is told, and what the answer must be. */
struct step {
  const char *name;
  const char *value;
  int code;
};

static void
must_do (const struct step *steps, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const int code = set (steps[i].name, steps[i].value);

    ck_assert_msg (code == steps[i].code, "%s=%s: %s, not %s", steps[i].name,
                   steps[i].value, strerrorname_np (code),
                   strerrorname_np (steps[i].code));
  }
}

#define MUST_DO(steps) must_do (steps, sizeof (steps) / sizeof (steps)[0])

static void
write_page (char byte, uint64_t index)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_NOISE, (uint64_t) byte);
  ck_assert_int_eq (
      zram_write (disk.zram, page, sizeof page, index * sizeof page), 0);
}

START_TEST (without_a_size_it_has_nothing)
{
  must_show ("initstate", "0");
  must_show ("disksize", "0");
  must_show ("mm_stat", "0 0 0 0 0 0 0 0 0");
  must_show ("io_stat", "0 0 0 0");
  must_show ("streams", "0");
  ck_assert_uint_eq (disk_size (&disk), 0);
}

START_TEST (what_is_told_first_is_in_force)
{
  static const struct step steps[] = {
      {"comp_algorithm", "zstd", 0},
      {"mem_limit", "70000", 0},
      {"disksize", "1000001", 0},
  };

  MUST_DO (steps);
  must_show ("initstate", "1");
  must_show ("disksize", "1003520");
  must_show ("mm_stat", "0 0 0 73728 0 0 0 0 0");
  ck_assert_str_eq (zram_comp_algorithm (disk.zram), "zstd");
  ck_assert_uint_eq (disk_size (&disk), 1003520);
}

/* zram's errno for each, and nothing has changed. */
START_TEST (what_is_wrong_is_refused)
{
  char name_of_128[] = "0123456789abcdef0123456789abcdef0123456789abcdef"
                       "0123456789abcdef0123456789abcdef0123456789abcdef"
                       "0123456789abcdef0123456789abcdef";
  const char *const name_of_127 = name_of_128 + 1;
  const struct step steps[] = {
      {"disksize", "0", EINVAL},
      {"disksize", "", EINVAL},
      {"disksize", "1x", EINVAL},
      {"disksize", "17T", EINVAL},
      {"disksize", "99999999999999999999", ERANGE},
      {"comp_algorithm", "none", EINVAL},
      {"comp_algorithm", "", EINVAL},
      {"comp_algorithm", name_of_127, EINVAL},
      {"comp_algorithm", name_of_128, E2BIG},
      {"mem_limit", "x", EINVAL},
      {"mem_used_max", "1", EINVAL},
      {"mem_used_max", "", EINVAL},
      {"mem_used_max", "99999999999999999999", EINVAL},
      {"compact_threshold", "101", ERANGE},
      {"compact_threshold", "x", EINVAL},
      {"reset", "0", EINVAL},
      {"reset", "x", EINVAL},
      {"reset", "65536", ERANGE},
      {"compact", "1", EINVAL},
      {"initstate", "1", EACCES},
      {"mm_stat", "0", EACCES},
      {"statsfile", "/x", EACCES},
      {"nothing", "1", ENOENT},
      {"", "1", ENOENT},
  };

  MUST_DO (steps);
  must_show ("initstate", "0");
  must_show ("mm_stat", "0 0 0 0 0 0 0 0 0");
}

START_TEST (what_is_only_told_cannot_be_read)
{
  static const char *const names[] = {"mem_limit", "reset", "compact",
                                      "mem_used_max", "nothing"};
  struct attr_error error = {0};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    ck_assert_int_eq (attr_get (&disk, names[i], stdout, &error), -1);
    ck_assert_int_eq (error.code, i < 4 ? EACCES : ENOENT);
  }
}

START_TEST (what_it_is_made_of_cannot_be_changed)
{
  static const struct step steps[] = {
      {"disksize", "1M", 0},           {"disksize", "1M", EBUSY},
      {"disksize", "x", EINVAL},       {"comp_algorithm", "zstd", EBUSY},
      {"comp_algorithm", "x", EINVAL}, {"mem_limit", "64K", 0},
      {"mem_limit", "0", 0},           {"mem_used_max", "00", 0},
      {"mem_used_max", "+0", 0},       {"compact_threshold", "0", 0},
  };

  MUST_DO (steps);
  must_show ("disksize", "1048576");
  must_begin ("comp_algorithm", "[lz4] lz4hc zstd ");
  must_show ("compact_threshold", "0");
}

START_TEST (a_limit_holds_at_once)
{
  char page[ZRAM_PAGE_SIZE];

  ck_assert_int_eq (set ("disksize", "1M"), 0);
  for (uint64_t i = 0; i < 16; i++)
    write_page (1, i);
  ck_assert_int_eq (set ("mem_limit", "4K"), 0);
  content_fill (page, sizeof page, CONTENT_NOISE, 5);
  ck_assert_int_lt (zram_write (disk.zram, page, sizeof page, 100 * 4096), 0);
  ck_assert_int_eq (set ("mem_limit", "0"), 0);
  ck_assert_int_eq (zram_write (disk.zram, page, sizeof page, 100 * 4096), 0);
}

START_TEST (the_most_that_was_used_begins_again)
{
  struct zram_stats s;

  ck_assert_int_eq (set ("disksize", "4M"), 0);
  for (uint64_t i = 0; i < 256; i++)
    write_page (1, i);
  zram_discard (disk.zram, MIB, 0);
  ck_assert_int_eq (set ("compact", "1"), 0);
  zram_stats (disk.zram, &s);
  ck_assert_uint_ge (s.mem_used_max, MIB);
  ck_assert_int_eq (set ("mem_used_max", "0"), 0);
  zram_stats (disk.zram, &s);
  ck_assert_uint_eq (s.mem_used_max, s.mem_used_total);
}

START_TEST (a_reset_begins_at_the_beginning)
{
  ck_assert_int_eq (set ("comp_algorithm", "zstd"), 0);
  ck_assert_int_eq (set ("mem_limit", "1M"), 0);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  write_page (7, 3);
  ck_assert_int_eq (set ("reset", "1"), 0);
  must_show ("initstate", "0");
  must_show ("disksize", "0");
  must_show ("mm_stat", "0 0 0 0 0 0 0 0 0");
  must_begin ("comp_algorithm", "[lz4] lz4hc zstd ");
  ck_assert_int_eq (set ("reset", "1"), 0);

  ck_assert_int_eq (set ("disksize", "2M"), 0);
  must_show ("disksize", "2097152");
  must_show ("mm_stat", "0 0 0 0 0 0 0 0 0");
}

START_TEST (a_reset_waits_for_nobody_who_is_connected)
{
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (disk_open (&disk), 0);
  ck_assert_int_eq (disk_open (&disk), 0);
  ck_assert_int_eq (set ("reset", "1"), EBUSY);
  disk_close (&disk);
  ck_assert_int_eq (set ("reset", "1"), EBUSY);
  must_show ("initstate", "1");
  disk_close (&disk);
  ck_assert_int_eq (set ("reset", "1"), 0);
}

/* As it is to who comes while a reset is under way. */
START_TEST (nobody_comes_during_a_reset)
{
  disk.clients = -1;
  ck_assert_int_eq (disk_open (&disk), -EBUSY);
  disk.clients = 0;
  ck_assert_int_eq (disk_open (&disk), 0);
  disk_close (&disk);
  ck_assert_int_eq (set ("reset", "1"), 0);
  ck_assert_int_eq (disk_open (&disk), 0);
  disk_close (&disk);
}

/* Connecting waits for no run, however long it takes. */
START_TEST (a_run_keeps_nobody_from_connecting)
{
  pthread_rwlock_rdlock (&disk.lock);
  ck_assert_int_eq (disk_open (&disk), 0);
  ck_assert_uint_eq (disk_size (&disk), 0);
  must_show ("initstate", "0");
  disk_close (&disk);
  pthread_rwlock_unlock (&disk.lock);
}

static uint64_t
keep_much_free (void)
{
  return UINT64_MAX;
}

static void *
set_limit (void *arg)
{
  ck_assert_int_eq (set ("mem_limit", "1M"), 0);
  return arg;
}

/* Who asks after somebody who tells waits for him, so that he gets his turn,
 * however many ask, one after the other. */
START_TEST (who_tells_is_not_kept_waiting_by_those_who_ask)
{
  pthread_t thread;

  pthread_rwlock_rdlock (&disk.lock);
  pthread_create (&thread, NULL, set_limit, NULL);
  while (pthread_rwlock_tryrdlock (&disk.lock) == 0)
    pthread_rwlock_unlock (&disk.lock);
  ck_assert_int_eq (disk_open (&disk), 0);
  ck_assert_uint_eq (disk_size (&disk), 0);
  disk_close (&disk);
  pthread_rwlock_unlock (&disk.lock);
  pthread_join (thread, NULL);
}

static void *
reset (void *arg)
{
  must_equal (set ("reset", "1"), 0);
  return arg;
}

/* Whoever waits is woken for nothing as well, as by a signal: for as long as
 * there is a run, there is the device. */
START_TEST (a_reset_waits_for_the_last_run)
{
  pthread_t thread;

  ck_assert_int_eq (set ("disksize", "1M"), 0);
  do_disk_begin_run (&disk);
  do_disk_begin_run (&disk);
  pthread_create (&thread, NULL, reset, NULL);
  while (!disk.ending)
    usleep (1000);
  disk_end_run (&disk);
  for (int ms = 0; ms < 100; ms++) {
    futex_wake_all (&disk.runs);
    usleep (1000);
    must (disk.ending && disk.zram);
  }
  disk_end_run (&disk);
  pthread_join (thread, NULL);
  ck_assert (!disk.ending);
  must_show ("initstate", "0");
}

/* What zram does not have: what serves swap, which the process has been
 * prepared for, and when to compact. */
START_TEST (a_reset_keeps_what_zram_does_not_have)
{
  disk.config.reserve = MIB;
  disk.config.keep_free = keep_much_free;
  disk.config.no_faults = true;
  disk.config.reserve_waiters = 3;
  ck_assert_int_eq (set ("compact_threshold", "50"), 0);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (set ("reset", "+1"), 0);
  ck_assert_uint_eq (disk.config.reserve, MIB);
  ck_assert_ptr_eq (disk.config.keep_free, keep_much_free);
  ck_assert (disk.config.no_faults);
  ck_assert_uint_eq (disk.config.reserve_waiters, 3);
  must_show ("compact_threshold", "50");
  ck_assert_int_eq (set ("disksize", "1M"), 0);
}

START_TEST (a_disk_that_cannot_be_made_is_none)
{
  disk.config.no_faults = true;
  disk.config.reserve = INT64_MAX; /* more than there is anywhere */
  ck_assert_int_eq (set ("disksize", "1M"), ENOMEM);
  must_show ("initstate", "0");
  must_show ("disksize", "0");
  ck_assert_uint_eq (disk.config.disksize, 0);
  disk.config.no_faults = false;
  ck_assert_int_eq (set ("disksize", "1M"), 0);
}

/* A store that was made for it goes, whether the device cannot be made or not
 * be started. */
START_TEST (a_disk_that_cannot_be_made_leaves_no_store)
{
  char dir[] = "/tmp/test-disk-XXXXXX";
  char *file, *why;

  ck_assert_ptr_nonnull (mkdtemp (dir));
  ck_assert_int_gt (asprintf (&file, "%s/store", dir), 0);
  snprintf (disk.config.backing.dev, sizeof disk.config.backing.dev, "%s",
            file);
  disk.config.backing.size = 16 * MIB;
  disk.config.disksize = ZRAM_MAX_DISKSIZE + 1;
  ck_assert_int_eq (do_disk_create (&disk, &why), -EINVAL);
  ck_assert_int_ne (access (file, F_OK), 0);

  disk.config.disksize = MIB;
  if (memory_can_be_limited ()) {
    memory_limit (6 * MIB); /* there is none for a thread's stack */
    ck_assert_int_eq (do_disk_start (&disk, &why), -EAGAIN);
    memory_limit_lift ();
    ck_assert_int_ne (access (file, F_OK), 0);
  }
  ck_assert_int_eq (rmdir (dir), 0);
  free (file);
}

START_TEST (swap_takes_no_more_memory_than_there_is)
{
  disk.config.no_faults = true;
  available = MIB;
  ck_assert_int_eq (set ("disksize", "1M"), ENOMEM);
  must_show ("initstate", "0");
  must_show ("disksize", "0");
}

/* A host's name, as the longest thing that is looked up nowhere. */
static const char *
too_long (char *text, size_t size)
{
  memset (text, 'h', size - 1);
  memcpy (text, "nbd://", 6);
  text[size - 1] = '\0';
  return text;
}

START_TEST (a_store_has_a_whole_name)
{
  char name[ZRAM_BACKING_DEV_SIZE + 1];

  ck_assert_int_eq (set ("backing_dev", too_long (name, sizeof name)), E2BIG);
  ck_assert_int_eq (set ("backing_dev", "relative"), EINVAL);
  ck_assert_int_eq (set ("backing_dev", "/no/such/file"), ENOENT);
  must_show ("backing_dev", "none");
}

/* A run of writeback has as many segments of 64 KiB in memory.  (What serves
 * swap wants a store that not every machine has.) */
START_TEST (a_run_of_swap_takes_no_more_memory_than_there_is)
{
  char file[] = "/tmp/disk-XXXXXX", words[ATTR_WORDS_MAX + 2];
  const int fd = mkstemp (file);

  ck_assert_int_ge (fd, 0);
  close (fd);
  ck_assert_int_eq (set ("backing_size", "16M"), 0);
  ck_assert_int_eq (set ("backing_dev", file), 0);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  unlink (file);
  ck_assert_int_eq (set ("writeback", too_long (words, sizeof words)), E2BIG);
  disk.config.no_faults = true;
  available = 15 * MIB;
  ck_assert_int_eq (set ("writeback_batch_size", "256"), ENOMEM);
  must_show ("writeback_batch_size", "4");
  ck_assert_int_eq (set ("writeback_batch_size", "128"), 0);
  must_show ("writeback_batch_size", "128");
  /* It takes no more than it has. */
  available = 0;
  ck_assert_int_eq (set ("writeback_batch_size", "128"), 0);
  disk.config.no_faults = false;
  ck_assert_int_eq (set ("writeback_batch_size", "256"), 0);
}

START_TEST (an_interrupted_run_says_so)
{
  static const _Atomic bool now = true;
  const struct run run = {.stop = &now};
  struct attr_error error = {0};

  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (attr_set (&disk, "compact", "1", &run, &error), -1);
  ck_assert_int_eq (error.code, EINTR);
}

int
main (void)
{
  Suite *suite = suite_create ("disk");
  TCase *tc = suite_case (suite, "life");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, without_a_size_it_has_nothing);
  tcase_add_test (tc, what_is_told_first_is_in_force);
  tcase_add_test (tc, what_is_wrong_is_refused);
  tcase_add_test (tc, what_is_only_told_cannot_be_read);
  tcase_add_test (tc, what_it_is_made_of_cannot_be_changed);
  tcase_add_test (tc, a_limit_holds_at_once);
  tcase_add_test (tc, the_most_that_was_used_begins_again);
  tcase_add_test (tc, a_reset_begins_at_the_beginning);
  tcase_add_test (tc, a_reset_waits_for_nobody_who_is_connected);
  tcase_add_test (tc, nobody_comes_during_a_reset);
  tcase_add_test (tc, a_run_keeps_nobody_from_connecting);
  tcase_add_test (tc, who_tells_is_not_kept_waiting_by_those_who_ask);
  tcase_add_test (tc, a_reset_waits_for_the_last_run);
  tcase_add_test (tc, a_reset_keeps_what_zram_does_not_have);
  tcase_add_test (tc, a_disk_that_cannot_be_made_is_none);
  tcase_add_test (tc, a_disk_that_cannot_be_made_leaves_no_store);
  tcase_add_test (tc, swap_takes_no_more_memory_than_there_is);
  tcase_add_test (tc, a_store_has_a_whole_name);
  tcase_add_test (tc, a_run_of_swap_takes_no_more_memory_than_there_is);
  tcase_add_test (tc, an_interrupted_run_says_so);
  return suite_run (suite);
}
