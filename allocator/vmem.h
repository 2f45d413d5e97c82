/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory from the system: reserve addresses, open them, fill them, give the
 * memory back.
 *
 * The pool and the slot table name their parts by offset, so each lies in one
 * run of addresses that is reserved whole and never moves.  Reserved addresses
 * are PROT_NONE and cost nothing, not even under vm.overcommit_memory=2; what
 * is opened counts against the commit limit there, so it is opened in steps.
 * Nothing reserved here is ever a huge page or in a core dump.
 *
 * Sizes are bytes.  Ranges to fill or give back are multiples of the host's
 * page size, at such an address; those to reserve or open are rounded outward.
 * Errors are negative errno.  No locks.
 */
#ifndef ZRAM_VMEM_H
#define ZRAM_VMEM_H

#include <stddef.h>
#include <sys/uio.h>

/* Reserve SIZE bytes of address space.  NULL (errno is set) if there is no
 * such run.  The caller owns it until vmem_release. */
extern void *vmem_reserve (size_t size);

/* Give up addresses and memory.  START may be NULL. */
extern void vmem_release (void *start, size_t size);

/* Let a reserved range be read only: it is zeros, takes no memory, and counts
 * for no more than reserved addresses do.  -ENOMEM. */
extern int vmem_open_reading (void *start, size_t size);

/* Let a reserved range be read and written; it reads as zeros and takes no
 * memory until it is touched.  Opening twice is harmless.  -ENOMEM. */
extern int vmem_open (void *start, size_t size);

/* Put memory behind an open range now, so that no later access to it faults.
 * What it held stays.  -ENOMEM: part of the range may have been filled. */
extern int vmem_populate (void *start, size_t size);

/* How many ranges are given back at once, at most: for more the kernel takes
 * memory to copy what it is told (its UIO_FASTIOV). */
#define VMEM_MAX_RANGES 8

/* Give the memory behind NR open ranges back to the system, locked or not; they
 * read as zeros from then on.  The one place where that is done.
 *
 * Each time, the other threads' CPUs are interrupted, which takes up to 150 us
 * on a virtual machine, and 35 of whoever is interrupted.  From Linux 6.16 on
 * that is once for all ranges. */
extern void vmem_give_back (const struct iovec *ranges, unsigned nr);

#endif /* ZRAM_VMEM_H */
