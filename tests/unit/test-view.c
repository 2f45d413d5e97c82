/* SPDX-License-Identifier: BSD-3-Clause */
/* What watch shows: the text that two samples and a size make. */
#include <config.h>

#include <limits.h>
#include <string.h>

#include "unit.h"
#include "view.h"

static struct sample before, now;
static struct view_disk disk;
static struct screen screen;

static void
set (enum sample_attribute attribute, unsigned n, const uint64_t *columns)
{
  memcpy (now.columns[attribute], columns, n * sizeof *columns);
  now.n[attribute] = n;
}

/* 1000 pages: 100 of one word, 50 that do not compress, the others in the
 * second step and, a third of that, in the last. */
static void
setup (void)
{
  static const uint64_t size = UINT64_C (1) << 30;
  static const uint64_t mm[] = {4096000, 1024000, 2048000, 4096000, 3145728,
                                100,     0,       50,      60};
  static const uint64_t io[] = {0, 2, 0, 0};
  static const uint64_t stat[] = {100, 0, 6144, 0, 20, 0, 2048,
                                  0,   0, 0,    0, 4,  0, 0};
  static const uint64_t sizes[SIZE_COLUMNS] = {
      [SIZE_SAME] = 100, [2] = 600, [16] = 200, [SIZE_HUGE] = 50};
  static const uint64_t reserve = 1 << 20;

  now = (struct sample){.when = 1000, .algorithm = "zstd"};
  set (SAMPLE_DISKSIZE, 1, &size);
  set (SAMPLE_MM_STAT, MM_COLUMNS, mm);
  set (SAMPLE_IO_STAT, IO_COLUMNS, io);
  set (SAMPLE_STAT, STAT_COLUMNS, stat);
  set (SAMPLE_SIZE_STAT, SIZE_COLUMNS, sizes);
  set (SAMPLE_RESERVE, 1, &reserve);
  before = now;
  now.when = 3000;
  now.columns[SAMPLE_STAT][STAT_READS] += 25;
  now.columns[SAMPLE_STAT][STAT_READ_SECTORS] += 6144;
  now.columns[SAMPLE_STAT][STAT_WRITES] += 3;
  now.columns[SAMPLE_STAT][STAT_WRITE_SECTORS] += 1024;
  disk = (struct view_disk){.name = "zram0",
                            .server = "/run/nbdkit-zram/a",
                            .now = &now,
                            .before = &before};
}

static void
teardown (void)
{
  screen_free (&screen);
}

/* Nothing is outside of a screen of that size. */
static void
lay_out (const struct view_disk *disks, size_t n, unsigned width,
         unsigned height)
{
  screen_free (&screen);
  view_lay_out (&screen, disks, n, width, height);
  ck_assert_uint_le (screen.n, height);
  for (size_t i = 0; i < screen.n; i++)
    ck_assert_uint_le (strlen (screen.lines[i].text), width);
}

/* Line I is TEXT, and of this tone. */
static void
must_show (size_t i, enum screen_tone tone, const char *text)
{
  ck_assert_uint_gt (screen.n, i);
  ck_assert_str_eq (screen.lines[i].text, text);
  ck_assert_int_eq (screen.lines[i].tone, tone);
}

static bool
shows (const char *text)
{
  for (size_t i = 0; i < screen.n; i++)
    if (strstr (screen.lines[i].text, text))
      return true;
  return false;
}

START_TEST (details)
{
  static const char *const want[] = {
      "zram0  zstd  1G  /run/nbdkit-zram/a",
      "",
      "Ratio          2.00  data divided by memory",
      "Data           3.9M  in 1000 pages",
      "Compressed    1000K",
      "Memory           2M  50 % of the limit, 3.9M; at most it was 3M",
      "",
      "                 /s    MiB/s   failed     Tier               pages     "
      "bytes",
      "Reads          12.5      1.5        0     compressed           850      "
      "800K",
      "Writes          1.5      0.2        2     huge                  50      "
      "200K",
      "Discards        0.0      0.0              same-filled          100      "
      "  0B",
      "                                          reserve                0      "
      "  1M",
      "",
      "Compressed pages by size in bytes",
      "<= 256         0                        <=2304         0",
      "<= 512       600 #####################  <=2560         0",
  };

  lay_out (&disk, 1, 80, 24);
  ck_assert_uint_eq (screen.n, 22);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    ck_assert_str_eq (screen.lines[i].text, want[i]);
  ck_assert_str_eq (screen.lines[21].text,
                    "<=2048         0                        <=4096       200 "
                    "#######");
  ck_assert_int_eq (screen.lines[0].tone, SCREEN_HEADING);
  ck_assert_int_eq (screen.lines[9].tone, SCREEN_PLAIN);
}

/* They are no longer compressed in memory. */
START_TEST (pages_that_were_written_back)
{
  static const uint64_t bd[] = {300, 0, 0}, backing[] = {0, 409600};

  set (SAMPLE_BD_STAT, BD_COLUMNS, bd);
  set (SAMPLE_BACKING_STAT, 2, backing);
  lay_out (&disk, 1, 80, 24);
  ck_assert_uint_eq (screen.n, 23);
  must_show (8, SCREEN_PLAIN,
             "Reads          12.5      1.5        0     compressed           "
             "550      800K");
  must_show (11, SCREEN_PLAIN,
             "                                          written back         "
             "300      400K");
}

