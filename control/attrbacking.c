/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "attrbacking.h"
#include "attrwords.h"
#include "run.h"
#include "store.h"

/* Seconds: a day. */
#define MAX_TIMEOUT 86400U

/* What bd_stat and writeback_limit count in. */
#define UNIT_SHIFT 12

/* backing_dev */

int
backing_dev_store (struct attr_config *config, const char *value,
                   struct attr_error *error)
{
  struct zram_backing *const backing = &config->zram.backing;

  for (const char *c = value; *c; c++)
    if (iscntrl ((unsigned char) *c))
      return attr_fail (error,
                        "backing_dev: '%.100s' has control characters in it: "
                        "give a name without",
                        value);
  if (strlen (value) >= sizeof backing->dev)
    return attr_fail_as (error, E2BIG, "backing_dev: '%.20s...' is too long",
                         value);
  if (strcmp (value, "none") == 0)
    value = "";
  else if (*value != '/' && !store_is_uri (value))
    return attr_fail (error,
                      "backing_dev: '%.100s' is neither an absolute path nor a "
                      "URI: give /FILE, /dev/DEVICE, nbd://HOST, or none",
                      value);
  snprintf (backing->dev, sizeof backing->dev, "%s", value);
  return 0;
}

/* A file that is to be made needs its size.  What else may be wrong with it is
 * found when it is opened; and what is no path, when it is stored. */
static int
check_dev (const struct disk *disk, const char *value, struct attr_error *error)
{
  struct stat st;

  if (*value != '/')
    return 0;
  if (stat (value, &st) < 0)
    return errno == ENOENT && disk->config.backing.size > 0
               ? 0
               : attr_fail_as (error, errno,
                               "backing_dev: '%.100s' is not there: give "
                               "backing_size first, and it will be made",
                               value);
  return S_ISREG (st.st_mode) || S_ISBLK (st.st_mode)
             ? 0
             : attr_fail_as (error, ENOTBLK,
                             "backing_dev: '%.100s' is neither a file nor a "
                             "block device: give one of them",
                             value);
}

int
backing_dev_set (struct disk *disk, const char *value, const struct run *run,
                 struct attr_error *error)
{
  (void) run;
  if (!disk->zram && check_dev (disk, value, error) < 0)
    return -1;
  return do_attr_store_before (disk, "backing_dev", backing_dev_store, value,
                               error);
}

void
backing_dev_show (const struct disk *disk, FILE *fp)
{
  const char *const dev = disk->config.backing.dev;

  fprintf (fp, "%s\n", dev[0] ? dev : "none");
}

int
backing_size_store (struct attr_config *config, const char *value,
                    struct attr_error *error)
{
  return attr_parse_size_in ("backing_size", value, 0, INT64_MAX,
                             "0 (as it is) to 8E - 1",
                             &config->zram.backing.size, error);
}

/* What kstrtobool takes: the first letters count. */
static int
parse_bool (const char *name, const char *value, bool *yes,
            struct attr_error *error)
{
  const char first = (char) tolower ((unsigned char) value[0]);
  const char second =
      (char) (first ? tolower ((unsigned char) value[1]) : '\0');

  if (first == 'y' || first == 't' || first == '1' ||
      (first == 'o' && second == 'n'))
    *yes = true;
  else if (first == 'n' || first == 'f' || first == '0' ||
           (first == 'o' && second == 'f'))
    *yes = false;
  else
    return attr_fail (error, "%s: '%.64s' is neither yes nor no: give y or n",
                      name, value);
  return 0;
}

int
backing_overwrite_store (struct attr_config *config, const char *value,
                         struct attr_error *error)
{
  return parse_bool ("backing_overwrite", value,
                     &config->zram.backing.overwrite, error);
}

void
backing_engine_show (const struct disk *disk, FILE *fp)
{
  bool direct = false;
  const char *const engine =
      disk->zram ? zram_backing_engine (disk->zram, &direct) : NULL;
  const bool away = engine && zram_backing_is_away (disk->zram);

  fprintf (fp, "%s%s%s\n", engine ? engine : "none", direct ? " direct" : "",
           away ? " away" : "");
}

