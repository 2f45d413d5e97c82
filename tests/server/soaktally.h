/* SPDX-License-Identifier: BSD-3-Clause */
/* What a soak has done, by kind: a long one in which something has never
 * happened has not shown what it was to show. */
#ifndef ZRAM_TEST_SOAKTALLY_H
#define ZRAM_TEST_SOAKTALLY_H

#include <stdint.h>

/* Each with how it is told. */
#define SOAK_KINDS(X)                                                  \
  X (VERIFIED, "pages compared (in 4096 bytes)")                       \
  X (READ, "reads, compared")                                          \
  X (WRITE, "writes")                                                  \
  X (ZERO, "zeroes")                                                   \
  X (TRIM, "trims")                                                    \
  X (EXTENTS, "block statuses, compared")                              \
  X (FLUSH, "flushes")                                                 \
  X (CACHE, "caches")                                                  \
  X (NO_ROOM, "requests refused at mem_limit")                         \
  X (NO_STORE, "requests that a store failed which was away")          \
  X (IDLE, "marks: all as idle")                                       \
  X (IDLE_AGE, "marks: what is old as idle")                           \
  X (WB_IDLE, "writebacks of what is idle")                            \
  X (WB_HUGE, "writebacks of what is huge")                            \
  X (WB_HUGE_IDLE, "writebacks of both")                               \
  X (WB_INCOMPRESSIBLE, "writebacks of what is incompressible")        \
  X (WB_PAGE, "writebacks of a page")                                  \
  X (WB_PAGES, "writebacks of a range")                                \
  X (WB_FULL, "writebacks that found the store full")                  \
  X (WB_FAILED, "writebacks that the store failed")                    \
  X (WB_LIMITED, "writebacks that ended at writeback_limit")           \
  X (RECOMPRESS, "recompressions")                                     \
  X (COMPACT, "compactions")                                           \
  X (BLOCK_STATE, "looks at block_state")                              \
  X (LIMIT, "mem_limit lowered, and lifted")                           \
  X (STORE_KILLED, "the NBD store killed, and started again")          \
  X (STORE_LATE, "of these, later than anybody waits for it")          \
  X (STORE_FAILED, "the file store made to refuse what is written")    \
  X (HOT_ADD, "disks added")                                           \
  X (HOT_REMOVE, "disks removed")                                      \
  X (HOT_BUSY, "disks not removed or reset, since somebody uses them") \
  X (RESET, "disks reset, and initialised again")                      \
  X (GONE_GREETING, "clients gone before or in the handshake")         \
  X (GONE_HEADER, "clients gone in the middle of a request")           \
  X (GONE_PAYLOAD, "clients gone in the middle of what they write")    \
  X (GONE_UNANSWERED, "clients gone before they were answered")        \
  X (GONE_MAGIC, "clients that spoke nonsense")                        \
  X (NEVER_READ, "clients that took no answer for a while")            \
  X (CTL_SILENT, "control clients that said nothing")                  \
  X (CTL_HALF, "control clients gone in the middle of a line")         \
  X (CTL_LOOKED, "control clients gone in the middle of block_state")  \
  X (CTL_RAN, "control clients gone while what they asked for ran")    \
  X (CTL_NONSENSE, "control clients that asked nonsense")              \
  X (PAGES_RECOMPRESSED, "pages recompressed")                         \
  X (PAGES_WRITTEN_BACK, "pages written to a store (in 4096 bytes)")   \
  X (PAGES_READ_BACK, "pages read from a store")                       \
  X (PAGES_COMPACTED, "pages of memory gained by compaction")

enum soak_kind {
#define SOAK_KIND(name, text) SOAK_##name,
  SOAK_KINDS (SOAK_KIND)
#undef SOAK_KIND
  SOAK_KINDS_END
};

extern void soak_add (enum soak_kind kind, uint64_t n);
extern void soak_count (enum soak_kind kind);
extern uint64_t soak_counted (enum soak_kind kind);

/* Print all of it. */
extern void soak_print (void);

/* How many kinds have not happened; each is named. */
extern unsigned soak_missing (void);

#endif /* ZRAM_TEST_SOAKTALLY_H */
