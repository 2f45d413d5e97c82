/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

/* Run COMMAND, NULL last, to its end; what it prints goes to stderr.  It must
 * succeed. */
extern void run_command (char *const command[]);

#endif /* BENCH_COMMAND_H */
