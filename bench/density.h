/* SPDX-License-Identifier: BSD-3-Clause */
/* density's parts: what is done to all alike (density.c), and the stores that
 * it is done to (store_zram.c, store_kernel.c, store_model.c).
 */
#ifndef BENCH_DENSITY_H
#define BENCH_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"

/* What is stored: slot n is one of nr_pages pages, and so is what it gets. */
struct input {
  const char *algorithm;
  const char *corpus;
  uint32_t nr_pages;
  uint16_t *sizes; /* what this project makes of each corpus page: bytes
                    * compressed, 0 if same-filled, a page if raw */
};

static inline const char *
input_page (const struct input *input, uint32_t page)
{
  return input->corpus + (size_t) page * ZRAM_PAGE_SIZE;
}

/* What a store holds, and what it takes for it. */
struct usage {
  uint64_t objects;    /* slots that are neither empty nor same-filled */
  uint64_t compressed; /* the sum of their objects' lengths */
  uint64_t used;       /* mem_used_total: the pool alone */
  uint64_t held;       /* all that is taken for the pages, tables included */
};

/* What zram in the kernel takes beside its pool: a table entry for each slot, a
 * handle for each object.  (Its descriptions of zspages, 2 to 3 bytes for each
 * object, are left out.) */
static inline uint64_t
kernel_held (const struct usage *usage, uint32_t nr_slots)
{
  return usage->used + UINT64_C (16) * nr_slots + 8 * usage->objects;
}

/* A store.  There is one at a time of each kind, open from open to close. */
struct store {
  const char *name;
  /* Why this store cannot be had for INPUT, or NULL. */
  const char *(*missing) (const struct input *input);
  void (*open) (const struct input *input);
  void (*close) (void);
  /* Give SLOT the content of corpus page PAGE. */
  void (*write) (const struct input *input, uint32_t slot, uint32_t page);
  void (*discard) (uint32_t slot);
  /* Returns the pages of memory given back. */
  uint64_t (*compact) (void);
  /* What SLOT reads as; NULL: this store keeps no content. */
  void (*read) (uint32_t slot, char *buf);
  void (*usage) (struct usage *usage);
};

extern const struct store store_zram;
extern const struct store store_kernel;
extern const struct store store_model;

#endif /* BENCH_DENSITY_H */
