/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes: what a device can be told and asked, by zram's sysfs names.
 *
 * One table.  Whatever may be given as an nbdkit parameter has a "store", what
 * can be read has a "show"; the help text, and the test of the manual, are made
 * from the rows, so that they cannot disagree.
 */
#ifndef ZRAM_ATTR_H
#define ZRAM_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "swap.h"
#include "zram.h"

/* Everything that a parameter can set. */
struct attr_config {
  struct zram_config zram;
  enum swap_mode swap;
  const char *statsfile; /* as given; an absolute path; NULL: none */
  uint32_t given;        /* bit i: the table's row i has been stored */
};

/* What it is before anything is stored. */
#define ATTR_CONFIG_DEFAULT                                        \
  {                                                                \
    .zram = {.compact_threshold = ZRAM_DEFAULT_COMPACT_THRESHOLD } \
  }

/* What kind of word the value is. */
enum attr_kind {
  ATTR_SIZE, /* bytes with an optional K, M, G, T, P or E */
  ATTR_NUMBER,
  ATTR_WORD,
  ATTR_PATH /* a file name: the caller makes it absolute */
};

/* The one line that says what is wrong with a value. */
struct attr_error {
  char message[256];
};

struct attr {
  const char *name;
  const char *alias; /* another name for the same; may be NULL */
  enum attr_kind kind;
  const char *metavar; /* what stands for the value in help, e.g. "SIZE" */
  const char *help;    /* one line */
  bool required;

  /* Take VALUE (which outlives CONFIG) in.  0, or -1 with ERROR set and CONFIG
   * as before.  NULL: cannot be set. */
  int (*store) (struct attr_config *config, const char *value,
                struct attr_error *error);

  /* Print the attribute's value and a newline.  NULL: cannot be read. */
  void (*show) (struct zram *zram, FILE *fp);
};

/* The rows, attr_count of them. */
extern const struct attr attrs[];
extern const size_t attr_count;

/* The row of that name or alias, or NULL. */
extern const struct attr *attr_find (const char *name);

/* Store a parameter: -1 and ERROR if it is unknown, cannot be set, has been set
 * before (under either name), or its value is refused. */
extern int attr_store (struct attr_config *config, const char *name,
                       const char *value, struct attr_error *error);

/* After the last attr_store: what was not given and depends on others is set.
 * -1 and ERROR if a required one is missing. */
extern int attr_complete (struct attr_config *config, struct attr_error *error);

/* Parse what zram's memparse does: decimal, 0x hexadecimal or 0 octal, then at
 * most one of K M G T P E in either case.  Unlike it, nothing may follow.
 * -EINVAL: not that; -ERANGE: does not fit 64 bits. */
extern int attr_parse_size (const char *value, uint64_t *bytes);

#endif /* ZRAM_ATTR_H */
