/* SPDX-License-Identifier: BSD-3-Clause */
/* The device: a disk of pages, each compressed into RAM.
 *
 * An instance; there is no state outside it, and one process may have many.
 * Every call but create and destroy may be made by any number of threads at
 * once.  A page is never torn: whoever reads it sees it as it was before or
 * after each write that overlaps the read, however either is aligned.
 *
 * OFFSET and COUNT are bytes, need no alignment, and must lie within the
 * device: OFFSET + COUNT <= zram_disksize (the NBD server sees to it).
 * Errors are negative errno:
 *   -ENOSPC  mem_limit was reached, or the budget; the content is the old one
 *   -ENOMEM  the system has no memory; the content is the old one
 *   -EIO     a stored page could not be restored
 * A request that fails may have done any of its pages but one.
 */
#ifndef ZRAM_H
#define ZRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "zcomp.h"

/* The largest device, in bytes: 2^32 slots.  zram stopped there too until 7.3,
 * and every index below has been sized for it. */
#define ZRAM_MAX_DISKSIZE (UINT64_C (1) << (32 + ZRAM_PAGE_SHIFT))

/* The algorithm when none is named. */
#define ZRAM_DEFAULT_ALGORITHM "lz4"

/* Algorithms that a device can have: that of priority 0 compresses what is
 * written, the others recompress (zram's recomp_algorithm). */
#define ZRAM_PRIORITIES 4

/* Stored pages are counted by their length, in buckets of so many bytes: 1 to
 * 256, and so on to 3841 to 4096. */
#define ZRAM_SIZE_BUCKET  256
#define ZRAM_SIZE_BUCKETS (ZRAM_PAGE_SIZE / ZRAM_SIZE_BUCKET)

/* Percent of holes at which compaction pays when nobody says: far from the 2 to
 * 3 that overwriting leaves, and a tenth of what was saved is worth some CPU.
 */
#define ZRAM_DEFAULT_COMPACT_THRESHOLD 10

/* Writes to the backing store that may be in flight at once when nobody says,
 * of up to a segment (segments.h) each. */
#define ZRAM_DEFAULT_WRITEBACK_BATCH 4
#define ZRAM_MAX_WRITEBACK_BATCH     256

/* Seconds that a request waits for an NBD store that is away when nobody says:
 * longer than a server takes to start again, or a switch, and not as long as
 * the kernel's own requests may hang before it complains (120 s). */
#define ZRAM_DEFAULT_BACKING_TIMEOUT 30

/* Bytes of a backing store's name, with its end. */
#define ZRAM_BACKING_DEV_SIZE 1024

/* Pages of a request that workers help with when nobody says: `make
 * bench-spread' prints from which on it is faster so. */
#define ZRAM_DEFAULT_SPREAD_THRESHOLD 32

struct zram;
struct run;
struct workpool;
struct zs_budget;
struct zs_fragmentation;
struct zs_pool_stats;

/* One of a device's algorithms, and how it is used. */
struct zram_algorithm {
  const struct zcomp_backend *backend; /* NULL: the default, or none */
  struct zcomp_params params;
};

/* What a device is made of.  All-zero but for disksize will do. */
struct zram_config {
  uint64_t disksize;  /* bytes, 1 to ZRAM_MAX_DISKSIZE; rounded up to pages */
  uint64_t mem_limit; /* bytes that the pool may take; 0: no limit */
  struct zs_budget *budget; /* that pools share (zsbudget.h); NULL: none */
  uint64_t mem_min; /* bytes, whole zspages, claimed of it for this device */
  struct zram_algorithm algorithms[ZRAM_PRIORITIES]; /* by priority */
  unsigned compact_threshold; /* percent; 0: no compaction by itself */
  uint64_t reserve; /* bytes filled in advance for the pool to grow into; 0:
                     * none, or with no_faults reserve_for (disksize) */
  uint64_t (*keep_free) (void); /* ... but not again while the system has less
                                 * bytes free than this says; NULL: 0 */
  bool no_faults; /* all memory that I/O may need is filled by zram_start, the
                   * slot table with it, and the pool grows from the reserve
                   * only: what serves swap to its own machine */
  struct workpool *workers;  /* that help (workpool.h); NULL: none; they may be
                              * started later than the device */
  unsigned spread_threshold; /* pages of a request from which on they do; 0:
                              * they do everything */
  struct store *store; /* where pages are written back to (store.h), opened and
                        * not started; the device's own when it has been made;
                        * NULL: nowhere */
  struct zram_backing {
    char dev[ZRAM_BACKING_DEV_SIZE]; /* its name; empty: there is none */
    uint64_t size;                   /* these three as in store_config */
    bool overwrite;
  } backing; /* what the store is opened with, for whoever does that */
  unsigned backing_timeout_s; /* likewise; 0: the usual */
  unsigned backing_waiters;   /* requests that may wait for it at once while it
                               * is an NBD server that is away; others fail */
  unsigned writeback_batch_size; /* writes to it in flight; 0: the usual */
  bool writeback_decompress;     /* pages leave as they are, not as they are
                                  * stored */
  bool writeback_limit_enable;   /* zram's writeback_limit_enable ... */
  uint64_t writeback_limit;      /* ... and writeback_limit, but in bytes */
  void (*complain) (const char *line); /* told, in one line, of what nobody else
                                        * would see; from any thread; NULL:
                                        * nobody wants to know */
  unsigned reserve_waiters; /* writes that may wait at once for the reserve to
                             * be refilled; others fail with -ENOSPC */
};

