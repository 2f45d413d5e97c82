/* SPDX-License-Identifier: BSD-3-Clause */
/* What the unit suites share: how a suite is run, content to store, and means
 * to watch the process from outside the code under test.
 */
#ifndef ZRAM_UNIT_H
#define ZRAM_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

/* What automake takes for "this test could not run here". */
#define EXIT_SKIP 77

/* ck_assert for loops and threads: it leaves no mark when it passes, so a
 * million of them cost nothing. */
#define must(condition)                \
  do {                                 \
    if (!(condition))                  \
      ck_abort_msg ("%s", #condition); \
  } while (0)

/* The same for two numbers, which it prints. */
#define must_equal(got, want)                                              \
  do {                                                                     \
    const long long got_ = (long long) (got);                              \
    const long long want_ = (long long) (want);                            \
                                                                           \
    if (got_ != want_)                                                     \
      ck_abort_msg ("%s is %lld, not %s, %lld", #got, got_, #want, want_); \
  } while (0)

/* A case of SUITE with a limit on its time that only a hang will meet. */
extern TCase *suite_case (Suite *suite, const char *name);

/* Run SUITE; what main returns. */
extern int suite_run (Suite *suite);

/* Wait for other programs of this directory that measure the machine's memory,
 * each of which fills some hundred MiB, and keep them waiting until this one
 * ends. */
extern void measure_alone (void);

/* Say on stdout and stderr why a program cannot run here; what main returns. */
extern int skip (const char *why);

/* Does a sanitizer or valgrind run this program?  It is slow then, and its
 * memory is not only its own. */
extern bool instrumented (void);

/* Valgrind: one thread runs at a time, and where it does not know that a system
 * call may block (io_uring_enter), no other does meanwhile. */
extern bool under_valgrind (void);

/* N, or fewer where each round is slow; never 0. */
extern uint64_t scaled (uint64_t n);

/* The next number of a repeatable sequence; *STATE may be anything. */
extern uint64_t random_next (uint64_t *state);

/* Below LIMIT, which is not 0. */
extern uint64_t random_below (uint64_t *state, uint64_t limit);

/* Lengths as lz4 makes them of pages that programs left in memory: a page in
 * thirty does not compress, the others spread from 40 bytes to nearly a page,
 * 1350 bytes in the mean.  Between two neighbours all are equally likely. */
extern uint64_t draw_lz4_len (uint64_t *random);

/* What pages are made of. */
enum content {
  CONTENT_ZERO,
  CONTENT_SAME,  /* one eight-byte word, not zero, over and over */
  CONTENT_TEXT,  /* words: compresses well */
  CONTENT_MIXED, /* half text, half noise */
  CONTENT_NOISE, /* does not compress */
  CONTENT_KINDS
};

extern const char *const content_names[CONTENT_KINDS];

/* Fill SIZE bytes; the same SEED makes the same bytes. */
extern void
content_fill (void *buf, size_t size, enum content kind, uint64_t seed);

/* Are all SIZE bytes zero? */
extern bool all_zero (const void *buf, size_t size);

/* SIZE bytes (at most a few pages) that end, or start, where memory that may
 * not be touched begins.  They are never freed: the process of a test is. */
extern void *guarded_end (size_t size);
extern void *guarded_start (size_t size);

/* Run WORK (ARG, 0) to WORK (ARG, N - 1), each on a thread, to their end. */
extern void
threads_run (unsigned n, void (*work) (void *arg, unsigned me), void *arg);

/* The number of kB that FILE, of /proc, gives after NAME, in bytes. */
extern uint64_t proc_bytes (const char *file, const char *name);

/* How many descriptors are open, and a few more: for comparing. */
extern unsigned open_descriptors (void);

/* Bytes that this process has in memory now, counted from its page tables. */
extern uint64_t rss_bytes (void);

/* The same, once they are fewer than MOST, which what is given back within a
 * second has ten for; or then. */
extern uint64_t rss_bytes_later (uint64_t most);

/* Let this process have no more than EXTRA bytes of writable memory beyond what
 * it has: how the tests make a system without memory.  And lift that. */
extern void memory_limit (uint64_t extra);
extern void memory_limit_lift (void);

/* Can that be done here?  Are there addresses for SIZE bytes?  A test that
 * needs it asks first; if not, stdout tells that a test was skipped. */
extern bool memory_can_be_limited (void);
extern bool addresses_suffice (uint64_t size);

/* Lock all memory, also that which will be mapped.  False, and errno: that may
 * not be done; a limit that leaves room for now will not later, so it does not
 * count. */
extern bool memory_lock (void);

/* The page faults that this thread has taken so far. */
extern long thread_faults (void);

/* Use so many bytes of the caller's stack: the page faults that takes. */
#define STACK_USED (56U << 10)
extern long stack_use (void);

/* N threads do so at once, each on a stack of its own: the most that one of
 * them takes, and the least. */
extern void stacks_use (unsigned n, long *most, long *least);

/* FN (ARG) must call abort_is_next () and then die by abort ().  It runs in a
 * child.  What it wrote to stderr after that call is put in OUTPUT. */
extern void must_abort (void (*fn) (const void *arg), const void *arg,
                        char *output, size_t size);
extern void abort_is_next (void);

#endif /* ZRAM_UNIT_H */
