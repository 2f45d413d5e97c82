/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables, by libsmartcols, in the forms that util-linux's programs have. */
#ifndef ZRAM_OUTPUT_H
#define ZRAM_OUTPUT_H

#include <stdbool.h>

struct libscols_table;

struct output {
  bool json;
  bool raw; /* one blank between columns, and no blanks in them */
  bool noheadings;
};

/* What a column holds. */
enum output_kind {
  OUTPUT_TEXT,
  OUTPUT_SIZE,  /* to the right, and text all the same */
  OUTPUT_NUMBER /* to the right, and a number in JSON */
};

/* A table without columns and lines; NAME is what JSON calls the array. */
extern struct libscols_table *
output_table (const struct output *output, const char *name);

extern void output_add_column (struct libscols_table *table, const char *name,
                               enum output_kind kind);

/* Add a line of N values, one for each column, in order; each may be NULL, and
 * is copied. */
extern void output_add_line (struct libscols_table *table,
                             const char *const *values, unsigned n);

/* Print TABLE, and free it. */
extern void output_print (struct libscols_table *table);

#endif /* ZRAM_OUTPUT_H */
