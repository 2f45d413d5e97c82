/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are words: "type=idle threshold=3000", as zram takes them.
 *
 * Blanks separate words.  In quotation marks, which go, a blank is one; a mark
 * that is not closed reaches to the end.
 */
#ifndef ZRAM_ATTRWORDS_H
#define ZRAM_ATTRWORDS_H

#include "attrparse.h"

/* The longest value; bytes. */
#define ATTR_WORDS_MAX 4095

/* A key that is taken, and what takes its value, which is not empty and gone
 * when this has returned.  0, or -1 and ERROR. */
struct attr_key {
  const char *name;
  int (*take) (void *arg, const char *value, struct attr_error *error);
};

/* The next word of *REST, which is changed, and moved behind it; NULL: there is
 * no other. */
extern char *attr_next_word (char **rest);

/* Take VALUE of the attribute NAME, word by word: each is one of KEYS, which
 * end with an empty one, '=' and something.  Where one is given twice, the last
 * one counts (zram).  -1 and ERROR. */
extern int attr_take_words (const char *name, const char *value,
                            const struct attr_key *keys, void *arg,
                            struct attr_error *error);

#endif /* ZRAM_ATTRWORDS_H */
