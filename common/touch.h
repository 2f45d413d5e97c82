/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing memory in a way that changes nothing: so that it is there, and this
 * process's own.
 */
#ifndef ZRAM_TOUCH_H
#define ZRAM_TOUCH_H

#include <stdatomic.h>

/* Write the byte at P, whatever others do with it at the same time.  Not by
 * adding or or-ing 0 to it: compilers know that this changes nothing, and clang
 * makes a read of it. */
static inline void
touch_byte (void *p)
{
  _Atomic char *const byte = p;
  char value = atomic_load_explicit (byte, memory_order_relaxed);

  atomic_compare_exchange_strong_explicit (
      byte, &value, value, memory_order_relaxed, memory_order_relaxed);
}

#endif /* ZRAM_TOUCH_H */
