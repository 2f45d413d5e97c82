/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "slot.h"
#include "slotting.h"
#include "unit.h"

static const char device;

struct slot_table *
make_table (uint64_t nr_slots)
{
  struct slot_table *table = NULL;

  ck_assert_int_eq (slot_table_create (&table, nr_slots, &device), 0);
  ck_assert_ptr_nonnull (table);
  return table;
}

void
set_slot (struct slot_table *table, uint64_t index, uint64_t word)
{
  uint32_t flags;
  struct slot *slot = slot_borrow_new (table, index, &flags);

  if (slot == NULL)
    ck_abort_msg ("no memory for slot %llu", (unsigned long long) index);
  slot->word = word;
  slot_return (table, index, slot, SLOT_SAME);
}

void
clear_slot (struct slot_table *table, uint64_t index)
{
  uint32_t flags;
  struct slot *slot = slot_borrow (table, index, &flags);

  if (slot) {
    slot->word = 0;
    slot_return (table, index, slot, 0);
  }
}

void
must_be_set (struct slot_table *table, uint64_t index, uint64_t word)
{
  uint32_t flags = 0;
  struct slot *slot = slot_borrow (table, index, &flags);

  if (slot == NULL)
    ck_abort_msg ("slot %llu is lost", (unsigned long long) index);
  must_equal (flags, SLOT_SAME);
  must_equal (slot->word, word);
  slot_return (table, index, slot, flags);
}

void
must_be_empty (struct slot_table *table, uint64_t index)
{
  uint32_t flags = 1;
  struct slot *slot = slot_borrow (table, index, &flags);

  if (slot) {
    must_equal (flags, 0);
    must_equal (slot->word, 0);
    slot_return (table, index, slot, 0);
  }
}
