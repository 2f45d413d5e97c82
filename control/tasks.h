/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads of this process, as the kernel sees them: what was asked of it
 * for them is looked up and not remembered.
 */
#ifndef ZRAM_TASKS_H
#define ZRAM_TASKS_H

/* How many threads there are, and of which kinds. */
struct tasks {
  unsigned all;
  unsigned flushers; /* PR_SET_IO_FLUSHER is in force */
  unsigned realtime; /* SCHED_RR */
};

/* Count all threads.  All zeros: /proc cannot be read.  Those that start or end
 * meanwhile may be left out. */
extern void tasks_count (struct tasks *tasks);

/* Count in TASKS the one whose /proc/PID/task/TID/stat is STAT. */
extern void tasks_add (struct tasks *tasks, const char *stat);

#endif /* ZRAM_TASKS_H */
