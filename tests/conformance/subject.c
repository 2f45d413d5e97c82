/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "server.h"
#include "subject.h"

#define SUBJECTS 64

static struct subject subjects[SUBJECTS];
static size_t count;

static struct subject *
add (const struct op *op)
{
  if (count == SUBJECTS || op->n < 2 || subject_find (op->words[1]))
    op_wrong (op, "it is declared already, or too much is");
  subjects[count].declared = op;
  return &subjects[count++];
}

bool
subject_is_declaration (const struct op *op)
{
  return strcmp (op->words[0], "attribute") == 0 ||
         strcmp (op->words[0], "later") == 0 ||
         strcmp (op->words[0], "request") == 0 ||
         strcmp (op->words[0], "own") == 0;
}

void
subject_declare (const struct op *op)
{
  struct subject *const subject = add (op);

  if (op_is (op, "request", 1))
    subject->is_request = true;
  else if (strcmp (op->words[0], "own") == 0)
    subject->own = true;
  else if (strcmp (op->words[0], "later") == 0) {
    if (op->n < 3)
      op_wrong (op, "an issue is missing");
    subject->issue = op->words[2];
  }
}

struct subject *
subject_find (const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp (subjects[i].declared->words[1], name) == 0)
      return &subjects[i];
  return NULL;
}

struct subject *
subject_of (const struct op *op)
{
  static const char *const verbs[] = {"set",  "echo",   "get",  "chosen",
                                      "stat", "column", "flags"};

  if (strcmp (op->words[0], "hot_add") == 0)
    return subject_find ("hot_add");
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp (op->words[0], verbs[i]) == 0 && op->n > 1)
      return subject_find (op->words[1]);
  return NULL;
}

/* Columns. */

static size_t
column_number (const struct op *op, const struct subject *subject,
               const char *name)
{
  const size_t first = subject->issue ? 3 : 2;

  for (size_t i = first; i < subject->declared->n; i++)
    if (strcmp (subject->declared->words[i], name) == 0)
      return i - first;
  op_wrong (op, "it has no such column");
}

void
subject_column (const struct op *op, const struct subject *subject,
                const char *name, const char *line, char column[RESULT_SIZE])
{
  size_t number = column_number (op, subject, name);

  line += strspn (line, " ");
  for (; number > 0; number--) {
    line += strcspn (line, " ");
    line += strspn (line, " ");
  }
  snprintf (column, RESULT_SIZE, "%.*s", (int) strcspn (line, " "), line);
}

void
subjects_forget (void)
{
  for (size_t i = 0; i < count; i++)
    for (int side = 0; side < SIDES; side++)
      subjects[i].before[side][0] = '\0';
}

/* What is to be said in the end. */

void
subjects_print_skipped (int side, bool coming)
{
  for (size_t i = 0; i < count; i++) {
    const struct subject *const subject = &subjects[i];

    if (subject->skipped[side] == 0 || (subject->issue != NULL) != coming)
      continue;
    printf (" %s", subject->declared->words[1]);
    if (subject->issue && side == PLUGIN)
      printf (" (yet: issue %s)", subject->issue);
    if (subject->own)
      printf (" (own)");
    printf (" %u", subject->skipped[side]);
  }
}

static unsigned
complain (const char *name, const char *what)
{
  fprintf (stderr, "%s: %s\n", name, what);
  return 1;
}

static unsigned
check_subject (const struct subject *subject, bool is_there, bool must_be_used)
{
  const char *const name = subject->declared->words[1];

  if (subject->issue && is_there)
    return complain (name, "is there: it is an 'attribute' now");
  if (subject->is_request && is_there)
    return complain (name, "is an attribute of the plugin's disks");
  if (!subject->issue && !subject->is_request && !is_there)
    return complain (name, "is declared, and the plugin has it no more");
  if (must_be_used && subject->used == 0)
    return complain (name, "is declared, and nothing is done with it");
  return 0;
}

static bool
is_among (const char *name, const char *attributes)
{
  const size_t len = strlen (name);

  while (attributes && *attributes) {
    if (strncmp (attributes, name, len) == 0 && attributes[len] == ' ')
      return true;
    attributes = strchr (attributes, '\n');
    attributes += attributes != NULL;
  }
  return false;
}

unsigned
subjects_check (const char *attributes, bool must_be_used)
{
  unsigned wrong = 0;
  char name[64];

  for (size_t i = 0; i < count; i++)
    wrong += check_subject (
        &subjects[i], is_among (subjects[i].declared->words[1], attributes),
        must_be_used);
  for (const char *line = attributes; line && *line;
       line = strchr (line, '\n')) {
    line += *line == '\n';
    snprintf (name, sizeof name, "%.*s", (int) strcspn (line, " "), line);
    if (*name && !subject_find (name))
      wrong +=
          complain (name, "the plugin has it, and the script knows it not");
  }
  return wrong;
}
