/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

/* Run COMMAND, NULL last, to its end; what it prints goes to stderr.  It must
 * succeed. */
extern void run_command (char *const command[]);

/* A file in memory for another program to write, and its PATH: however this
 * program ends, nothing of it stays.  Close it. */
#define MEMORY_FILE_PATH 40
extern int memory_file (char path[MEMORY_FILE_PATH]);

#endif /* BENCH_COMMAND_H */
