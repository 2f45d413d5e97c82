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
 * reason; one that a server comes by, and that has not had the fault that it
 * was given, in the file NEVER_FIRED: there a reason is of the kind "never",
 * which is wrong once it has had one, or "sometimes".
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
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "steps.h"

#define MAX_STEPS 16

/* So often all is done in which a point is to have its fault, until it has:
 * some come by only if threads meet, or as much memory is needed. */
#define MAX_TRIES 5

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

/* Points with reasons; of the second the kind is where faults stand. */
static struct points never_hit, never_fired;

/* What is wrong, a line each: it is printed last, where nobody overlooks it. */
static char wrong[16384];

static void __attribute__ ((format (printf, 1, 2)))
complain (const char *format, ...)
{
  const size_t len = strlen (wrong);
  va_list args;

  va_start (args, format);
  vsnprintf (wrong + len, sizeof wrong - len, format, args);
  va_end (args);
}

/* A point whose faults may not come up needs no second try. */
static unsigned
tries_of (const char *point)
{
  return points_find (&never_hit, point) || points_find (&never_fired, point)
             ? 1
             : MAX_TRIES;
}

/* A point has been given a fault, and had it or not. */
static void
check_fired (bool fired, const char *when, const char *point, const char *words)
{
  if (fired || points_find (&never_hit, point) ||
      points_find (&never_fired, point))
    return;
  complain ("%s: %s: %s %s: has not had this fault, and " NEVER_FIRED
            " does not say why\n",
            setup_names[rig.setup], when, point, words);
}

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

/* Through the steps in which a server comes by POINT, until the fault has come
 * up. */
static bool
walk_steps (const char *point, const char *words, struct seen *seen)
{
  for (unsigned i = 0; i < nr_steps; i++)
    if (points_find (&seen->by[i], point) &&
        walk_step (point, words, &steps[i]))
      return true;
  return false;
}

