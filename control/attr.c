/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "cmdline.h"
#include "compiler.h"
#include "watermark.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* Values are quoted, and what was typed may hold anything: one line stays one
 * line, and terminals get no control characters. */
ZRAM_PRINTF (2, 3)
static int
fail (struct attr_error *error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vsnprintf (error->message, sizeof error->message, format, args);
  va_end (args);
  for (char *c = error->message; *c; c++)
    if (iscntrl ((unsigned char) *c))
      *c = '?';
  return -1;
}

/* Sizes. */

/* The bits that a suffix shifts by; -1: no such suffix. */
static int
suffix_shift (const char *suffix)
{
  static const char letters[] = "KMGTPE";
  const char *letter;

  if (*suffix == '\0')
    return 0;
  letter = strchr (letters, toupper ((unsigned char) *suffix));
  if (!letter || suffix[1] != '\0')
    return -1;
  return 10 * (int) (letter - letters + 1);
}

int
attr_parse_size (const char *value, uint64_t *bytes)
{
  char *end;
  uint64_t n;
  int shift;

  /* strtoull would take white space and signs, and negate. */
  if (!isdigit ((unsigned char) value[0]))
    return -EINVAL;
  errno = 0;
  n = strtoull (value, &end, 0);
  shift = suffix_shift (end);
  if (shift < 0)
    return -EINVAL;
  if (errno == ERANGE || n > UINT64_MAX >> shift)
    return -ERANGE;
  *bytes = n << shift;
  return 0;
}

/* A size of MIN to MAX bytes for the attribute NAME; RANGE says that to a
 * person. */
static int
parse_size (const char *name, const char *value, uint64_t min, uint64_t max,
            const char *range, uint64_t *bytes, struct attr_error *error)
{
  uint64_t n;
  const int r = attr_parse_size (value, &n);

  if (r == -EINVAL)
    return fail (error,
                 "%s: '%s' is not a size: give a number of bytes, with K, M, "
                 "G or T after it if need be",
                 name, value);
  if (r < 0 || n < min || n > max)
    return fail (error, "%s: '%s' is out of range: give %s", name, value,
                 range);
  *bytes = n;
  return 0;
}

/* A decimal number of 0 to MAX for the attribute NAME. */
static int
parse_number (const char *name, const char *value, unsigned max, unsigned *n,
              struct attr_error *error)
{
  char *end = NULL;
  unsigned long number = 0;

  if (isdigit ((unsigned char) value[0]))
    number = strtoul (value, &end, 10);
  if (!end || *end != '\0' || number > max)
    return fail (error, "%s: '%s' is not a number that it takes: give 0 to %u",
                 name, value, max);
  *n = (unsigned) number;
  return 0;
}

/* disksize */

static int
disksize_store (struct attr_config *config, const char *value,
                struct attr_error *error)
{
  return parse_size ("disksize", value, 1, ZRAM_MAX_DISKSIZE, "1 byte to 16T",
                     &config->zram.disksize, error);
}

static void
disksize_show (struct zram *zram, FILE *fp)
{
  fprintf (fp, "%" PRIu64 "\n", zram_disksize (zram));
}

/* comp_algorithm */

/* The algorithms, with CURRENT, which may be NULL, in brackets. */
static void
print_algorithms (FILE *fp, const char *current)
{
  for (size_t i = 0; zcomp_backends[i]; i++) {
    const char *const name = zcomp_backend_name (zcomp_backends[i]);
    const bool is_current = current && strcmp (name, current) == 0;

    fprintf (fp, "%s%s%s%s", i ? " " : "", is_current ? "[" : "", name,
             is_current ? "]" : "");
  }
}

static int
comp_algorithm_store (struct attr_config *config, const char *value,
                      struct attr_error *error)
{
  const struct zcomp_backend *const backend = zcomp_backend_find (value);
  char names[128] = "";
  FILE *fp;

  if (backend) {
    config->zram.comp_algorithm = backend;
    return 0;
  }
  fp = fmemopen (names, sizeof names, "w");
  if (fp) {
    print_algorithms (fp, NULL);
    fclose (fp);
  }
  return fail (error, "comp_algorithm: unknown algorithm '%s': choose from %s",
               value, names);
}

