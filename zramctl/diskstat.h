/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server says of a disk. */
#ifndef ZRAM_DISKSTAT_H
#define ZRAM_DISKSTAT_H

#include <stdint.h>

struct ctlclient;

/* Not to be copied: it points into itself. */
struct diskstat {
  const char *name;
  const char *server;         /* the path of its socket */
  const char *comp_algorithm; /* the one that is chosen */
  char algorithms[256];       /* what the server says of them */
  uint64_t disksize;

  /* Of mm_stat, and called as there. */
  uint64_t orig_data_size;
  uint64_t compr_data_size;
  uint64_t mem_used_total;
  uint64_t mem_limit;
  uint64_t mem_used_max;
  uint64_t same_pages;
  uint64_t pages_compacted;
  uint64_t huge_pages;
};

/* Ask the server at SERVER, which CLIENT is connected to, about the disk NAME;
 * both outlive STAT.  -1, and CLIENT's message says why. */
extern int diskstat_read (struct diskstat *stat, struct ctlclient *client,
                          const char *server, const char *name);

#endif /* ZRAM_DISKSTAT_H */
