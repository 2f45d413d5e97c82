/* SPDX-License-Identifier: BSD-3-Clause */
/* What attributes show: as many columns as zram has or their heading says, each
 * the number that it should be.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "attr.h"
#include "unit.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* What attribute NAME of ZRAM shows, one line or more. */
static char *
show_lines (struct zram *zram, const char *name)
{
  const struct attr *attr = attr_find (name);
  const struct disk disk = {.config.algorithms[0].backend =
                                zcomp_backend_find ("zstd"),
                            .zram = zram};
  char *text = NULL;
  size_t size;
  FILE *fp = open_memstream (&text, &size);

  ck_assert_ptr_nonnull (attr);
  ck_assert (attr->show);
  ck_assert_ptr_nonnull (fp);
  attr->show (&disk, fp);
  ck_assert_int_eq (fclose (fp), 0);
  ck_assert_msg (size > 1 && text[size - 1] == '\n', "%s: '%s'", name, text);
  return text;
}

/* What it shows, one line. */
static char *
show (struct zram *zram, const char *name)
{
  char *const text = show_lines (zram, name);

  ck_assert_ptr_eq (strchr (text, '\n'), text + strlen (text) - 1);
  return text;
}

/* A device on which each counter is another number. */
static struct zram *
make_device (void)
{
  const struct zram_config config = {
      .disksize = 1 << 20,
      .mem_limit = 3 << 16,
      .algorithms[0].backend = zcomp_backend_find ("zstd"),
  };
  struct zram *zram;
  char page[ZRAM_PAGE_SIZE];
  unsigned i;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  for (i = 0; i < 64; ++i) {
    content_fill (page, sizeof page, (enum content) (i % CONTENT_KINDS), i);
    zram_write (zram, page, sizeof page, i * sizeof page);
  }
  for (; i < 200; ++i) {
    content_fill (page, sizeof page, CONTENT_NOISE, i);
    zram_write (zram, page, sizeof page, i * sizeof page);
  }
  zram_discard (zram, 17 * sizeof page, 3 * sizeof page);
  return zram;
}

/* The columns of TEXT must be the N numbers WANT. */
static void
must_be_columns (const char *text, const uint64_t *want, int n)
{
  int i;

  for (i = 0; i < n; ++i) {
    char *end;

    ck_assert_msg (i == 0 || *text++ == ' ', "column %d of %s", i, text);
    ck_assert (*text >= '0' && *text <= '9');
    ck_assert_uint_eq (strtoull (text, &end, 10), want[i]);
    text = end;
  }
  ck_assert_str_eq (text, "\n");
}

/* The number that TEXT, a line of columns, has where HEADING, another, has
 * NAME; both must have as many. */
static long
column (const char *text, const char *heading, const char *name)
{
  const size_t len = strlen (name);
  long number, found = -1;
  int used;

  for (; sscanf (text, "%ld%n", &number, &used) == 1; text += used) {
    if (strncmp (heading, name, len) == 0 && strchr (" ", heading[len]))
      found = number;
    heading += strcspn (heading, " ");
    ck_assert (*heading == ' ' || strcmp (text + used, "\n") == 0);
    heading += *heading == ' ';
  }
  ck_assert_str_eq (text, "\n");
  ck_assert_str_eq (heading, "");
  return found;
}

START_TEST (mm_stat_has_zrams_nine_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "mm_stat");
  struct zram_stats s;

  zram_stats (zram, &s);
  must_be_columns (
      text,
      (const uint64_t[]){s.orig_data_size, s.compr_data_size, s.mem_used_total,
                         s.mem_limit, s.mem_used_max, s.same_pages,
                         s.pages_compacted, s.huge_pages, s.huge_pages_since},
      9);
  ck_assert_uint_gt (s.huge_pages_since, s.huge_pages);
  ck_assert_uint_eq (s.mem_limit, 3 << 16);
  free (text);
  zram_destroy (zram);
}

START_TEST (io_stat_has_zrams_four_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "io_stat");
  struct zram_stats s;

  zram_stats (zram, &s);
  must_be_columns (
      text,
      (const uint64_t[]){s.failed_reads, s.failed_writes, 0, s.notify_free}, 4);
  ck_assert_uint_gt (s.failed_writes, 0);
  ck_assert_uint_eq (s.notify_free, 17);
  free (text);
  zram_destroy (zram);
}

START_TEST (debug_stat_has_zrams_two_lines)
{
  char *const text = show_lines (NULL, "debug_stat");

  ck_assert_str_eq (text, "version: 1\n0 0\n");
  free (text);
}

/* The columns of those of the block layer that are counted, each another
 * number; sectors are whole ones. */
START_TEST (stat_has_the_block_layers_17_columns)
{
  struct zram *zram = make_device ();
  struct zram_stats s;
  char *text, page[ZRAM_PAGE_SIZE];

  zram_read (zram, page, 1000, 100);
  zram_stats (zram, &s);
  text = show (zram, "stat");
  must_be_columns (text,
                   (const uint64_t[]){1, 0, 1, 0, 200, 0, 200 * 8, 0, 0, 0, 0,
                                      1, 0, 17 * 8, 0, 0, 0},
                   17);
  ck_assert_uint_gt (s.failed_writes, 0);
  ck_assert_int_eq (
      column (text, attr_find ("stat")->columns, "discard_sectors"), 17 * 8);
  free (text);
  zram_destroy (zram);
}

