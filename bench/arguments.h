/* SPDX-License-Identifier: BSD-3-Clause */
/* What a subcommand takes: said once, for reading it and for telling it. */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* An option.  One of the pointers is set, and says what kind it is; what it
 * points to is what holds when the option is not given. */
struct argument {
  char letter;
  const char *value; /* what it is called; NULL: it takes none */
  const char *what;
  unsigned *number; /* from LEAST to MOST */
  unsigned least, most;
  const char **text;
  double *seconds; /* more than none, less than a day */
  bool *flag;
};

#define ARGUMENT_NUMBER(l, v, w, n, from, to)                                 \
  {                                                                           \
    .letter = (l), .value = (v), .what = (w), .number = (n), .least = (from), \
    .most = (to)                                                              \
  }
#define ARGUMENT_TEXT(l, v, w, t)                         \
  {                                                       \
    .letter = (l), .value = (v), .what = (w), .text = (t) \
  }
#define ARGUMENT_SECONDS(l, w, s)                                  \
  {                                                                \
    .letter = (l), .value = "SECONDS", .what = (w), .seconds = (s) \
  }
#define ARGUMENT_FLAG(l, w, f)              \
  {                                         \
    .letter = (l), .what = (w), .flag = (f) \
  }
#define ARGUMENTS_END \
  {                   \
    .letter = '\0'    \
  }

/* A subcommand's: "operands" are what stands behind its options, at least so
 * many, and exactly unless "more"; "what" is said of it by -h. */
struct synopsis {
  const char *operands;
  unsigned nr_operands;
  bool more;
  const char *what;
  const struct argument *arguments; /* the last has no letter; NULL: none */
};

/* Set what ARGV, which begins with the subcommand's name, says, and return its
 * operands, NULL after the last.  -h prints all this, and ends the program. */
extern char **
arguments_parse (const struct synopsis *synopsis, int argc, char *argv[]);

/* TEXT, which are words with commas between them, cut into at most MOST words:
 * how many.  WHAT it is about, to complain. */
extern unsigned split_words (const char *what, const char *text,
                             const char **words, unsigned most);

#endif /* BENCH_ARGUMENTS_H */
