/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "util.h"

#define MAX_LETTERS 32

#define A_DAY 86400.0

static const struct argument none[] = {ARGUMENTS_END};

static const struct argument *
first_argument (const struct synopsis *synopsis)
{
  return synopsis->arguments ? synopsis->arguments : none;
}

static void
print_argument (const struct argument *argument)
{
  printf ("  -%c %-9s %s", argument->letter,
          argument->value ? argument->value : "", argument->what);
  if (argument->number)
    printf (": %u to %u, %u if not given", argument->least, argument->most,
            *argument->number);
  else if (argument->text && *argument->text)
    printf (": %s if not given", *argument->text);
  else if (argument->seconds)
    printf (": %g if not given", *argument->seconds);
  putchar ('\n');
}

static void
print_synopsis (const struct synopsis *synopsis)
{
  printf ("Usage: %s", program_invocation_short_name);
  for (const struct argument *a = first_argument (synopsis); a->letter; a++)
    printf (" [-%c%s%s]", a->letter, a->value ? " " : "",
            a->value ? a->value : "");
  printf ("%s%s\n\n%s\n", *synopsis->operands ? " " : "", synopsis->operands,
          synopsis->what);
  if (first_argument (synopsis)->letter)
    putchar ('\n');
  for (const struct argument *a = first_argument (synopsis); a->letter; a++)
    print_argument (a);
}

static unsigned
take_number (const struct argument *argument, const char *text)
{
  char *end;
  unsigned long number;

  errno = 0;
  number = strtoul (text, &end, 10);
  if (!isdigit ((unsigned char) *text) || *end || errno ||
      number < argument->least || number > argument->most)
    fail ("-%c: \"%s\" is not a number from %u to %u", argument->letter, text,
          argument->least, argument->most);
  return (unsigned) number;
}

static double
take_seconds (const struct argument *argument, const char *text)
{
  char *end;
  const double seconds = strtod (text, &end);

  if (!isdigit ((unsigned char) *text) || *end ||
      !(seconds > 0 && seconds < A_DAY))
    fail ("-%c: \"%s\" is not a number of seconds, of less than a day",
          argument->letter, text);
  return seconds;
}

static void
take (const struct argument *argument, const char *text)
{
  if (argument->number)
    *argument->number = take_number (argument, text);
  else if (argument->text)
    *argument->text = text;
  else if (argument->seconds)
    *argument->seconds = take_seconds (argument, text);
  else
    *argument->flag = true;
}

/* What getopt is to be told. */
static void
list_letters (const struct synopsis *synopsis, char letters[2 * MAX_LETTERS])
{
  *letters++ = ':';
  *letters++ = 'h';
  for (const struct argument *a = first_argument (synopsis); a->letter; a++) {
    *letters++ = a->letter;
    if (a->value)
      *letters++ = ':';
  }
  *letters = '\0';
}

static const struct argument *
find_argument (const struct synopsis *synopsis, int letter)
{
  const struct argument *argument = first_argument (synopsis);

  while (argument->letter && argument->letter != letter)
    argument++;
  return argument->letter ? argument : NULL;
}

static void
take_letter (const struct synopsis *synopsis, int letter)
{
  const struct argument *const argument = find_argument (synopsis, letter);

  if (letter == 'h') {
    print_synopsis (synopsis);
    exit (EXIT_SUCCESS);
  }
  if (letter == ':')
    fail ("-%c needs a value (-h lists the options)", optopt);
  if (!argument)
    fail ("-%c is not an option (-h lists them)", optopt);
  take (argument, optarg);
}

char **
arguments_parse (const struct synopsis *synopsis, int argc, char *argv[])
{
  char letters[2 * MAX_LETTERS];
  unsigned left;
  int letter;

  list_letters (synopsis, letters);
  opterr = 0;
  while ((letter = getopt (argc, argv, letters)) != -1)
    take_letter (synopsis, letter);
  left = (unsigned) (argc - optind);
  if (left < synopsis->nr_operands ||
      (left > synopsis->nr_operands && !synopsis->more))
    fail ("%s words where \"%s\" should be (-h says what they are)",
          left < synopsis->nr_operands ? "too few" : "too many",
          synopsis->operands);
  return argv + optind;
}

unsigned
split_words (const char *what, const char *text, const char **words,
             unsigned most)
{
  const char *at = text + strspn (text, ",");
  unsigned nr = 0;

  for (; *at; at += strspn (at, ",")) {
    const size_t len = strcspn (at, ",");

    if (nr == most)
      fail ("%s: \"%s\" are more than %u", what, text, most);
    words[nr++] = strndup (at, len);
    at += len;
  }
  if (nr == 0)
    fail ("%s: \"%s\" names none", what, text);
  return nr;
}
