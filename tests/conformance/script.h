/* SPDX-License-Identifier: BSD-3-Clause */
/* The script of the conformance suite: README.md has its grammar.
 *
 * A script is read whole, of one or more files; what is wrong in it ends the
 * program with one line that says where.
 */
#ifndef ZRAM_SCRIPT_H
#define ZRAM_SCRIPT_H

#include <stddef.h>

#define SCRIPT_WORDS 24

/* Whom an operation is done to. */
enum {
  KERNEL,
  PLUGIN,
  SIDES
};

struct op {
  const char *file;
  unsigned line;
  char *words[SCRIPT_WORDS]; /* words[0] is what to do; n of them */
  size_t n;

  /* What is to come of it.  OLD, unless NULL: of kernels before OLD_VERSION,
   * 1000 * major + minor. */
  const char *want[SIDES];
  const char *because; /* why the two differ; NULL: they do not */
  const char *old;
  unsigned old_version;
};

struct script {
  struct op *ops;
  size_t n;
};

/* Append what FILE, which must live as long as the script, has in it. */
extern void script_read (struct script *script, const char *file);

/* End the program: OP makes no sense, since WHAT. */
extern void
op_wrong (const struct op *op, const char *what) __attribute__ ((noreturn));

/* Whether it is that VERB with COUNT words after it; with another count it is
 * wrong. */
extern int op_is (const struct op *op, const char *verb, size_t count);

/* What OP wants of that side, a kernel being of VERSION. */
extern const char *op_want (const struct op *op, int side, unsigned version);

#endif /* ZRAM_SCRIPT_H */
