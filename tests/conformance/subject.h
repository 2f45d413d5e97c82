/* SPDX-License-Identifier: BSD-3-Clause */
/* What the script declares: the attributes that it is about, and zram-control's
 * files. */
#ifndef ZRAM_SUBJECT_H
#define ZRAM_SUBJECT_H

#include <stdbool.h>

#include "script.h"
#include "side.h"

struct subject {
  const struct op *declared; /* words[1] is its name */
  const char *issue;         /* with which it comes here; NULL: it is there */
  bool own;                  /* this project's: zram has none */
  bool is_request;           /* here, and no attribute of a disk */
  unsigned used;             /* operations on it */
  unsigned skipped[SIDES];   /* ... that a side lacks it for */
  char before[SIDES][RESULT_SIZE]; /* its last reading, or "" */
};

/* "attribute", "request", "later" or "own". */
extern bool subject_is_declaration (const struct op *op);

/* Take it. */
extern void subject_declare (const struct op *op);

/* NULL: it is not declared. */
extern struct subject *subject_find (const char *name);

/* The attribute that OP is about; NULL: none that is declared. */
extern struct subject *subject_of (const struct op *op);

/* Copy the column NAME of LINE, a reading of SUBJECT, to COLUMN; "": LINE has
 * none there.  OP is what asks for it. */
extern void
subject_column (const struct op *op, const struct subject *subject,
                const char *name, const char *line, char column[RESULT_SIZE]);

/* Readings from before a new beginning say nothing. */
extern void subjects_forget (void);

/* Print those that SIDE lacks, with how many operations that is; those that an
 * issue is to bring here if COMING, otherwise the others. */
extern void subjects_print_skipped (int side, bool coming);

/* The number of declarations that ATTRIBUTES (side.h), which the plugin has,
 * shows to be wrong, or, if all MUST_BE_USED, that nothing was done with; each
 * is told of on standard error. */
extern unsigned subjects_check (const char *attributes, bool must_be_used);

#endif /* ZRAM_SUBJECT_H */
