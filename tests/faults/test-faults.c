/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that can fail does, one after the other, and then is late: as a
 * server starts, while it works, and as it ends.
 *
 * Meanwhile requests, of data and by the control socket, may fail, but what is
 * read is right; a server that does not start says why; then nothing fails any
 * more, and the same requests succeed.  In a build with AddressSanitizer, which
 * is to be preloaded (FAULTS_PRELOAD), no memory is lost by it either.
 *
 * A point that no server has come by is to be in the file NEVER_HIT, with the
 * reason.
 *
 * FAULTS_POINTS  only points whose names match this pattern
 * FAULTS_SETUP   only this set-up of rig.c
 * FAULTS_LONG    if set: each point in each of the set-ups, not only in the
 *                first one that comes by it
 * MODEL_SEED     makes the same requests again (it is printed)
 */
#include <config.h>

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "steps.h"

#define MAX_STEPS 16

/* How a point is broken, the fault that it must be able to have, and whether
 * that is too much for the starts and ends of servers, which take their time,
 * unless there is time. */
static const struct {
  const char *fault, *words;
  bool longer;
} ways[] = {
    {"fail", "fail count=1", false},
    {"fail", "fail count=3", true},
    {"short", "short count=4", true},
    {"late", "late ms=20 count=2", true},
};

#define NR_WAYS (sizeof ways / sizeof ways[0])

/* Points by which a server comes in a step, in this set-up. */
struct seen {
  struct points by[MAX_STEPS];
};

static struct points walked_at_start, walked_running, walked_at_end;
static unsigned walks;

static bool
has_time (void)
{
  return getenv ("FAULTS_LONG") != NULL;
}

/* Is POINT still to be walked through?  It is not, then. */
static bool
take (struct points *walked, const struct point *point)
{
  const char *const pattern = getenv ("FAULTS_POINTS");
  char line[256];

  if (pattern && fnmatch (pattern, point->name, 0) != 0)
    return false;
  if (points_find (walked, point->name) && !has_time ())
    return false;
  snprintf (line, sizeof line, " %s %s 0 0\n", point->name, point->faults);
  points_add (walked, line);
  return true;
}

static uint64_t
fired_at (const char *name)
{
  static struct points points;
  const struct point *point;

  rig_points (&points);
  point = points_find (&points, name);
  CHECK (point != NULL);
  return point->fired;
}

/* POINT is broken while STEP is made; then all is to be well.  False: the fault
 * has not come up. */
static bool
walk_step (const char *point, const char *words, const struct step *step)
{
  const uint64_t failed = rig.disk.failed_by_fault, fired = fired_at (point);
  uint64_t more;

  rig.refused = rig.gone = 0;
  rig_break (point, words);
  step->run ();
  more = fired_at (point) - fired;
  rig_mend ();
  fprintf (stderr,
           "%s: %s: %s %s: %" PRIu64 " times; %" PRIu64 " requests failed, "
           "%u were refused, %u not answered\n",
           setup_names[rig.setup], step->name, point, words, more,
           rig.disk.failed_by_fault - failed, rig.refused, rig.gone);
  steps_clean ();
  step->run ();
  walks++;
  return more > 0;
}

static void
walk_point (const struct point *point, struct seen *seen)
{
  for (unsigned way = 0; way < NR_WAYS; way++) {
    bool fired = false;

    if (!point_can (point, ways[way].fault))
      continue;
    for (unsigned i = 0; i < nr_steps && !fired; i++)
      if (points_find (&seen->by[i], point->name))
        fired = walk_step (point->name, ways[way].words, &steps[i]);
  }
}

/* What comes by more often in AFTER than in BEFORE, into MORE. */
static void
find_more (struct points *before, const struct points *after,
           struct points *more)
{
  more->n = 0;
  for (unsigned i = 0; i < after->n; i++) {
    const struct point *const was = points_find (before, after->p[i].name);

    if (after->p[i].hits > (was ? was->hits : 0))
      more->p[more->n++] = after->p[i];
  }
}

static void
see_steps (struct seen *seen)
{
  static struct points before, after;

  for (unsigned i = 0; i < nr_steps; i++) {
    seen->by[i].n = 0;
    if (!step_is_for (&steps[i], rig.setup))
      continue;
    rig_points (&before);
    steps[i].run ();
    rig_points (&after);
    find_more (&before, &after, &seen->by[i]);
  }
}

static void
walk_running (enum setup setup)
{
  static struct points points;
  static struct seen seen;

  CHECK (nr_steps <= MAX_STEPS);
  CHECK (rig_start (setup, ""));
  rig_connect ();
  see_steps (&seen);
  rig_points (&points);
  for (unsigned i = 0; i < points.n; i++)
    for (unsigned s = 0; s < nr_steps; s++)
      if (points_find (&seen.by[s], points.p[i].name)) {
        if (take (&walked_running, &points.p[i]))
          walk_point (&points.p[i], &seen);
        break;
      }
  modeldisk_verify (&rig.disk);
  rig_disconnect ();
  rig_stop ();
}

/* A server that has been started with a fault, and runs all the same. */
static void
use (void)
{
  rig_may_fail (true);
  rig_connect ();
  modeldisk_run (&rig.disk, 50);
  rig_mend ();
  modeldisk_run (&rig.disk, 50);
  modeldisk_verify (&rig.disk);
  rig_disconnect ();
}

