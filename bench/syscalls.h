/* SPDX-License-Identifier: BSD-3-Clause */
/* How many system calls another process makes: what the kernel's tracepoint
 * counts, where we may ask it, or else strace.  Either slows that process down,
 * so nothing is timed meanwhile.
 */
#ifndef BENCH_SYSCALLS_H
#define BENCH_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Count those of all threads of PID, and of the threads that they start.
 * False: that cannot be done here, and *WHY says why. */
extern bool syscalls_begin (pid_t pid, const char **why);

/* How many there have been since. */
extern uint64_t syscalls_end (void);

#endif /* BENCH_SYSCALLS_H */
