/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlclient.h"
#include "diskstat.h"

/* Read a decimal number, and the blank or the end of the line after it, at
 * *TEXT, which goes behind it. */
static int
take_number (const char **text, uint64_t *number)
{
  char *end;

  if (!isdigit ((unsigned char) **text))
    return -1;
  errno = 0;
  *number = strtoull (*text, &end, 10);
  if (errno == ERANGE || (*end != ' ' && *end != '\n'))
    return -1;
  *text = end + 1;
  return 0;
}

static int
take_disksize (struct diskstat *stat, const char *text)
{
  return take_number (&text, &stat->disksize);
}

/* The one in brackets. */
static int
take_comp_algorithm (struct diskstat *stat, const char *text)
{
  char *begin, *end;

  snprintf (stat->algorithms, sizeof stat->algorithms, "%s", text);
  begin = strchr (stat->algorithms, '[');
  end = begin ? strchr (begin, ']') : NULL;
  if (!end)
    return -1;
  *end = '\0';
  stat->comp_algorithm = begin + 1;
  return 0;
}

/* There may be more columns, some day. */
static int
take_mm_stat (struct diskstat *stat, const char *text)
{
  uint64_t *const columns[] = {
      &stat->orig_data_size,  &stat->compr_data_size, &stat->mem_used_total,
      &stat->mem_limit,       &stat->mem_used_max,    &stat->same_pages,
      &stat->pages_compacted, &stat->huge_pages,
  };

  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    if (take_number (&text, columns[i]) < 0)
      return -1;
  return 0;
}

static const struct {
  const char *attribute;
  int (*take) (struct diskstat *stat, const char *text);
} parts[] = {
    {"disksize", take_disksize},
    {"comp_algorithm", take_comp_algorithm},
    {"mm_stat", take_mm_stat},
};

int
diskstat_read (struct diskstat *stat, struct ctlclient *client,
               const char *server, const char *name)
{
  *stat = (struct diskstat){.name = name, .server = server};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (ctlclient_ask (client, "get %s %s", name, parts[i].attribute) < 0)
      return -1;
    if (parts[i].take (stat, client->answer) < 0)
      return ctlclient_garbled (client, parts[i].attribute);
  }
  return 0;
}