/* Make COPY another of CONFIG, with references of its own to dictionaries; and
 * let what CONFIG refers to go: it then names no algorithms, and may be used or
 * forgotten.  (Who only moves a configuration may assign it.) */
extern void
zram_config_copy (struct zram_config *copy, const struct zram_config *config);
extern void zram_config_clear (struct zram_config *config);

/* The algorithm of PRIORITY, at 0 the default if none is named; NULL: none. */
extern const struct zcomp_backend *
zram_config_backend (const struct zram_config *config, unsigned priority);

/* Set it, and with it that it is used as usual (zram since 7.3); NULL: none, or
 * the default. */
extern void
zram_config_set_algorithm (struct zram_config *config, unsigned priority,
                           const struct zcomp_backend *backend);

/* Set how it is used; takes a reference to the dictionary. */
extern void
zram_config_set_params (struct zram_config *config, unsigned priority,
                        const struct zcomp_params *params);

/* Bytes that zram_start fills with no_faults for this CONFIG, but for the
 * streams: the slot table, what describes the pool, the reserve. */
extern uint64_t zram_filled_bytes (const struct zram_config *config);

/* zram's mm_stat and io_stat, same names, same units, and what this project has
 * besides. */
struct zram_stats {
  uint64_t orig_data_size;
  uint64_t compr_data_size;
  uint64_t mem_used_total;
  uint64_t mem_limit;
  uint64_t mem_used_max;
  uint64_t same_pages;
  uint64_t pages_compacted;
  uint64_t size_pages[ZRAM_SIZE_BUCKETS]; /* neither same-filled nor huge */
  uint64_t huge_pages;
  uint64_t huge_pages_since;
  uint64_t failed_reads;
  uint64_t failed_writes;
  uint64_t notify_free;
  uint64_t reads; /* requests, and their bytes, those that failed with them */
  uint64_t read_bytes;
  uint64_t writes; /* zeroing is writing */
  uint64_t write_bytes;
  uint64_t discards;
  uint64_t discard_bytes;
  uint64_t recomp_tried; /* pages, as in zram_recompressed, of all runs */
  uint64_t recomp_gained;
  uint64_t recomp_saved;    /* bytes */
  uint64_t bd_count;        /* pages that are in the backing store */
  uint64_t bd_reads;        /* pages that were read from there */
  uint64_t bd_writes;       /* bytes that were written there, everything counted
                             */
  uint64_t bd_write_errors; /* writes there that failed */
  uint64_t bd_read_errors;
  uint64_t bd_live;            /* bytes there that are in use... */
  uint64_t bd_dead;            /* ... and that are not, in segments that are */
  uint64_t bd_segments;        /* segments in all... */
  uint64_t bd_free_segments;   /* ... and how many are free */
  uint64_t bd_checksum_errors; /* objects that were not what they should be */
  uint64_t reserve;            /* bytes: as in zs_pool_stats */
  uint64_t reserve_least;      /* likewise */
  uint64_t reserve_waiting;    /* writes that wait for the reserve now */
  uint64_t reserve_refused;    /* writes that the empty reserve made fail */
};

/* Make an empty device.  -EINVAL: disksize is 0 or over the maximum. */
extern int zram_create (struct zram **zram, const struct zram_config *config);

/* No call may be under way.  ZRAM may be NULL. */
extern void zram_destroy (struct zram *zram);

