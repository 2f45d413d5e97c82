/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "data.h"
#include "devices.h"
#include "perform.h"
#include "server.h"
#include "subject.h"

/* What a script calls the backing device of a side. */
#define STORE "$store"

static bool is_open[SIDES];

/* RESULT for an errno, or 0. */
static void
say (int code, char result[RESULT_SIZE])
{
  snprintf (result, RESULT_SIZE, "%s", code ? strerrorname_np (code) : "ok");
}

/* Attributes. */

/* A disk that has been closed may yet be open for a moment, to whoever looks at
 * new disks. */
static void
tell (struct side *side, int number, const char *attribute, const char *value,
      bool newline, char result[RESULT_SIZE])
{
  const struct timespec pause = {.tv_nsec = 10L * 1000 * 1000};
  const bool patient =
      !is_open[number] && (strcmp (attribute, "reset") == 0 ||
                           strcmp (attribute, "hot_remove") == 0);

  for (int i = 0; i < 3000; i++) {
    side->set (attribute, value, newline, result);
    if (!patient || strcmp (result, "EBUSY") != 0)
      return;
    nanosleep (&pause, NULL);
  }
}

/* "$NAME" stands for what the side calls that device, or the backing device. */
static const char *
value_of (const struct op *op, const struct side *side, int number)
{
  const char *const value = op->words[2];

  if (*value != '$')
    return value;
  if (strcmp (value, STORE) != 0)
    return devices_find (op, number, value + 1);
  if (!*side->store)
    op_wrong (op, "'needs backing store' is missing");
  return side->store;
}

static void
set (const struct op *op, struct side *side, int number,
     char result[RESULT_SIZE])
{
  const char *const value = value_of (op, side, number);

  tell (side, number, op->words[1], value, strcmp (op->words[0], "echo") == 0,
        result);
  if (strcmp (op->words[1], "hot_remove") == 0 && strcmp (result, "ok") == 0)
    devices_remove (number, value);
}

/* What has not been added so would not be removed in the end. */
static void
get (const struct op *op, struct side *side, char result[RESULT_SIZE])
{
  if (strcmp (op->words[1], "hot_add") == 0)
    op_wrong (op, "'hot_add NAME' reads it");
  side->get (op->words[1], result);
  if (*side->store && strcmp (result, side->store) == 0)
    strcpy (result, STORE);
}

/* Of "a [b] c" leave "b"; of what has no such word, all. */
static void
leave_chosen (char result[RESULT_SIZE])
{
  char *const from = strchr (result, '[');
  char *const to = from ? strchr (from, ']') : NULL;

  if (!to)
    return;
  *to = '\0';
  memmove (result, from + 1, (size_t) (to - from));
}

/* Several blanks are one, and so are newlines: zram makes columns of its
 * numbers. */
static void
squeeze (char text[RESULT_SIZE])
{
  char *to = text;

  for (const char *from = text; *from; from++)
    if (!isspace ((unsigned char) *from))
      *to++ = *from;
    else if (to > text && to[-1] != ' ')
      *to++ = ' ';
  *to = '\0';
}

/* "chosen" is a word, "column" one of the statistic's, "stat" all of them. */
static void
read_statistic (const struct op *op, struct side *side, int number,
                char result[RESULT_SIZE], char before[RESULT_SIZE])
{
  struct subject *const subject = subject_of (op);
  char line[RESULT_SIZE];

  if (!subject)
    op_wrong (op, "this attribute is not declared");
  side->get (op->words[1], line);
  if (strcmp (op->words[0], "chosen") == 0)
    leave_chosen (line);
  squeeze (line);
  memcpy (result, line, RESULT_SIZE);
  memcpy (before, subject->before[number], RESULT_SIZE);
  if (op->n == 3) {
    subject_column (op, subject, op->words[2], line, result);
    subject_column (op, subject, op->words[2], subject->before[number], before);
  }
  memcpy (subject->before[number], line, RESULT_SIZE);
}

static uint64_t
number_of (const struct op *op, const char *word, int base)
{
  char *end;
  const uint64_t number = strtoull (word, &end, base);

  if (*word == '\0' || *end != '\0')
    op_wrong (op, "a number is expected");
  return number;
}

/* Copy the flags that block_state's LINES, squeezed into one, have for INDEX;
 * "none": it is not among them. */
static void
find_flags (const char *lines, uint64_t index, char flags[16])
{
  unsigned long long number;
  char found[16];
  int len;

  strcpy (flags, "none");
  for (; sscanf (lines, "%llu %*s %15s %n", &number, found, &len) == 2;
       lines += len)
    if (number == index)
      strcpy (flags, found);
}

/* "flags block_state FIRST COUNT": those of so many pages, in block_state. */
static void
read_flags (const struct op *op, struct side *side, char result[RESULT_SIZE])
{
  const uint64_t first = number_of (op, op->words[2], 10);
  const uint64_t n = number_of (op, op->words[3], 10);
  char lines[RESULT_SIZE], flags[16];
  size_t len = 0;

  side->get (op->words[1], lines);
  squeeze (lines);
  *result = '\0';
  for (uint64_t i = first; i < first + n && len < RESULT_SIZE - 16; i++) {
    find_flags (lines, i, flags);
    len += (size_t) sprintf (result + len, "%s%s", i > first ? " " : "", flags);
  }
}

/* Pages. */

/* KIND is "zeros"; "word:HEX", 8 bytes that repeat; "head:BYTES", so many that
 * do not compress and zeros; "random".  Where bytes are random, SEED makes
 * other ones. */
