/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPU a thread runs on. */
#ifndef BENCH_CPUS_H
#define BENCH_CPUS_H

/* How many CPUs this program had when it first asked. */
extern unsigned nr_cpus (void);

/* Run the calling thread on the Ith of them only, counted round. */
extern void run_on_cpu (unsigned i);

#endif /* BENCH_CPUS_H */
