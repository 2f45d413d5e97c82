/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's benchmarks: one program, with a subcommand and a file for each.
 * ARGV begins with the subcommand's name.
 */
#ifndef BENCH_ENGINEBENCH_H
#define BENCH_ENGINEBENCH_H

extern void bench_breathe (int argc, char *argv[]);
extern void bench_density (int argc, char *argv[]);
extern void bench_engine (int argc, char *argv[]);
extern void bench_levels (int argc, char *argv[]);
extern void bench_pagerates (int argc, char *argv[]);
extern void bench_pool (int argc, char *argv[]);
extern void bench_recompressed (int argc, char *argv[]);
extern void bench_sparse (int argc, char *argv[]);
extern void bench_spread (int argc, char *argv[]);
extern void bench_stages (int argc, char *argv[]);
extern void bench_statcost (int argc, char *argv[]);
extern void bench_threads (int argc, char *argv[]);
extern void bench_writtenback (int argc, char *argv[]);

#endif /* BENCH_ENGINEBENCH_H */
