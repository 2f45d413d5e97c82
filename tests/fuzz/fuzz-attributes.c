/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters and attributes: any words as their values.
 *
 * An input is lines: "-NAME=VALUE" is a parameter, "-" alone is the last of
 * them, and "NAME VALUE" tells a disk.  Whatever is refused is refused in one
 * line, and everything stays as it was; what is taken can be seen, and taken
 * again, and nothing changes by that.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "attr.h"
#include "fuzz.h"
#include "zsmalloc.h"

#define MOST_LINES 24U

static struct disk disk;

/* To the byte: nobody has touched it. */
static bool
is_same (const void *now, const char *before, size_t size)
{
  return memcmp (now, before, size) == 0;
}

static void
check_refusal (const struct attr_error *error)
{
  must (error->code > 0 && strerrorname_np (error->code));
  must (memchr (error->message, '\0', sizeof error->message));
  must (is_one_line (error->message));
}

/* What VALUE is as a number, with a unit's letter if it is a SIZE, worked out
 * digit by digit; false: that it is not, or it is more than 64 bits. */
static bool
number_of (const char *value, bool size, uint64_t *number)
{
  static const char units[] = "KMGTPE";
  const char *digits = value;
  unsigned base = 10, shift = 0;
  unsigned __int128 n = 0;
  const char *unit;

  if (size && value[0] == '0') {
    base = value[1] == 'x' || value[1] == 'X' ? 16 : 8;
    if (base == 16 && isxdigit ((unsigned char) value[2]))
      digits += 2;
    else
      base = 8;
  }
  if (!isxdigit ((unsigned char) *digits))
    return false;
  for (; *digits && n >> 64 == 0; digits++) {
    const int c = tolower ((unsigned char) *digits);
    const unsigned digit = isdigit (c)    ? (unsigned) (c - '0')
                           : isxdigit (c) ? (unsigned) (c - 'a') + 10
                                          : 16;

    if (digit >= base)
      break;
    n = n * base + digit;
  }
  unit = size && *digits ? strchr (units, toupper ((unsigned char) *digits))
                         : NULL;
  if (unit) {
    shift = 10 * (unsigned) (unit - units + 1);
    digits++;
  }
  *number = (uint64_t) n << shift;
  return *digits == '\0' && (n << shift) >> 64 == 0;
}

/* A readable attribute, as text. */
static char *
shown (const struct attr *attr)
{
  struct attr_error error;
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);
  int r;

  must (fp);
  r = attr_get (&disk, attr->name, fp, &error);
  must (fclose (fp) == 0);
  if (r < 0)
    check_refusal (&error);
  return text;
}

/* All that can be seen of the disk; but what is the process's. */
static char *
snapshot (void)
{
  struct attr_error error;
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);

  must (fp);
  for (size_t i = 0; i < attr_count; i++)
    if (attr_is_readable (&attrs[i]) &&
        strcmp (attrs[i].name, "swap_stat") != 0) {
      fprintf (fp, "%s: ", attrs[i].name);
      attr_get (&disk, attrs[i].name, fp, &error);
    }
  must (fclose (fp) == 0);
  return text;
}

/* BEFORE, which is freed, is what can be seen now. */
static void
must_be_unchanged (char *before)
{
  char *const now = snapshot ();

  must (strcmp (before, now) == 0);
  free (before);
  free (now);
}

/* Parameters. */

/* Where the numbers are that parameters give, and to a multiple of what they
 * are rounded up. */
static const struct field {
  const char *name;
  size_t offset, size;
  uint64_t unit;
} fields[] = {
#define FIELD(name, member, unit)                       \
  {                                                     \
    name, offsetof (struct attr_config, member),        \
        sizeof ((struct attr_config *) 0)->member, unit \
  }
    FIELD ("disksize", zram.disksize, 1),
    FIELD ("mem_limit", zram.mem_limit, ZRAM_PAGE_SIZE),
    FIELD ("mem_min", zram.mem_min, ZS_GROWTH),
    FIELD ("mem_total", server.mem_total, 1),
    FIELD ("num_devices", server.num_devices, 1),
    FIELD ("max_devices", server.max_devices, 1),
    FIELD ("on_demand", server.on_demand, 1),
    FIELD ("backing_size", zram.backing.size, 1),
    FIELD ("backing_timeout", zram.backing_timeout_s, 1),
    FIELD ("backing_waiters", zram.backing_waiters, 1),
    FIELD ("writeback_batch_size", zram.writeback_batch_size, 1),
    FIELD ("compact_threshold", zram.compact_threshold, 1),
    FIELD ("workers", server.workers, 1),
    FIELD ("spread_threshold", zram.spread_threshold, 1),
    FIELD ("reserve", zram.reserve, 1),
    FIELD ("reserve_waiters", zram.reserve_waiters, 1),
#undef FIELD
};

