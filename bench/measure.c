/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "beside.h"
#include "measure.h"
#include "procfs.h"
#include "syscalls.h"
#include "util.h"

/* How long system calls are counted, in seconds. */
#define COUNTED 0.1

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
  uint64_t client_cpu; /* ns */
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
  const uint64_t cpu = process_cpu ();
  const double begun = now ();

  load_over = false;
  start (threads, contestant, phase, seed);
  if (phase->beside) {
    run_command (contestant->command);
    load_over = true;
  }
  join (threads, contestant->target->nr_threads, done);
  done->seconds = now () - begun;
  done->client_cpu = process_cpu () - cpu;
}

static void
take_stock (const struct contestant *contestant, struct resources *resources)
{
  *resources = (struct resources){
      .free = proc_number ("/proc/meminfo", "MemFree") << 10};
  if (contestant->target->use != NULL)
    contestant->target->use (&resources->usage);
}

void
measure_start (struct contestant *contestant)
{
  take_stock (contestant, &contestant->at_start);
}

/* A server may give memory back a little later than it answers. */
static void
settle (const struct contestant *contestant)
{
  const struct timespec moment = {.tv_nsec = 100000000};
  struct resources resources;
  uint64_t rss = UINT64_MAX;

  for (unsigned i = 0; i < 30; i++) {
    take_stock (contestant, &resources);
    if (resources.usage.rss >= rss)
      break;
    rss = resources.usage.rss;
    nanosleep (&moment, NULL);
  }
}

/* What the phase writes, or what it finds: then the device has that. */
static const char *
content_of (const struct phase *phase, struct data *data)
{
  const char *kind = phase->same ? "same-filled" : data->corpus_kind;

  if (phase->access == ACCESS_TRIM) {
    kind = data->holds;
    data->holds = "zeros";
    return kind;
  }
  if (phase->access != ACCESS_WRITE)
    return data->holds;
  if (!phase->random && phase->step == phase->block)
    data->holds = kind;
  else if (strcmp (data->holds, kind) != 0)
    data->holds = "mixed";
  return kind;
}

static bool
are_counted (const struct contestant *contestant, const struct phase *phase)
{
  static bool said;
  const char *why;

  if (contestant->target->pid == 0 || phase->once || phase->beside)
    return false;
  if (syscalls_begin (contestant->target->pid, &why))
    return true;
  if (!said && contestant->complain)
    fprintf (stderr, "nbdbench: system calls are not counted: %s\n", why);
  said = true;
  return false;
}

/* The phase goes on for a moment. */
static void
print_syscalls (const struct contestant *contestant, const struct phase *phase,
                uint64_t seed)
{
  struct phase shorter = *phase;
  struct done done = {.ops = 0};
  uint64_t syscalls;

  if (!are_counted (contestant, phase))
    return;
  shorter.seconds = COUNTED;
  run_phase (contestant, &shorter, seed, &done);
  syscalls = syscalls_end ();
  if (done.ops > 0)
    printf (",\"syscalls\":%.2f", (double) syscalls / (double) done.ops);
}

static void
print_usage (const struct resources *start, const struct resources *before,
             const struct resources *after)
{
  printf (",\"cpu\":%.6f,\"context_switches\":%" PRIu64 ",\"memory\":%" PRIu64
          ",\"rss\":%" PRId64 ",\"taken\":%" PRId64,
          (double) (after->usage.cpu - before->usage.cpu) / 1e9,
          after->usage.switches - before->usage.switches, after->usage.memory,
          (int64_t) (after->usage.rss - start->usage.rss),
          (int64_t) (start->free - after->free));
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
  const uint64_t seed = contestant->seed + UINT64_C (1000003) * nth;
  struct resources before, after;
  struct done done = {.ops = 0};

  take_stock (contestant, &before);
  run_phase (contestant, phase, seed, &done);
  if (phase->settle && contestant->target->use != NULL)
    settle (contestant);
  take_stock (contestant, &after);
  if (phase->quiet || stop_signal != 0)
    return;
  print_head (contestant, phase, nth);
  printf (",\"size\":%" PRIu64 ",\"content\":\"%s\"",
          (uint64_t) contestant->data->nr_pages * ZRAM_PAGE_SIZE,
          content_of (phase, contestant->data));
  printf (",\"ops\":%" PRIu64 ",\"seconds\":%.6f,\"client_cpu\":%.6f"
          ",\"verified\":%" PRIu64,
          done.ops, done.seconds, (double) done.client_cpu / 1e9,
          done.verified);
  if (contestant->target->use != NULL)
    print_usage (&contestant->at_start, &before, &after);
  print_latency (&done.latency);
  print_syscalls (contestant, phase, seed + 500009);
  puts ("}");
  fflush (stdout);
}
