/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of a disk's algorithms is meant: the words "priority=N" and "algo=NAME"
 * of recomp_algorithm, algorithm_params and recompress.
 */
#ifndef ZRAM_ATTRPRIORITY_H
#define ZRAM_ATTRPRIORITY_H

#include <stdbool.h>

#include "attrparse.h"
#include "zram.h"

struct attr_priority {
  const char *attribute;               /* whose words they are */
  unsigned least;                      /* that it takes */
  unsigned priority;                   /* at first: if none is given */
  bool is_given;                       /* the priority */
  const struct zcomp_backend *backend; /* NULL: not named */
};

/* What it is before anything is said: the least. */
#define ATTR_PRIORITY(name, from)                            \
  {                                                          \
    .attribute = (name), .least = (from), .priority = (from) \
  }

/* Take the words; see struct attr_key.  ARG is a struct attr_priority, or
 * begins with one. */
extern int
attr_take_priority (void *arg, const char *value, struct attr_error *error);
extern int
attr_take_algo (void *arg, const char *value, struct attr_error *error);

/* Which of BACKENDS is meant, the algorithms of a disk by priority: that of the
 * priority given, which has to be the one that is named; or the first of that
 * name.  Sets PRIORITY and BACKEND.  -1 and ERROR: there is none. */
extern int
attr_find_priority (struct attr_priority *which,
                    const struct zcomp_backend *const backends[ZRAM_PRIORITIES],
                    struct attr_error *error);

#endif /* ZRAM_ATTRPRIORITY_H */
