/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "complain.h"
#include "humansize.h"

#define MM(column) SAMPLE_MM_STAT, MM_##column

const struct column columns[] = {
    {"NAME", COLUMN_NAME, 0, 0, "name of the disk"},
    {"DISKSIZE", COLUMN_BYTES, SAMPLE_DISKSIZE, 0, "size of the disk"},
    {"DATA", COLUMN_BYTES, MM (ORIG_DATA_SIZE), "what is stored, uncompressed"},
    {"COMPR", COLUMN_BYTES, MM (COMPR_DATA_SIZE), "what that compresses to"},
    {"ALGORITHM", COLUMN_ALGORITHM, 0, 0, "algorithm in use"},
    {"STREAMS", COLUMN_COUNT, SAMPLE_STREAMS, 0,
     "pages that can be compressed at a time"},
    {"TOTAL", COLUMN_BYTES, MM (MEM_USED_TOTAL),
     "memory that what is stored takes, with what is lost between"},
    {"MEM-LIMIT", COLUMN_BYTES, MM (MEM_LIMIT),
     "the most that TOTAL may be; 0: no limit"},
    {"MEM-USED", COLUMN_BYTES, MM (MEM_USED_MAX),
     "the most that TOTAL has been"},
    {"SAME-PAGES", COLUMN_COUNT, MM (SAME_PAGES), "pages of one repeated word"},
    {"HUGE-PAGES", COLUMN_COUNT, MM (HUGE_PAGES), "pages that do not compress"},
    {"MIGRATED", COLUMN_COUNT, MM (PAGES_COMPACTED),
     "pages of memory that compaction has given back"},
    {"BACKED", COLUMN_COUNT, SAMPLE_BD_STAT, BD_COUNT,
     "pages that are in the backing store"},
    {"RATIO", COLUMN_RATIO, 0, 0, "DATA divided by TOTAL"},
    {"EXPORT", COLUMN_EXPORT, 0, 0, "what NBD clients call the disk"},
    {"SOCKET", COLUMN_SERVER, 0, 0, "control socket of the server"},
};

const size_t column_count = sizeof columns / sizeof *columns;

/* Lists. */

static int
add (struct column_list *list, const struct column *column)
{
  if (list->n == COLUMN_LIST_MAX) {
    complain ("there may be at most %d columns", COLUMN_LIST_MAX);
    return -1;
  }
  list->columns[list->n++] = column;
  return 0;
}

void
column_list_all (struct column_list *list)
{
  list->n = 0;
  for (size_t i = 0; i < column_count; i++)
    add (list, &columns[i]);
}

void
column_list_default (struct column_list *list, bool several)
{
  list->n = 0;
  column_list_parse (list, several ? "NAME,ALGORITHM,DISKSIZE,DATA,COMPR,TOTAL,"
                                     "STREAMS,RATIO,SOCKET"
                                   : "NAME,ALGORITHM,DISKSIZE,DATA,COMPR,TOTAL,"
                                     "STREAMS,RATIO");
}

/* The names of all, to be freed. */
static char *
name_all (void)
{
  char *text = NULL;
  size_t size;
  FILE *const fp = complain_unless (open_memstream (&text, &size));

  for (size_t i = 0; i < column_count; i++)
    fprintf (fp, "%s%s", i ? ", " : "", columns[i].name);
  fclose (fp);
  return complain_unless (text);
}

/* The one whose name is the LEN bytes at NAME; NULL: that was complained of. */
static const struct column *
find (const char *name, size_t len)
{
  char *names;

  for (size_t i = 0; i < column_count; i++)
    if (strlen (columns[i].name) == len &&
        strncasecmp (columns[i].name, name, len) == 0)
      return &columns[i];
  names = name_all ();
  complain ("unknown column: %.*s: choose from %s", (int) len, name, names);
  free (names);
  return NULL;
}

int
column_list_parse (struct column_list *list, const char *text)
{
  if (*text == '+')
    text++;
  else
    list->n = 0;
  for (;;) {
    const size_t len = strcspn (text, ",");
    const struct column *const column = find (text, len);

    if (!column || add (list, column) < 0)
      return -1;
    if (text[len] == '\0')
      return 0;
    text += len + 1;
  }
}

/* Values. */

static char *
print_text (const char *text)
{
  return complain_unless (strdup (text));
}

static char *
print_number (uint64_t number, bool human)
{
  char text[32];

  if (human)
    humansize_print (text, number);
  else
    snprintf (text, sizeof text, "%" PRIu64, number);
  return print_text (text);
}

/* NULL: the server has not got it. */
static char *
print_column (const struct column *column, const struct sample *sample,
              bool human)
{
  return sample_has (sample, column->attribute)
             ? print_number (sample->columns[column->attribute][column->index],
                             human)
             : NULL;
}

static char *
print_ratio (const struct sample *sample)
{
  char text[32];
  double ratio;

  if (!sample_ratio (sample, &ratio))
    return NULL;
  snprintf (text, sizeof text, "%.2f", ratio);
  return print_text (text);
}

char *
column_value (const struct column *column, const struct column_row *row,
              bool bytes)
{
  switch (column->kind) {
  case COLUMN_NAME:
    return print_text (row->name);
  case COLUMN_EXPORT:
    return print_text (row->export);
  case COLUMN_SERVER:
    return print_text (row->server);
  case COLUMN_ALGORITHM:
    return print_text (row->sample.algorithm);
  case COLUMN_RATIO:
    return print_ratio (&row->sample);
  default:
    return print_column (column, &row->sample,
                         column->kind == COLUMN_BYTES && !bytes);
  }
}
