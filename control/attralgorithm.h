/* SPDX-License-Identifier: BSD-3-Clause */
/* Which algorithms a disk has, and how they are used: comp_algorithm,
 * recomp_algorithm, algorithm_params.
 *
 * All of them can be parameters, and told as long as there is no device.  Who
 * names an algorithm anew undoes what was said of how the one before was to be
 * used; among parameters, where that would be a mistake, it is refused.
 */
#ifndef ZRAM_ATTRALGORITHM_H
#define ZRAM_ATTRALGORITHM_H

#include <stdio.h>

#include "attrparse.h"

struct attr_config;
struct disk;
struct zcomp_backend;

/* The stores and shows of the table's rows; see struct attr. */
extern int comp_algorithm_store (struct attr_config *config, const char *value,
                                 struct attr_error *error);
extern void comp_algorithm_show (const struct disk *disk, FILE *fp);
extern int recomp_algorithm_store (struct attr_config *config,
                                   const char *value, struct attr_error *error);
extern void recomp_algorithm_show (const struct disk *disk, FILE *fp);
extern int algorithm_params_store (struct attr_config *config,
                                   const char *value, struct attr_error *error);

/* The algorithm of that name, for the attribute ATTRIBUTE.  NULL and ERROR:
 * there is none (EINVAL), and which there are; or it is longer than any (E2BIG,
 * as in zram). */
extern const struct zcomp_backend *
attr_find_algorithm (const char *attribute, const char *name,
                     struct attr_error *error);

#endif /* ZRAM_ATTRALGORITHM_H */
