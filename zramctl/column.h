/* SPDX-License-Identifier: BSD-3-Clause */
/* The columns of the table of disks: one table of columns, from which the help
 * is made as well.
 */
#ifndef ZRAM_COLUMN_H
#define ZRAM_COLUMN_H

#include <stdbool.h>
#include <stddef.h>

#include "sample.h"

/* What kind of value it has. */
enum column_kind {
  COLUMN_NAME,
  COLUMN_EXPORT,
  COLUMN_ALGORITHM,
  COLUMN_SERVER,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_RATIO /* of what is stored to what it takes */
};

struct column {
  const char *name;
  enum column_kind kind;
  enum sample_attribute attribute; /* of a number: where it is */
  unsigned index;
  const char *help;
};

/* What a line is about. */
struct column_row {
  const char *name;
  const char *export; /* what NBD clients call it */
  const char *server; /* the path of its socket */
  struct sample sample;
};

/* The rows, column_count of them. */
extern const struct column columns[];
extern const size_t column_count;

/* Some of them, in an order. */
#define COLUMN_LIST_MAX 64
struct column_list {
  const struct column *columns[COLUMN_LIST_MAX];
  size_t n;
};

/* All; and those that are shown when nobody says otherwise, with the servers'
 * sockets if there are SEVERAL. */
extern void column_list_all (struct column_list *list);
extern void column_list_default (struct column_list *list, bool several);

/* Those that TEXT names, separated by commas, in either case; with a '+' before
 * it, they are added to LIST.  -1: one is unknown, or there are too many, which
 * has been complained of. */
extern int column_list_parse (struct column_list *list, const char *text);

/* The value of ROW's column, for people or in BYTES; NULL: it has none.  To be
 * freed. */
extern char *column_value (const struct column *column,
                           const struct column_row *row, bool bytes);

#endif /* ZRAM_COLUMN_H */
