/* SPDX-License-Identifier: BSD-3-Clause */
/* What a value of an attribute can be, and saying what is wrong with it.
 */
#ifndef ZRAM_ATTRPARSE_H
#define ZRAM_ATTRPARSE_H

#include <errno.h>
#include <stdint.h>

#include "compiler.h"

/* The one line that says what is wrong, and the errno that zram has for it. */
struct attr_error {
  int code;
  char message[256];
};

/* Returns -1, with ERROR set.  Values are quoted in it, and what was typed may
 * hold anything: one line stays one line, and terminals get no control
 * characters. */
ZRAM_PRINTF (3, 4)
extern int
attr_fail_as (struct attr_error *error, int code, const char *format, ...);

#define attr_fail(error, ...) attr_fail_as (error, EINVAL, __VA_ARGS__)

/* Parse what zram's memparse does: decimal, 0x hexadecimal or 0 octal, then at
 * most one of K M G T P E in either case.  Unlike it, nothing may follow.
 * -EINVAL: not that; -ERANGE: does not fit 64 bits. */
extern int attr_parse_size (const char *value, uint64_t *bytes);

/* A size of MIN to MAX bytes for the attribute NAME; RANGE says that to a
 * person.  -1 and ERROR. */
extern int attr_parse_size_in (const char *name, const char *value,
                               uint64_t min, uint64_t max, const char *range,
                               uint64_t *bytes, struct attr_error *error);

/* A decimal number of any size; WHAT says to a person what it is to be.  -1 and
 * ERROR. */
extern int
attr_parse_count (const char *name, const char *value, const char *what,
                  uint64_t *n, struct attr_error *error);

/* A decimal number of 0 to MAX for the attribute NAME.  -1 and ERROR. */
extern int attr_parse_number (const char *name, const char *value, unsigned max,
                              unsigned *n, struct attr_error *error);

#endif /* ZRAM_ATTRPARSE_H */
