/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

/* Its own calls are no points. */
#undef nanosleep
#undef pthread_mutex_lock

/* Where the linker has put the addresses of all points. */
extern struct fault_point *__start_fault_points[], *__stop_fault_points[];

/* Of all rules: whoever comes by a point that has none takes no lock. */
static pthread_mutex_t rules_lock = PTHREAD_MUTEX_INITIALIZER;

static bool
is_same (const struct fault_point *a, const struct fault_point *b)
{
  return strcmp (a->call, b->call) == 0 &&
         strcmp (a->function, b->function) == 0;
}

/* Without its directory, which is another one for each that includes it. */
static const char *
file_of (const struct fault_point *point)
{
  const char *const slash = strrchr (point->file, '/');

  return slash ? slash + 1 : point->file;
}

static void
join (struct fault_point *point, struct fault_point *first)
{
  if (strcmp (file_of (point), file_of (first)) != 0 ||
      point->can != first->can) {
    fprintf (stderr,
             "%s.%s: is in %s and in %s, or can have different faults: give "
             "the functions names of their own\n",
             point->function, point->call, file_of (first), file_of (point));
    abort ();
  }
  point->same = first;
}

void
faults_join (struct fault_point **first, struct fault_point **end)
{
  for (struct fault_point **p = first; p < end; p++)
    for (struct fault_point **q = first; q < p; q++)
      if (is_same (*p, *q)) {
        join (*p, *q);
        break;
      }
}

/* Before any other constructor: what these come by counts. */
__attribute__ ((constructor (101))) static void
join_points (void)
{
  faults_join (__start_fault_points, __stop_fault_points);
}

void
faults_each (void (*each) (const struct fault_point *point, void *arg),
             void *arg)
{
  struct fault_point **const end = __stop_fault_points;

  for (struct fault_point **p = __start_fault_points; p < end; p++)
    if ((*p)->same == *p)
      each (*p, arg);
}

static bool
matches (const struct fault_point *point, const char *pattern)
{
  char name[128];

  snprintf (name, sizeof name, "%s.%s", point->function, point->call);
  return fnmatch (pattern, name, 0) == 0;
}

static void
give_rule (struct fault_point *point, const struct fault_rule *rule)
{
  pthread_mutex_lock (&rules_lock);
  point->rule = *rule;
  point->ruled = rule->fault != FAULT_NONE;
  pthread_mutex_unlock (&rules_lock);
}

int
faults_set (const char *pattern, const struct fault_rule *rule)
{
  struct fault_point **const end = __stop_fault_points;
  int r = -ENOENT;

  for (struct fault_point **p = __start_fault_points; p < end; p++) {
    if ((*p)->same != *p || !matches (*p, pattern))
      continue;
    if (rule->fault == FAULT_NONE || (*p)->can & FAULT_BIT (rule->fault)) {
      give_rule (*p, rule);
      r = 0;
    }
    else if (r < 0)
      r = -EOPNOTSUPP;
  }
  return r;
}

/* xorshift64 */
static uint64_t
random_next (uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Is it this time?  The caller holds the lock. */
static bool
do_fire (struct fault_point *point)
{
  struct fault_rule *const rule = &point->rule;

  if (!point->ruled)
    return false;
  if (rule->after > 0) {
    rule->after--;
    return false;
  }
  if (random_next (&rule->seed) % 100 >= rule->percent)
    return false;
  if (rule->count > 0 && --rule->count == 0)
    point->ruled = false;
  point->fired++;
  return true;
}

static void
wait_ms (uint64_t ms)
{
  const struct timespec time = {.tv_sec = (time_t) (ms / 1000),
                                .tv_nsec = (long) (ms % 1000 * 1000000)};
  const int saved = errno;

  nanosleep (&time, NULL);
  errno = saved;
}

enum fault
fault_decide (struct fault_point *point)
{
  struct fault_rule rule;
  bool fires;

  pthread_mutex_lock (&rules_lock);
  rule = point->rule;
  fires = do_fire (point);
  pthread_mutex_unlock (&rules_lock);
  if (!fires)
    return FAULT_NONE;
  if (rule.fault != FAULT_LATE)
    return rule.fault;
  wait_ms (rule.ms);
  return FAULT_NONE;
}