/* Fill what is to be filled in advance, and start what the device does by
 * itself: compaction, as soon as more than compact_threshold percent of the
 * pool are holes, and refilling the reserve.  Before the first request, and
 * after the process has forked: a fork leaves threads behind, and memory that
 * is then copied.  Again only after zram_stop.  -EAGAIN: no thread could be
 * had; -ENOMEM: there is less memory than config asks for.  (A reserve ends
 * where the pool's addresses do.) */
extern int zram_start (struct zram *zram);

/* End it; harmless if it was never started.  ZRAM may be NULL.  zram_destroy
 * does it too. */
extern void zram_stop (struct zram *zram);

/* Stop it; a server that could not start, or a disk that could not be added,
 * leaves no store that was not there before.  zram_destroy next. */
extern void zram_undo_store (struct zram *zram);

/* Move pages together until no whole zspage is gained by it, or RUN, which
 * may be NULL, is stopped; and give back what had been emptied before, which
 * otherwise takes up to a second.  Returns the pages gained; 0 at once if
 * a run is under way.  Reads and writes go on meanwhile (zram's compact). */
extern uint64_t zram_compact (struct zram *zram, const struct run *run);

/* zram's mem_limit while it runs: BYTES, 0: none.  Frees nothing. */
extern void zram_set_mem_limit (struct zram *zram, uint64_t bytes);

/* zram's mem_used_max: the most that was used is what is used now. */
extern void zram_reset_mem_used_max (struct zram *zram);

/* compact_threshold while it runs: PERCENT, 0: never. */
extern void zram_set_compact_threshold (struct zram *zram, unsigned percent);

/* All pages, however short their last use is ago. */
#define ZRAM_IDLE_ALL UINT64_MAX

/* Mark the pages that were last read or written more than AGE seconds ago as
 * idle, and the others as not; ZRAM_IDLE_ALL: all as idle.  Same-filled pages
 * are left out (zram's idle).  I/O goes on, and takes the mark away.  -EINTR:
 * RUN, which may be NULL, was stopped. */
extern int zram_idle (struct zram *zram, uint64_t age, const struct run *run);

/* Which pages to recompress, and how (zram's recompress). */
struct zram_recompress {
  bool idle;          /* only those marked idle */
  bool huge;          /* only those stored raw */
  uint32_t threshold; /* only those of so many bytes or more, into less than
                       * that; 0: whatever they take */
  uint64_t max_pages; /* try so many at most; UINT64_MAX: all */
  unsigned priority;  /* of the algorithm: 1 to ZRAM_PRIORITIES - 1 */
};

/* What came of it. */
struct zram_recompressed {
  uint64_t tried;  /* pages that were compressed anew, with gain or without */
  uint64_t gained; /* pages that have become smaller */
  uint64_t saved;  /* bytes of the pool */
};

/* Compress pages of a lower priority anew, the longest first, and keep what
 * saves memory; a page that even the highest priority does not make smaller is
 * incompressible, and is not tried again until it is written.  A page that is
 * used meanwhile is left alone, and so is one for whose new form the pool has
 * no room at its limit.  I/O goes on; the compressing is done by the background
 * lane of the device's workers.  One run at a time: others wait for it.
 *
 * DONE is set in any case.  -EINVAL: there is no algorithm of that priority, or
 * threshold is zs_huge_size () or more; the others end the run, and what it has
 * done is done: -ENOMEM; -EIO: a page could not be restored, or the algorithm
 * failed; -EINTR: RUN, which may be NULL, was stopped. */
extern int
zram_recompress (struct zram *zram, const struct zram_recompress *what,
                 const struct run *run, struct zram_recompressed *done);

/* Which pages to write back (zram's writeback). */
struct zram_writeback {
  bool idle;           /* only those marked idle */
  bool huge;           /* only those stored raw */
  bool incompressible; /* only those that no algorithm has made smaller */
  uint64_t first, end; /* only those from the first on, before the end */
};

/* What came of it. */
struct zram_written {
  uint64_t tried; /* pages that were taken */
  uint64_t pages; /* that are in the store now */
  uint64_t bytes; /* that were written for them, and to make room */
};

/* Write pages back, the longest first: what is stored of them goes to the
 * backing store, and out of memory.  A page that is used meanwhile stays as it
 * is.  I/O goes on.  One run at a time, of these and zram_recompress: others
 * wait for it.
 *
 * DONE is set in any case, and what has been done is done.  -ENODEV: there is
 * no backing store; -ERANGE: no such pages.  These end the run: -ENOSPC: the
 * store is full; -EIO: writeback_limit is used up; -EINTR: RUN, which may be
 * NULL, was stopped; -ETIMEDOUT, -ECANCELED: the store is away, or was stopped;
 * -ESTALE: another server has it now.
 * And the last error of a write that failed, after which it went on. */
