/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "attralgorithm.h"
#include "attrpriority.h"
#include "attrwords.h"
#include "zcomp.h"
#include "zcompdict.h"

/* A longer name is not even looked for, as in zram. */
#define ALGORITHM_NAME_SIZE 128

/* The algorithms, with CURRENT, which may be NULL, in brackets. */
static void
print_algorithms (FILE *fp, const struct zcomp_backend *current)
{
  for (size_t i = 0; zcomp_backends[i]; i++) {
    const bool is_current = zcomp_backends[i] == current;

    fprintf (fp, "%s%s%s%s", i ? " " : "", is_current ? "[" : "",
             zcomp_backend_name (zcomp_backends[i]), is_current ? "]" : "");
  }
}

const struct zcomp_backend *
attr_find_algorithm (const char *attribute, const char *name,
                     struct attr_error *error)
{
  const struct zcomp_backend *const backend = zcomp_backend_find (name);
  char names[128] = "";
  FILE *fp;

  if (backend)
    return backend;
  if (strlen (name) >= ALGORITHM_NAME_SIZE) {
    attr_fail_as (error, E2BIG, "%s: '%.20s...' is too long", attribute, name);
    return NULL;
  }
  fp = fmemopen (names, sizeof names, "w");
  if (fp) {
    print_algorithms (fp, NULL);
    fclose (fp);
  }
  attr_fail (error, "%s: unknown algorithm '%s': choose from %s", attribute,
             name, names);
  return NULL;
}

static bool
has_params (const struct zram_config *config, unsigned priority)
{
  const struct zcomp_params *const params =
      &config->algorithms[priority].params;

  return params->has_level || params->has_winbits || params->dict;
}

static int
choose (struct attr_config *config, const char *attribute, unsigned priority,
        const struct zcomp_backend *backend, struct attr_error *error)
{
  if (attr_is_given (config, "algorithm_params") &&
      has_params (&config->zram, priority))
    return attr_fail (error,
                      "%s: would undo the algorithm_params of priority %u: "
                      "give it before them",
                      attribute, priority);
  zram_config_set_algorithm (&config->zram, priority, backend);
  return 0;
}

/* comp_algorithm */

int
comp_algorithm_store (struct attr_config *config, const char *value,
                      struct attr_error *error)
{
  const struct zcomp_backend *const backend =
      attr_find_algorithm ("comp_algorithm", value, error);

  return backend ? choose (config, "comp_algorithm", 0, backend, error) : -1;
}

void
comp_algorithm_show (const struct disk *disk, FILE *fp)
{
  print_algorithms (fp, zram_config_backend (&disk->config, 0));
  fputc ('\n', fp);
}

/* recomp_algorithm */

int
recomp_algorithm_store (struct attr_config *config, const char *value,
                        struct attr_error *error)
{
  static const struct attr_key keys[] = {
      {"algo", attr_take_algo},
      {"priority", attr_take_priority},
      {0},
  };
  struct attr_priority which = ATTR_PRIORITY ("recomp_algorithm", 1);

  if (attr_take_words ("recomp_algorithm", value, keys, &which, error) < 0)
    return -1;
  if (!which.backend)
    return attr_fail (error, "recomp_algorithm: names none: give algo=NAME");
  return choose (config, "recomp_algorithm", which.priority, which.backend,
                 error);
}

void
recomp_algorithm_show (const struct disk *disk, FILE *fp)
{
  for (unsigned i = 1; i < ZRAM_PRIORITIES; i++) {
    const struct zcomp_backend *const backend =
        zram_config_backend (&disk->config, i);

    if (!backend)
      continue;
    fprintf (fp, "#%u: ", i);
    print_algorithms (fp, backend);
    fputc ('\n', fp);
  }
}

/* algorithm_params */

/* What was said; with a reference to the dictionary. */
struct params_words {
  struct attr_priority which;
  struct zcomp_params params;
  char dict[ATTR_WORDS_MAX + 1]; /* its file */
};

