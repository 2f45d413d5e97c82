/* SPDX-License-Identifier: BSD-3-Clause */
/* fio is the client, another one than ours: its nbd engine.
 *
 * It cannot write the corpus's pages (its patterns are of 512 bytes at most),
 * so it reads what is there; or writes pages that it makes up, two thirds of
 * each the same byte, and reads and verifies each of them a little later.
 */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

#include "measure.h"

extern void
fio_run (const struct contestant *contestant, const struct phase *phase,
         uint64_t seed, struct done *done);

#endif /* BENCH_FIO_H */
