/* SPDX-License-Identifier: BSD-3-Clause */
/* What the documentation has of the table of attributes, so that the two cannot
 * disagree.  The build runs it: "attrdoc pod" prints items for the manual
 * pages, "attrdoc words" a line with name and mode for each, for the
 * completion.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"

/* What the control socket calls it: "r", "w", "rw", or nothing. */
static const char *
mode_of (const struct attr *attr)
{
  static const char *const modes[] = {"", "r", "w", "rw"};

  return modes[(attr_can_be_told (attr) ? 2 : 0) +
               (attr_is_readable (attr) ? 1 : 0)];
}

/* Angle brackets mean something in POD. */
static void
print_text (const char *text)
{
  for (; *text; text++)
    if (*text == '<')
      fputs ("E<lt>", stdout);
    else if (*text == '>')
      fputs ("E<gt>", stdout);
    else
      putchar (*text);
}

static void
print_item (const struct attr *attr)
{
  static const char *const costs[] = {
      [ATTR_WALKS_NOTHING] = "",
      [ATTR_WALKS_ZSPAGES] = "  For debugging: it looks at each run of memory.",
      [ATTR_WALKS_SLOTS] = "  For debugging: it looks at each stored page."};
  const char *const mode = mode_of (attr);

  printf ("=item %s", attr->name);
  if (attr->metavar) {
    putchar (' ');
    print_text (attr->metavar);
  }
  printf (" (%s%s%s)\n\n", mode, *mode && attr->store ? ", " : "",
          attr->store ? "parameter" : "");
  print_text (attr->help);
  putchar ('.');
  if (attr->alias)
    printf ("  Also called %s.", attr->alias);
  if (attr->columns) {
    fputs ("  Columns: ", stdout);
    print_text (attr->columns);
    putchar ('.');
  }
  printf ("%s\n\n", costs[attr->walk]);
}

static void
print_pod (void)
{
  puts ("=over 4\n");
  for (size_t i = 0; i < attr_count; i++)
    print_item (&attrs[i]);
  puts ("=back");
}

static void
print_words (void)
{
  for (size_t i = 0; i < attr_count; i++)
    if (*mode_of (&attrs[i]))
      printf ("%s %s\n", attrs[i].name, mode_of (&attrs[i]));
}

int
main (int argc, char *argv[])
{
  if (argc == 2 && strcmp (argv[1], "pod") == 0)
    print_pod ();
  else if (argc == 2 && strcmp (argv[1], "words") == 0)
    print_words ();
  else {
    fputs ("Usage: attrdoc pod|words\n", stderr);
    return EXIT_FAILURE;
  }
  return fflush (stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
