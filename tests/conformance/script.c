/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <string.h>

#include "script.h"
#include "server.h"

#define ARROW " -> "

void
op_wrong (const struct op *op, const char *what)
{
  fprintf (stderr, "%s:%u: %s\n", op->file, op->line, what);
  exit (EXIT_FAILURE);
}

int
op_is (const struct op *op, const char *verb, size_t count)
{
  if (strcmp (op->words[0], verb) != 0)
    return 0;
  if (op->n != count + 1)
    op_wrong (op, "too few words, or too many");
  return 1;
}

/* Words. */

/* What stands for itself behind a backslash, or for another character. */
static char
unescape (const struct op *op, char c)
{
  switch (c) {
  case 'n':
    return '\n';
  case 't':
    return '\t';
  case '"':
  case '\\':
    return c;
  default:
    op_wrong (op, "there is no such escape");
  }
}

/* Undo the quotes of what begins at FROM; returns where it ends. */
static char *
take_quoted (const struct op *op, char *from)
{
  char *to = from;

  for (from++; *from != '"'; from++) {
    if (*from == '\0')
      op_wrong (op, "a quotation mark is missing");
    *to++ = *from == '\\' ? unescape (op, *++from) : *from;
  }
  *to = '\0';
  return from + 1;
}

static void
take_words (struct op *op, char *text)
{
  while (*(text += strspn (text, " ")) != '\0') {
    char *end;

    if (op->n == SCRIPT_WORDS)
      op_wrong (op, "too many words");
    op->words[op->n++] = text;
    end = *text == '"' ? take_quoted (op, text) : text + strcspn (text, " ");
    if (*end != ' ' && *end != '\0')
      op_wrong (op, "a blank is missing behind a quotation mark");
    text = *end ? end + 1 : end;
    *end = '\0';
  }
}

/* What is wanted. */

/* "before 6.15: ok" */
static void
take_old (struct op *op, char *text)
{
  unsigned major, minor;
  char *colon = strstr (text, ": ");

  if (!colon || sscanf (text, "before %u.%u:", &major, &minor) != 2)
    op_wrong (op, "'kernel before MAJOR.MINOR: RESULT' is expected");
  op->old_version = 1000 * major + minor;
  op->old = colon + 2;
}

static void
take_part (struct op *op, char *part)
{
  if (strncmp (part, "kernel: ", 8) == 0)
    op->want[KERNEL] = part + 8;
  else if (strncmp (part, "here: ", 6) == 0)
    op->want[PLUGIN] = part + 6;
  else if (strncmp (part, "because: ", 9) == 0)
    op->because = part + 9;
  else if (strncmp (part, "kernel before ", 14) == 0)
    take_old (op, part + 7);
  else if (!op->want[KERNEL])
    op->want[KERNEL] = op->want[PLUGIN] = part;
  else
    op_wrong (op, "there are two results");
}

static void
take_wants (struct op *op, char *text)
{
  while (text) {
    char *const comma = strstr (text, ", ");

    if (comma)
      *comma = '\0';
    take_part (op, text);
    text = comma ? comma + 2 : NULL;
  }
  if (!op->want[KERNEL] || !op->want[PLUGIN])
    op_wrong (op, "there is no result for one of the sides");
  if ((op->because != NULL) !=
      (strcmp (op->want[KERNEL], op->want[PLUGIN]) != 0))
    op_wrong (op, "'because' belongs to results that differ, and to no others");
}

/* Lines. */

static struct op *
add_op (struct script *script, const char *file, unsigned line)
{
  script->ops = reallocarray (script->ops, script->n + 1, sizeof *script->ops);
  CHECK (script->ops != NULL);
  script->ops[script->n] = (struct op){.file = file, .line = line};
  return &script->ops[script->n++];
}

/* The words point into TEXT, which stays. */
static void
read_line (struct script *script, const char *file, unsigned line, char *text)
{
  struct op *op;
  char *arrow;

  text[strcspn (text, "\n")] = '\0';
  text += strspn (text, " ");
  if (*text == '\0' || *text == '#')
    return;
  op = add_op (script, file, line);
  arrow = strstr (text, ARROW);
  if (arrow) {
    *arrow = '\0';
    take_wants (op, arrow + strlen (ARROW));
  }
  take_words (op, text);
}

void
script_read (struct script *script, const char *file)
{
  FILE *const fp = fopen (file, "r");
  unsigned line = 0;
  char *text = NULL;
  size_t size = 0;

  if (!fp) {
    perror (file);
    exit (EXIT_FAILURE);
  }
  for (; getline (&text, &size, fp) >= 0; text = NULL, size = 0)
    read_line (script, file, ++line, text);
  free (text);
  fclose (fp);
}

const char *
op_want (const struct op *op, int side, unsigned version)
{
  if (side == KERNEL && op->old && version < op->old_version)
    return op->old;
  return op->want[side];
}
