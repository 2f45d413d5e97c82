/* SPDX-License-Identifier: BSD-3-Clause */
/* set: tell a disk its attributes. */
#include <config.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "target.h"

/* "compact" and its like take as long as they take. */
#define PATIENCE 0

/* WORD has a '='. */
static int
set_assignment (struct target *target, const char *word)
{
  const char *const sign = strchr (word, '=');
  char *const name = complain_unless (strndup (word, (size_t) (sign - word)));
  const int r = target_set (target, name, sign + 1);

  free (name);
  return r;
}

static bool
are_assignments (const struct command_line *line)
{
  for (int i = 0; i < line->count; i++)
    if (!strchr (line->words[i], '='))
      return false;
  return line->count > 0;
}

static int
set_assignments (struct target *target, const struct command_line *line)
{
  for (int i = 0; i < line->count; i++)
    if (set_assignment (target, line->words[i]) < 0)
      return -1;
  return 0;
}

static int
complain_of_words (void)
{
  return complain_usage ("set: give an attribute and its value, or "
                         "ATTRIBUTE=VALUE");
}

/* Two words are an attribute and its value, whatever is in the value.  Of
 * assignments, those after one that fails are not made. */
static int
set_all (struct target *target, const struct command_line *line)
{
  int r;

  if (are_assignments (line))
    r = set_assignments (target, line);
  else if (line->count == 2 && !strchr (line->words[0], '='))
    r = target_set (target, line->words[0], line->words[1]);
  else
    return complain_of_words ();
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
command_set (struct command_line *line)
{
  return line->count > 0 ? target_run (line, PATIENCE, set_all)
                         : complain_of_words ();
}
