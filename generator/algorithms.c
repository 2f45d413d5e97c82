/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "algorithms.h"
#include "complain.h"

/* Slices of the text. */
struct algorithm {
  const char *name, *parameters; /* the first is what compresses */
  int name_len, parameters_len;  /* 0: there is none */
};

/* With the three priorities of recompression. */
#define MOST_ALGORITHMS 4

/* What ends a name. */
static const char separators[] = " \t,()";

/* Take the next from *TEXT; false: there is none. */
static bool
next (const char **text, struct algorithm *algorithm)
{
  const char *c = *text + strspn (*text, " \t,");

  *algorithm =
      (struct algorithm){.name = c, .name_len = (int) strcspn (c, separators)};
  c += algorithm->name_len;
  if (*c == '(') {
    algorithm->parameters = c + 1;
    algorithm->parameters_len = (int) strcspn (c + 1, "()");
    c += 1 + algorithm->parameters_len;
    if (*c++ != ')')
      return false;
  }
  *text = c;
  return algorithm->name_len > 0 || algorithm->parameters;
}

/* The kernel's usual one, which the plugin has without the run lengths. */
static bool
is_lzo_rle (const struct algorithm *algorithm)
{
  return algorithm->name_len == 7 &&
         strncmp (algorithm->name, "lzo-rle", 7) == 0;
}

/* "level=3,dict=x" are two words to the plugin. */
static void
print_parameters (FILE *fp, const struct algorithm *algorithm)
{
  for (int i = 0; i < algorithm->parameters_len; i++) {
    const char c = algorithm->parameters[i];

    putc (c == ',' || isspace ((unsigned char) c) ? ' ' : c, fp);
  }
}

static void
print (FILE *fp, const struct algorithm *algorithm, int priority)
{
  const char *const name = is_lzo_rle (algorithm) ? "lzo" : algorithm->name;
  const int len = is_lzo_rle (algorithm) ? 3 : algorithm->name_len;

  if (priority == 0)
    fprintf (fp, " comp_algorithm=%.*s", len, name);
  else
    fprintf (fp, " 'recomp_algorithm=algo=%.*s priority=%d'", len, name,
             priority);
  if (algorithm->parameters_len == 0)
    return;
  fprintf (fp, " 'algorithm_params=priority=%d ", priority);
  print_parameters (fp, algorithm);
  putc ('\'', fp);
}

int
algorithms_print (FILE *fp, const char *text, const char *section)
{
  const char *rest = text;
  struct algorithm algorithm;
  int priority = 0;

  if (strpbrk (text, "'\"\\")) {
    complain ("[%s] compression-algorithm: '%s': it has no quotes", section,
              text);
    return -1;
  }
  while (next (&rest, &algorithm))
    if (algorithm.name_len > 0)
      print (fp, &algorithm, priority++);
    else
      complain ("[%s] compression-algorithm: '(%.*s)' is left out: the "
                "attribute recompress takes it when pages are to be "
                "recompressed",
                section, algorithm.parameters_len, algorithm.parameters);
  if (priority > MOST_ALGORITHMS) {
    complain ("[%s] compression-algorithm: '%s': one and three to recompress "
              "are the most",
              section, text);
    return -1;
  }
  if (priority > 0 && *rest == '\0')
    return 0;
  complain ("[%s] compression-algorithm: '%s' is wrong: give ALGORITHM or "
            "ALGORITHM(PARAMETER=VALUE,...), and behind it those that "
            "recompress",
            section, text);
  return -1;
}
