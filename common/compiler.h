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

/* Of a thread's variable: in the memory that each thread is born with.  That of
 * a library that is loaded later, as plugins are, is otherwise allocated at the
 * thread's first use of it, and glibc aborts the program if there is none:
 * where the system has no memory, a write is to fail with ENOMEM.  It is
 * scarce: some 500 bytes for all libraries loaded later. */
#define ZRAM_FROM_BIRTH __attribute__ ((tls_model ("initial-exec")))

#define ZRAM_UNUSED       __attribute__ ((unused))
#define ZRAM_PRINTF(f, a) __attribute__ ((format (printf, f, a)))

#endif /* ZRAM_COMPILER_H */
