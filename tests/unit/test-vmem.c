/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory from the system: what is reserved costs nothing, what is opened works,
 * what is given back is gone.  The kernel is asked, not the code.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "oldkernel.h"
#include "unit.h"
#include "vmem.h"

static size_t page;

static void
setup (void)
{
  page = (size_t) sysconf (_SC_PAGESIZE);
}

/* The line of FILE, which lists mappings, that begins with NAME and is about
 * the one that P lies in; an empty NAME is for the line that opens it.  False
 * if P lies in none. */
static bool
mapping_line (const char *file, const void *p, const char *name, char *line,
              size_t size)
{
  FILE *fp = fopen (file, "r");
  bool inside = false, found = false;

  ck_assert_ptr_nonnull (fp);
  while (!found && fgets (line, (int) size, fp)) {
    unsigned long long first, last;
    const bool opens = sscanf (line, "%llx-%llx ", &first, &last) == 2;

    if (opens)
      inside = first <= (uintptr_t) p && (uintptr_t) p < last;
    found =
        inside && opens == !name[0] && strncmp (line, name, strlen (name)) == 0;
  }
  fclose (fp);
  return found;
}

/* May a byte at P be read?  The kernel says. */
static bool
readable (const void *p)
{
  char line[512], perms[8];

  return mapping_line ("/proc/self/maps", p, "", line, sizeof line) &&
         sscanf (line, "%*s %7s", perms) == 1 && perms[0] == 'r';
}

/* How many of N pages at START have memory behind them. */
static size_t
resident (void *start, size_t n)
{
  unsigned char seen[256];
  size_t i, count = 0;

  ck_assert_uint_le (n, sizeof seen);
  ck_assert_int_eq (mincore (start, n * page, seen), 0);
  for (i = 0; i < n; ++i)
    count += seen[i] & 1;
  return count;
}

START_TEST (reserved_addresses_may_not_be_touched)
{
  char *start = vmem_reserve (4 * page);

  ck_assert_ptr_nonnull (start);
  ck_assert_uint_eq ((uintptr_t) start % page, 0);
  ck_assert (!readable (start));
  ck_assert (!readable (start + 4 * page - 1));
  vmem_release (start, 4 * page);
}

START_TEST (reserve_rounds_up)
{
  char *start = vmem_reserve (page + 1);

  ck_assert_ptr_nonnull (start);
  ck_assert_int_eq (vmem_open (start, 2 * page), 0);
  start[2 * page - 1] = 1;
  vmem_release (start, page + 1);
  ck_assert (!readable (start));
  ck_assert (!readable (start + page));
}

/* A system that lets writable memory be promised only once. */
START_TEST (reserved_addresses_are_no_commitment)
{
  const size_t size = (size_t) 64 << 30;
  char *start;

  memory_limit (0);
  start = vmem_reserve (size);
  memory_limit_lift ();
  ck_assert_ptr_nonnull (start);
  vmem_release (start, size);
}

START_TEST (reserve_says_when_there_is_no_room)
{
  errno = 0;
  ck_assert_ptr_null (vmem_reserve ((size_t) 1 << 62));
  ck_assert_int_ne (errno, 0);
}

START_TEST (release_gives_the_addresses_up)
{
  char *start = vmem_reserve (2 * page);

  ck_assert_ptr_nonnull (start);
  ck_assert_int_eq (vmem_open (start, 2 * page), 0);
  memset (start, 1, 2 * page);
  vmem_release (start, 2 * page);
  ck_assert (!readable (start));
  vmem_release (NULL, 2 * page);
}

START_TEST (open_memory_is_zero_and_takes_none_until_touched)
{
  char *start = vmem_reserve (16 * page);

  ck_assert_int_eq (vmem_open (start, 8 * page), 0);
  ck_assert_uint_eq (resident (start, 8), 0);
  ck_assert (all_zero (start, 8 * page));
  memset (start + page, 0xff, page);
  ck_assert (!readable (start + 8 * page));
  vmem_release (start, 16 * page);
}

