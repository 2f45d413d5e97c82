/* SPDX-License-Identifier: BSD-3-Clause */
/* Page faults taken in advance: memory that requests will touch is filled
 * before they come.  prefault.c says which, and why.
 *
 * Nothing here fails: what cannot be had now is had when it is needed, or not.
 * Memory is kept only as long as it is locked (mlockall), which is the caller's
 * affair.
 */
#ifndef ZRAM_PREFAULT_H
#define ZRAM_PREFAULT_H

#include <stddef.h>

/* From now on the heap is one, which all threads share, and keeps what it has;
 * and threads are started with stacks of one size, so that one's can serve the
 * next.  Before the first thread is started. */
extern void prefault_init (void);

/* Let the heap have SIZE bytes more, at its end: as long as no more are
 * allocated at once, in pieces that fit each other's holes, malloc and what it
 * returns take no page fault. */
extern void prefault_heap (size_t size);

/* Let COUNT threads that are started later, and the calling one, use 64 KiB of
 * stack.  The C library keeps 40 MiB of stacks, 160, for later. */
extern void prefault_stacks (unsigned count);

/* Let what is mapped now, private to the process, be in memory: program and
 * libraries whole, and its own copies of what its parent had written before
 * the fork.  What nobody has touched stays without memory. */
extern void prefault_mappings (void);

#endif /* ZRAM_PREFAULT_H */
