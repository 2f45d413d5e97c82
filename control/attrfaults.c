/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrfaults.h"
#include "attrwords.h"
#include "compiler.h"
#include "faults.h"

/* What is done as a server has ended is no point. */
#undef fclose
#undef fflush
#undef malloc

static const char *const fault_names[FAULTS] = {[FAULT_NONE] = "off",
                                                [FAULT_FAIL] = "fail",
                                                [FAULT_SHORT] = "short",
                                                [FAULT_LATE] = "late"};

static int
take_ms (void *arg, const char *value, struct attr_error *error)
{
  struct fault_rule *const rule = arg;

  return attr_parse_count ("ms", value, "a number of milliseconds", &rule->ms,
                           error);
}

static int
take_count (void *arg, const char *value, struct attr_error *error)
{
  struct fault_rule *const rule = arg;

  return attr_parse_count ("count", value, "how often; 0: always", &rule->count,
                           error);
}

static int
take_after (void *arg, const char *value, struct attr_error *error)
{
  struct fault_rule *const rule = arg;

  return attr_parse_count ("after", value, "how often not", &rule->after,
                           error);
}

static int
take_percent (void *arg, const char *value, struct attr_error *error)
{
  struct fault_rule *const rule = arg;
  unsigned percent = 0;

  if (attr_parse_number ("percent", value, 100, &percent, error) < 0)
    return -1;
  rule->percent = percent;
  return 0;
}

static int
take_seed (void *arg, const char *value, struct attr_error *error)
{
  struct fault_rule *const rule = arg;

  if (attr_parse_count ("seed", value, "a number from 1 on", &rule->seed,
                        error) < 0)
    return -1;
  return rule->seed > 0 ? 0 : attr_fail (error, "seed: give 1 or more");
}

static const struct attr_key keys[] = {
    {"ms", take_ms},           {"count", take_count}, {"after", take_after},
    {"percent", take_percent}, {"seed", take_seed},   {NULL, NULL}};

static int
take_fault (const char *word, enum fault *fault, struct attr_error *error)
{
  for (unsigned i = 0; word && i < FAULTS; i++)
    if (strcmp (word, fault_names[i]) == 0) {
      *fault = (enum fault) i;
      return 0;
    }
  return attr_fail (error,
                    "faults: '%.64s' is unknown: give a point, and off, fail, "
                    "short or late",
                    word ? word : "");
}

static int
take_rule (char *words, struct attr_error *error)
{
  struct fault_rule rule = {.percent = 100, .seed = 1, .ms = 10};
  const char *const point = attr_next_word (&words);
  int r;

  if (take_fault (point ? attr_next_word (&words) : NULL, &rule.fault, error) <
          0 ||
      attr_take_words ("faults", words, keys, &rule, error) < 0)
    return -1;
  r = faults_set (point, &rule);
  if (r == -ENOENT)
    return attr_fail_as (error, ENOENT,
                         "faults: there is no point '%.64s': those that there "
                         "are can be read",
                         point);
  if (r < 0)
    return attr_fail_as (error, -r, "faults: '%.64s' cannot have '%s'", point,
                         fault_names[rule.fault]);
  return 0;
}

int
faults_set_words (struct disk *disk, const char *value, const struct run *run,
                  struct attr_error *error)
{
  char words[ATTR_WORDS_MAX + 1];

  (void) disk;
  (void) run;
  if (strlen (value) >= sizeof words)
    return attr_fail_as (error, E2BIG, "faults: is too long");
  snprintf (words, sizeof words, "%s", value);
  return take_rule (words, error);
}

static void
show_point (const struct fault_point *point, void *arg)
{
  const char *comma = "";
  FILE *const fp = arg;

  fprintf (fp, "%s.%s ", point->function, point->call);
  for (unsigned i = FAULT_FAIL; i < FAULTS; i++)
    if (point->can & FAULT_BIT (i)) {
      fprintf (fp, "%s%s", comma, fault_names[i]);
      comma = ",";
    }
  fprintf (fp, " %" PRIu64 " %" PRIu64 "\n", point->hits, point->fired);
}

void
faults_show (const struct disk *disk, FILE *fp)
{
  (void) disk;
  faults_each (show_point, fp);
}

/* A server that had none of the faults that it was to have would prove what is
 * not so. */
__attribute__ ((constructor (102))) static void
take_environment (void)
{
  const char *const value = getenv ("NBDKIT_ZRAM_FAULTS");
  char words[ATTR_WORDS_MAX + 1], *rest = words, *rule;
  struct attr_error error;

  if (!value)
    return;
  snprintf (words, sizeof words, "%s", value);
  while ((rule = strsep (&rest, ";")) != NULL)
    if (take_rule (rule, &error) < 0) {
      fprintf (stderr, "NBDKIT_ZRAM_FAULTS: %s\n", error.message);
      exit (EXIT_FAILURE);
    }
}

/* LeakSanitizer's, where the program has it. */
extern int __lsan_do_recoverable_leak_check (void) __attribute__ ((weak));

/* A check that finds no leaks may not have looked: this one it has to find.  Of
 * so many, registers and stacks still know some, but not all. */
static ZRAM_NOINLINE void
lose_memory (void)
{
  void *volatile last;

  for (int i = 0; i < 32; i++)
    last = malloc (8);
  last = NULL;
  (void) last;
}

/* Nothing of the server is left.  What is registered earlier is not called: one
 * of the libraries' destructors has been seen to wait for ever, for a lock of
 * glibc's locales, in servers that have AddressSanitizer preloaded. */
static void
show_at_exit (int status, void *file)
{
  FILE *const fp = fopen (file, "ae");

  if (fp) {
    faults_show (NULL, fp);
    fclose (fp);
  }
  if (__lsan_do_recoverable_leak_check) {
    lose_memory ();
    __lsan_do_recoverable_leak_check ();
  }
  fflush (NULL);
  _exit (status);
}

__attribute__ ((constructor)) static void
prepare_exit (void)
{
  char *const file = getenv ("NBDKIT_ZRAM_FAULTS_AT_EXIT");

  if (file)
    on_exit (show_at_exit, file);
}
