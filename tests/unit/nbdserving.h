/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of stores behind NBD share: servers, which are nbdkit with
 * plugins of its own, a store behind one, and requests.
 */
#ifndef ZRAM_NBDSERVING_H
#define ZRAM_NBDSERVING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/types.h>

#include "clock.h"
#include "completion.h"
#include "store.h"
#include "unit.h"

#define SIZE  (16UL << 20)
#define BLOCK 4096UL

/* For how long (s) requests are let wait for a server: where they are to be
 * answered, longer than a server and this program take, be the machine as busy
 * as it may; where they are to wait in vain, not for that long. */
#define PATIENT   60U
#define IMPATIENT 2U

/* Wait until CONDITION is true. */
#define wait_until(condition)                             \
  do {                                                    \
    const uint64_t end_ = clock_ms () + PATIENT * 1000UL; \
                                                          \
    while (!(condition)) {                                \
      if (clock_ms () >= end_)                            \
        ck_abort_msg ("in vain: %s", #condition);         \
      usleep (1000);                                      \
    }                                                     \
  } while (0)

/* What a test has. */
extern struct store *store;
extern unsigned patience; /* of its requests, s */
extern pid_t server;
extern char dir[64]; /* where all of the following is */
extern char file[96], uri[256], failing[96], logfile[96];
extern char keys[96], other_keys[96];
extern _Atomic unsigned lines; /* that were told */

extern void setup (void);
extern void teardown (void);

/* Does the last of them say WHAT? */
extern bool was_told (const char *what);

/* Start nbdkit with these arguments, the last of which is NULL. */
extern void start_server (const char *arg, ...);

/* One whose data stay when it ends. */
extern void start_file_server (void);

/* It stays, but does nothing. */
extern void stop_server (void);

extern void end_server (void);

/* It ends by itself. */
extern void wait_for_end (void);

/* What store_open says. */
extern int
try_open (const char *name, uint64_t size, bool overwrite, char **why);

extern void
must_refuse (const char *name, uint64_t size, int code, const char *pattern);

/* Open the store of URI and start it; and end that. */
extern void start (void);
extern void finish (void);

extern void wait_until_away (bool away);

/* A request that counts how often it is done. */
struct request {
  struct store_op op; /* first */
  struct completion completion;
  _Atomic unsigned times;
  _Alignas(4096) char buf[BLOCK];
};

/* Its op's "done". */
extern void note (struct store_op *op);

/* One block; it keeps whether it is impatient. */
extern void submit (struct request *request, bool write, uint64_t block);

/* What it says in the end. */
extern int wait_for (struct request *request);

/* Write a block full of BYTE, or read it, which must be that. */
extern int transfer (bool write, uint64_t block, int byte);

#endif /* ZRAM_NBDSERVING_H */