/* As many as it says, which together are all that is stored. */
START_TEST (size_stat_has_its_18_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "size_stat");
  uint64_t want[2 + ZRAM_SIZE_BUCKETS], pages = 0;
  struct zram_stats s;

  zram_stats (zram, &s);
  want[0] = s.same_pages;
  memcpy (&want[1], s.size_pages, sizeof s.size_pages);
  want[1 + ZRAM_SIZE_BUCKETS] = s.huge_pages;
  must_be_columns (text, want, 18);
  for (size_t i = 0; i < 18; ++i)
    pages += want[i];
  ck_assert_uint_eq (pages * ZRAM_PAGE_SIZE, s.orig_data_size);
  ck_assert_uint_gt (s.same_pages, 0);
  ck_assert_uint_gt (pages, s.same_pages + s.huge_pages);
  ck_assert_int_eq (column (text, attr_find ("size_stat")->columns, "c4096"),
                    s.size_pages[15]);
  free (text);
  zram_destroy (zram);
}

/* The same numbers, two more in front of them. */
START_TEST (slot_stat_is_what_was_counted)
{
  struct zram *zram = make_device ();
  char *sizes = show (zram, "size_stat"), *text = show (zram, "slot_stat");
  const char *const heading = attr_find ("slot_stat")->columns;
  struct zram_stats s;

  zram_stats (zram, &s);
  ck_assert_int_eq (column (text, heading, "orig_data_size"), s.orig_data_size);
  ck_assert_int_eq (column (text, heading, "compr_data_size"),
                    s.compr_data_size);
  ck_assert_str_eq (text + strlen (text) - strlen (sizes), sizes);
  free (sizes);
  free (text);
  zram_destroy (zram);
}

/* live, reserve, the holes by size, the zspages by fullness. */
START_TEST (frag_stat_has_its_27_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "frag_stat");
  uint64_t want[2 + ZS_SIZE_BUCKETS + ZS_FULLNESS_BUCKETS], holes = 0, at = 0;
  struct zs_fragmentation f;
  struct zs_pool_stats s;
  size_t i;

  zram_pool_stats (zram, &s, &f);
  want[at++] = s.live;
  want[at++] = s.reserve;
  for (i = 0; i < ZS_SIZE_BUCKETS; ++i)
    want[at++] = f.free_blocks[i];
  for (i = 0; i < ZS_FULLNESS_BUCKETS; ++i)
    want[at++] = f.zspages[i];
  ck_assert_uint_eq (at, 27);
  must_be_columns (text, want, 27);

  /* And they are about something. */
  for (i = 0; i < ZS_SIZE_BUCKETS; ++i)
    holes += f.free_bytes[i];
  ck_assert_uint_gt (s.live, 0);
  ck_assert_uint_eq (s.used - s.live, holes);
  ck_assert_uint_gt (holes, 0);
  free (text);
  zram_destroy (zram);
}

/* This process's threads, and nothing that it has asked for. */
START_TEST (swap_stat_has_a_number_for_each_heading)
{
  const char *const heading = attr_find ("swap_stat")->columns;
  struct zram *zram = make_device ();
  char *text = show (zram, "swap_stat");

  ck_assert_int_eq (column (text, heading, "reserve_waiting"), 0);
  ck_assert_int_eq (column (text, heading, "reserve_refused"), 0);
  ck_assert_int_ge (column (text, heading, "threads"), 1);
  ck_assert_int_eq (column (text, heading, "io_flushers"), 0);
  ck_assert_int_eq (column (text, heading, "realtime"), 0);
  ck_assert_int_eq (column (text, heading, "locked"), 0);
  ck_assert_int_ge (column (text, heading, "oom_score_adj"), -1000);
  ck_assert_int_le (column (text, heading, "oom_score_adj"), 1000);
  free (text);
  zram_destroy (zram);
}

START_TEST (what_is_locked_shows)
{
  const char *const heading = attr_find ("swap_stat")->columns;
  struct zram *zram = make_device ();
  char *const memory = aligned_alloc (65536, 65536);
  char *text;

  /* Nobody needs a privilege for so little. */
  ck_assert_int_eq (mlock (memory, 65536), 0);
  text = show (zram, "swap_stat");
  ck_assert_int_eq (column (text, heading, "locked"), 65536);
  munlock (memory, 65536);
  free (text);
  free (memory);
  zram_destroy (zram);
}

START_TEST (what_was_set_can_be_read)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "disksize");

  ck_assert_str_eq (text, "1048576\n");
  free (text);

  /* All that there are, the chosen one in brackets. */
  text = show (zram, "comp_algorithm");
  ck_assert_ptr_nonnull (strstr (text, "[zstd]"));
  ck_assert_ptr_nonnull (strstr (text, "lz4"));
  ck_assert_ptr_null (strstr (text, "[lz4]"));
  free (text);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite = suite_create ("attrshow");
  TCase *tc = suite_case (suite, "values");

  tcase_add_test (tc, mm_stat_has_zrams_nine_columns);
  tcase_add_test (tc, io_stat_has_zrams_four_columns);
  tcase_add_test (tc, debug_stat_has_zrams_two_lines);
  tcase_add_test (tc, stat_has_the_block_layers_17_columns);
  tcase_add_test (tc, size_stat_has_its_18_columns);
  tcase_add_test (tc, slot_stat_is_what_was_counted);
  tcase_add_test (tc, frag_stat_has_its_27_columns);
  tcase_add_test (tc, swap_stat_has_a_number_for_each_heading);
  if (instrumented ())
    puts ("SKIP: a test of locked memory: who watches may refuse to lock any");
  else
    tcase_add_test (tc, what_is_locked_shows);
  tcase_add_test (tc, what_was_set_can_be_read);
  return suite_run (suite);
}