static void
walk_point (const struct point *point, struct seen *seen)
{
  for (unsigned way = 0; way < NR_WAYS; way++) {
    bool fired = false;

    if (!point_can (point, ways[way].fault))
      continue;
    for (unsigned t = 0; t < tries_of (point->name) && !fired; t++)
      fired = walk_steps (point->name, ways[way].words, seen);
    check_fired (fired, "running", point->name, ways[way].words);
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

/* Has the last server that has ended had a fault there? */
static bool
has_fired (const char *name)
{
  const struct point *const point = points_find (&rig.ended, name);

  CHECK (point != NULL);
  return point->fired > 0;
}

/* False: the fault has not come up. */
static bool
start_with (const char *point, const char *words)
{
  char faults[160];
  bool runs;

  snprintf (faults, sizeof faults, "%s %s", point, words);
  runs = rig_start (rig.setup, faults);
  fprintf (stderr, "%s: start: %s: %s\n", setup_names[rig.setup], faults,
           runs ? "it runs" : "it has said why it does not start");
  walks++;
  if (runs) {
    use ();
    rig_stop ();
  }
  return has_fired (point);
}

/* Likewise. */
static bool
end_with (const char *point, const char *words)
{
  CHECK (rig_start (rig.setup, ""));
  rig_break (point, words);
  fprintf (stderr, "%s: end: %s %s\n", setup_names[rig.setup], point, words);
  rig_stop ();
  rig_may_fail (false);
  walks++;
  return has_fired (point);
}

static void
walk_server (const struct point *point, const char *when,
             bool (*serve_with) (const char *point, const char *words))
{
  for (unsigned way = 0; way < NR_WAYS; way++) {
    bool fired = false;

    if (!is_worth_a_server (point, way))
      continue;
    for (unsigned t = 0; t < tries_of (point->name) && !fired; t++)
      fired = serve_with (point->name, ways[way].words);
    check_fired (fired, when, point->name, ways[way].words);
  }
}

/* Points by which a server comes as it starts, and as it ends. */
static void
see_start_and_end (enum setup setup, struct points *start, struct points *end)
{
  static struct points none, now;

  CHECK (rig_start (setup, ""));
  rig_points (&now);
  find_more (&none, &now, start);
  rig_stop ();
  find_more (&now, &rig.ended, end);
}

static void
walk_starts_and_ends (enum setup setup)
{
  static struct points start, end;

  see_start_and_end (setup, &start, &end);
  for (unsigned i = 0; i < start.n; i++)
    if (take (&walked_at_start, &start.p[i]))
      walk_server (&start.p[i], "start", start_with);
  for (unsigned i = 0; i < end.n; i++)
    if (take (&walked_at_end, &end.p[i]))
      walk_server (&end.p[i], "end", end_with);
}

/* The lines of FILE: a point, perhaps a kind, and the reason. */
static void
read_reasons (const char *file, bool has_kind, struct points *points)
{
  FILE *const fp = fopen (file, "re");
  char line[512], name[96], kind[24], more[8], text[256];

  CHECK (fp != NULL);
  while (fgets (line, sizeof line, fp)) {
    if (line[0] == '#')
      continue;
    if (sscanf (line, "%95s %23s %7s", name, kind, more) < (has_kind ? 3 : 2))
      fail ("%s: no reason: %s", file, line);
    if (has_kind && strcmp (kind, "never") != 0 &&
        strcmp (kind, "sometimes") != 0)
      fail ("%s: neither never nor sometimes: %s", file, line);
    snprintf (text, sizeof text, " %s %s 0 0\n", name, kind);
    points_add (points, text);
  }
  fclose (fp);
}

/* It has been come by, and has had a fault, or it is known why not. */
static void
check_point (const struct point *p)
{
  const struct point *const reason = points_find (&never_fired, p->name);

  if (p->hits == 0 && !points_find (&never_hit, p->name))
    complain ("%s: is never hit, and " NEVER_HIT " does not say why\n",
              p->name);
  if (p->hits > 0 && p->fired == 0 && !reason &&
      !points_find (&never_hit, p->name))
    complain ("%s: is hit and has no fault, and " NEVER_FIRED
              " does not say why\n",
              p->name);
  if (p->fired > 0 && reason && point_can (reason, "never"))
    complain ("%s: has had a fault, and " NEVER_FIRED " says never\n", p->name);
}

static void
check_reasons (const char *file, const struct points *reasons,
               struct points *all)
{
  for (unsigned i = 0; i < reasons->n; i++)
    if (!points_find (all, reasons->p[i].name))
      complain ("%s: is in %s, and there is no such point\n",
                reasons->p[i].name, file);
}

static void
report (void)
{
  struct points *const all = rig_totals ();
  unsigned hit = 0, fired = 0;

  for (unsigned i = 0; i < all->n; i++) {
    const struct point *const p = &all->p[i];

    printf ("%s: hit %" PRIu64 ", fired %" PRIu64 "\n", p->name, p->hits,
            p->fired);
    hit += p->hits > 0;
    fired += p->fired > 0;
  }
  printf ("REPORT: faults: %u points, %u hit, %u fired in %u walks: no crash, "
          "no wrong data\n",
          all->n, hit, fired, walks);
  fputs (wrong, stdout);
}

/* Whatever has not been come by although all has been walked through. */
static void
check_all (void)
{
  struct points *const all = rig_totals ();

  for (unsigned i = 0; i < all->n; i++)
    check_point (&all->p[i]);
  check_reasons (NEVER_HIT, &never_hit, all);
  check_reasons (NEVER_FIRED, &never_fired, all);
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
  read_reasons (NEVER_HIT, false, &never_hit);
  read_reasons (NEVER_FIRED, true, &never_fired);
  rig_init (seed);
  for (enum setup setup = 0; setup < SETUPS; setup++)
    if (is_wanted (setup)) {
      walk_running (setup);
      walk_starts_and_ends (setup);
    }
    else
      all = false;
  modeldisk_close (&rig.disk);
  if (all)
    check_all ();
  report ();
  return *wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
