/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "openmetrics.h"

static const struct {
  const char *name;
  const char *suffix; /* of the names of its samples */
} types[] = {
    [OPENMETRICS_GAUGE] = {"gauge", ""},
    [OPENMETRICS_COUNTER] = {"counter", "_total"},
};

/* Text. */

/* How many bytes follow the first one of a character of UTF-8, and what the
 * next one may be: neither an overlong form, nor a surrogate, nor beyond
 * Unicode.  The last is for what begins no character. */
static const struct utf8_lead {
  unsigned char first, last;
  unsigned char follow;
  unsigned char least, most;
} utf8_leads[] = {
    {0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf},
    {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf},
    {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct utf8_lead *
find_lead (unsigned char byte)
{
  for (size_t i = 0; i < sizeof utf8_leads / sizeof *utf8_leads; i++)
    if (byte >= utf8_leads[i].first && byte <= utf8_leads[i].last)
      return &utf8_leads[i];
  return NULL;
}

/* The bytes of the character at TEXT, which a NUL byte ends; 0: it is none. */
static size_t
utf8_length (const char *text)
{
  const unsigned char *const bytes = (const unsigned char *) text;
  const struct utf8_lead *const lead = find_lead (bytes[0]);

  if (!lead)
    return 0;
  for (size_t i = 1; i <= lead->follow; i++)
    if (bytes[i] < (i == 1 ? lead->least : 0x80) ||
        bytes[i] > (i == 1 ? lead->most : 0xbf))
      return 0;
  return (size_t) lead->follow + 1;
}

/* As the format quotes it, both in help and in the values of labels. */
static void
put_escaped (FILE *fp, const char *text)
{
  size_t len;

  for (; *text; text += len ? len : 1) {
    len = utf8_length (text);
    if (len == 0)
      fputs ("\xef\xbf\xbd", fp); /* U+FFFD, which stands for what is none */
    else if (*text == '\n')
      fputs ("\\n", fp);
    else {
      if (*text == '\\' || *text == '"')
        fputc ('\\', fp);
      fwrite (text, 1, len, fp);
    }
  }
}

static void
put_labels (FILE *fp, const struct openmetrics_labels *labels)
{
  for (size_t i = 0; i < labels->n; i++) {
    fprintf (fp, "%c%s=\"", i ? ',' : '{', labels->labels[i].name);
    put_escaped (fp, labels->labels[i].value);
    fputc ('"', fp);
  }
  if (labels->n > 0)
    fputc ('}', fp);
}

/* Families. */

void
openmetrics_begin (FILE *fp, const struct openmetrics_family *family)
{
  fprintf (fp, "# TYPE %s %s\n", family->name, types[family->type].name);
  if (family->unit)
    fprintf (fp, "# UNIT %s %s\n", family->name, family->unit);
  fprintf (fp, "# HELP %s ", family->name);
  put_escaped (fp, family->help);
  fputc ('\n', fp);
}

void
openmetrics_sample (FILE *fp, const struct openmetrics_family *family,
                    const struct openmetrics_labels *labels, int64_t number)
{
  fprintf (fp, "%s%s", family->name, types[family->type].suffix);
  put_labels (fp, labels);
  fprintf (fp, " %" PRId64 "\n", number);
}

void
openmetrics_end (FILE *fp)
{
  fputs ("# EOF\n", fp);
}
