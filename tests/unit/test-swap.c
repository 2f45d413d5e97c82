/* SPDX-License-Identifier: BSD-3-Clause */
/* What serving swap takes: each thing that cannot be had is said in one line,
 * an error or a warning, and what is not complained of is there.  Capabilities
 * and limits are taken from this process, so it does not matter who runs it.
 */
#include <config.h>

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cmdline.h"
#include "swap.h"
#include "tasks.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

/* What has been said. */
#define MAX_LINES 8

static char lines[MAX_LINES][400];
static unsigned nr_lines;

static void
say (const char *line)
{
  must (nr_lines < MAX_LINES);
  must (strlen (line) < sizeof lines[0]);
  must (strchr (line, '\n') == NULL);
  strcpy (lines[nr_lines++], line);
}

/* Has a line been said that PATTERN matches? */
static bool
has_said (const char *pattern)
{
  for (unsigned i = 0; i < nr_lines; i++)
    if (fnmatch (pattern, lines[i], 0) == 0)
      return true;
  return false;
}

/* The lines since the last call must be N and match PATTERNS. */
static void
must_have_said (const char *const *patterns, unsigned n)
{
  ck_assert_uint_eq (nr_lines, n);
  for (unsigned i = 0; i < n; i++)
    ck_assert_msg (fnmatch (patterns[i], lines[i], 0) == 0,
                   "\"%s\" is not \"%s\"", lines[i], patterns[i]);
  nr_lines = 0;
}

/* There are fewer. */
#define NO_CAPABILITY 63

/* No capability but KEPT, if we had that; no real-time priority; LOCKABLE bytes
 * may be locked. */
static void
deprive (int kept, rlim_t lockable)
{
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  const struct rlimit none = {0, 0};
  struct rlimit limit;

  ck_assert_int_eq (setrlimit (RLIMIT_RTPRIO, &none), 0);
  ck_assert_int_eq (getrlimit (RLIMIT_MEMLOCK, &limit), 0);
  if (limit.rlim_max > lockable)
    limit.rlim_max = lockable;
  limit.rlim_cur = limit.rlim_max;
  ck_assert_int_eq (setrlimit (RLIMIT_MEMLOCK, &limit), 0);
  ck_assert_int_eq (syscall (SYS_capget, &header, data), 0);
  for (int i = 0; i < 2; i++) {
    const uint32_t mask = kept / 32 == i ? UINT32_C (1) << kept % 32 : 0;

    data[i].effective &= mask;
    data[i].permitted &= mask;
    data[i].inheritable = 0;
  }
  ck_assert_int_eq (syscall (SYS_capset, &header, data), 0);
}

/* More than there are addresses, and finite. */
#define MUCH (RLIM_INFINITY / 4)

/* In the order in which they are taken. */
static const char *const warnings[] = {
    "warning: swap=try: PR_SET_IO_FLUSHER: *CAP_SYS_RESOURCE; without it *",
    "warning: swap=try: SCHED_RR: *CAP_SYS_NICE, *RLIMIT_RTPRIO*; without it *",
    "warning: swap=try: oom_score_adj: *CAP_SYS_RESOURCE; without it *hang*",
    "warning: swap=try: locking memory: *CAP_IPC_LOCK, *RLIMIT_MEMLOCK*; *",
};

#define NR_WARNINGS 4U

START_TEST (half_of_the_threads_may_wait_or_the_only_ones)
{
  ck_assert_uint_eq (swap_waiters (1), UINT_MAX);
  ck_assert_uint_eq (swap_waiters (2), 1);
  ck_assert_uint_eq (swap_waiters (5), 2);
  ck_assert_uint_eq (swap_waiters (16), 8);
}

START_TEST (off_takes_nothing_and_says_nothing)
{
  const uint64_t before = rss_bytes ();
  struct tasks tasks;

  ck_assert_int_eq (swap_take_privileges (SWAP_OFF, UINT64_MAX, say), 0);
  ck_assert_int_eq (swap_lock_memory (SWAP_OFF, say), 0);
  ck_assert_int_eq (swap_connection_opened (SWAP_OFF, say), 0);
  swap_connection_closed (SWAP_OFF);
  must_have_said (NULL, 0);
  tasks_count (&tasks);
  ck_assert_uint_eq (tasks.flushers, 0);
  ck_assert_uint_eq (tasks.realtime, 0);
  ck_assert_uint_eq (proc_bytes ("/proc/self/status", "VmLck:"), 0);
  ck_assert_uint_lt (rss_bytes (), before + MIB);
}

START_TEST (on_refuses_with_the_first_that_is_missing)
{
  static const char *const flusher[] = {
      "swap=on: PR_SET_IO_FLUSHER: *run as root, or grant CAP_SYS_RESOURCE"};
  static const char *const locking[] = {
      "swap=on: locking memory: *CAP_IPC_LOCK, *RLIMIT_MEMLOCK*unlimited"};

  deprive (NO_CAPABILITY, 0);
  ck_assert_int_eq (swap_take_privileges (SWAP_ON, MIB, say), -1);
  must_have_said (flusher, 1);
  ck_assert_int_eq (swap_lock_memory (SWAP_ON, say), -1);
  must_have_said (locking, 1);
}

/* However much may be locked: it is not all that there is. */
START_TEST (try_warns_of_each_and_goes_on)
{
  deprive (NO_CAPABILITY, _i ? MUCH : 0);
  ck_assert_int_eq (swap_take_privileges (SWAP_TRY, MIB, say), 0);
  must_have_said (warnings, NR_WARNINGS);
  ck_assert_uint_eq (proc_bytes ("/proc/self/status", "VmLck:"), 0);
}