/* A decimal number that may be negative. */
static int
parse_int (const char *key, const char *value, int *n, struct attr_error *error)
{
  const char *const digits = *value == '-' ? value + 1 : value;
  char *end = NULL;
  long number = 0;

  errno = 0;
  if (isdigit ((unsigned char) *digits))
    number = strtol (value, &end, 10);
  if (!end || *end != '\0')
    return attr_fail (error,
                      "algorithm_params: %s '%.64s' is not a number: give a "
                      "whole one, without a unit",
                      key, value);
  if (errno == ERANGE || number < INT_MIN || number > INT_MAX)
    return attr_fail (error,
                      "algorithm_params: %s '%.64s' is out of range: "
                      "the manual has each algorithm's",
                      key, value);
  *n = (int) number;
  return 0;
}

static int
take_level (void *arg, const char *value, struct attr_error *error)
{
  struct params_words *const words = arg;

  words->params.has_level = true;
  return parse_int ("level", value, &words->params.level, error);
}

static int
take_winbits (void *arg, const char *value, struct attr_error *error)
{
  struct params_words *const words = arg;

  words->params.has_winbits = true;
  return parse_int ("deflate.winbits", value, &words->params.winbits, error);
}

/* A server has changed to the root directory when it is told. */
static int
take_dict (void *arg, const char *value, struct attr_error *error)
{
  struct params_words *const words = arg;

  if (*value != '/')
    return attr_fail (error,
                      "algorithm_params: dict '%s' is not an absolute "
                      "path: begin it with /",
                      value);
  snprintf (words->dict, sizeof words->dict, "%s", value);
  return 0;
}

/* The end of a file's name, which says most. */
static const char *
tail (const char *name)
{
  const size_t len = strlen (name);

  return len > 100 ? name + len - 100 : name;
}

static int
read_dict (struct params_words *words, struct attr_error *error)
{
  int r;

  if (!*words->dict)
    return 0;
  r = zcomp_dict_read (&words->params.dict, words->dict);
  if (r == -EFBIG)
    return attr_fail (error,
                      "algorithm_params: dict '%s' is no dictionary: it "
                      "is longer than %zu MiB",
                      tail (words->dict), ZCOMP_DICT_MAX >> 20);
  if (r == -EINVAL)
    return attr_fail (error,
                      "algorithm_params: dict '%s' is empty, or not a "
                      "regular file",
                      tail (words->dict));
  return r < 0 ? attr_fail_as (error, r == -ENOMEM ? ENOMEM : EINVAL,
                               "algorithm_params: dict '%s' cannot be read: "
                               "%s",
                               tail (words->dict), strerrordesc_np (-r))
               : 0;
}

/* The dictionary last, so that what is wrong with it is told with its name. */
static int
check_params (const struct params_words *words, struct attr_error *error)
{
  struct zcomp_params without = words->params;
  char why[160];
  int r;

  without.dict = NULL;
  if (zcomp_params_check (words->which.backend, &without, why, sizeof why) < 0)
    return attr_fail (error, "algorithm_params: %s", why);
  r = zcomp_params_check (words->which.backend, &words->params, why,
                          sizeof why);
  return r < 0 ? attr_fail_as (error, -r, "algorithm_params: dict '%s': %s",
                               tail (words->dict), why)
               : 0;
}

/* All of the priority's are replaced, those too that are not named. */
int
algorithm_params_store (struct attr_config *config, const char *value,
                        struct attr_error *error)
{
  static const struct attr_key keys[] = {
      {"priority", attr_take_priority},
      {"algo", attr_take_algo},
      {"level", take_level},
      {"dict", take_dict},
      {"deflate.winbits", take_winbits},
      {0},
  };
  const struct zcomp_backend *backends[ZRAM_PRIORITIES];
  struct params_words words = {.which = ATTR_PRIORITY ("algorithm_params", 0)};
  int r = attr_take_words ("algorithm_params", value, keys, &words, error);

  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    backends[i] = zram_config_backend (&config->zram, i);
  if (r == 0)
    r = attr_find_priority (&words.which, backends, error);
  if (r == 0)
    r = read_dict (&words, error);
  if (r == 0)
    r = check_params (&words, error);
  if (r == 0)
    zram_config_set_params (&config->zram, words.which.priority, &words.params);
  zcomp_dict_put (words.params.dict);
  return r;
}
