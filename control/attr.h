/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes: what a disk can be told and asked, by zram's sysfs names.
 *
 * One table.  Whatever may be given as an nbdkit parameter has a "store", what
 * can be told while the server runs has a "set", what can be read has a "show";
 * the help text, the control socket, the manual's ATTRIBUTES and the completion
 * are made from the rows, so that they cannot disagree.
 */
#ifndef ZRAM_ATTR_H
#define ZRAM_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attrparse.h"
#include "attrserver.h"
#include "disk.h"
#include "swap.h"

struct run;

/* Everything that a parameter can set.  Of what it refers to, dictionaries,
 * each copy has its own reference: see zram_config_copy. */
struct attr_config {
  struct zram_config zram; /* of each disk */
  struct attr_server server;
  enum swap_mode swap;
  const char *statsfile; /* as given; an absolute path; NULL: none */
  const char *control;   /* likewise */
  uint64_t given;        /* bit i: the table's row i has been stored */
};

/* What it is before anything is stored. */
#define ATTR_CONFIG_DEFAULT     \
  {                             \
    .zram = DISK_CONFIG_DEFAULT \
  }

/* What kind of word the value is. */
enum attr_kind {
  ATTR_SIZE, /* bytes with an optional K, M, G, T, P or E */
  ATTR_NUMBER,
  ATTR_WORD,
  ATTR_PATH /* a file name, which the caller makes absolute, or a URI */
};

/* What is looked at, each in turn, to show it: that takes longer the more there
 * is.  All but the first are for debugging. */
enum attr_walk {
  ATTR_WALKS_NOTHING,
  ATTR_WALKS_ZSPAGES,
  ATTR_WALKS_SLOTS
};

/* Take VALUE into CONFIG: a row's store. */
typedef int (*attr_store_fn) (struct attr_config *config, const char *value,
                              struct attr_error *error);

struct attr {
  const char *name;
  const char *alias; /* another name for the same; may be NULL */
  enum attr_kind kind;
  const char *metavar; /* what stands for the value in help, e.g. "SIZE" */
  const char *help;    /* one line */
  const char *columns; /* names of the columns that are shown; NULL: one */
  enum attr_walk walk;
  bool required;
  bool repeatable; /* as a parameter, since it is about one thing of several */
  bool of_disk;    /* a parameter of each disk, which a disk that is added later
                    * may have otherwise */

  /* Take VALUE (which outlives CONFIG) in.  0, or -1 with ERROR set and CONFIG
   * as before.  NULL: cannot be set. */
  attr_store_fn store;

  /* A disk can be told it, too, as long as it has no device: by "store". */
  bool store_before_start;

  /* Do what sysfs does when VALUE is written.  0, or -1 with ERROR set and the
   * disk as before; a run of some time ends with EINTR when RUN is stopped,
   * and what it has done is done.  RUN may be NULL.  NULL: cannot be told. */
  int (*set) (struct disk *disk, const char *value, const struct run *run,
              struct attr_error *error);

  /* A run of some time: "set" is called with no lock, otherwise with the disk's
   * for writing.  The device stays, if there is one, and "set" looks at nothing
   * else of the disk. */
  bool is_run;

  /* Print the attribute's value and a newline.  The caller holds the disk's
   * lock for reading.  NULL: cannot be read. */
  void (*show) (const struct disk *disk, FILE *fp);

  /* The same, in place of "show", for what may be long: the lines of a part of
   * it, from *AT on, which is 0 at first and is moved on.  The caller may let
   * go of the lock before the next part.  0: that was all; 1: there is more;
   * -EINVAL: not while the disk is not initialised. */
  int (*show_part) (const struct disk *disk, uint64_t *at, FILE *fp);
};

static inline bool
attr_can_be_told (const struct attr *attr)
{
  return attr->set || attr->store_before_start;
}

static inline bool
attr_is_readable (const struct attr *attr)
{
  return attr->show || attr->show_part;
}

/* Is VALUE of ATTR the name of a file, and no URI? */
extern bool attr_is_path (const struct attr *attr, const char *value);

/* The rows, attr_count of them. */
extern const struct attr attrs[];
extern const size_t attr_count;

/* The row of that name or alias, or NULL. */
extern const struct attr *attr_find (const char *name);

/* Store a parameter: -1 and ERROR if it is unknown, cannot be set, has been set
 * before (under either name), or its value is refused. */
extern int attr_store (struct attr_config *config, const char *name,
                       const char *value, struct attr_error *error);

/* Has the parameter of that name been stored? */
extern bool attr_is_given (const struct attr_config *config, const char *name);

/* After the last attr_store: what was not given and depends on others is set.
 * -1 and ERROR if a required one is missing, or they do not go together. */
extern int attr_complete (struct attr_config *config, struct attr_error *error);

/* The same for a disk that is added to a server: CONFIG was the server's, which
 * is complete, with nothing given, and then told what the disk has otherwise.
 */
extern int
attr_complete_disk (struct attr_config *config, struct attr_error *error);

/* Take VALUE into DISK's configuration by STORE; or, of the attribute NAME, as
 * long as there is no device (EBUSY).  What is wrong is found first, as in
 * zram. The caller holds the disk's lock for writing. */
extern int do_attr_store (struct disk *disk, attr_store_fn store,
                          const char *value, struct attr_error *error);
extern int
do_attr_store_before (struct disk *disk, const char *name, attr_store_fn store,
                      const char *value, struct attr_error *error);

/* May attribute NAME take BYTES of memory at once?  Of swap that has to be
 * there: it is locked, and nobody would be left to be killed for it.  -1 and
 * ERROR: ENOMEM.  The caller holds the disk's lock. */
extern int do_attr_check_memory (const struct disk *disk, const char *name,
                                 uint64_t bytes, struct attr_error *error);

/* Make DISK's device, of the size that its configuration says.  -1 and ERROR:
 * there is none.  The caller holds the disk's lock for writing. */
extern int do_attr_start (struct disk *disk, struct attr_error *error);

/* R of do_disk_create or do_disk_start, and WHY, which is freed: 0, or -1 and
 * ERROR, which says WHAT could not be done. */
extern int attr_fail_to_make (int r, const char *what, char *why,
                              struct attr_error *error);

/* Tell DISK an attribute, while the server runs.  -1 and ERROR: ENOENT, there
 * is none of that name; EACCES, it can only be read, or given as a parameter;
 * or zram's errno.  Takes the disk's lock.  RUN may be NULL. */
extern int attr_set (struct disk *disk, const char *name, const char *value,
                     const struct run *run, struct attr_error *error);

/* Print what DISK's attribute is: lines; of what is long a part, from *AT on,
 * which is 0 at first and is moved on.  0: that was all; 1: there is more.  -1
 * and ERROR: ENOENT; EACCES, it can only be told; EINVAL, the disk is not
 * initialised, be it that it no longer is.  Has the disk's lock meanwhile, so
 * FP should wait for nobody. */
extern int attr_get_part (struct disk *disk, const char *name, uint64_t *at,
                          FILE *fp, struct attr_error *error);

/* All of it. */
extern int attr_get (struct disk *disk, const char *name, FILE *fp,
                     struct attr_error *error);

#endif /* ZRAM_ATTR_H */
