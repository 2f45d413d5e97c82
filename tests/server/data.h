/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests write, and how they look at what they read. */
#ifndef ZRAM_TEST_DATA_H
#define ZRAM_TEST_DATA_H

#include <stddef.h>
#include <stdint.h>

#include <libnbd.h>

/* One for each way in which a page can be stored. */
enum data_kind {
  DATA_ZERO,
  DATA_SAME,   /* one 8-byte word over and over, not zero */
  DATA_TEXT,   /* compresses to a bit more than half, page after page */
  DATA_RANDOM, /* does not compress */
  DATA_KINDS
};

/* The next of a repeatable series of numbers; STATE may start anywhere. */
extern uint64_t random_next (uint64_t *state);

/* A number below N. */
extern uint64_t random_below (uint64_t *state, uint64_t n);

/* Fill BUF; the same KIND and SEED give the same bytes. */
extern void
data_fill (void *buf, size_t len, enum data_kind kind, uint64_t seed);

/* malloc that ends the test program rather than fail. */
extern void *buffer_new (size_t len);

/* Fail unless the bytes are EXPECTED; says where the first other one is. */
extern void check_same (const void *actual, const void *expected, size_t len,
                        uint64_t offset);

/* The same for a repeated byte. */
extern void
check_filled (const void *actual, int byte, size_t len, uint64_t offset);

/* Read COUNT bytes at OFFSET, into a poisoned buffer, and compare. */
extern void check_read (struct nbd_handle *nbd, const void *expected,
                        size_t count, uint64_t offset);
extern void check_reads_byte (struct nbd_handle *nbd, int byte, size_t count,
                              uint64_t offset);

#define HOLE        (LIBNBD_STATE_HOLE | LIBNBD_STATE_ZERO)
#define MAX_EXTENTS 4096

/* What block status said, neighbours that are alike joined. */
struct extents {
  size_t n;
  uint64_t end;
  struct {
    uint64_t length;
    uint32_t flags;
  } e[MAX_EXTENTS];
};

/* What a block status request is to be given, so that its answer for the bytes
 * from "end" on is added here. */
extern nbd_extent_callback extents_into (struct extents *extents);

/* One block status request; checks that the server answered for OFFSET and for
 * no byte past OFFSET + COUNT. */
extern void extents_ask (struct nbd_handle *nbd, struct extents *extents,
                         uint64_t count, uint64_t offset, uint32_t flags);

/* As many as it takes to cover COUNT bytes. */
extern void extents_ask_all (struct nbd_handle *nbd, struct extents *extents,
                             uint64_t count, uint64_t offset);

#endif /* ZRAM_TEST_DATA_H */
