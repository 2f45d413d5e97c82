/* SPDX-License-Identifier: BSD-3-Clause */
/* What is to be left free: between the half of the kernel's "min" and all of
 * it, besides what is protected from us, as /proc/zoneinfo says.
 */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "unit.h"
#include "watermark.h"

/* As Linux 6.12 writes it, without what does not matter. */
#define ZONE(name, free, boost, min, managed, protection) \
  "Node 0, zone " name "\n"                               \
  "  pages free     " free "\n"                           \
  "        boost    " boost "\n"                          \
  "        min      " min "\n"                            \
  "        low      999\n"                                \
  "        spanned  99999\n"                              \
  "        managed  " managed "\n"                        \
  "        protection: (" protection ")\n"                \
  "      nr_free_pages " free "\n"                        \
  "  pagesets\n"                                          \
  "              high_min: 1\n"

#define DMA(free, protection) \
  ZONE ("     DMA", free, "0", "33", "3840", protection)
#define NORMAL(free, boost, min) \
  ZONE ("  Normal", free, boost, min, "50000", "0, 0, 0")
#define MOVABLE ZONE (" Movable", "0", "0", "32", "0", "0, 0, 0")

static const struct {
  const char *zoneinfo;
  uint64_t protected, min;
} machines[] = {
    {NORMAL ("9000", "0", "421"), 0, 421},
    /* What fragmentation adds for a while does not count. */
    {NORMAL ("9000", "946", "1367"), 0, 421},
    /* Nor how much of a zone is free that is not protected. */
    {NORMAL ("7", "0", "421"), 0, 421},
    {NORMAL ("0", "0", "421"), 0, 421},
    /* What is protected counts besides. */
    {DMA ("3700", "0, 187, 187") NORMAL ("9000", "0", "421"), 187 + 33, 421},
    /* What is not there of it is the kernel's, for good. */
    {DMA ("3700", "0, 3019, 8395") NORMAL ("9000", "0", "421"), 3700, 421},
    {DMA ("3700", "0, 187, 187") NORMAL ("9000", "0", "421") MOVABLE, 220, 421},
    /* Two nodes. */
    {DMA ("3700", "0, 187, 187") NORMAL ("9000", "0", "421")
         NORMAL ("9", "0", "79"),
     220, 500},
    /* Linux 5.4 has no boost to be seen. */
    {"  pages free     7000\n"
     "        min      77\n"
     "        managed  9000\n"
     "        protection: (0)\n",
     0, 77},
    /* Nothing that makes sense. */
    {"", 0, 0},
    {"Node 0, zone", 0, 0},
    {"protection: (", 0, 0},
    {"  pages free     7000\n        min      77", 0, 0},
};

#define NR_MACHINES ((int) (sizeof machines / sizeof machines[0]))

START_TEST (zones_are_what_zoneinfo_says)
{
  const struct watermark_zones zones = watermark_parse (machines[_i].zoneinfo);

  ck_assert_uint_eq (zones.protected, machines[_i].protected);
  ck_assert_uint_eq (zones.min, machines[_i].min);
}

static const struct {
  struct watermark_zones zones;
  uint64_t buffer, mark;
} marks[] = {
    /* Three quarters of much. */
    {{0, 1000}, 0, 750 * 4096},
    {{0, 10000}, 212992, 7500 * 4096},
    {{100, 10000}, 212992, 7600 * 4096},
    /* Twice the buffer above the half of little. */
    {{0, 400}, 212992, (400 * 4096) / 2 + 2 * 212992},
    /* No more than "min", where that is no more. */
    {{0, 150}, 212992, 150 * 4096},
    {{7, 150}, 212992, 157 * 4096},
    {{0, 0}, 212992, 0},
};

#define NR_MARKS ((int) (sizeof marks / sizeof marks[0]))

START_TEST (the_mark_is_between_the_half_and_all)
{
  ck_assert_uint_eq (watermark_of (&marks[_i].zones, 4096, marks[_i].buffer),
                     marks[_i].mark);
}

/* It stays open, for all tests of a process. */
static void
open_once (void)
{
  if (watermark_bytes () == 0)
    ck_assert_int_eq (watermark_open (0), 0);
}

/* Of this machine: something, and far from all that it has. */
START_TEST (this_machine_has_one)
{
  const uint64_t all =
      (uint64_t) sysconf (_SC_PHYS_PAGES) * (uint64_t) sysconf (_SC_PAGESIZE);

  ck_assert_uint_eq (watermark_bytes (), 0);
  open_once ();
  ck_assert_uint_gt (watermark_bytes (), 0);
  ck_assert_uint_lt (watermark_bytes (), all / 2);
}

/* It is asked for when there is no memory. */
START_TEST (asking_again_takes_no_page_fault)
{
  long before;

  open_once ();
  watermark_bytes ();
  before = thread_faults ();
  for (int i = 0; i < 100; i++)
    watermark_bytes ();
  ck_assert_int_eq (thread_faults () - before, 0);
}

/* Each disk's reserve has a thread that asks.  What one reads is not to get
 * among what another one looks at: of the least and the most that any of them
 * is told, neither is far from what one alone is told. */
static void *
ask (void *arg)
{
  uint64_t *const range = arg;

  for (uint64_t i = scaled (5000); i > 0; i--) {
    const uint64_t bytes = watermark_bytes ();

    range[0] = bytes < range[0] ? bytes : range[0];
    range[1] = bytes > range[1] ? bytes : range[1];
  }
  return NULL;
}

START_TEST (many_may_ask_at_once)
{
  pthread_t threads[4];
  uint64_t ranges[4][2];
  uint64_t alone;

  open_once ();
  alone = watermark_bytes ();
  for (int i = 0; i < 4; i++) {
    ranges[i][0] = ranges[i][1] = alone;
    ck_assert_int_eq (pthread_create (&threads[i], NULL, ask, ranges[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
    ck_assert_uint_gt (ranges[i][0], alone - alone / 4);
    ck_assert_uint_lt (ranges[i][1], alone + alone / 4);
  }
}

int
main (void)
{
  Suite *suite = suite_create ("watermark");
  TCase *tc = suite_case (suite, "watermark");

  tcase_add_loop_test (tc, zones_are_what_zoneinfo_says, 0, NR_MACHINES);
  tcase_add_loop_test (tc, the_mark_is_between_the_half_and_all, 0, NR_MARKS);
  tcase_add_test (tc, this_machine_has_one);
  tcase_add_test (tc, many_may_ask_at_once);
  if (instrumented ())
    puts ("SKIP: a test of page faults: who watches takes some, too");
  else
    tcase_add_test (tc, asking_again_takes_no_page_fault);
  return suite_run (suite);
}
