/* SPDX-License-Identifier: BSD-3-Clause */
/* The mark below which nobody gets memory, from what /proc/zoneinfo says.
 */
#include <config.h>

#include <unistd.h>

#include "unit.h"
#include "watermark.h"

/* As Linux 6.12 writes it, without what does not matter. */
#define ZONE(name, free, boost, min, protection) \
  "Node 0, zone " name "\n"                      \
  "  pages free     " free "\n"                  \
  "        boost    " boost "\n"                 \
  "        min      " min "\n"                   \
  "        low      999\n"                       \
  "        protection: (" protection ")\n"       \
  "      nr_free_pages " free "\n"               \
  "  pagesets\n"                                 \
  "              high_min: 1\n"

#define DMA    "     DMA"
#define NORMAL "  Normal"

START_TEST (a_zone_keeps_its_least)
{
  ck_assert_uint_eq (
      watermark_pages (ZONE (NORMAL, "9000", "0", "421", "0, 0")), 421);
}

START_TEST (what_fragmentation_adds_for_a_while_does_not_count)
{
  ck_assert_uint_eq (
      watermark_pages (ZONE (NORMAL, "9000", "946", "1367", "0, 0")), 421);
}

START_TEST (what_is_protected_counts_besides)
{
  ck_assert_uint_eq (
      watermark_pages (ZONE (DMA, "3700", "0", "33", "0, 187, 187, 187")
                           ZONE (NORMAL, "9000", "0", "421", "0, 0, 0, 0")),
      187 + 33 + 421);
}

/* The rest of it is the kernel's, for good. */
START_TEST (what_is_not_there_does_not_count)
{
  ck_assert_uint_eq (
      watermark_pages (ZONE (DMA, "3700", "0", "30", "0, 3019, 8395")
                           ZONE (NORMAL, "9000", "0", "421", "0, 0, 0")
                               ZONE ("Movable", "0", "0", "32", "0, 0, 0")),
      3700 + 421);
}

/* Before Linux 5.9 there is no boost to be seen. */
START_TEST (zones_without_a_boost_are_understood)
{
  ck_assert_uint_eq (watermark_pages ("  pages free     7000\n"
                                      "        min      77\n"
                                      "        protection: (0)\n"),
                     77);
}

START_TEST (what_says_nothing_is_nothing)
{
  ck_assert_uint_eq (watermark_pages (""), 0);
  ck_assert_uint_eq (watermark_pages ("Node 0, zone"), 0);
  ck_assert_uint_eq (watermark_pages ("protection: ("), 0);
}

/* Of this machine: something, and far from all that it has. */
START_TEST (this_machine_has_one)
{
  const uint64_t all =
      (uint64_t) sysconf (_SC_PHYS_PAGES) * (uint64_t) sysconf (_SC_PAGESIZE);

  ck_assert_uint_gt (watermark_bytes (), 0);
  ck_assert_uint_lt (watermark_bytes (), all / 2);
}

int
main (void)
{
  Suite *suite = suite_create ("watermark");
  TCase *tc = suite_case (suite, "watermark");

  tcase_add_test (tc, a_zone_keeps_its_least);
  tcase_add_test (tc, what_fragmentation_adds_for_a_while_does_not_count);
  tcase_add_test (tc, what_is_protected_counts_besides);
  tcase_add_test (tc, what_is_not_there_does_not_count);
  tcase_add_test (tc, zones_without_a_boost_are_understood);
  tcase_add_test (tc, what_says_nothing_is_nothing);
  tcase_add_test (tc, this_machine_has_one);
  return suite_run (suite);
}