/* Is it to be broken in this WAY, as a server starts, or ends?  What can only
 * be late, is, if it has not been while one worked. */
static bool
is_worth_a_server (const struct point *point, unsigned way)
{
  if (!point_can (point, ways[way].fault))
    return false;
  return !ways[way].longer || has_time () ||
         (!point_can (point, "fail") &&
          !points_find (&walked_running, point->name));
}

static void
walk_start (const struct point *point)
{
  const enum setup setup = rig.setup;

  for (unsigned way = 0; way < NR_WAYS; way++) {
    char faults[160];
    bool runs;

    if (!is_worth_a_server (point, way))
      continue;
    snprintf (faults, sizeof faults, "%s %s", point->name, ways[way].words);
    runs = rig_start (setup, faults);
    fprintf (stderr, "%s: start: %s: %s\n", setup_names[setup], faults,
             runs ? "it runs" : "it has said why it does not start");
    walks++;
    if (!runs)
      continue;
    use ();
    rig_stop ();
  }
}

static void
walk_end (const struct point *point)
{
  const enum setup setup = rig.setup;

  for (unsigned way = 0; way < NR_WAYS; way++) {
    if (!is_worth_a_server (point, way))
      continue;
    CHECK (rig_start (setup, ""));
    rig_break (point->name, ways[way].words);
    fprintf (stderr, "%s: end: %s %s\n", setup_names[setup], point->name,
             ways[way].words);
    rig_stop ();
    rig_may_fail (false);
    walks++;
  }
}

/* Points by which a server comes as it starts, and as it ends. */
static void
see_start_and_end (enum setup setup, struct points *start, struct points *end)
{
  static struct points none, before, now, after;

  rig_totals (&before);
  CHECK (rig_start (setup, ""));
  rig_points (&now);
  find_more (&none, &now, start);
  for (unsigned i = 0; i < now.n; i++) {
    const struct point *const was = points_find (&before, now.p[i].name);

    now.p[i].hits += was ? was->hits : 0;
  }
  rig_stop ();
  rig_totals (&after);
  find_more (&now, &after, end);
}

static void
walk_starts_and_ends (enum setup setup)
{
  static struct points start, end;

  see_start_and_end (setup, &start, &end);
  for (unsigned i = 0; i < start.n; i++)
    if (take (&walked_at_start, &start.p[i]))
      walk_start (&start.p[i]);
  for (unsigned i = 0; i < end.n; i++)
    if (take (&walked_at_end, &end.p[i]))
      walk_end (&end.p[i]);
}

/* The reasons of points that no test comes by. */
static void
read_never_hit (struct points *points)
{
  FILE *const fp = fopen (NEVER_HIT, "re");
  char line[512], name[96], more[256];

  CHECK (fp != NULL);
  while (fgets (line, sizeof line, fp)) {
    if (line[0] == '#')
      continue;
    if (sscanf (line, "%95s %19s", name, more) != 2)
      fail (NEVER_HIT ": no reason: %s", line);
    snprintf (more, sizeof more, " %s none 0 0\n", name);
    points_add (points, more);
  }
  fclose (fp);
}

/* Each has been come by, or it is known why not. */
static unsigned
report (void)
{
  static struct points all, never;
  unsigned hit = 0, fired = 0, wrong = 0;

  rig_totals (&all);
  read_never_hit (&never);
  for (unsigned i = 0; i < all.n; i++) {
    const struct point *const p = &all.p[i];

    printf ("%s: hit %" PRIu64 ", fired %" PRIu64 "\n", p->name, p->hits,
            p->fired);
    hit += p->hits > 0;
    fired += p->fired > 0;
    if (p->hits == 0 && !points_find (&never, p->name)) {
      printf ("%s: is never hit, and " NEVER_HIT " does not say why\n",
              p->name);
      wrong++;
    }
  }
  for (unsigned i = 0; i < never.n; i++)
    if (!points_find (&all, never.p[i].name)) {
      printf ("%s: is in " NEVER_HIT ", and there is no such point\n",
              never.p[i].name);
      wrong++;
    }
  printf ("REPORT: faults: %u points, %u hit, %u fired in %u walks: no crash, "
          "no wrong data\n",
          all.n, hit, fired, walks);
  return wrong;
}

static bool
is_wanted (enum setup setup)
{
  const char *const only = getenv ("FAULTS_SETUP");

  return (!only || strcmp (only, setup_names[setup]) == 0) && rig_has (setup);
}

int
main (void)
{
  const char *const given = getenv ("MODEL_SEED");
  const uint64_t seed =
      given ? strtoull (given, NULL, 0) : (uint64_t) time (NULL);
  bool all = !getenv ("FAULTS_POINTS");

  fprintf (stderr, "MODEL_SEED=%" PRIu64 "\n", seed);
  rig_init (seed);
  for (enum setup setup = 0; setup < SETUPS; setup++)
    if (is_wanted (setup)) {
      walk_running (setup);
      walk_starts_and_ends (setup);
    }
    else
      all = false;
  modeldisk_close (&rig.disk);
  return report () > 0 && all ? EXIT_FAILURE : EXIT_SUCCESS;
}
