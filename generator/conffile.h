/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: sections of keys and values, from several files.
 *
 * Its syntax is systemd.syntax(7)'s as far as zram-generator takes it: a line
 * is "[SECTION]", "KEY = VALUE", or empty, or begins with # or ; and is a
 * comment.  Blanks around any of these are nothing.  What is given later
 * counts.
 */
#ifndef ZRAM_CONFFILE_H
#define ZRAM_CONFFILE_H

#include <stddef.h>
#include <stdio.h>

struct conf_key {
  char *name, *value;
};

struct conf_section {
  char *name;
  struct conf_key *keys;
  size_t nr_keys;
};

struct conf {
  struct conf_section *sections; /* in the order in which they were named */
  size_t nr_sections;
};

/* Add what FP has, which messages call PATH.  Lines that are none of the above
 * are complained of, each, and passed over: -1 if there were any. */
extern int conf_read (struct conf *conf, FILE *fp, const char *path);

/* Add what the files below ROOT ("": the system's) have, the first of
 *
 *   {/etc,/run,/usr/local/lib,/usr/lib}/systemd/nbdkit-zram.conf
 *
 * that there is, and then all of nbdkit-zram.conf.d/NAME.conf in these
 * directories, by NAME.  Of the same NAME the first counts alone.  -1: one
 * could not be read, or conf_read complained. */
extern int conf_read_system (struct conf *conf, const char *root);

/* NULL: it is not given. */
extern const char *
conf_value (const struct conf_section *section, const char *name);

extern void conf_free (struct conf *conf);

#endif /* ZRAM_CONFFILE_H */
