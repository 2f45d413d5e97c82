/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of a server's disks share: a server without nbdkit, and what
 * a client and a person may do to it.  They are linked with --wrap for malloc
 * and calloc.
 */
#ifndef ZRAM_SERVING_H
#define ZRAM_SERVING_H

#include <stdint.h>

#include "diskset.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

/* Its disks. */
extern struct diskset set;

/* What there is no memory for, if this thread asks. */
enum refused {
  NOTHING,
  DISKS,
  DEVICES
};

extern _Thread_local enum refused refused;

/* What others do before the next step that a suite wraps by let_others. */
extern void (*meanwhile) (void);
extern void let_others (void);

/* Parameters, "KEY=VALUE" each, up to NULL. */
struct parameters {
  const char *words[8];
};

/* 0 or -1 with ERROR. */
extern int
configure (struct attr_config *config, const struct parameters *parameters,
           struct attr_error *error);

/* A server that serves, started with these parameters. */
extern void serve (const struct parameters *parameters);

#define SERVE(...) serve (&(struct parameters){{__VA_ARGS__, NULL}})

/* No call is under way: nobody has the lock, and each place has a disk, of
 * those that can be found. */
extern void must_be_at_rest (void);

extern void end (void);

/* The names of all disks, a blank behind each. */
extern const char *names (void);

/* A client; NULL: he was refused with CODE. */
extern struct disk *connect_as (const char *export, int code);
extern struct disk *connect_to (const char *export);

/* What they answer to a person: 0 or the error's code. */
extern int add_code (const char *text);
extern int remove_code (const char *name);

/* One that does not compress. */
extern int write_page (struct disk *disk, uint64_t index);

#endif /* ZRAM_SERVING_H */
