/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzzed programs share: libFuzzer's interface, inputs taken apart,
 * and the end of a program that has found something.
 */
#ifndef ZRAM_FUZZ_H
#define ZRAM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer, or replay.c, calls them; the first if there is one. */
extern int
LLVMFuzzerInitialize (int *argc, char ***argv) __attribute__ ((weak));
extern int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Whatever else the condition may be, it is a finding. */
#define must(condition)                                                        \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf (stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort ();                                                                \
    }                                                                          \
  } while (0)

/* What is left of an input. */
struct input {
  const uint8_t *at;
  size_t left;
};

/* The next byte, or number of N bytes, little-endian; where the input is at its
 * end, zeros. */
extern uint64_t input_number (struct input *input, unsigned n);

static inline uint8_t
input_byte (struct input *input)
{
  return (uint8_t) input_number (input, 1);
}

/* The next line, without its newline, or NULL: there is none; to be freed. */
extern char *input_line (struct input *input);

/* What LEN bytes at BUF, none of them aligned, may hold: nothing, a word over
 * and over, what compresses well, or by half, or not at all. */
enum content {
  CONTENT_ZERO,
  CONTENT_SAME,
  CONTENT_SPARSE,
  CONTENT_HALF,
  CONTENT_NOISE,
  CONTENT_KINDS
};

extern void
content_fill (void *buf, size_t len, enum content kind, uint64_t seed);

/* Is TEXT one line for a person: something, and no control characters? */
extern bool is_one_line (const char *text);

#endif /* ZRAM_FUZZ_H */