static void
fill_page (const struct op *op, const char *kind, uint64_t seed,
           unsigned char page[PAGE])
{
  size_t len = PAGE;
  uint64_t word = 0;

  if (strncmp (kind, "head:", 5) == 0)
    len = number_of (op, kind + 5, 10);
  else if (strncmp (kind, "word:", 5) == 0)
    word = number_of (op, kind + 5, 16);
  else if (strcmp (kind, "zeros") != 0 && strcmp (kind, "random") != 0)
    op_wrong (op, "there is no such kind of page");
  for (size_t i = 0; i < PAGE; i += sizeof word)
    memcpy (page + i, &word, sizeof word);
  if (*kind == 'h' || *kind == 'r')
    data_fill (page, len, DATA_RANDOM, seed);
}

/* "write FIRST COUNT KIND SEED", one page after the other; the same for read,
 * which compares. */
static void
do_pages (const struct op *op, struct side *side, enum io io,
          char result[RESULT_SIZE])
{
  const uint64_t first = number_of (op, op->words[1], 10);
  const uint64_t n = number_of (op, op->words[2], 10);
  const uint64_t seed = number_of (op, op->words[4], 10);
  unsigned char page[PAGE], other[PAGE];

  say (0, result);
  for (uint64_t i = first; i < first + n; i++) {
    int code;

    fill_page (op, op->words[3], seed * 1000003 + i, page);
    /* cppcheck-suppress legacyUninitvar; a callback fills it */
    code = side->io (io, io == IO_READ ? other : page, i * PAGE, PAGE);
    if (code != 0) {
      say (code, result);
      return;
    }
    if (io == IO_READ && memcmp (page, other, PAGE) != 0) {
      snprintf (result, RESULT_SIZE, "differs");
      return;
    }
  }
}

static void
free_pages (const struct op *op, struct side *side, enum io io,
            char result[RESULT_SIZE])
{
  const uint64_t first = number_of (op, op->words[1], 10);
  const uint64_t n = number_of (op, op->words[2], 10);

  say (side->io (io, NULL, first * PAGE, n * PAGE), result);
}

/* Discard all pages but the first of every so many, one by one. */
static void
thin_pages (const struct op *op, struct side *side, char result[RESULT_SIZE])
{
  const uint64_t first = number_of (op, op->words[1], 10);
  const uint64_t n = number_of (op, op->words[2], 10);
  const uint64_t every = number_of (op, op->words[3], 10);
  int code = 0;

  for (uint64_t i = 0; i < n && code == 0; i++)
    if (i % every != 0)
      code = side->io (IO_DISCARD, NULL, (first + i) * PAGE, PAGE);
  say (code, result);
}

static void
open_disk (struct side *side, int number, char result[RESULT_SIZE])
{
  const int code = side->open ();

  is_open[number] = code == 0;
  say (code, result);
}

static void
close_disk (struct side *side, int number, char result[RESULT_SIZE])
{
  side->close ();
  is_open[number] = false;
  say (0, result);
}

/* Verbs. */

static bool
do_attribute (const struct op *op, struct side *side, int number,
              char result[RESULT_SIZE], char before[RESULT_SIZE])
{
  if (op_is (op, "set", 2) || op_is (op, "echo", 2))
    set (op, side, number, result);
  else if (op_is (op, "get", 1))
    get (op, side, result);
  else if (op_is (op, "chosen", 1) || op_is (op, "stat", 1) ||
           op_is (op, "column", 2))
    read_statistic (op, side, number, result, before);
  else if (op_is (op, "flags", 3))
    read_flags (op, side, result);
  else
    return false;
  return true;
}

/* "hot_add NAME", "device NAME". */
static bool
do_device (const struct op *op, struct side *side, int number,
           char result[RESULT_SIZE])
{
  if (op_is (op, "hot_add", 1)) {
    devices_add (op, side, number, result);
    return true;
  }
  if (!op_is (op, "device", 1))
    return false;
  if (is_open[number])
    op_wrong (op, "the disk of another device is open");
  snprintf (side->device, DEVICE_SIZE, "%s",
            devices_find (op, number, op->words[1]));
  say (0, result);
  return true;
}

static bool
do_disk (const struct op *op, struct side *side, int number,
         char result[RESULT_SIZE])
{
  if (op_is (op, "open", 0)) {
    open_disk (side, number, result);
    return true;
  }
  if (op_is (op, "close", 0)) {
    close_disk (side, number, result);
    return true;
  }
  if (!is_open[number])
    op_wrong (op, "the disk is not open, or there is no such operation");
  if (op_is (op, "write", 4))
    do_pages (op, side, IO_WRITE, result);
  else if (op_is (op, "read", 4))
    do_pages (op, side, IO_READ, result);
  else if (op_is (op, "discard", 2))
    free_pages (op, side, IO_DISCARD, result);
  else if (op_is (op, "zero", 2))
    free_pages (op, side, IO_ZERO, result);
  else if (op_is (op, "thin", 3))
    thin_pages (op, side, result);
  else
    return false;
  return true;
}

void
perform_begin (struct side *side, int number, char result[RESULT_SIZE])
{
  const char *device;

  close_disk (side, number, result);
  while ((device = devices_left (number)) != NULL) {
    tell (side, number, "hot_remove", device, false, result);
    if (strcmp (result, "ok") != 0)
      return;
    devices_remove (number, device);
  }
  devices_begin (side, number);
  tell (side, number, "reset", "1", true, result);
}

void
perform (const struct op *op, struct side *side, int number,
         char result[RESULT_SIZE], char before[RESULT_SIZE])
{
  *result = *before = '\0';
  if (!do_attribute (op, side, number, result, before) &&
      !do_device (op, side, number, result) &&
      !do_disk (op, side, number, result))
    op_wrong (op, "there is no such operation");
}
