/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "beside.h"
#include "measure.h"
#include "util.h"

struct thread {
  pthread_t id;
  unsigned i;
  const struct target *target;
  struct load load;
};

/* What the connections did, added up. */
struct done {
  uint64_t ops;
  uint64_t verified;
  double seconds;
  struct histogram latency;
};

static void *
run_thread (void *opaque)
{
  struct thread *thread = opaque;

  thread->target->run (thread->i, &thread->load);
  return NULL;
}

static void
start (struct thread *threads, const struct contestant *contestant,
       const struct phase *phase, uint64_t seed)
{
  const unsigned n = contestant->target->nr_threads;

  for (unsigned i = 0; i < n; i++) {
    threads[i].i = i;
    threads[i].target = contestant->target;
    load_init (&threads[i].load, contestant->data, phase, i, n, seed);
  }
  for (unsigned i = 0; i < n; i++)
    if (pthread_create (&threads[i].id, NULL, run_thread, &threads[i]) != 0)
      fail ("pthread_create");
}

static void
join (struct thread *threads, unsigned n, struct done *done)
{
  for (unsigned i = 0; i < n; i++) {
    pthread_join (threads[i].id, NULL);
    done->ops += threads[i].load.done;
    done->verified += threads[i].load.verified;
    histogram_merge (&done->latency, &threads[i].load.latency);
  }
}

static void
run_phase (const struct contestant *contestant, const struct phase *phase,
           uint64_t seed, struct done *done)
{
  static struct thread threads[MAX_CONNS];
  const double begun = now ();

  load_over = false;
  start (threads, contestant, phase, seed);
  if (phase->beside) {
    run_command (contestant->command);
    load_over = true;
  }
  join (threads, contestant->target->nr_threads, done);
  done->seconds = now () - begun;
}

static void
print_usage (const struct usage *before, const struct usage *after)
{
  printf (",\"cpu\":%.6f,\"memory\":%" PRIu64,
          (double) (after->cpu - before->cpu) / 1e9, after->memory);
}

/* In microseconds. */
static void
print_latency (const struct histogram *latency)
{
  static const struct {
    const char *name;
    double share;
  } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
    printf (",\"%s\":%.1f", shares[i].name,
            (double) histogram_quantile (latency, shares[i].share) / 1e3);
  printf (",\"max\":%.1f", (double) latency->max / 1e3);
}

/* Who did what. */
static void
print_head (const struct contestant *contestant, const struct phase *phase,
            unsigned nth)
{
  const struct target *target = contestant->target;

  printf ("{\"name\":\"%s\",\"round\":%u,\"phase\":\"%s\",\"nth\":%u"
          ",\"client\":\"%s\",\"block\":%u,\"depth\":%u,\"connections\":%u",
          contestant->name, contestant->round, phase->name, nth, target->client,
          phase->block * ZRAM_PAGE_SIZE,
          target->one_at_a_time ? 1 : phase->depth, target->nr_threads);
  if (contestant->threads != 0)
    printf (",\"threads\":%u", contestant->threads);
}

void
measure (const struct contestant *contestant, const struct phase *phase,
         unsigned nth)
{
  const struct target *target = contestant->target;
  const uint64_t seed = contestant->seed + UINT64_C (1000003) * nth;
  struct usage before = {.cpu = 0}, after = {.cpu = 0};
  struct done done = {.ops = 0};
  uint64_t client;

  if (target->use != NULL)
    target->use (&before);
  client = process_cpu ();
  run_phase (contestant, phase, seed, &done);
  client = process_cpu () - client;
  if (target->use != NULL)
    target->use (&after);
  if (phase->quiet || stop_signal != 0)
    return;
  print_head (contestant, phase, nth);
  printf (",\"ops\":%" PRIu64 ",\"seconds\":%.6f,\"client_cpu\":%.6f"
          ",\"verified\":%" PRIu64,
          done.ops, done.seconds, (double) client / 1e9, done.verified);
  if (target->use != NULL)
    print_usage (&before, &after);
  print_latency (&done.latency);
  puts ("}");
  fflush (stdout);
}