extern int zram_writeback (struct zram *zram, const struct zram_writeback *what,
                           const struct run *run, struct zram_written *done);

/* writeback_batch_size from the next run on; 0: the usual. */
extern void zram_set_writeback_batch (struct zram *zram, unsigned batch_size);

/* Bytes of memory that the next run would take for so many, beside what those
 * have that there are now, which it then lets go. */
extern uint64_t
zram_writeback_batch_bytes (const struct zram *zram, unsigned batch_size);

/* "io_uring", "threads" or "nbd"; NULL: there is no backing store.  And does it
 * go around the page cache? */
extern const char *zram_backing_engine (const struct zram *zram, bool *direct);

/* Is it an NBD server that is away? */
extern bool zram_backing_is_away (const struct zram *zram);

/* zram's writeback_limit_enable and writeback_limit while it runs; BYTES is
 * what is left.  Nothing happens where there is no backing store. */
extern void
zram_set_writeback_limit (struct zram *zram, bool enable, uint64_t bytes);
extern uint64_t zram_writeback_limit (const struct zram *zram, bool *enabled);

extern uint64_t zram_disksize (const struct zram *zram);

/* The algorithm of a PRIORITY; NULL: there is none.  And the name of the one
 * that compresses what is written. */
extern const struct zcomp_backend *
zram_algorithm (const struct zram *zram, unsigned priority);
extern const char *zram_comp_algorithm (const struct zram *zram);

/* What all algorithms take for themselves: zcomp_usage, added up. */
extern void
zram_comp_usage (const struct zram *zram, struct zcomp_usage *usage);

/* How many pages can be compressed at a time. */
extern unsigned zram_streams (const struct zram *zram);

/* Fill all of BUF; never-written and discarded pages read as zeros. */
extern int
zram_read (struct zram *zram, void *buf, uint64_t count, uint64_t offset);
extern int zram_write (struct zram *zram, const void *buf, uint64_t count,
                       uint64_t offset);

/* Free the whole pages in the range; bytes of pages that lie only partly in it
 * keep their content.  Cannot fail.  NBD_CMD_TRIM; zram's discard. */
extern void zram_discard (struct zram *zram, uint64_t count, uint64_t offset);

/* Make the range read as zeros, to the byte (NBD_CMD_WRITE_ZEROES). */
extern int zram_zero (struct zram *zram, uint64_t count, uint64_t offset);

/* How many bytes from OFFSET, at most COUNT (which is not 0), are alike: all a
 * hole (never written, discarded, or zero-filled: *HOLE is true, and they read
 * as zeros) or all data.  Takes no lock. */
extern uint64_t
zram_extent (struct zram *zram, uint64_t count, uint64_t offset, bool *hole);

/* Takes no lock that I/O waits on; exact when there is no I/O. */
extern void zram_stats (const struct zram *zram, struct zram_stats *stats);

/* The sums over all slots of what zram_stats counts as it goes: orig_data_size,
 * compr_data_size, same_pages, size_pages, huge_pages; 0 for the others.  It
 * looks at each slot, without a lock, so the same comes out when there is no
 * I/O, and it takes as long as there is much stored. */
extern void zram_recount (struct zram *zram, struct zram_stats *sums);

/* What is known of a page that is stored (zram's block_state). */
struct zram_page {
  bool same;           /* same-filled */
  bool written_back;   /* in the backing store */
  bool huge;           /* stored raw */
  bool idle;           /* marked by zram_idle, and not used since */
  bool recompressed;   /* by an algorithm of priority 1 to 3 */
  bool incompressible; /* by any */
  uint32_t accessed;   /* when it was last read or written, in seconds since
                        * the machine was started, without its suspensions */
};

/* The first page from *INDEX on that is stored, whose index is put there;
 * false: there is none.  Takes no lock; what it says was true at some moment
 * during the call. */
extern bool zram_next_page (const struct zram *zram, uint64_t *index,
                            struct zram_page *page);

/* What the pool holds and what holes it has.  Looks at every zspage, each under
 * its lock; I/O goes on. */
extern void zram_pool_stats (struct zram *zram, struct zs_pool_stats *stats,
                             struct zs_fragmentation *fragmentation);

#endif /* ZRAM_H */
