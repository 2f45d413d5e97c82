/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdbench's parts: what is done to a contestant (load.c), and what the
 * contestants are (target_nbd.c, target_kernel.c).
 */
#ifndef BENCH_H
#define BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

/* A device page's content that is zeros, since it has had no other. */
#define NEVER_WRITTEN UINT32_MAX

/* What the device is made to hold, and what it must hold. */
struct data {
  const char *corpus; /* nr_pages real pages */
  uint32_t nr_pages;  /* also the device's size */
  uint32_t *content;  /* which corpus page each device page was given */
  bool *busy;         /* a request on that device page is under way */
  bool verify;        /* false: the contestant keeps nothing */
};

/* What one phase does. */
enum access {
  ACCESS_READ,
  ACCESS_WRITE,
  ACCESS_CHECK
};

struct phase {
  const char *name;
  enum access access;
  bool random;
  uint32_t block; /* pages per request */
  unsigned depth; /* requests under way, per connection */
  uint64_t pages; /* how many pages in all; 0: until "seconds" */
  double seconds;
};

/* One request. */
struct op {
  uint32_t page;   /* the first device page */
  uint32_t source; /* for a write, the first corpus page */
};

/* Where one thread's requests come from: the part of the device that is its
 * own, so that no two threads ever touch the same page. */
struct load {
  struct data *data;
  const struct phase *phase;
  uint32_t first, nr; /* device pages, multiples of phase->block */
  uint32_t next;      /* sequential: the next page */
  uint64_t left;      /* requests to go */
  uint64_t random;
  double end; /* no request is begun after that */
  uint64_t done;
  uint64_t verified; /* pages */
};

/* The part that thread I of N has of PHASE. */
extern void
load_init (struct load *load, struct data *data, const struct phase *phase,
           unsigned i, unsigned n, uint64_t seed);

/* The next request, false if there is none. */
extern bool load_next (struct load *load, struct op *op);

/* What a write request writes. */
static inline const char *
load_source (const struct load *load, const struct op *op)
{
  return load->data->corpus + (size_t) op->source * ZRAM_PAGE_SIZE;
}

/* OP is done; for a read BUF is what it read: some of it is compared, all of
 * it in a phase that checks. */
extern void load_done (struct load *load, const struct op *op, const char *buf);

/* A contestant. */
struct target {
  bool one_at_a_time;  /* whatever depth is asked for */
  unsigned nr_threads; /* connections */

  /* Give LOAD to thread I of the target, and do all of it. */
  void (*run) (unsigned i, struct load *load);
  /* CPU time that the contestant, not this program, has used, in ns. */
  uint64_t (*cpu) (void);
  /* Bytes of memory that it has. */
  uint64_t (*memory) (void);
};

/* What a target leaves here ends it, however this program ends. */
extern void (*stop_target) (void);

/* The signal that asked us to stop, or 0: no load has a next request then. */
extern volatile sig_atomic_t stop_signal;

/* Start nbdkit with these arguments, NULL last, and with its option -t if
 * THREADS is not NULL, and connect to it. */
extern const struct target *
target_nbd (char *const args[], unsigned conns, const char *threads);

/* Add a zram device to the kernel, of SIZE bytes. */
extern const struct target *
target_kernel (const char *algorithm, uint64_t size);

#endif /* BENCH_H */
