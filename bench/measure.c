/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "fio.h"
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

/* In microseconds. */
static double
quantile (const struct histogram *latency, double share)
{
  return (double) histogram_quantile (latency, share) / 1e3;
}

/* What the connections did, added up. */
static void
join (struct thread *threads, unsigned n, struct done *done)
{
  struct histogram latency = {.nr = 0};

  for (unsigned i = 0; i < n; i++) {
    pthread_join (threads[i].id, NULL);
    done->ops += threads[i].load.done;
    done->verified += threads[i].load.verified;
    histogram_merge (&latency, &threads[i].load.latency);
  }
  done->quantile[P50] = quantile (&latency, 0.5);
  done->quantile[P90] = quantile (&latency, 0.9);
  done->quantile[P99] = quantile (&latency, 0.99);
  done->quantile[P999] = quantile (&latency, 0.999);
  done->quantile[LONGEST] = (double) latency.max / 1e3;
}

static void
run_threads (const struct contestant *contestant, const struct phase *phase,
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
  done->client_cpu = (double) (process_cpu () - cpu) / 1e9;
}

static void
run_phase (const struct contestant *contestant, const struct phase *phase,
           uint64_t seed, struct done *done)
{
  if (phase->fio)
    fio_run (contestant, phase, seed, done);
  else
    run_threads (contestant, phase, seed, done);
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

/* A server may give memory back a little later than it answers, and MemFree is
 * the whole machine's.  When RSS falls no longer, look for a second: AFTER is
 * then the moment with the most MemFree.  How far that moved is returned: the
 * server did nothing, so it is how much others took or gave meanwhile. */
static uint64_t
settle (const struct contestant *contestant, struct resources *after)
{
  const struct timespec moment = {.tv_nsec = 100000000};
  uint64_t rss, least;
  unsigned steady = 0;

  take_stock (contestant, after);
  rss = after->usage.rss;
  least = after->free;
  for (unsigned i = 0; i < 50 && steady < 10; i++, steady++) {
    struct resources resources;

    nanosleep (&moment, NULL);
    take_stock (contestant, &resources);
    if (resources.usage.rss < rss) {
      steady = 0;
      least = resources.free;
      *after = resources;
    }
    if (resources.free > after->free)
      *after = resources;
    if (resources.free < least)
      least = resources.free;
    rss = resources.usage.rss;
  }
  return after->free - least;
}

/* What pages the phase writes. */
static const char *
kind_of (const struct phase *phase, const struct data *data)
{
  return phase->fio    ? "synthetic"
         : phase->same ? "same-filled"
                       : data->corpus_kind;
}

/* What there is if some of KIND are added to HAS, which may be none. */
static const char *
added (const char *has, const char *kind)
{
  return has == NULL || strcmp (has, kind) == 0 ? kind : "mixed";
}

/* What a phase that writes KIND leaves. */
static void
note_written (const struct phase *phase, struct data *data, const char *kind)
{
  const bool all = !phase->random && phase->step == phase->block;

  data->given = all ? kind : added (data->given, kind);
  data->holds = all ? kind : added (data->holds, kind);
  if (phase->fio)
    for (uint32_t i = 0; i < data->nr_pages; i++)
      data->content[i] = UNKNOWN;
}

/* What pages the phase is about; and what it leaves. */
static const char *
note_content (const struct phase *phase, struct data *data)
{
  const char *kind = data->holds;

  if (phase->access == ACCESS_TRIM) {
    kind = data->given != NULL ? data->given : data->holds;
    data->given = NULL;
    data->holds = "zeros";
  }
  else if (phase->access == ACCESS_WRITE) {
    kind = kind_of (phase, data);
    note_written (phase, data, kind);
  }
  return kind;
}

/* Pages that are not zeros for not having been written, in bytes. */
static uint64_t
written (const struct data *data)
{
  uint64_t pages = 0;

  for (uint32_t i = 0; i < data->nr_pages; i++)
    pages += data->content[i] != NEVER_WRITTEN;
  return pages * ZRAM_PAGE_SIZE;
}

static bool
are_counted (const struct contestant *contestant, const struct phase *phase)
{
  static bool said;
  const char *why;

  if (!contestant->count || contestant->target->pid == 0 || phase->once ||
      phase->beside || phase->fio)
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

/* fio's connections are gone when it is, and with them the threads whose
 * context switches would be counted.  (Those of another thread that has ended
 * are missing too: fewer than none are a sign of it.) */
static void
print_usage (const struct phase *phase, const struct resources *start,
             const struct resources *before, const struct resources *after)
{
  printf (",\"cpu\":%.6f,\"memory\":%" PRIu64 ",\"rss\":%" PRId64
          ",\"taken\":%" PRId64,
          (double) (after->usage.cpu - before->usage.cpu) / 1e9,
          after->usage.memory, (int64_t) (after->usage.rss - start->usage.rss),
          (int64_t) (start->free - after->free));
  if (!phase->fio)
    printf (",\"context_switches\":%" PRId64,
            (int64_t) (after->usage.switches - before->usage.switches));
}

static void
print_latency (const struct done *done)
{
  static const char *const names[NR_QUANTILES] = {"p50", "p90", "p99", "p999",
                                                  "max"};

  for (unsigned i = 0; i < NR_QUANTILES; i++)
    printf (",\"%s\":%.1f", names[i], done->quantile[i]);
}

/* Who did what. */
static void
print_head (const struct contestant *contestant, const struct phase *phase,
            unsigned nth)
{
  const struct target *target = contestant->target;

  printf ("{\"name\":\"%s\",\"round\":%u,\"phase\":\"%s\",\"nth\":%u"
          ",\"client\":\"%s\",\"block\":%u,\"depth\":%u,\"connections\":%u",
          contestant->name, contestant->round, phase->label, nth,
          phase->fio ? "fio" : target->client, phase->block * ZRAM_PAGE_SIZE,
          target->one_at_a_time ? 1 : phase->depth, target->nr_threads);
  if (contestant->threads != 0)
    printf (",\"threads\":%u", contestant->threads);
}

void
measure (const struct contestant *contestant, const struct phase *phase,
         unsigned nth)
{
  const uint64_t seed = contestant->seed + UINT64_C (1000003) * nth;
  const uint64_t has = written (contestant->data);
  const bool settles = phase->settle && contestant->target->use != NULL;
  struct resources before, after;
  struct done done = {.ops = 0};
  uint64_t unsteady = 0;

  take_stock (contestant, &before);
  run_phase (contestant, phase, seed, &done);
  if (settles)
    unsteady = settle (contestant, &after);
  else
    take_stock (contestant, &after);
  if (phase->quiet || stop_signal != 0)
    return;
  print_head (contestant, phase, nth);
  printf (",\"device\":%" PRIu64 ",\"written\":%" PRIu64 ",\"content\":\"%s\"",
          (uint64_t) contestant->data->nr_pages * ZRAM_PAGE_SIZE, has,
          note_content (phase, contestant->data));
  printf (",\"ops\":%" PRIu64 ",\"seconds\":%.6f,\"client_cpu\":%.6f"
          ",\"verified\":%" PRIu64,
          done.ops, done.seconds, done.client_cpu, done.verified);
  if (contestant->target->use != NULL)
    print_usage (phase, &contestant->at_start, &before, &after);
  if (settles)
    printf (",\"unsteady\":%" PRIu64, unsteady);
  print_latency (&done);
  print_syscalls (contestant, phase, seed + 500009);
  puts ("}");
  if (fflush (stdout) != 0)
    fail ("standard output: %s", strerror (errno));
}