START_TEST (only_what_there_is)
{
  now.n[SAMPLE_STAT] = now.n[SAMPLE_SIZE_STAT] = now.n[SAMPLE_IO_STAT] = 0;
  now.columns[SAMPLE_MM_STAT][MM_SAME_PAGES] = 0;
  now.columns[SAMPLE_MM_STAT][MM_MEM_LIMIT] = 0;
  now.columns[SAMPLE_RESERVE][0] = 0;
  lay_out (&disk, 1, 80, 24);
  must_show (5, SCREEN_PLAIN,
             "Memory           2M  no limit; at most it was 3M");
  must_show (8, SCREEN_PLAIN,
             "Reads             -        -        -     compressed           "
             "950      800K");
  ck_assert (!shows ("same-filled"));
  ck_assert (!shows ("reserve"));
  ck_assert (!shows ("by size"));
}

/* Not even a ratio. */
START_TEST (a_disk_without_a_device)
{
  now = (struct sample){.when = 3000, .algorithm = "lz4"};
  lay_out (&disk, 1, 80, 24);
  must_show (0, SCREEN_HEADING, "zram0  lz4  0B  /run/nbdkit-zram/a");
  must_show (2, SCREEN_PLAIN, "Ratio             -  data divided by memory");
}

START_TEST (alarms)
{
  now.columns[SAMPLE_IO_STAT][IO_FAILED_WRITES]++;
  now.columns[SAMPLE_MM_STAT][MM_MEM_USED_TOTAL] = 3900000;
  lay_out (&disk, 1, 80, 24);
  must_show (5, SCREEN_ALARM,
             "Memory         3.7M  95 % of the limit, 3.9M; at most it was 3M");
  ck_assert_int_eq (screen.lines[9].tone, SCREEN_ALARM);

  disk.gone = "it has died";
  lay_out (&disk, 1, 80, 24);
  must_show (1, SCREEN_ALARM, "gone: it has died");
  must_show (3, SCREEN_PLAIN, "Data           3.9M  in 1000 pages");
}

START_TEST (overview)
{
  struct view_disk disks[3];

  disks[0] = disks[1] = disks[2] = disk;
  disks[1].before = NULL;
  disks[2].name = "zram2";
  disks[2].gone = "it has died";
  lay_out (disks, 3, 80, 24);
  ck_assert_uint_eq (screen.n, 4);
  must_show (
      0, SCREEN_HEADING,
      "NAME        DATA  MEMORY   LIMIT  RATIO   READ/S  WRITE/S   MIB/S "
      "SERVER");
  must_show (
      1, SCREEN_PLAIN,
      "zram0       3.9M      2M    3.9M   2.00     12.5      1.5     1.8 "
      "a");
  must_show (
      2, SCREEN_PLAIN,
      "zram0       3.9M      2M    3.9M   2.00        -        -       - "
      "a");
  must_show (3, SCREEN_ALARM, "zram2    gone: a: it has died");

  now.columns[SAMPLE_IO_STAT][IO_FAILED_READS]++;
  lay_out (disks, 3, 80, 24);
  ck_assert_int_eq (screen.lines[1].tone, SCREEN_ALARM);
}

START_TEST (more_disks_than_lines)
{
  struct view_disk disks[30];

  for (unsigned i = 0; i < 30; i++)
    disks[i] = disk;
  lay_out (disks, 30, 80, 24);
  ck_assert_uint_eq (screen.n, 24);
  must_show (23, SCREEN_PLAIN, "... and 8 more");
  lay_out (disks, 23, 80, 24);
  ck_assert_uint_eq (screen.n, 24);
  ck_assert (!shows ("more"));
  lay_out (disks, 30, 80, UINT_MAX);
  ck_assert_uint_eq (screen.n, 31);
}

START_TEST (no_disk)
{
  lay_out (NULL, 0, 80, 24);
  must_show (0, SCREEN_PLAIN, "There is no disk.");
}

/* From nothing to more than there will be. */
START_TEST (any_size)
{
  static const unsigned sizes[] = {0,  1,  2,  3,  19,  20,
                                   40, 41, 79, 81, 300, 2000};
  struct view_disk disks[5] = {disk, disk, disk, disk, disk};

  now.columns[SAMPLE_STAT][STAT_READS] = UINT64_MAX;
  now.columns[SAMPLE_SIZE_STAT][3] = UINT64_MAX;
  now.columns[SAMPLE_MM_STAT][MM_ORIG_DATA_SIZE] = UINT64_MAX;
  now.columns[SAMPLE_MM_STAT][MM_MEM_LIMIT] = UINT64_MAX;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
      lay_out (disks, 1, sizes[i], sizes[j]);
      lay_out (disks, 5, sizes[i], sizes[j]);
    }
}

int
main (void)
{
  Suite *suite = suite_create ("view");
  TCase *tc = suite_case (suite, "view");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, details);
  tcase_add_test (tc, pages_that_were_written_back);
  tcase_add_test (tc, only_what_there_is);
  tcase_add_test (tc, a_disk_without_a_device);
  tcase_add_test (tc, alarms);
  tcase_add_test (tc, overview);
  tcase_add_test (tc, more_disks_than_lines);
  tcase_add_test (tc, no_disk);
  tcase_add_test (tc, any_size);
  return suite_run (suite);
}
