/* SPDX-License-Identifier: BSD-3-Clause */
/* A backing store: bytes that a file, a block device or an NBD server keeps.
 * Reads and writes are handed over and completed later, on a thread of the
 * store, which does nothing else.
 *
 * Nothing is allocated for a request: a store_op is the submitter's memory. Any
 * number of threads may submit.  What is stored means nothing once the process
 * has ended, so nothing is ever flushed.
 *
 * At its start a store has STORE_HEADER bytes that are not its user's: a mark,
 * by which the next server knows that what follows is nobody's.
 *
 * Errors are negative errno.
 */
#ifndef ZRAM_STORE_H
#define ZRAM_STORE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes at the start that hold the mark. */
#define STORE_HEADER 4096U

/* Requests that a store takes to its kernel or server at once; the others wait
 * in a list, in the order in which they came. */
#define STORE_DEPTH 128U

struct store;

/* How requests get to a file or device. */
enum store_engine {
  STORE_ENGINE_AUTO, /* io_uring, or where the kernel refuses it, threads */
  STORE_ENGINE_URING,
  STORE_ENGINE_THREADS,
};

struct store_config {
  const char *backing_dev; /* a path, or nbd:// or nbd+unix:// and so on */
  uint64_t size;  /* bytes of a file that is made or has another size; 0: as
                   * large as it is.  Others must have so many at least. */
  bool overwrite; /* whatever is there now may be lost */
  bool no_memory; /* to write takes no memory that may have to be written
                   * first: a file's blocks are allocated at once, and
                   * requests go around the page cache, by threads of our own,
                   * which the kernel can be told of */
  enum store_engine engine; /* STORE_ENGINE_AUTO if no_memory */
  unsigned timeout_s; /* how long a request waits for an NBD server that is
                       * away, 1 at least */
  void (*complain) (const char *line); /* told when an NBD server goes away or
                                        * comes back, and of a file that others
                                        * may open; NULL: nobody is */
};

/* A read or write; the submitter fills the first part. */
struct store_op {
  void *buf;       /* aligned to store_block () */
  uint64_t offset; /* bytes, a multiple of store_block (), from STORE_HEADER on,
                    * or to look at the mark, 0 */
  uint32_t len;    /* likewise, not 0; ends within store_size () */
  bool write;
  _Atomic bool impatient; /* while an NBD server is away, fail at once
                           * (-ETIMEDOUT); may be set when it waits already */
  void (*done) (struct store_op *op); /* see store_submit */

  int result; /* when it is done: 0; -EIO, -ENOSPC, ...; -ETIMEDOUT: the NBD
               * server stayed away; -ECANCELED: the store was stopped */

  struct store_op *next; /* the submitter's list; then the store's own */
  uint64_t since;        /* the store's own: when it was submitted */
};

/* What a store has counted since it was opened. */
struct store_stats {
  uint64_t reads, read_bytes; /* that succeeded */
  uint64_t writes, written_bytes;
  uint64_t read_errors, write_errors; /* without -ECANCELED */
  uint64_t reconnects;                /* of an NBD store */
};

/* Is NAME, of a store, of the form scheme://...?  A path may be written in
 * another way. */
extern bool store_is_uri (const char *name);

/* Open the store that CONFIG describes, look whether it may be used, and put
 * the mark there.  Before the server forks: no thread is started.  On failure
 * *WHY is a line that names what is wrong with which file and what would be
 * right, for free (); NULL if there is no memory for it.
 *   -EEXIST  there is something that is not ours, and not "overwrite"
 *   -EBUSY   another server, a mount or a swap device has it
 *   -EINVAL  not a file, device or URI that can be used; too small */
extern int store_open (struct store **store, const struct store_config *config,
                       char **why);

/* Start its thread or threads, after the server has forked; it may have been
 * stopped before.  -EAGAIN, -ENOMEM, or if STORE_ENGINE_URING was asked for,
 * what the kernel says who refuses it (-ENOSYS, -EPERM, ...); none runs then.
 */
extern int store_start (struct store *store);

/* Complete everything that was submitted, with -ECANCELED what has not begun or
 * waits for a server, and end the threads.  Harmless if it was not started. */
extern void store_stop (struct store *store);

/* It is not to be used after all: make it what it was before store_open, a file
 * that was made there goes.  Stop it first, close it next.  STORE may be NULL.
 */
extern void store_undo (struct store *store);

/* Stop it first.  STORE may be NULL. */
extern void store_close (struct store *store);

/* Hand over the list that begins with OPS and ends with NULL, with one system
 * call if it goes.  Never blocks on the store.  done () is called once for each
 * of them, on a thread of the store or, if it is not running (-ECANCELED), on
 * the caller's; it only hands on: it may submit, but not wait.  When it is
 * called the op is the submitter's again. */
extern void store_submit (struct store *store, struct store_op *ops);

/* Bytes, the header with them. */
extern uint64_t store_size (const struct store *store);

/* What offsets, lengths and buffers are multiples of: 512 to 4096. */
extern unsigned store_block (const struct store *store);

/* Up to how many bytes are best written at once, 64 KiB to 1 MiB.  A disk's
 * write costs interrupts, so that larger ones leave more to others; to a server
 * the way may be narrow, and what is read waits behind what is written. */
extern uint32_t store_piece (const struct store *store);

/* Can nothing keep another server from using STORE, too, as one behind NBD?
 * Then its user looks now and then whether it has its mark still. */
extern bool store_is_shared (const struct store *store);

/* Are the STORE_HEADER bytes at HEADER, read from the start of STORE, the mark
 * that was put there when it was opened? */
extern bool store_has_mark (const struct store *store, const char *header);

/* "io_uring", "threads" or "nbd" (a file's is "none" before its first start),
 * and whether requests go around the page cache. */
extern const char *store_engine_name (const struct store *store);
extern bool store_is_direct (const struct store *store);

/* Is it an NBD store whose server is away? */
extern bool store_is_away (const struct store *store);

extern void store_stats (const struct store *store, struct store_stats *stats);

#endif /* ZRAM_STORE_H */
