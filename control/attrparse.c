/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrparse.h"

/* Values are quoted, and what was typed may hold anything: one line stays one
 * line, and terminals get no control characters. */
int
attr_fail_as (struct attr_error *error, int code, const char *format, ...)
{
  va_list args;

  error->code = code;
  va_start (args, format);
  vsnprintf (error->message, sizeof error->message, format, args);
  va_end (args);
  for (char *c = error->message; *c; c++)
    if (iscntrl ((unsigned char) *c))
      *c = '?';
  return -1;
}

/* The bits that a suffix shifts by; -1: no such suffix. */
static int
suffix_shift (const char *suffix)
{
  static const char letters[] = "KMGTPE";
  const char *letter;

  if (*suffix == '\0')
    return 0;
  letter = strchr (letters, toupper ((unsigned char) *suffix));
  if (!letter || suffix[1] != '\0')
    return -1;
  return 10 * (int) (letter - letters + 1);
}

int
attr_parse_size (const char *value, uint64_t *bytes)
{
  char *end;
  uint64_t n;
  int shift;

  /* strtoull would take white space and signs, and negate. */
  if (!isdigit ((unsigned char) value[0]))
    return -EINVAL;
  errno = 0;
  n = strtoull (value, &end, 0);
  shift = suffix_shift (end);
  if (shift < 0)
    return -EINVAL;
  if (errno == ERANGE || n > UINT64_MAX >> shift)
    return -ERANGE;
  *bytes = n << shift;
  return 0;
}

int
attr_parse_size_in (const char *name, const char *value, uint64_t min,
                    uint64_t max, const char *range, uint64_t *bytes,
                    struct attr_error *error)
{
  uint64_t n;
  const int r = attr_parse_size (value, &n);

  if (r == -EINVAL)
    return attr_fail (
        error,
        "%s: '%s' is not a size: give a number of bytes, with K, M, "
        "G or T after it if need be",
        name, value);
  if (r < 0 || n < min || n > max)
    return attr_fail_as (error, r < 0 ? ERANGE : EINVAL,
                         "%s: '%s' is out of range: give %s", name, value,
                         range);
  *bytes = n;
  return 0;
}

int
attr_parse_count (const char *name, const char *value, const char *what,
                  uint64_t *n, struct attr_error *error)
{
  char *end = NULL;
  uint64_t number = 0;

  errno = 0;
  if (isdigit ((unsigned char) value[0]))
    number = strtoull (value, &end, 10);
  if (!end || *end != '\0' || errno == ERANGE)
    return attr_fail (error, "%s: '%.64s' is not right: give %s", name, value,
                      what);
  *n = number;
  return 0;
}

int
attr_parse_number (const char *name, const char *value, unsigned max,
                   unsigned *n, struct attr_error *error)
{
  char *end = NULL;
  unsigned long number = 0;

  if (isdigit ((unsigned char) value[0]))
    number = strtoul (value, &end, 10);
  if (!end || *end != '\0')
    return attr_fail (error, "%s: '%s' is not a number: give 0 to %u", name,
                      value, max);
  if (number > max)
    return attr_fail_as (error, ERANGE,
                         "%s: '%s' is out of range: give 0 to %u", name, value,
                         max);
  *n = (unsigned) number;
  return 0;
}