/* What would do for now is not locked either: then the limit would be met by
 * what is mapped later. */
START_TEST (try_warns_again_when_it_cannot_lock)
{
  deprive (NO_CAPABILITY, _i ? MUCH : 0);
  ck_assert_int_eq (swap_lock_memory (SWAP_TRY, say), 0);
  must_have_said (&warnings[NR_WARNINGS - 1], 1);
  ck_assert_uint_eq (proc_bytes ("/proc/self/status", "VmLck:"), 0);
}

/* The number in /proc/self/oom_score_adj. */
static int
oom_score_adj (void)
{
  FILE *fp = fopen ("/proc/self/oom_score_adj", "r");
  int adj;

  ck_assert_ptr_nonnull (fp);
  ck_assert_int_eq (fscanf (fp, "%d", &adj), 1);
  fclose (fp);
  return adj;
}

static const int capabilities[] = {CAP_SYS_RESOURCE, CAP_SYS_NICE,
                                   CAP_IPC_LOCK};

START_TEST (what_it_does_not_warn_of_is_there)
{
  struct tasks tasks;

  deprive (capabilities[_i], 0);
  ck_assert_int_eq (swap_take_privileges (SWAP_TRY, MIB, say), 0);
  ck_assert_uint_eq (proc_bytes ("/proc/self/status", "VmLck:"), 0);
  ck_assert_int_eq (swap_lock_memory (SWAP_TRY, say), 0);
  tasks_count (&tasks);
  ck_assert_int_eq (has_said (warnings[0]), tasks.flushers == 0);
  ck_assert_int_eq (has_said (warnings[1]), tasks.realtime == 0);
  ck_assert (has_said (warnings[2]) || oom_score_adj () == -1000);
  ck_assert_int_eq (has_said (warnings[3]),
                    proc_bytes ("/proc/self/status", "VmLck:") == 0);
}

/* Connections. */

/* What nbdkit's threads for one need at least. */
#define LONGEST (1280U << 10)
#define LEAST   ((uint64_t) CMDLINE_DEFAULT_THREADS * LONGEST)

static long
faults_of_buffers (unsigned n)
{
  const long before = thread_faults ();

  for (unsigned i = 0; i < n; i++) {
    volatile char *const buf = malloc (LONGEST);

    must (buf != NULL);
    for (size_t at = 0; at < LONGEST; at += 1024)
      buf[at] = 1;
  }
  return thread_faults () - before;
}

/* Nothing else is looked at after it. */
START_TEST (more_memory_than_there_is_is_refused)
{
  static const char *const wants[] = {"swap=on: it takes 1048577 MiB at the "
                                      "start, and * are available: *reserve or "
                                      "writeback_batch_size"};

  ck_assert_int_eq (swap_take_privileges (SWAP_ON, MIB << 20, say), -1);
  must_have_said (wants, 1);
}

START_TEST (each_connection_gets_room)
{
  uint64_t before;

  ck_assert_int_eq (swap_lock_memory (SWAP_TRY, say), 0);
  before = rss_bytes ();
  ck_assert_int_eq (swap_connection_opened (SWAP_TRY, say), 0);
  ck_assert_uint_ge (rss_bytes (), before + LEAST);

  /* The next has its place. */
  before = rss_bytes ();
  swap_connection_closed (SWAP_TRY);
  ck_assert_int_eq (swap_connection_opened (SWAP_TRY, say), 0);
  ck_assert_uint_lt (rss_bytes (), before + MIB);

  /* One beside it has not. */
  ck_assert_int_eq (swap_connection_opened (SWAP_TRY, say), 0);
  ck_assert_uint_ge (rss_bytes (), before + LEAST);
  ck_assert_int_le (faults_of_buffers (2 * CMDLINE_DEFAULT_THREADS), 3);
}

/* Both are open before either has its threads. */
START_TEST (connections_opened_together_have_stacks_of_their_own)
{
  long most, least;

  ck_assert_int_eq (swap_lock_memory (SWAP_TRY, say), 0);
  ck_assert (memory_lock ());
  ck_assert_int_eq (swap_connection_opened (SWAP_TRY, say), 0);
  ck_assert_int_eq (swap_connection_opened (SWAP_TRY, say), 0);
  stacks_use (2 * CMDLINE_DEFAULT_THREADS, &most, &least);
  ck_assert_int_le (most, 3);
}

/* Stacks that are not locked lose their memory when their threads end. */
static bool
may_be_locked (void)
{
  const bool may = memory_lock ();

  if (!may)
    puts ("SKIP: a test of stacks that are locked: no memory may be locked");
  munlockall ();
  return may;
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("who watches may refuse to lock memory, or have some itself");
  suite = suite_create ("swap");

  tc = suite_case (suite, "privileges");
  tcase_add_test (tc, half_of_the_threads_may_wait_or_the_only_ones);
  tcase_add_test (tc, off_takes_nothing_and_says_nothing);
  tcase_add_test (tc, on_refuses_with_the_first_that_is_missing);
  tcase_add_test (tc, more_memory_than_there_is_is_refused);
  tcase_add_loop_test (tc, try_warns_of_each_and_goes_on, 0, 2);
  tcase_add_loop_test (tc, try_warns_again_when_it_cannot_lock, 0, 2);
  tcase_add_loop_test (tc, what_it_does_not_warn_of_is_there, 0, 3);

  tc = suite_case (suite, "connections");
  tcase_add_test (tc, each_connection_gets_room);
  if (may_be_locked ())
    tcase_add_test (tc, connections_opened_together_have_stacks_of_their_own);
  return suite_run (suite);
}
