/* SPDX-License-Identifier: BSD-3-Clause */
/* strace counts the system calls of a process. */
#ifndef BENCH_STRACE_H
#define BENCH_STRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* It has all threads of PID then; false: it is not there, or may not. */
extern bool strace_begin (pid_t pid);

/* It lets go of them; what it has counted. */
extern uint64_t strace_end (void);

#endif /* BENCH_STRACE_H */
