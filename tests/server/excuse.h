/* SPDX-License-Identifier: BSD-3-Clause */
/* Times at which what must not fail may: for as long as anybody has made it so.
 *
 * Who makes it so begins before, and ends after; who asks for something takes a
 * mark before, and with that finds out whether it was so at any time since.
 */
#ifndef ZRAM_TEST_EXCUSE_H
#define ZRAM_TEST_EXCUSE_H

#include <limits.h>
#include <stdbool.h>

struct excuse {
  _Atomic unsigned now;  /* how many have begun, and not ended */
  _Atomic unsigned ever; /* how many have begun */
};

#define EXCUSED UINT_MAX

static inline void
excuse_begin (struct excuse *excuse)
{
  excuse->now++;
  excuse->ever++;
}

static inline void
excuse_end (struct excuse *excuse)
{
  excuse->now--;
}

static inline unsigned
excuse_mark (const struct excuse *excuse)
{
  const unsigned ever = excuse->ever;

  return excuse->now > 0 ? EXCUSED : ever;
}

static inline bool
excuse_holds (const struct excuse *excuse, unsigned mark)
{
  return mark == EXCUSED || excuse->ever != mark;
}

#endif /* ZRAM_TEST_EXCUSE_H */