static void
comp_algorithm_show (struct zram *zram, FILE *fp)
{
  print_algorithms (fp, zram_comp_algorithm (zram));
  fputc ('\n', fp);
}

/* mem_limit */

static int
mem_limit_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  uint64_t bytes = 0;

  if (parse_size ("mem_limit", value, 0, INT64_MAX, "0 (no limit) to 8E - 1",
                  &bytes, error) < 0)
    return -1;
  config->zram.mem_limit =
      (bytes + ZRAM_PAGE_SIZE - 1) & ~(uint64_t) (ZRAM_PAGE_SIZE - 1);
  return 0;
}

/* compact_threshold */

static int
compact_threshold_store (struct attr_config *config, const char *value,
                         struct attr_error *error)
{
  return parse_number ("compact_threshold", value, 100,
                       &config->zram.compact_threshold, error);
}

/* swap */

static int
swap_store (struct attr_config *config, const char *value,
            struct attr_error *error)
{
  static const char *const words[] = {
      [SWAP_OFF] = "off", [SWAP_TRY] = "try", [SWAP_ON] = "on"};

  for (enum swap_mode mode = SWAP_OFF; mode <= SWAP_ON; mode++)
    if (strcmp (value, words[mode]) == 0) {
      config->swap = mode;
      return 0;
    }
  return fail (error, "swap: '%s' is unknown: choose from off, try and on",
               value);
}

/* reserve */

static int
reserve_store (struct attr_config *config, const char *value,
               struct attr_error *error)
{
  return parse_size ("reserve", value, 0, ZRAM_MAX_DISKSIZE, "0 to 16T",
                     &config->zram.reserve, error);
}

/* reserve_waiters */

static int
reserve_waiters_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  return parse_number ("reserve_waiters", value, 1000000,
                       &config->zram.reserve_waiters, error);
}

/* statsfile */

static int
statsfile_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  if (value[0] == '\0')
    return fail (error, "statsfile: is empty: give the name of a file");
  for (const char *c = value; *c; c++)
    if (iscntrl ((unsigned char) *c))
      return fail (error,
                   "statsfile: '%s' has control characters in it: "
                   "give a name without",
                   value);
  config->statsfile = value;
  return 0;
}

/* mm_stat, io_stat */

static void
mm_stat_show (struct zram *zram, FILE *fp)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  fprintf (fp,
           "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
           " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           s.orig_data_size, s.compr_data_size, s.mem_used_total, s.mem_limit,
           s.mem_used_max, s.same_pages, s.pages_compacted, s.huge_pages,
           s.huge_pages_since);
}

static void
io_stat_show (struct zram *zram, FILE *fp)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  /* The third, invalid_io, is a constant in zram too. */
  fprintf (fp, "%" PRIu64 " %" PRIu64 " 0 %" PRIu64 "\n", s.failed_reads,
           s.failed_writes, s.notify_free);
}

/* frag_stat */

static void
print_counts (FILE *fp, const uint64_t *counts, size_t n)
{
  for (size_t i = 0; i < n; i++)
    fprintf (fp, " %" PRIu64, counts[i]);
}

static void
frag_stat_show (struct zram *zram, FILE *fp)
{
  struct zs_fragmentation f;
  struct zs_pool_stats s;

  zram_pool_stats (zram, &s, &f);
  fprintf (fp, "%" PRIu64 " %" PRIu64, s.live, s.reserve);
  print_counts (fp, f.free_blocks, ZS_SIZE_BUCKETS);
  print_counts (fp, f.zspages, ZS_FULLNESS_BUCKETS);
  fputc ('\n', fp);
}

/* swap_stat */

static void
swap_stat_show (struct zram *zram, FILE *fp)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  fprintf (fp, "%" PRIu64 " %" PRIu64 " %" PRIu64 " ", s.reserve_least,
           s.reserve_waiting, s.reserve_refused);
  swap_show (fp);
}

