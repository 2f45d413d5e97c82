/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the pool asks for no huge pages: what compaction gives back of one is no
 * longer counted as this process's, but the system gets it only when all of the
 * huge page is given back, or under pressure.
 *
 * The machine's settings are not this test's to change, so it changes what the
 * device asks for instead: madvise is this program's own.  And it asks the
 * kernel to make huge pages at once (MADV_COLLAPSE), which is what it does in
 * the background where they are always on.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "filling.h"
#include "unit.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define MIB  (UINT64_C (1) << 20)
#define HUGE (2 * MIB)

/* 600 MiB of compressed pages, of which 360 MiB go. */
#define NR_PAGES (600 * MIB / REAL_MEAN)
#define KEPT     40

/* Others use memory meanwhile. */
#define ROUNDS 5

static bool huge_forced;

int
madvise (void *start, size_t size, int advice)
{
  if (huge_forced && advice == MADV_NOHUGEPAGE)
    advice = MADV_HUGEPAGE;
  return (int) syscall (SYS_madvise, start, size, advice);
}

static uint64_t
difference (uint64_t more, uint64_t less)
{
  return more > less ? more - less : 0;
}

static uint64_t
huge_bytes (void)
{
  return proc_bytes ("/proc/self/smaps_rollup", "AnonHugePages:");
}

/* Ask for huge pages in FIRST to END, one at a time: each may be refused. */
static void
collapse (uint64_t first, uint64_t end)
{
  for (first = (first + HUGE - 1) & ~(HUGE - 1); first + HUGE <= end;
       first += HUGE)
    madvise ((void *) (uintptr_t) first, HUGE, MADV_COLLAPSE);
}

/* In all that is large: the pool. */
static void
collapse_all (void)
{
  FILE *fp = fopen ("/proc/self/maps", "r");
  unsigned long long first, end;
  char line[4096], perms[8];

  ck_assert_ptr_nonnull (fp);
  while (fgets (line, sizeof line, fp))
    if (sscanf (line, "%llx-%llx %7s", &first, &end, perms) == 3 &&
        strcmp (perms, "rw-p") == 0 && end - first >= 16 * MIB)
      collapse (first, end);
  fclose (fp);
}

struct result {
  uint64_t huge;     /* bytes in huge pages before anything was discarded */
  uint64_t rss_fell; /* by so much when it was compacted */
  uint64_t used_fell;
};

static struct result
measure (bool forced)
{
  struct result result = {0};
  struct filling filling;
  uint64_t rss, used;
  const char *counter;

  huge_forced = forced;
  filling_make (&filling, NR_PAGES, 0);
  collapse_all ();
  result.huge = huge_bytes ();
  filling_discard (&filling, KEPT);
  rss = rss_bytes ();
  used = system_used (&counter);
  zram_compact (filling.zram, NULL);
  result.used_fell = difference (used, system_used (NULL));
  result.rss_fell = difference (rss, rss_bytes ());
  printf ("%s: AnonHugePages %llu MiB; compacted, RSS fell by %llu MiB, "
          "%s by %llu MiB\n",
          forced ? "huge pages forced on" : "as the pool asks",
          (unsigned long long) (result.huge / MIB),
          (unsigned long long) (result.rss_fell / MIB), counter,
          (unsigned long long) (result.used_fell / MIB));
  filling_check (&filling);
  filling_destroy (&filling);
  return result;
}

START_TEST (as_the_pool_asks_memory_goes_back)
{
  struct result result;
  unsigned round = 0;

  do {
    result = measure (false);
    ck_assert_uint_lt (result.huge, 2 * HUGE);
    ck_assert_uint_gt (result.rss_fell, 256 * MIB);
  } while (result.used_fell < result.rss_fell * 9 / 10 && ++round < ROUNDS);
  ck_assert_uint_ge (result.used_fell, result.rss_fell * 9 / 10);
}

/* Should this fail because more goes back than that, then the kernel has got
 * better at it, and the pool's advice may be thought over again. */
START_TEST (in_huge_pages_memory_stays_and_rss_does_not_tell)
{
  struct result result;
  unsigned round = 0;

  do {
    result = measure (true);
    ck_assert_uint_gt (result.rss_fell, 256 * MIB);
  } while (
      (result.huge <= 500 * MIB || result.used_fell > result.rss_fell / 2) &&
      ++round < ROUNDS);
  if (result.huge <= 500 * MIB)
    puts ("SKIP: what huge pages cost: the kernel had too few of them");
  else
    ck_assert_uint_le (result.used_fell, result.rss_fell / 2);
}

/* Can this kernel make a huge page when it is asked for one? */
static bool
kernel_makes_huge_pages (void)
{
  char *p = mmap (NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  bool made;

  if (p == MAP_FAILED)
    return false;
  madvise (p, 2 * HUGE, MADV_HUGEPAGE);
  memset (p, 1, 2 * HUGE);
  collapse ((uintptr_t) p, (uintptr_t) p + 2 * HUGE);
  made = huge_bytes () >= HUGE;
  munmap (p, 2 * HUGE);
  return made;
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("the memory of who watches cannot be told from the program's");
  if (!kernel_makes_huge_pages ())
    return skip ("this kernel makes no huge page when it is asked to");
  measure_alone ();
  suite = suite_create ("hugepages");
  tc = suite_case (suite, "huge pages");
  tcase_add_test (tc, as_the_pool_asks_memory_goes_back);
  tcase_add_test (tc, in_huge_pages_memory_stays_and_rss_does_not_tell);
  return suite_run (suite);
}