START_TEST (opening_twice_is_harmless)
{
  char *start = vmem_reserve (4 * page);

  ck_assert_int_eq (vmem_open (start, 2 * page), 0);
  memset (start, 0x55, 2 * page);
  ck_assert_int_eq (vmem_open (start, 4 * page), 0);
  ck_assert_int_eq (start[0], 0x55);
  ck_assert_int_eq (start[2 * page - 1], 0x55);
  ck_assert (all_zero (start + 2 * page, 2 * page));
  vmem_release (start, 4 * page);
}

START_TEST (open_says_when_there_is_no_memory)
{
  const size_t size = (size_t) 64 << 20;
  char *start = vmem_reserve (size);

  ck_assert_ptr_nonnull (start);
  memory_limit (0);
  ck_assert_int_eq (vmem_open (start, size), -ENOMEM);
  memory_limit_lift ();
  ck_assert_int_eq (vmem_open (start, size), 0);
  start[size - 1] = 1;
  vmem_release (start, size);
}

/* Even where no more memory may be written, and it can be opened later. */
START_TEST (memory_opened_for_reading_is_zero_and_no_commitment)
{
  const size_t size = (size_t) 64 << 20;
  char *start = vmem_reserve (size);
  char line[512], perms[8];

  ck_assert_ptr_nonnull (start);
  memory_limit (0);
  ck_assert_int_eq (vmem_open_reading (start, size), 0);
  ck_assert (all_zero (start, size));
  memory_limit_lift ();
  ck_assert (mapping_line ("/proc/self/maps", start, "", line, sizeof line));
  ck_assert_int_eq (sscanf (line, "%*s %7s", perms), 1);
  ck_assert_str_eq (perms, "r--p");
  ck_assert_int_eq (vmem_open (start + page, page), 0);
  start[page] = 1;
  ck_assert (all_zero (start, page));
  ck_assert (all_zero (start + 2 * page, page));
  vmem_release (start, size);
}

START_TEST (populate_puts_memory_there_and_keeps_what_was)
{
  char *start = vmem_reserve (16 * page);

  ck_assert_int_eq (vmem_open (start, 16 * page), 0);
  memset (start + 3 * page, 0x77, page);
  ck_assert_int_eq (vmem_populate (start, 8 * page), 0);
  ck_assert_uint_eq (resident (start, 8), 8);
  ck_assert_uint_eq (resident (start + 8 * page, 8), 0);
  ck_assert (all_zero (start, 3 * page));
  ck_assert_int_eq (start[3 * page], 0x77);
  ck_assert_int_eq (start[4 * page - 1], 0x77);
  ck_assert (all_zero (start + 4 * page, 4 * page));
  vmem_release (start, 16 * page);
}

static void
give_back (void *start, size_t size)
{
  const struct iovec range = {start, size};

  vmem_give_back (&range, 1);
}

/* Fill 16 pages, give the middle 8 back, look, and fill them again. */
static void
give_middle_back (char *start)
{
  memset (start, 0x11, 16 * page);
  give_back (start + 4 * page, 8 * page);
  ck_assert_uint_eq (resident (start, 16), 8);
  ck_assert_int_eq (start[4 * page - 1], 0x11);
  ck_assert_int_eq (start[12 * page], 0x11);
  ck_assert (all_zero (start + 4 * page, 8 * page));
  memset (start + 4 * page, 0x22, 8 * page);
  ck_assert_int_eq (start[4 * page], 0x22);
}

START_TEST (given_back_memory_is_gone)
{
  char *start = vmem_reserve (16 * page);

  ck_assert_int_eq (vmem_open (start, 16 * page), 0);
  give_middle_back (start);
  give_middle_back (start);
  vmem_release (start, 16 * page);
}