const struct attr attrs[] = {
    {
        .name = "disksize",
        .alias = "size",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the size of the disk; it takes memory only as it fills",
        .required = true,
        .store = disksize_store,
        .show = disksize_show,
    },
    {
        .name = "comp_algorithm",
        .kind = ATTR_WORD,
        .metavar = "NAME",
        .help = "lz4 (default; fast) or zstd (a third less memory)",
        .store = comp_algorithm_store,
        .show = comp_algorithm_show,
    },
    {
        .name = "mem_limit",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the most memory that stored pages may take; 0: no limit",
        .store = mem_limit_store,
    },
    {
        .name = "compact_threshold",
        .kind = ATTR_NUMBER,
        .metavar = "PERCENT",
        .help = "compact when more than this of the pool is holes (default "
                "10); 0: never",
        .store = compact_threshold_store,
    },
    {
        .name = "swap",
        .kind = ATTR_WORD,
        .metavar = "on|try|off",
        .help = "be swap of this very machine: lock memory, take none later",
        .store = swap_store,
    },
    {
        .name = "reserve",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "filled in advance to grow into (swap: a 128th of the disk)",
        .store = reserve_store,
    },
    {
        .name = "reserve_waiters",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "swap: writes that may wait for the reserve (half the threads)",
        .store = reserve_waiters_store,
    },
    {
        .name = "statsfile",
        .kind = ATTR_PATH,
        .metavar = "FILE",
        .help = "append statistics here, at SIGUSR1 and at exit",
        .store = statsfile_store,
    },
    {
        .name = "mm_stat",
        .help = "orig_data_size compr_data_size mem_used_total mem_limit "
                "mem_used_max same_pages pages_compacted huge_pages "
                "huge_pages_since",
        .show = mm_stat_show,
    },
    {
        .name = "io_stat",
        .help = "failed_reads failed_writes invalid_io notify_free",
        .show = io_stat_show,
    },
    {
        .name = "frag_stat",
        .help = "live reserve, 14 counts of holes by size, 11 of zspages by "
                "fullness",
        .show = frag_stat_show,
    },
    {
        .name = "swap_stat",
        .help = "reserve_least reserve_waiting reserve_refused threads "
                "io_flushers realtime locked oom_score_adj",
        .show = swap_stat_show,
    },
};

const size_t attr_count = sizeof attrs / sizeof *attrs;

const struct attr *
attr_find (const char *name)
{
  for (size_t i = 0; i < attr_count; i++)
    if (strcmp (attrs[i].name, name) == 0 ||
        (attrs[i].alias && strcmp (attrs[i].alias, name) == 0))
      return &attrs[i];
  return NULL;
}

int
attr_store (struct attr_config *config, const char *name, const char *value,
            struct attr_error *error)
{
  const struct attr *const attr = attr_find (name);
  uint32_t bit;

  if (!attr || !attr->store)
    return fail (error,
                 "unknown parameter '%s': see nbdkit --help for this plugin",
                 name);
  bit = UINT32_C (1) << (attr - attrs);
  if (config->given & bit)
    return fail (error, "%s: is given twice%s%s: give it once", attr->name,
                 attr->alias ? ", perhaps as " : "",
                 attr->alias ? attr->alias : "");
  if (attr->store (config, value, error) < 0)
    return -1;
  config->given |= bit;
  return 0;
}

static bool
is_given (const struct attr_config *config, const char *name)
{
  return config->given & UINT32_C (1) << (attr_find (name) - attrs);
}

/* What depends on swap. */
static int
complete_swap (struct attr_config *config, struct attr_error *error)
{
  struct cmdline cmdline;

  if (config->swap == SWAP_OFF)
    return 0;
  cmdline_read (&cmdline);
  config->zram.no_faults = true;
  config->zram.keep_free = watermark_bytes;
  if (!is_given (config, "reserve_waiters"))
    config->zram.reserve_waiters = swap_waiters (cmdline.threads);
  if (is_given (config, "reserve") && config->zram.reserve < SWAP_LEAST_RESERVE)
    return fail (error, "reserve: is too little for swap, which grows by "
                        "nothing else: give 1M or more");
  return 0;
}

int
attr_complete (struct attr_config *config, struct attr_error *error)
{
  for (size_t i = 0; i < attr_count; i++)
    if (attrs[i].required && !(config->given & UINT32_C (1) << i))
      return fail (error, "%s: is missing: give %s=%s", attrs[i].name,
                   attrs[i].name, attrs[i].metavar);
  return complete_swap (config, error);
}
