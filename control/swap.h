/* SPDX-License-Identifier: BSD-3-Clause */
/* Serving swap to the machine that runs the server: what the process needs.
 *
 * These hang a machine that swaps to a server of its own:
 *   - the server's pages are swapped out to itself: all memory is locked, once
 *     nbdkit has forked (locks do not survive that), and what a request may
 *     touch is filled in advance;
 *   - its system calls take memory and wait for swap to make room:
 *     PR_SET_IO_FLUSHER, which threads inherit, on the first thread before the
 *     fork;
 *   - they find none, since programs have taken all but what the kernel keeps:
 *     SCHED_RR, whose threads may have half of that;
 *   - it is killed for its memory: oom_score_adj.
 * Another, the pool that must grow when nothing is free, is the device's.
 *
 * Evidence: tests/vm, with the parameters protect= and class=.
 */
#ifndef ZRAM_SWAP_H
#define ZRAM_SWAP_H

#include <stdint.h>
#include <stdio.h>

/* Is the disk swap of the machine that runs the server? */
enum swap_mode {
  SWAP_OFF,
  SWAP_TRY, /* what cannot be had for it is a warning */
  SWAP_ON   /* ... an error */
};

/* The least reserve, in bytes, that may be given (reserve=). */
#define SWAP_LEAST_RESERVE (UINT64_C (1) << 20)

/* How many writes may wait for the reserve when nobody says (reserve_waiters=),
 * where a connection has so many THREADS.  Each has one of them wait: at most
 * half, so that reads go on.  Where there is one for each connection all may
 * wait: a machine that is short of memory for a moment would otherwise be told
 * that its swap is full. */
extern unsigned swap_waiters (unsigned threads);

/* Bytes of memory that the machine could still give to programs. */
extern uint64_t swap_available_memory (void);

/* Where errors and warnings go, a line each. */
typedef void (*swap_say_fn) (const char *line);

/* As long as there are privileges and somebody who reads errors (nbdkit's
 * .get_ready): take what a process needs for MODE, and see whether BYTES, which
 * are going to be locked, are there.  0; -1 if MODE is SWAP_ON and something
 * cannot be had, which has been SAID. */
extern int
swap_take_privileges (enum swap_mode mode, uint64_t bytes, swap_say_fn say);

/* When the process has forked for the last time, before its first thread is
 * started (.after_fork): lock memory, and fill what the process has so far.
 * Errors as above. */
extern int swap_lock_memory (enum swap_mode mode, swap_say_fn say);

/* A connection is being opened, on a thread of its own (.open): stacks for its
 * other threads, and room for the buffers that nbdkit makes for all of the
 * connections that are open, filled before anybody swaps on them.  What was
 * filled stays for the next connection.  -1: it would take more than a quarter
 * of what the machine has available, for which the machine may have to swap to
 * us (SWAP_ON; with SWAP_TRY it is taken all the same). */
extern int swap_connection_opened (enum swap_mode mode, swap_say_fn say);
extern void swap_connection_closed (enum swap_mode mode);

/* One line of numbers: threads, those that have PR_SET_IO_FLUSHER, those that
 * are of a real-time class, bytes that are locked, oom_score_adj.  Looked up in
 * the system and not remembered. */
extern void swap_show (FILE *fp);

#endif /* ZRAM_SWAP_H */