/* A number of which 0 would mean NOTHING. */
static int
parse_positive (const char *name, const char *value, unsigned most,
                const char *nothing, unsigned *number, struct attr_error *error)
{
  unsigned n = 0;

  if (attr_parse_number (name, value, most, &n, error) < 0)
    return -1;
  if (n == 0)
    return attr_fail (error, "%s: with 0 %s: give 1 to %u", name, nothing,
                      most);
  *number = n;
  return 0;
}

/* backing_timeout */

int
backing_timeout_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  return parse_positive ("backing_timeout", value, MAX_TIMEOUT,
                         "every request would fail",
                         &config->zram.backing_timeout_s, error);
}

void
backing_timeout_show (const struct disk *disk, FILE *fp)
{
  const unsigned seconds = disk->config.backing_timeout_s;

  fprintf (fp, "%u\n", seconds > 0 ? seconds : ZRAM_DEFAULT_BACKING_TIMEOUT);
}

/* backing_waiters */

int
backing_waiters_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  return attr_parse_number ("backing_waiters", value, 1000000,
                            &config->zram.backing_waiters, error);
}

void
backing_waiters_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%u\n", disk->config.backing_waiters);
}

/* compressed_writeback */

int
compressed_writeback_store (struct attr_config *config, const char *value,
                            struct attr_error *error)
{
  bool compressed = true;

  if (parse_bool ("compressed_writeback", value, &compressed, error) < 0)
    return -1;
  config->zram.writeback_decompress = !compressed;
  return 0;
}

void
compressed_writeback_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%d\n", !disk->config.writeback_decompress);
}

/* writeback_batch_size */

int
writeback_batch_size_store (struct attr_config *config, const char *value,
                            struct attr_error *error)
{
  return parse_positive ("writeback_batch_size", value,
                         ZRAM_MAX_WRITEBACK_BATCH,
                         "nothing would ever be written",
                         &config->zram.writeback_batch_size, error);
}

int
writeback_batch_size_set (struct disk *disk, const char *value,
                          const struct run *run, struct attr_error *error)
{
  const unsigned before = disk->config.writeback_batch_size;
  unsigned now;

  (void) run;
  if (do_attr_store (disk, writeback_batch_size_store, value, error) < 0)
    return -1;
  now = disk->config.writeback_batch_size;
  if (disk->zram &&
      do_attr_check_memory (disk, "writeback_batch_size",
                            zram_writeback_batch_bytes (disk->zram, now),
                            error) < 0) {
    disk->config.writeback_batch_size = before;
    return -1;
  }
  if (disk->zram)
    zram_set_writeback_batch (disk->zram, now);
  return 0;
}

void
writeback_batch_size_show (const struct disk *disk, FILE *fp)
{
  const unsigned n = disk->config.writeback_batch_size;

  fprintf (fp, "%u\n", n > 0 ? n : ZRAM_DEFAULT_WRITEBACK_BATCH);
}

/* writeback_limit_enable, writeback_limit */

int
writeback_limit_enable_store (struct attr_config *config, const char *value,
                              struct attr_error *error)
{
  uint64_t n = 0;

  if (attr_parse_count ("writeback_limit_enable", value, "1 or 0", &n, error) <
      0)
    return -1;
  config->zram.writeback_limit_enable = n != 0;
  return 0;
}

int
writeback_limit_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  uint64_t n = 0;

  if (attr_parse_count ("writeback_limit", value, "a number of units of 4 KiB",
                        &n, error) < 0)
    return -1;
  config->zram.writeback_limit =
      n > UINT64_MAX >> UNIT_SHIFT ? UINT64_MAX : n << UNIT_SHIFT;
  return 0;
}

/* What is left of it is the device's, as long as there is one. */
static uint64_t
limit_left (const struct disk *disk)
{
  bool enabled;

  return disk->zram && disk->config.backing.dev[0]
             ? zram_writeback_limit (disk->zram, &enabled)
             : disk->config.writeback_limit;
}

static void
tell_limit (const struct disk *disk, uint64_t bytes)
{
  if (disk->zram)
    zram_set_writeback_limit (disk->zram, disk->config.writeback_limit_enable,
                              bytes);
}

