/* SPDX-License-Identifier: BSD-3-Clause */
/* How the requests of a store that is a file or device get to the kernel. */
#ifndef ZRAM_FILE_ENGINE_H
#define ZRAM_FILE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storekind.h"

/* The first member of each engine's own. */
struct file_engine {
  const struct file_engine_kind *kind;
  struct store *store;
  int fd; /* the store's */
};

struct file_engine_kind {
  const char *name;

  /* Make one that runs, for requests to FD of STORE.  -EAGAIN, -ENOMEM, or what
   * the kernel says who does not let it run. */
  int (*start) (struct file_engine **engine, struct store *store, int fd);

  /* As store_stop (), once. */
  void (*stop) (struct file_engine *engine);

  /* As store_submit (); what comes after stop () has begun is completed with
   * -ECANCELED. */
  void (*submit) (struct file_engine *engine, struct store_op *ops);

  /* Stop it first. */
  void (*close) (struct file_engine *engine);
};

extern const struct file_engine_kind file_engine_uring, file_engine_threads;

/* Transfer LEN bytes between BUF and those of FD from OFFSET on, all of them.
 * -EIO: the file ends before. */
extern int
file_transfer (int fd, bool write, void *buf, size_t len, uint64_t offset);

/* A transfer that has done DONE bytes before, perhaps 0, has come to an end, or
 * to an errno, CODE (0: no byte more): its result. */
extern int file_error (size_t done, int code);

#endif /* ZRAM_FILE_ENGINE_H */
