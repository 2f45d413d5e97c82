/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults on demand, for a build that has them (--enable-faults).
 *
 * Each place that calls something that can fail, or wait, is a point, with a
 * name: FUNCTION.CALL, as in "vmem_populate.madvise".  faultcalls.h makes them,
 * of the calls themselves, and the linker has the list.  Places of one name,
 * two calls in one function or copies of an inline one, are one point.  Two
 * that only have the same name would hide each other: a program in which they
 * are in two files, or can have different faults, aborts as it starts.
 *
 * A point counts how often it was come by.  It can be given a rule, by which it
 * fails, or transfers less than it was asked to, or is late.
 */
#ifndef ZRAM_FAULTS_H
#define ZRAM_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault {
  FAULT_NONE,
  FAULT_FAIL,
  FAULT_SHORT, /* transfer less */
  FAULT_LATE,
  FAULTS
};

/* The faults that a point can have, a bit for each. */
#define FAULT_BIT(fault)   (1U << (fault))
#define FAULT_CAN_BE_LATE  FAULT_BIT (FAULT_LATE)
#define FAULT_CAN_FAIL     (FAULT_CAN_BE_LATE | FAULT_BIT (FAULT_FAIL))
#define FAULT_CAN_BE_SHORT (FAULT_CAN_FAIL | FAULT_BIT (FAULT_SHORT))

/* What is to happen at a point. */
struct fault_rule {
  enum fault fault;
  uint64_t ms;      /* late by so long */
  uint64_t count;   /* so often; 0: always */
  uint64_t after;   /* but not the first so many times */
  uint64_t percent; /* of the others, each with this probability */
  uint64_t seed;    /* of which times these are; never 0 */
};

struct fault_point {
  const char *file, *function, *call;
  unsigned can;             /* have these faults */
  struct fault_point *same; /* the one for all of its name */
  _Atomic uint64_t hits, fired;
  _Atomic bool ruled;     /* there is a rule */
  struct fault_rule rule; /* what is left of it; faults.c's, under its lock */
};

/* Something is set: what happens to POINT now?  It has been waited, if it is
 * late. */
extern enum fault fault_decide (struct fault_point *point);

/* POINT is come by: FAULT_NONE, FAULT_FAIL or FAULT_SHORT. */
static inline enum fault
fault_at (struct fault_point *point)
{
  struct fault_point *const same = point->same;

  atomic_fetch_add_explicit (&same->hits, 1, memory_order_relaxed);
  return atomic_load_explicit (&same->ruled, memory_order_relaxed)
             ? fault_decide (same)
             : FAULT_NONE;
}

/* Give RULE to the points whose names match PATTERN, as file names do, and that
 * can have its fault; FAULT_NONE takes theirs away.  -ENOENT: there is none of
 * that name; -EOPNOTSUPP: none that can. */
extern int faults_set (const char *pattern, const struct fault_rule *rule);

/* Make one point of those from FIRST to before END that have one name; as the
 * program starts, of all that are in it. */
extern void faults_join (struct fault_point **first, struct fault_point **end);

/* Each point of a name of its own: ARG is passed on. */
extern void
faults_each (void (*each) (const struct fault_point *point, void *arg),
             void *arg);

#endif /* ZRAM_FAULTS_H */
