/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctlclient.h"
#include "sample.h"

/* Servers may have more columns than are taken, and some fewer. */
static const struct {
  const char *name;
  unsigned least, most; /* columns; none: it is no number */
} attributes[SAMPLE_ATTRIBUTES] = {
    [SAMPLE_DISKSIZE] = {"disksize", 1, 1},
    [SAMPLE_COMP_ALGORITHM] = {"comp_algorithm", 0, 0},
    [SAMPLE_MM_STAT] = {"mm_stat", MM_HUGE_PAGES + 1, MM_COLUMNS},
    [SAMPLE_STREAMS] = {"streams", 1, 1},
    [SAMPLE_BD_STAT] = {"bd_stat", BD_COLUMNS, BD_COLUMNS},
    [SAMPLE_INITSTATE] = {"initstate", 1, 1},
    [SAMPLE_IO_STAT] = {"io_stat", IO_COLUMNS, IO_COLUMNS},
    [SAMPLE_STAT] = {"stat", STAT_COLUMNS, STAT_COLUMNS},
    [SAMPLE_SIZE_STAT] = {"size_stat", SIZE_COLUMNS, SIZE_COLUMNS},
    [SAMPLE_RESERVE] = {"reserve", 1, 1},
    [SAMPLE_SWAP_STAT] = {"swap_stat", SWAP_COLUMNS, SWAP_COLUMNS},
    [SAMPLE_BACKING_STAT] = {"backing_stat", BACKING_COLUMNS, BACKING_COLUMNS},
};

/* Read a decimal number, and the blank or the end of the line after it, at
 * *TEXT, which goes behind it.  strtoull takes a sign. */
static int
take_number (const char **text, uint64_t *number)
{
  char *end;

  if (!isdigit ((unsigned char) (*text)[**text == '-']))
    return -1;
  errno = 0;
  *number = strtoull (*text, &end, 10);
  if (errno == ERANGE || (*end != ' ' && *end != '\n'))
    return -1;
  *text = end + 1;
  return 0;
}

/* Those columns of the line TEXT that are wanted, and there. */
static int
take_columns (struct sample *sample, enum sample_attribute attribute,
              const char *text)
{
  const unsigned most = attributes[attribute].most;
  unsigned n = 0;

  while (n < most && (n == 0 || text[-1] == ' ')) {
    if (take_number (&text, &sample->columns[attribute][n]) < 0)
      return -1;
    n++;
  }
  sample->n[attribute] = n;
  return n < attributes[attribute].least ? -1 : 0;
}

/* The one in brackets. */
static int
take_algorithm (struct sample *sample, const char *text)
{
  const char *const begin = strchr (text, '[');
  const char *const end = begin ? strchr (begin, ']') : NULL;

  if (!end)
    return -1;
  snprintf (sample->algorithm, sizeof sample->algorithm, "%.*s",
            (int) (end - begin - 1), begin + 1);
  return 0;
}

/* Has the server no such attribute? */
static bool
is_lacking (const struct ctlclient *client)
{
  return strcmp (client->code, "ENOENT") == 0;
}

static int
read_attribute (struct sample *sample, struct ctlclient *client,
                const char *disk, enum sample_attribute attribute)
{
  const char *const name = attributes[attribute].name;
  int r;

  if (ctlclient_ask (client, "get %s %s", disk, name) < 0)
    return attribute >= SAMPLE_NEEDED && is_lacking (client) ? 0 : -1;
  r = attribute == SAMPLE_COMP_ALGORITHM
          ? take_algorithm (sample, client->answer)
          : take_columns (sample, attribute, client->answer);
  return r < 0 ? ctlclient_garbled (client, name) : 0;
}

int
sample_read (struct sample *sample, struct ctlclient *client, const char *disk,
             unsigned n)
{
  *sample = (struct sample){.algorithm = ""};
  for (unsigned i = 0; i < n; i++)
    if (read_attribute (sample, client, disk, i) < 0)
      return -1;
  sample->when = clock_ms ();
  return 0;
}

bool
sample_ratio (const struct sample *sample, double *ratio)
{
  const uint64_t total = sample_mm (sample, MM_MEM_USED_TOTAL);

  if (total == 0)
    return false;
  *ratio = (double) sample_mm (sample, MM_ORIG_DATA_SIZE) / (double) total;
  return true;
}
