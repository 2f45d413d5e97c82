/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot table: a slot for every page of the disk, memory only where pages
 * are.  slottable.c has the picture.
 *
 * A slot is borrowed locked and given back with its new flags; in between, the
 * part of the table that it lies in stays.  Errors are negative errno.
 */
#ifndef ZRAM_SLOTTABLE_H
#define ZRAM_SLOTTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

struct slot_table;

/* A table of NR_SLOTS empty slots, 1 to 2^32.  DOMAIN names the device to the
 * lock checker.  -ENOMEM: no such run of addresses. */
extern int slot_table_create (struct slot_table **table, uint64_t nr_slots,
                              const void *domain);

/* Put memory behind the whole table, 0.4 % of the disk, and keep it there: from
 * now on no slot takes a page fault, and nothing is given back.  Before the
 * first slot is borrowed.  -ENOMEM. */
extern int slot_table_populate (struct slot_table *table);

/* No slot may be borrowed.  TABLE may be NULL. */
extern void slot_table_destroy (struct slot_table *table);

/* Borrow slot INDEX, locked; *FLAGS are its flags.  NULL: it was empty at some
 * moment during the call. */
extern struct slot *
slot_borrow (struct slot_table *table, uint64_t index, uint32_t *flags);

/* The same, but NULL also if somebody else has borrowed it.  Against the lock
 * order, for whoever may hold what its borrower waits for. */
extern struct slot *
slot_try_borrow (struct slot_table *table, uint64_t index, uint32_t *flags);

/* As slot_borrow, but make room for it.  NULL: the system has no memory. */
extern struct slot *
slot_borrow_new (struct slot_table *table, uint64_t index, uint32_t *flags);

/* Give it back, unlocked, with FLAGS, which have no lock bits. */
extern void slot_return (struct slot_table *table, uint64_t index,
                         struct slot *slot, uint32_t flags);

/* The first slot from INDEX on, below END, that may be allocated: all before
 * it have no memory behind them.  END if there is none. */
extern uint64_t
slot_table_next (const struct slot_table *table, uint64_t index, uint64_t end);

/* The first slot from INDEX on, below END, that is allocated, and its *FLAGS;
 * END if there is none.  Takes no lock: what it says of each slot was true at
 * some moment during the call. */
extern uint64_t
slot_next_allocated (const struct slot_table *table, uint64_t index,
                     uint64_t end, uint32_t *flags);

/* What slot INDEX alone holds, as a hint, likewise: its *WORD and *FLAGS, which
 * may be of two moments; false if it is not allocated. */
extern bool slot_peek (const struct slot_table *table, uint64_t index,
                       uint64_t *word, uint32_t *flags);

/* Begin to fetch slot INDEX, if it has memory. */
extern void slot_prefetch (const struct slot_table *table, uint64_t index);

/* When slot INDEX, which is allocated or was a moment ago, was last used. Takes
 * no lock. */
extern uint32_t slot_accessed (const struct slot_table *table, uint64_t index);

/* Does slot INDEX read as zeros?  Takes no lock: the answer was true at some
 * moment during the call. */
extern bool slot_is_hole (const struct slot_table *table, uint64_t index);

/* Give back the memory behind the parts of the table where all slots are empty:
 * of all of them that have come to be so since the last time, but those that
 * are used again meanwhile.  From any thread; whoever wants to allocate in a
 * part that is just going waits for that, up to some 100 us. */
extern void slot_table_shrink (struct slot_table *table);

/* When more than 16 MiB wait for that, the table sets *WAKE, a futex word, to 1
 * and wakes it.  Before the first slot is borrowed; the word lives as long as
 * the table. */
extern void
slot_table_set_wake (struct slot_table *table, _Atomic uint32_t *wake);

#endif /* ZRAM_SLOTTABLE_H */
