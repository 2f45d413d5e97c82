/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "attralgorithm.h"
#include "attrpriority.h"
#include "zcomp.h"

int
attr_take_priority (void *arg, const char *value, struct attr_error *error)
{
  struct attr_priority *const which = arg;
  unsigned n;

  if (attr_parse_number (which->attribute, value, ZRAM_PRIORITIES - 1, &n,
                         error) < 0 ||
      n < which->least)
    return attr_fail (error, "%s: '%.64s' is no priority: give %u to %u",
                      which->attribute, value, which->least,
                      ZRAM_PRIORITIES - 1);
  which->priority = n;
  which->is_given = true;
  return 0;
}

int
attr_take_algo (void *arg, const char *value, struct attr_error *error)
{
  struct attr_priority *const which = arg;

  which->backend = attr_find_algorithm (which->attribute, value, error);
  return which->backend ? 0 : -1;
}

/* The first that has the algorithm. */
static int
find_by_name (struct attr_priority *which,
              const struct zcomp_backend *const backends[ZRAM_PRIORITIES],
              struct attr_error *error)
{
  for (unsigned i = which->least; i < ZRAM_PRIORITIES; i++)
    if (backends[i] == which->backend) {
      which->priority = i;
      return 0;
    }
  return attr_fail (error,
                    "%s: no priority of %u to %u has algo '%s': give one that "
                    "the disk has",
                    which->attribute, which->least, ZRAM_PRIORITIES - 1,
                    zcomp_backend_name (which->backend));
}

int
attr_find_priority (struct attr_priority *which,
                    const struct zcomp_backend *const backends[ZRAM_PRIORITIES],
                    struct attr_error *error)
{
  const struct zcomp_backend *const named = which->backend;

  if (named && !which->is_given)
    return find_by_name (which, backends, error);
  which->backend = backends[which->priority];
  if (!which->backend)
    return attr_fail (error,
                      "%s: priority %u has no algorithm: give the disk a "
                      "recomp_algorithm first, before its disksize",
                      which->attribute, which->priority);
  if (named && which->backend != named)
    return attr_fail (error, "%s: priority %u is %s, not %s", which->attribute,
                      which->priority, zcomp_backend_name (which->backend),
                      zcomp_backend_name (named));
  return 0;
}