START_TEST (given_back_memory_is_gone_though_it_was_locked)
{
  char *start = vmem_reserve (16 * page);

  ck_assert_int_eq (vmem_open (start, 16 * page), 0);
  if (mlock (start, 16 * page) != 0)
    printf ("SKIP: locked memory: mlock: %s\n", strerror (errno));
  else {
    memset (start, 0x11, 16 * page);
    ck_assert_uint_eq (resident (start, 16), 16);
    give_back (start + 4 * page, 8 * page);
    ck_assert_uint_eq (resident (start, 16), 8);
    ck_assert_int_eq (start[4 * page - 1], 0x11);
    ck_assert_int_eq (start[12 * page], 0x11);
    ck_assert (all_zero (start + 4 * page, 8 * page));
  }
  vmem_release (start, 16 * page);
}

/* Every other page of them. */
START_TEST (many_ranges_are_given_back_by_any_kernel)
{
  struct iovec ranges[VMEM_MAX_RANGES];
  const size_t size = 2 * VMEM_MAX_RANGES * page;
  char *start = vmem_reserve (size);

  kernel_pretend ((enum kernel_age) _i);
  ck_assert_int_eq (vmem_open (start, size), 0);
  memset (start, 0x11, size);
  for (unsigned i = 0; i < VMEM_MAX_RANGES; i++)
    ranges[i] = (struct iovec){start + 2 * i * page, page};
  vmem_give_back (ranges, VMEM_MAX_RANGES);
  ck_assert_uint_eq (resident (start, size / page), VMEM_MAX_RANGES);
  for (unsigned i = 0; i < VMEM_MAX_RANGES; i++) {
    ck_assert (all_zero (start + 2 * i * page, page));
    ck_assert_int_eq (start[(2 * i + 1) * page], 0x11);
  }
  kernel_pretend (KERNEL_AS_IT_IS);
  vmem_release (start, size);
}

START_TEST (no_huge_pages_and_not_in_a_core_dump)
{
  const size_t size = (size_t) 8 << 20;
  char *start = vmem_reserve (size);
  char flags[512];

  ck_assert_int_eq (vmem_open (start, size / 2), 0);
  ck_assert (mapping_line ("/proc/self/smaps", start, "VmFlags:", flags,
                           sizeof flags));
  ck_assert_msg (strstr (flags, " dd"), "%s", flags);
  if (access ("/sys/kernel/mm/transparent_hugepage", F_OK) == 0)
    ck_assert_msg (strstr (flags, " nh"), "%s", flags);
  else
    puts ("SKIP: huge pages: this kernel has none");
  vmem_release (start, size);
}

int
main (void)
{
  Suite *suite = suite_create ("vmem");
  TCase *tc;

  tc = suite_case (suite, "vmem");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, reserved_addresses_may_not_be_touched);
  tcase_add_test (tc, reserve_rounds_up);
  tcase_add_test (tc, reserve_says_when_there_is_no_room);
  tcase_add_test (tc, release_gives_the_addresses_up);
  tcase_add_test (tc, open_memory_is_zero_and_takes_none_until_touched);
  tcase_add_test (tc, opening_twice_is_harmless);
  tcase_add_test (tc, populate_puts_memory_there_and_keeps_what_was);
  tcase_add_test (tc, given_back_memory_is_gone);
  tcase_add_test (tc, given_back_memory_is_gone_though_it_was_locked);
  tcase_add_loop_test (tc, many_ranges_are_given_back_by_any_kernel, 0,
                       KERNEL_AGES);
  tcase_add_test (tc, no_huge_pages_and_not_in_a_core_dump);
  if (memory_can_be_limited ()) {
    tcase_add_test (tc, reserved_addresses_are_no_commitment);
    tcase_add_test (tc, open_says_when_there_is_no_memory);
    tcase_add_test (tc, memory_opened_for_reading_is_zero_and_no_commitment);
  }
  return suite_run (suite);
}
