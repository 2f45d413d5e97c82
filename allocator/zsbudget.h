/* SPDX-License-Identifier: BSD-3-Clause */
/* A budget: memory that several pools share, and what each is sure of.
 *
 *   total  |--------------------------------------------------------|
 *   claimed  [ pool 0's min | more ][ pool 1's min ][ 2's | more ]    free
 *
 * Whoever makes a pool claims its "min" first, which nobody else can take then,
 * used or not.  What a pool grows to beyond that it claims by itself, a zspage
 * at a time, as long as there is some.  So a pool that is greedy takes what is
 * free and no more, and to grow to its min a pool asks nobody.
 *
 * Invariant: "claimed" is at least the sum over all pools of the greater of
 * what they use and their min, and at most "total".
 */
#ifndef ZRAM_ZSBUDGET_H
#define ZRAM_ZSBUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct zs_budget {
  uint64_t total;           /* bytes */
  _Atomic uint64_t claimed; /* ... of it */
};

/* Claim BYTES more; false, and nothing is changed, if they are not left.  Takes
 * no lock. */
static inline bool
zs_budget_claim (struct zs_budget *budget, uint64_t bytes)
{
  uint64_t claimed = budget->claimed;

  do
    if (bytes > budget->total - claimed)
      return false;
  while (!atomic_compare_exchange_weak (&budget->claimed, &claimed,
                                        claimed + bytes));
  return true;
}

/* Give BYTES that were claimed back. */
static inline void
zs_budget_release (struct zs_budget *budget, uint64_t bytes)
{
  atomic_fetch_sub (&budget->claimed, bytes);
}

#endif /* ZRAM_ZSBUDGET_H */
