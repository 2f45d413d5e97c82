/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the slot table share: slots that are set, and looked at.
 */
#ifndef ZRAM_SLOTTING_H
#define ZRAM_SLOTTING_H

#include <stdint.h>

#include "slottable.h"

extern struct slot_table *make_table (uint64_t nr_slots);

/* Make slot INDEX same-filled with WORD, or empty. */
extern void set_slot (struct slot_table *table, uint64_t index, uint64_t word);
extern void clear_slot (struct slot_table *table, uint64_t index);

/* Slot INDEX must be what set_slot made it. */
extern void
must_be_set (struct slot_table *table, uint64_t index, uint64_t word);

/* Slot INDEX must be empty, with memory behind it or without. */
extern void must_be_empty (struct slot_table *table, uint64_t index);

#endif /* ZRAM_SLOTTING_H */
