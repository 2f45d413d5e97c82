/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics that a server writes to stderr at SIGUSR1: a line with the
 * names of the columns, then one with the values, for each of mm_stat, io_stat,
 * stat and frag_stat, in this order.
 */
#include <config.h>

#include <signal.h>
#include <string.h>

#include "server.h"
#include "statistics.h"

#define MM_COLUMNS                                                        \
  "orig_data_size compr_data_size mem_used_total mem_limit mem_used_max " \
  "same_pages pages_compacted huge_pages huge_pages_since"
#define IO_COLUMNS "failed_reads failed_writes invalid_io notify_free"
#define STAT_COLUMNS                                                     \
  "reads read_merges read_sectors read_ticks writes write_merges "       \
  "write_sectors write_ticks in_flight io_ticks time_in_queue discards " \
  "discard_merges discard_sectors discard_ticks flushes flush_ticks"
#define FRAG_COLUMNS \
  "live reserve, 14 counts of holes by size, 11 of zspages by fullness"

/* Read N numbers, a space between two of them, and a newline. */
static void
parse_numbers (const char *text, uint64_t *numbers, size_t n)
{
  const char *at = text;

  for (size_t i = 0; i < n; i++) {
    char *end;

    numbers[i] = strtoull (at, &end, 10);
    if (end == at || *end != (i + 1 < n ? ' ' : '\n'))
      fail ("not %zu numbers: %s", n, text);
    at = end + 1;
  }
}

/* What follows PREFIX, whole words, in LINE, or NULL. */
static const char *
after (const char *line, const char *prefix)
{
  const char *at = strstr (line, prefix);

  if (at && at != line && at[-1] != ' ')
    return NULL;
  return at ? at + strlen (prefix) : NULL;
}

static int
read_line (FILE *fp, char *line, size_t size)
{
  return fgets (line, (int) size, fp) != NULL && strchr (line, '\n') != NULL;
}

/* The values below the names NAMES, which must be COLUMNS.  0: the server is
 * still writing them. */
static int
read_values (FILE *fp, const char *names, const char *prefix,
             const char *columns, uint64_t *numbers, size_t n)
{
  char line[1024];
  const char *values;

  if (strncmp (names, columns, strlen (columns)) != 0 ||
      strcmp (names + strlen (columns), "\n") != 0)
    fail ("the columns of %s are: %s", prefix, names);
  if (!read_line (fp, line, sizeof line))
    return 0;
  values = after (line, prefix);
  if (values == NULL)
    fail ("%s: no values after the names, but: %s", prefix, line);
  parse_numbers (values, numbers, n);
  return 1;
}

/* Each line of names is followed by one of values; 0, as before. */
static int
read_mm_stat (FILE *fp, const char *names, struct statistics *s)
{
  uint64_t n[9];

  if (!read_values (fp, names, "mm_stat: ", MM_COLUMNS, n, 9))
    return 0;
  s->orig_data_size = n[0];
  s->compr_data_size = n[1];
  s->mem_used_total = n[2];
  s->mem_limit = n[3];
  s->mem_used_max = n[4];
  s->same_pages = n[5];
  s->pages_compacted = n[6];
  s->huge_pages = n[7];
  s->huge_pages_since = n[8];
  return 1;
}

static int
read_io_stat (FILE *fp, const char *names, struct statistics *s)
{
  uint64_t n[4];

  if (!read_values (fp, names, "io_stat: ", IO_COLUMNS, n, 4))
    return 0;
  s->failed_reads = n[0];
  s->failed_writes = n[1];
  s->invalid_io = n[2];
  s->notify_free = n[3];
  return 1;
}

/* All the others are 0. */
static int
read_stat (FILE *fp, const char *names, struct statistics *s)
{
  uint64_t n[17], sum = 0;

  if (!read_values (fp, names, "stat: ", STAT_COLUMNS, n, 17))
    return 0;
  s->reads = n[0];
  s->read_sectors = n[2];
  s->writes = n[4];
  s->write_sectors = n[6];
  s->discards = n[11];
  s->discard_sectors = n[13];
  for (size_t i = 0; i < 17; i++)
    sum += n[i];
  CHECK (sum == s->reads + s->read_sectors + s->writes + s->write_sectors +
                    s->discards + s->discard_sectors);
  return 1;
}

static int
read_frag_stat (FILE *fp, const char *names, struct statistics *s)
{
  const size_t count = 2 + HOLE_SIZES + FULLNESSES;
  uint64_t n[2 + HOLE_SIZES + FULLNESSES];

  if (!read_values (fp, names, "frag_stat: ", FRAG_COLUMNS, n, count))
    return 0;
  s->live = n[0];
  s->reserve = n[1];
  memcpy (s->holes, &n[2], sizeof s->holes);
  memcpy (s->runs, &n[2 + HOLE_SIZES], sizeof s->runs);
  return 1;
}

unsigned
statistics_reports (const struct server *server)
{
  return server_log_count (server, "frag_stat: ") / 2;
}

void
statistics_read (const char *file, struct statistics *statistics)
{
  FILE *fp = fopen (file, "r");
  struct statistics next;
  const char *names;
  char line[1024];
  int found = 0;

  CHECK (fp != NULL);
  while (read_line (fp, line, sizeof line)) {
    if ((names = after (line, "mm_stat: ")) != NULL &&
        !read_mm_stat (fp, names, &next))
      break;
    if ((names = after (line, "io_stat: ")) != NULL &&
        !read_io_stat (fp, names, &next))
      break;
    if ((names = after (line, "stat: ")) != NULL &&
        !read_stat (fp, names, &next))
      break;
    if ((names = after (line, "frag_stat: ")) == NULL)
      continue;
    if (!read_frag_stat (fp, names, &next))
      break;
    *statistics = next;
    found = 1;
  }
  fclose (fp);
  if (!found)
    fail ("no statistics in %s", file);
}

struct awaited {
  const struct server *server;
  unsigned reports;
};

static int
has_reported (void *arg)
{
  const struct awaited *awaited = arg;

  return statistics_reports (awaited->server) > awaited->reports;
}

void
statistics_ask (const struct server *server, struct statistics *statistics)
{
  struct awaited awaited = {server, statistics_reports (server)};

  server_signal (server, SIGUSR1);
  wait_until (has_reported, &awaited, "statistics after SIGUSR1");
  statistics_read (server->log, statistics);
}
