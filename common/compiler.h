/* SPDX-License-Identifier: BSD-3-Clause */
/* What gcc and clang can be told beyond C17. */
#ifndef ZRAM_COMPILER_H
#define ZRAM_COMPILER_H

#define likely(x)   __builtin_expect (!!(x), 1)
#define unlikely(x) __builtin_expect (!!(x), 0)

/* A slow path that must not be inlined into a hot one: it would cost the hot
 * one its registers and its place in the instruction cache. */
#define ZRAM_NOINLINE __attribute__ ((noinline, cold))

#define ZRAM_CACHE_LINE 64

#define ZRAM_UNUSED       __attribute__ ((unused))
#define ZRAM_PRINTF(f, a) __attribute__ ((format (printf, f, a)))

#endif /* ZRAM_COMPILER_H */
