/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <string.h>

#include "fuzz.h"

uint64_t
input_number (struct input *input, unsigned n)
{
  uint64_t number = 0;

  for (unsigned i = 0; i < n && input->left > 0; i++, input->left--)
    number |= (uint64_t) *input->at++ << 8 * i;
  return number;
}

char *
input_line (struct input *input)
{
  const uint8_t *const end = memchr (input->at, '\n', input->left);
  const size_t len = end ? (size_t) (end - input->at) : input->left;
  char *line;

  if (input->left == 0)
    return NULL;
  line = malloc (len + 1);
  must (line);
  memcpy (line, input->at, len);
  line[len] = '\0';
  input->at += len + (end != NULL);
  input->left -= len + (end != NULL);
  return line;
}

/* After so many bytes another word comes; 0: never. */
static const size_t run_lengths[CONTENT_KINDS] = {
    [CONTENT_SPARSE] = 256, [CONTENT_HALF] = 8, [CONTENT_NOISE] = 8};

/* The fuzzer would follow each comparison, and learn nothing. */
#ifdef __clang__
__attribute__ ((no_sanitize ("coverage")))
#endif
void
content_fill (void *buf, size_t len, enum content kind, uint64_t seed)
{
  const size_t run = run_lengths[kind];
  const size_t end = kind == CONTENT_HALF ? len / 2 : len;
  uint64_t word = kind == CONTENT_ZERO ? 0 : seed | 1;

  for (size_t at = 0; at < len; at += sizeof word) {
    const size_t left = len - at;

    memcpy ((char *) buf + at, &word, left < sizeof word ? left : sizeof word);
    if (run > 0 && at % run == 0 && at < end)
      word = (word ^ word >> 29) * UINT64_C (6364136223846793005) +
             UINT64_C (1442695040888963407);
  }
}

bool
is_one_line (const char *text)
{
  if (*text == '\0')
    return false;
  for (; *text; text++)
    if (iscntrl ((unsigned char) *text))
      return false;
  return true;
}
