/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmark's programs have in common.
 *
 * Errors end the program: a benchmark that went wrong has no figures.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "page.h"

extern void
fail (const char *format, ...) ZRAM_PRINTF (1, 2) __attribute__ ((noreturn));

/* What is under way, on standard error if that is a terminal. */
extern void progress (const char *format, ...) ZRAM_PRINTF (1, 2);

/* Seconds of some clock that only goes forward. */
extern double now (void);

/* CPU time of this process, or of the calling thread, in ns. */
extern uint64_t process_cpu (void);
extern uint64_t thread_cpu (void);

extern void *new_array (size_t nr, size_t size);

/* A page-aligned buffer, touched. */
extern char *new_buffer (size_t size);

/* 0 to NR - 1 in an order that RANDOM chooses; RANDOM moves on. */
extern uint32_t *new_permutation (uint32_t nr, uint64_t *random);

/* Whose the pages of FILE are, by what "corpus" left in FILE.txt: "real"
 * programs', "SYNTHETIC", or, without that, "UNKNOWN". */
extern const char *corpus_origin (const char *file);

/* All of FILE in memory of our own, so that nothing pays for the file later.
 * It has a multiple of UNIT pages.  If they are not real programs', standard
 * error has a line that says so. */
extern char *load_corpus (const char *file, uint32_t unit, uint32_t *nr_pages);

#endif /* BENCH_UTIL_H */