int
writeback_limit_enable_set (struct disk *disk, const char *value,
                            const struct run *run, struct attr_error *error)
{
  (void) run;
  if (do_attr_store (disk, writeback_limit_enable_store, value, error) < 0)
    return -1;
  tell_limit (disk, limit_left (disk));
  return 0;
}

int
writeback_limit_set (struct disk *disk, const char *value,
                     const struct run *run, struct attr_error *error)
{
  (void) run;
  if (do_attr_store (disk, writeback_limit_store, value, error) < 0)
    return -1;
  tell_limit (disk, disk->config.writeback_limit);
  return 0;
}

void
writeback_limit_enable_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%d\n", disk->config.writeback_limit_enable);
}

void
writeback_limit_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%" PRIu64 "\n", limit_left (disk) >> UNIT_SHIFT);
}

/* bd_stat, backing_stat */

static struct zram_stats
stats_of (const struct disk *disk)
{
  struct zram_stats s = {0};

  if (disk->zram)
    zram_stats (disk->zram, &s);
  return s;
}

void
bd_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s.bd_count, s.bd_reads,
           s.bd_writes >> UNIT_SHIFT);
}

void
backing_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp,
           "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
           " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           s.bd_writes, s.bd_live, s.bd_dead, s.bd_segments, s.bd_free_segments,
           s.bd_read_errors, s.bd_write_errors, s.bd_checksum_errors);
}

/* writeback */

/* What is told is done in turn, when all of it is known to be right. */
struct writeback_words {
  struct disk *disk;
  const struct run *run;
  struct attr_error *error;
  bool dry;                   /* nothing is done yet */
  struct zram_writeback what; /* whose range is that of the last page_index */
  struct zram_written done;   /* so far */
  bool ends;                  /* a type is the last that counts */
  int r;
};

/* Do what WHAT says, unless that is only tried. */
static int
write_back (struct writeback_words *words)
{
  struct zram_written done;
  int r;

  if (words->dry)
    return 0;
  r = zram_writeback (words->disk->zram, &words->what, words->run, &done);
  words->done.tried += done.tried;
  words->done.pages += done.pages;
  words->done.bytes += done.bytes;
  if (r < 0 && words->r == 0)
    words->r = r;
  return r == -EINTR ? -1 : 0;
}

static int
take_type (struct writeback_words *words, const char *value)
{
  struct zram_writeback *const what = &words->what;

  what->idle = strcmp (value, "idle") == 0 || strcmp (value, "huge_idle") == 0;
  what->huge = strcmp (value, "huge") == 0 || strcmp (value, "huge_idle") == 0;
  what->incompressible = strcmp (value, "incompressible") == 0;
  if (!what->idle && !what->huge && !what->incompressible)
    return attr_fail (words->error,
                      "writeback: type '%.64s' is unknown: choose from idle, "
                      "huge, huge_idle and incompressible",
                      value);
  words->ends = true;
  return write_back (words);
}

/* Pages FIRST to LAST. */
static int
take_range (struct writeback_words *words, const char *value, uint64_t first,
            uint64_t last)
{
  const uint64_t pages = zram_disksize (words->disk->zram) / ZRAM_PAGE_SIZE;

  if (first > last || last >= pages)
    return attr_fail_as (words->error, ERANGE,
                         "writeback: '%.64s' is out of range: the pages are 0 "
                         "to %" PRIu64,
                         value, pages - 1);
  words->what.first = first;
  words->what.end = last + 1;
  return write_back (words);
}

/* The number of a page, of a word that is to have WHAT.  One that takes more
 * than 64 bits is a number, too, and of no page. */
static int
parse_page (struct writeback_words *words, const char *name, const char *value,
            const char *what, uint64_t *page)
{
  const size_t digits = strspn (value, "0123456789");

  if (attr_parse_count (name, value, what, page, words->error) == 0)
    return 0;
  return digits > 0 && value[digits] == '\0'
             ? attr_fail_as (words->error, ERANGE,
                             "%s: '%.64s' is out of range: give %s", name,
                             value, what)
             : -1;
}

