/* SPDX-License-Identifier: BSD-3-Clause */
/* A screen: lines of text, no more and no longer ones than it has room for. */
#ifndef ZRAM_SCREEN_H
#define ZRAM_SCREEN_H

#include <stddef.h>

#include "compiler.h"

/* How a line is to be shown, where that can be done. */
enum screen_tone {
  SCREEN_PLAIN,
  SCREEN_HEADING,
  SCREEN_ALARM
};

struct screen_line {
  enum screen_tone tone;
  char *text;
};

struct screen {
  unsigned width, height; /* columns, and lines */
  struct screen_line *lines;
  size_t n;
};

/* Add what FORMAT makes, made harmless (safetext.h) and cut to the width,
 * without blanks at its end; unless the screen is full. */
ZRAM_PRINTF (3, 4)
extern void screen_add (struct screen *screen, enum screen_tone tone,
                        const char *format, ...);

extern void screen_free (struct screen *screen);

#endif /* ZRAM_SCREEN_H */