/* CONFIG has what VALUE of ATTR is as a number. */
static void
check_stored (const struct attr *attr, const struct attr_config *config,
              const char *value)
{
  uint64_t given = 0, stored = 0;

  for (const struct field *f = fields;
       f < fields + sizeof fields / sizeof *fields; f++)
    if (strcmp (attr->name, f->name) == 0) {
      must (number_of (value, attr->kind == ATTR_SIZE, &given));
      memcpy (&stored, (const char *) config + f->offset, f->size);
      must (stored == (given + f->unit - 1) / f->unit * f->unit);
    }
}

static void
give (struct attr_config *config, char *word)
{
  const char *const name = strsep (&word, "=");
  const char *const value = word ? word : "";
  const struct attr *const attr = attr_find (name);
  char before[sizeof *config];
  struct attr_error error;

  memcpy (before, config, sizeof before);
  if (attr_store (config, name, value, &error) < 0) {
    check_refusal (&error);
    must (is_same (config, before, sizeof before));
    return;
  }
  must (attr && attr_is_given (config, name));
  check_stored (attr, config, value);
  must (attr->repeatable || attr_store (config, name, value, &error) < 0);
}

static void
complete (struct attr_config *config)
{
  char before[sizeof *config];
  struct attr_error error;

  memcpy (before, config, sizeof before);
  if (attr_complete (config, &error) == 0) {
    must (config->server.max_devices >= config->server.num_devices);
    must (config->server.num_devices == 0 || config->zram.disksize > 0);
    return;
  }
  check_refusal (&error);
  must (is_same (config, before, sizeof before));
}

/* Telling. */

/* What can be given to have what is SHOWN: what it is, but the name in brackets
 * of several, and for recomp_algorithm behind its priority. */
static void
make_value (const struct attr *attr, const char *shown_line, char *value,
            size_t size)
{
  const char *const open = strchr (shown_line, '[');
  const int len = open ? (int) strcspn (open + 1, "]") : 0;

  if (strcmp (attr->name, "recomp_algorithm") == 0)
    snprintf (value, size, "priority=%c algo=%.*s", shown_line[1], len,
              open ? open + 1 : "");
  else if (strcmp (attr->name, "comp_algorithm") == 0)
    snprintf (value, size, "%.*s", len, open ? open + 1 : "");
  else
    snprintf (value, size, "%.*s", (int) strcspn (shown_line, "\n"),
              shown_line);
}

/* A disk that says what ATTR is takes that, and says it again. */
static void
set_what_is_shown (const struct attr *attr)
{
  char *const before = shown (attr);
  char value[2 * ZRAM_BACKING_DEV_SIZE];
  struct attr_error error;
  char *after;
  int r;

  for (const char *line = before; *line; line = strchr (line, '\n') + 1) {
    make_value (attr, line, value, sizeof value);
    r = attr_set (&disk, attr->name, value, NULL, &error);
    must (r == 0 || error.code == EBUSY ||
          strcmp (attr->name, "backing_dev") == 0);
  }
  after = shown (attr);
  must (strcmp (before, after) == 0);
  free (before);
  free (after);
}

/* It has been told VALUE. */
static void
check_taken (const struct attr *attr, const char *value)
{
  const struct attr_config config = {.zram = disk.config};
  char *const before = snapshot ();
  struct attr_error error;

  check_stored (attr, &config, value);
  if (attr_set (&disk, attr->name, value, NULL, &error) < 0)
    check_refusal (&error);
  if (attr_is_readable (attr))
    set_what_is_shown (attr);
  must_be_unchanged (before);
}

static void
tell (char *line)
{
  const char *const name = strsep (&line, " ");
  const char *const value = line ? line : "";
  const struct attr *const attr = attr_find (name);
  char config[sizeof disk.config];
  struct attr_error error;
  char *const before = snapshot ();

  memcpy (config, &disk.config, sizeof config);
  if (attr_set (&disk, name, value, NULL, &error) == 0) {
    must (attr && attr_can_be_told (attr));
    free (before);
    if (!attr->is_run)
      check_taken (attr, value);
    return;
  }
  check_refusal (&error);
  must (is_same (&disk.config, config, sizeof config));
  must_be_unchanged (before);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct attr_config config = ATTR_CONFIG_DEFAULT;
  char *lines[MOST_LINES];
  size_t n = 0;

  disk_init (&disk, "zram0");
  while (n < MOST_LINES && (lines[n] = input_line (&input)) != NULL) {
    if (lines[n][0] != '-')
      tell (lines[n]);
    else if (lines[n][1] == '\0')
      complete (&config);
    else
      give (&config, lines[n] + 1);
    n++;
  }
  zram_config_clear (&config.zram);
  disk_destroy (&disk);
  for (size_t i = 0; i < n; i++) /* parameters are kept by their values */
    free (lines[i]);
  return 0;
}
