/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attrwords.h"

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t';
}

char *
attr_next_word (char **rest)
{
  char *from = *rest, *to, *word;
  bool quoted = false;

  while (is_blank (*from))
    from++;
  if (*from == '\0')
    return NULL;
  word = to = from;
  for (; *from && (quoted || !is_blank (*from)); from++)
    if (*from == '"')
      quoted = !quoted;
    else
      *to++ = *from;
  *rest = *from ? from + 1 : from;
  *to = '\0';
  return word;
}

/* "one, two or three". */
static void
list_keys (const struct attr_key *keys, char *list, size_t size)
{
  size_t n = 0;

  for (size_t i = 0; keys[i].name && n < size; i++)
    n += (size_t) snprintf (list + n, size - n, "%s%s",
                            i == 0             ? ""
                            : keys[i + 1].name ? ", "
                                               : " and ",
                            keys[i].name);
}

static int
take_word (const char *name, char *word, const struct attr_key *keys, void *arg,
           struct attr_error *error)
{
  const char *const key = strsep (&word, "=");
  char list[128];

  for (size_t i = 0; keys[i].name; i++)
    if (strcmp (key, keys[i].name) == 0)
      return word && *word
                 ? keys[i].take (arg, word, error)
                 : attr_fail (error, "%s: %s has no value: give %s=...", name,
                              key, key);
  list_keys (keys, list, sizeof list);
  return attr_fail (error, "%s: '%.64s' is unknown: it takes %s", name, key,
                    list);
}

int
attr_take_words (const char *name, const char *value,
                 const struct attr_key *keys, void *arg,
                 struct attr_error *error)
{
  char words[ATTR_WORDS_MAX + 1];
  char *rest = words;

  if (strlen (value) > ATTR_WORDS_MAX)
    return attr_fail_as (error, E2BIG, "%s: '%.20s...' is too long", name,
                         value);
  snprintf (words, sizeof words, "%s", value);
  for (char *word; (word = attr_next_word (&rest)) != NULL;)
    if (take_word (name, word, keys, arg, error) < 0)
      return -1;
  return 0;
}
