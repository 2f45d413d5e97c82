/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics that a server writes to stderr at SIGUSR1. */
#ifndef ZRAM_TEST_STATISTICS_H
#define ZRAM_TEST_STATISTICS_H

#include <stdint.h>

struct server;

#define HOLE_SIZES 14
#define FULLNESSES 11

/* Columns by their names; of frag_stat, holes[i] counts those of 8 << i bytes
 * to just below twice that, runs[i] the runs of 64 KiB that are full to i
 * tenths. */
struct statistics {
  uint64_t orig_data_size;
  uint64_t compr_data_size;
  uint64_t mem_used_total;
  uint64_t mem_limit;
  uint64_t mem_used_max;
  uint64_t same_pages;
  uint64_t pages_compacted;
  uint64_t huge_pages;
  uint64_t huge_pages_since;
  uint64_t failed_reads;
  uint64_t failed_writes;
  uint64_t invalid_io;
  uint64_t notify_free;
  uint64_t reads;
  uint64_t read_sectors;
  uint64_t writes;
  uint64_t write_sectors;
  uint64_t discards;
  uint64_t discard_sectors;
  uint64_t live;
  uint64_t reserve;
  uint64_t holes[HOLE_SIZES];
  uint64_t runs[FULLNESSES];
};

/* How many reports the server has written so far. */
extern unsigned statistics_reports (const struct server *server);

/* Read the last report in FILE; fail if any line of any report is not as it
 * should be. */
extern void statistics_read (const char *file, struct statistics *statistics);

/* SIGUSR1, then wait for the report and read it. */
extern void
statistics_ask (const struct server *server, struct statistics *statistics);

#endif /* ZRAM_TEST_STATISTICS_H */
