/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expectation.h"

/* The longest word that is compared. */
#define WORD 256

/* Take the next word of *TEXT, which goes behind it; "": there is none. */
static const char *
next_word (const char **text, char word[WORD])
{
  size_t len;

  *text += strspn (*text, " ");
  len = strcspn (*text, " ");
  snprintf (word, WORD, "%.*s", (int) len, *text);
  *text += len;
  return word;
}

/* "LOW..HIGH" or "LOW..HIGH%APART"; APART is 100 without it. */
struct range {
  uint64_t low, high;
  unsigned apart;
};

static bool
is_range (const char *want, struct range *range)
{
  int end = 0;

  range->apart = 100;
  if (sscanf (want, "%" SCNu64 "..%" SCNu64 "%n", &range->low, &range->high,
              &end) != 2)
    return false;
  if (want[end] == '%')
    range->apart = (unsigned) atoi (want + end + 1);
  return true;
}

static bool
is_number (const char *word, uint64_t *number)
{
  char *end;

  *number = strtoull (word, &end, 10);
  return isdigit ((unsigned char) *word) && *end == '\0';
}

static bool
is_change (const char *want)
{
  return strcmp (want, "up") == 0 || strcmp (want, "down") == 0 ||
         strcmp (want, "still") == 0;
}

static bool
has_changed (const char *want, const char *result, const char *before)
{
  uint64_t now, then;

  if (strcmp (want, "still") == 0)
    return *before && strcmp (result, before) == 0;
  if (!is_number (result, &now) || !is_number (before, &then))
    return false;
  return strcmp (want, "up") == 0 ? now > then : now < then;
}

/* "this|that": whether RESULT is one of them. */
static bool
is_among (const char *want, const char *result)
{
  const size_t len = strlen (result);

  for (;;) {
    const size_t end = strcspn (want, "|");

    if (end == len && strncmp (want, result, len) == 0)
      return true;
    if (want[end] == '\0')
      return false;
    want += end + 1;
  }
}

static bool
word_met (const char *want, const char *result, const char *before)
{
  struct range range;
  uint64_t number;

  if (is_change (want))
    return has_changed (want, result, before);
  if (is_range (want, &range))
    return is_number (result, &number) && number >= range.low &&
           number <= range.high;
  return is_among (want, result);
}

static bool
word_agreed (const char *want, const char *one, const char *other)
{
  struct range range;
  uint64_t a, b;

  if (!is_range (want, &range) || !is_number (one, &a) ||
      !is_number (other, &b))
    return true;
  return (a > b ? a - b : b - a) <= (a > b ? a : b) * range.apart / 100;
}

bool
expectation_is_valid (const char *want)
{
  struct range range;
  char word[WORD];

  while (*next_word (&want, word))
    if (is_range (word, &range) &&
        (range.low >= range.high || range.apart == 0 || range.apart > 100))
      return false;
  return true;
}

bool
expectation_met (const char *want, const char *result, const char *before)
{
  char w[WORD], r[WORD], b[WORD];

  do {
    next_word (&want, w);
    next_word (&result, r);
    next_word (&before, b);
    if (!word_met (w, r, b))
      return false;
  } while (*w);
  return true;
}

bool
expectation_agreed (const char *want, const char *one, const char *other)
{
  char w[WORD], a[WORD], b[WORD];

  while (*next_word (&want, w))
    if (!word_agreed (w, next_word (&one, a), next_word (&other, b)))
      return false;
  return true;
}
