/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc says of another process. */
#ifndef BENCH_PROCFS_H
#define BENCH_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Call FN for each thread of PID until it returns false: its last answer. */
extern bool for_threads (pid_t pid, bool (*fn) (pid_t tid));

/* The number after NAME in PATH, or in /proc/PID/FILE; 0 if there is none. */
extern uint64_t proc_number (const char *path, const char *name);
extern uint64_t proc_pid_number (pid_t pid, const char *file, const char *name);

#endif /* BENCH_PROCFS_H */