static int
take_index (struct writeback_words *words, const char *value)
{
  uint64_t index = 0;

  if (parse_page (words, "writeback: page_index", value, "the number of a page",
                  &index) < 0)
    return -1;
  return take_range (words, value, index, index);
}

static int
take_indexes (struct writeback_words *words, const char *value)
{
  static const char what[] = "the numbers of two pages, as in 10-20";
  char first[32];
  const char *const dash = strchr (value, '-');
  uint64_t from = 0, to = 0;

  if (!dash || (size_t) (dash - value) >= sizeof first)
    return attr_fail (words->error,
                      "writeback: page_indexes '%.64s' is no range: give %s",
                      value, what);
  snprintf (first, sizeof first, "%.*s", (int) (dash - value), value);
  if (parse_page (words, "writeback: page_indexes", first, what, &from) < 0 ||
      parse_page (words, "writeback: page_indexes", dash + 1, what, &to) < 0)
    return -1;
  return take_range (words, value, from, to);
}

/* A bare word is a type, as it was before there were keys. */
static int
take_word (struct writeback_words *words, char *word)
{
  static const struct {
    const char *key;
    int (*take) (struct writeback_words *words, const char *value);
  } keys[] = {{"type", take_type},
              {"page_index", take_index},
              {"page_indexes", take_indexes}};
  const char *const key = strsep (&word, "=");

  if (!word)
    return take_type (words, key);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp (key, keys[i].key) == 0)
      return keys[i].take (words, word);
  return attr_fail (words->error,
                    "writeback: '%.64s' is unknown: it takes type, page_index "
                    "and page_indexes",
                    key);
}

static int
take_words (struct writeback_words *words, const char *value, bool dry)
{
  char copy[ATTR_WORDS_MAX + 1];
  char *rest = copy;

  words->dry = dry;
  words->ends = false;
  words->what = (struct zram_writeback){
      .end = zram_disksize (words->disk->zram) / ZRAM_PAGE_SIZE};
  snprintf (copy, sizeof copy, "%s", value);
  for (char *word; !words->ends && (word = attr_next_word (&rest)) != NULL;)
    if (take_word (words, word) < 0)
      return -1;
  return 0;
}

/* It is a run: what is told the disk meanwhile changes its configuration, and
 * not its device. */
static int
check_writeback (const struct disk *disk, const char *value,
                 struct attr_error *error)
{
  bool direct;

  if (!disk->zram)
    return attr_fail (error, "writeback: the disk is not initialised: give it "
                             "a disksize first");
  if (!zram_backing_engine (disk->zram, &direct))
    return attr_fail_as (error, ENODEV,
                         "writeback: there is no backing store: give the disk "
                         "a backing_dev before its disksize");
  if (strlen (value) > ATTR_WORDS_MAX)
    return attr_fail_as (error, E2BIG, "writeback: '%.20s...' is too long",
                         value);
  return 0;
}

/* What an error of a run is, to a person. */
static const char *
reason (int r)
{
  switch (r) {
  case -EINTR:
    return "was interrupted";
  case -ENOSPC:
    return "the backing store is full";
  case -EIO:
    return "writeback_limit is used up, or writing failed (backing_stat)";
  case -ETIMEDOUT:
    return "the backing store is away";
  case -ESTALE:
    return "another server has been given the backing store, and has written "
           "there: give each one of its own";
  default:
    return strerrordesc_np (-r);
  }
}

int
writeback_set (struct disk *disk, const char *value, const struct run *run,
               struct attr_error *error)
{
  struct writeback_words words = {.disk = disk, .run = run, .error = error};
  char text[RUN_OUTCOME_SIZE];

  if (check_writeback (disk, value, error) < 0 ||
      take_words (&words, value, true) < 0)
    return -1;
  take_words (&words, value, false);
  snprintf (text, sizeof text,
            "tried %" PRIu64 " written %" PRIu64 " bytes %" PRIu64,
            words.done.tried, words.done.pages, words.done.bytes);
  if (words.r < 0)
    return attr_fail_as (error, -words.r, "writeback: %s: %s", reason (words.r),
                         text);
  run_outcome (run, text);
  return 0;
}
