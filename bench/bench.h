/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdbench's parts: what there is to do (phase.c), which requests that makes
 * (load.c), and who does them (target_nbd.c, target_kernel.c).
 */
#ifndef BENCH_H
#define BENCH_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "histogram.h"
#include "page.h"

#define MAX_DEPTH 256

/* A device page's content that is zeros, since it has had no other. */
#define NEVER_WRITTEN UINT32_MAX

/* ... that somebody else wrote. */
#define UNKNOWN (UINT32_MAX - 1)

/* ... that is a same-filled page, not a corpus page: this bit and its index. */
#define SAME_FILLED (UINT32_C (1) << 31)

/* What the device is made to hold, and what it must hold. */
struct data {
  const char *corpus;      /* real pages, unless it says otherwise */
  const char *corpus_kind; /* what it says */
  uint32_t corpus_size;    /* in pages */
  const char *same;        /* same-filled pages, none of zeros */
  uint32_t same_size;
  uint32_t nr_pages; /* of the device */
  uint32_t *content; /* which page each device page was given */
  bool *busy;        /* a request on that device page is under way */
  bool verify;       /* false: the contestant keeps nothing */
  const char *holds; /* for readers: which kind of pages it has */
  const char *given; /* for TRIM: which kind it was given */
};

enum access {
  ACCESS_READ,
  ACCESS_WRITE,
  ACCESS_CHECK,
  ACCESS_TRIM
};

/* What one phase does. */
struct phase {
  const char *name;
  const char *label; /* what the output calls it, if not by its name */
  enum access access;
  bool random;    /* or from the first page on */
  bool once;      /* as many pages as there are, or else until "seconds" */
  bool quiet;     /* nobody wants to know */
  bool beside;    /* until the command has ended */
  bool same;      /* writes same-filled pages, not the corpus's */
  bool fio;       /* fio does it */
  bool settle;    /* memory is measured once it falls no longer */
  uint32_t block; /* pages per request */
  uint32_t step;  /* in order: one such request in each so many pages */
  unsigned depth; /* requests under way, per connection */
  double seconds;
};

/* Parse NAME[/PAGES[/DEPTH]], for DATA; what it leaves open is DEFAULTS'. */
extern struct phase parse_phase (const char *text, const struct phase *defaults,
                                 const struct data *data);

/* One request. */
struct op {
  uint32_t page;   /* the first device page */
  uint32_t source; /* for a write, the first page's content */
  double start;    /* now () */
};

/* Where one thread's requests come from: the part of the device that is its
 * own, so that no two threads ever touch the same page. */
struct load {
  struct data *data;
  const struct phase *phase;
  uint32_t first, nr; /* device pages, multiples of phase->step */
  uint32_t next;      /* sequential: the next page */
  uint64_t left;      /* requests to go */
  uint64_t random;
  double end; /* no request is begun after that */
  uint64_t done;
  uint64_t verified;        /* pages */
  struct histogram latency; /* ns */
};

/* The part that thread I of N has of PHASE. */
extern void
load_init (struct load *load, struct data *data, const struct phase *phase,
           unsigned i, unsigned n, uint64_t seed);

/* The next request, false if there is none. */
extern bool load_next (struct load *load, struct op *op);

/* What a page of content SOURCE is, and those after it. */
static inline const char *
data_source (const struct data *data, uint32_t source)
{
  return source & SAME_FILLED
             ? data->same + (size_t) (source - SAME_FILLED) * ZRAM_PAGE_SIZE
             : data->corpus + (size_t) source * ZRAM_PAGE_SIZE;
}

/* OP is done; for a read BUF is what it read: some of it is compared, all of
 * it in a phase that checks. */
extern void load_done (struct load *load, const struct op *op, const char *buf);

/* No load has a next request once this is true, or that signal has come. */
extern atomic_bool load_over;
extern volatile sig_atomic_t stop_signal;

/* What a contestant, not this program, has used so far, and has, in bytes. */
struct usage {
  uint64_t cpu;      /* ns */
  uint64_t switches; /* of context, by all its threads */
  uint64_t memory;   /* of its own, beyond what it has in any case */
  uint64_t rss;
};

/* A contestant. */
struct target {
  const char *client;  /* who asks */
  bool one_at_a_time;  /* whatever depth is asked for */
  unsigned nr_threads; /* connections */
  pid_t pid;           /* 0: not to be watched */
  const char *uri;     /* NULL: only we can speak to it */

  /* Give LOAD to thread I of the target, and do all of it. */
  void (*run) (unsigned i, struct load *load);
  /* NULL: it is not ours to ask. */
  void (*use) (struct usage *usage);
  /* All is done: take leave of it.  Or NULL. */
  void (*leave) (void);
};

/* What a target leaves here ends it, however this program ends. */
extern void (*stop_target) (void);

/* Start nbdkit with these arguments, NULL last, and so many threads for each
 * connection, and connect to it. */
extern const struct target *
target_nbd (char *const args[], unsigned conns, unsigned threads);

/* Connect to somebody's server. */
extern const struct target *target_uri (const char *uri, unsigned conns);

/* Add a zram device to the kernel, of SIZE bytes. */
extern const struct target *
target_kernel (const char *algorithm, uint64_t size);

#endif /* BENCH_H */
