/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages that nobody has had, for machines whose memory cannot be taken: as many
 * same-filled ones as real programs left, and the others so compressible by lz4
 * as theirs were.  Where they stand beside each other means nothing.
 */
#ifndef BENCH_SYNTHETIC_H
#define BENCH_SYNTHETIC_H

#include <stdint.h>

/* What the next pages are made of. */
struct synthetic;

/* The same SEED makes the same pages, with one version of lz4. */
extern struct synthetic *synthetic_begin (uint64_t seed);

extern void
synthetic_next (struct synthetic *synthetic, char *page); /* 4096 bytes */

extern void synthetic_end (struct synthetic *synthetic);

#endif /* BENCH_SYNTHETIC_H */
