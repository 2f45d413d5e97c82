/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocating and freeing, by one thread and by two.
 *
 * The threads live as long as the program: glibc gives each an arena of its
 * own, and takes no lock in a process that has but one.
 */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpus.h"
#include "pool.h"
#include "random.h"
#include "util.h"
#include "zsmalloc.h"

#define NR_WORKERS 2
#define NR_SLICES  10 /* of a round */
#define MEAN       1300
#define SPREAD     325

enum heap {
  HEAP_LOOP, /* none: the loop alone */
  HEAP_POOL,
  HEAP_GLIBC,
  NR_HEAPS
};

enum mix {
  MIX_EXACT,
  MIX_MIXED,
  MIX_SHARED,
  NR_MIXES
};

static const char *const heap_names[NR_HEAPS] = {"loop", "pool", "glibc"};
static const char *const mix_names[NR_MIXES] = {"exact", "mixed", "shared"};

/* What the workers do next, all of them or one. */
struct job {
  bool fill;
  bool quit;
  enum heap heap;
  enum mix mix;
  unsigned first, nr; /* workers */
  uint64_t seed;
};

static struct job job;
static pthread_barrier_t begin, end;
static double seconds[NR_WORKERS];  /* that it took each */
static uint64_t cpu_ns[NR_WORKERS]; /* of its CPU */

static struct zs_pool *pool;
static uint32_t nr_ops;                     /* of each worker at a time */
static uint32_t nr_objects;                 /* of each worker */
static _Atomic uint64_t *objects[NR_HEAPS]; /* those of all */

static inline uint64_t
heap_malloc (enum heap heap, size_t len, uint64_t owner)
{
  uint64_t handle = len;

  if (heap == HEAP_POOL && zs_malloc (pool, len, owner, &handle) != 0)
    fail ("zs_malloc");
  if (heap == HEAP_GLIBC) {
    void *const p = malloc (len);

    if (p == NULL)
      fail ("malloc");
    handle = (uintptr_t) p;
  }
  return handle;
}

static inline void
heap_free (enum heap heap, uint64_t handle)
{
  if (heap == HEAP_POOL)
    zs_free (pool, handle);
  else if (heap == HEAP_GLIBC)
    free ((void *) (uintptr_t) handle);
  else
    __asm__ volatile("" : : "r"(handle));
}

static inline size_t
random_len (enum mix mix, uint64_t *random)
{
  return mix == MIX_EXACT
             ? MEAN
             : MEAN - SPREAD + random_below (random, 2 * SPREAD + 1);
}

/* HEAP and MIX are constants wherever this is called. */
static inline __attribute__ ((always_inline)) void
replace (enum heap heap, enum mix mix, _Atomic uint64_t *set, uint32_t nr,
         uint64_t random)
{
  for (unsigned n = 0; n < nr_ops; n++) {
    const uint32_t i = random_below (&random, nr);
    const size_t len = random_len (mix, &random);
    const uint64_t new = heap_malloc (heap, len, i);
    uint64_t old;

    if (mix == MIX_SHARED)
      old = atomic_exchange_explicit (&set[i], new, memory_order_acq_rel);
    else {
      old = atomic_load_explicit (&set[i], memory_order_relaxed);
      atomic_store_explicit (&set[i], new, memory_order_relaxed);
    }
    heap_free (heap, old);
  }
}

#define REPLACE(heap, mix)                \
  case (heap) *NR_MIXES + (mix):          \
    replace (heap, mix, set, nr, random); \
    break

static void
run_replace (unsigned worker)
{
  const bool shared = job.mix == MIX_SHARED;
  _Atomic uint64_t *set =
      objects[job.heap] + (shared ? 0 : (size_t) worker * nr_objects);
  const uint32_t nr = shared ? NR_WORKERS * nr_objects : nr_objects;
  const uint64_t random = job.seed + worker;

  switch (job.heap * NR_MIXES + job.mix) {
    REPLACE (HEAP_LOOP, MIX_EXACT);
    REPLACE (HEAP_LOOP, MIX_MIXED);
    REPLACE (HEAP_LOOP, MIX_SHARED);
    REPLACE (HEAP_POOL, MIX_EXACT);
    REPLACE (HEAP_POOL, MIX_MIXED);
    REPLACE (HEAP_POOL, MIX_SHARED);
    REPLACE (HEAP_GLIBC, MIX_EXACT);
    REPLACE (HEAP_GLIBC, MIX_MIXED);
    REPLACE (HEAP_GLIBC, MIX_SHARED);
  }
}

static void
run_fill (unsigned worker)
{
  uint64_t random = job.seed + worker;

  for (uint32_t i = worker * nr_objects; i < (worker + 1) * nr_objects; i++)
    objects[job.heap][i] =
        heap_malloc (job.heap, random_len (job.mix, &random), i);
}

static void *
worker_main (void *opaque)
{
  const unsigned me = (unsigned) (uintptr_t) opaque;

  run_on_cpu (me);
  for (;;) {
    pthread_barrier_wait (&begin);
    if (job.quit)
      return NULL;
    if (me >= job.first && me < job.first + job.nr) {
      const uint64_t cpu = thread_cpu ();
      const double start = now ();

      if (job.fill)
        run_fill (me);
      else
        run_replace (me);
      seconds[me] = now () - start;
      cpu_ns[me] = thread_cpu () - cpu;
    }
    pthread_barrier_wait (&end);
  }
}

static void
run_job (const struct job *next)
{
  job = *next;
  pthread_barrier_wait (&begin);
  if (!job.quit)
    pthread_barrier_wait (&end);
}

/* What a round of one heap came to. */
struct result {
  double ops[NR_WORKERS];
  double seconds[NR_WORKERS];
  double cpu_ns;
};

/* One thread is another one in every other slice. */
static void
measure (struct result *result, uint64_t slice, enum heap heap, enum mix mix,
         unsigned nr)
{
  const struct job next = {.heap = heap,
                           .mix = mix,
                           .first = nr == 1 ? slice % NR_WORKERS : 0,
                           .nr = nr,
                           .seed = UINT64_C (1000) * slice};

  run_job (&next);
  for (unsigned i = next.first; i < next.first + nr; i++) {
    result->ops[i] += nr_ops;
    result->seconds[i] += seconds[i];
    result->cpu_ns += (double) cpu_ns[i];
  }
}

static void
print_result (const struct result *result, unsigned round, enum heap heap,
              enum mix mix, unsigned nr)
{
  double ops = 0, rate = 0;

  for (unsigned i = 0; i < NR_WORKERS; i++) {
    ops += result->ops[i];
    rate += result->ops[i] / result->seconds[i];
  }
  printf ("{\"name\":\"%s\",\"round\":%u,\"phase\":\"replace\",\"mix\":\"%s\""
          ",\"threads\":%u,\"rate\":%.0f,\"ns\":%.2f}\n",
          heap_names[heap], round, mix_names[mix], nr, rate * nr / NR_WORKERS,
          result->cpu_ns / ops);
  fflush (stdout);
}

/* In slices of some hundredths of a second, so that what disturbs one heap
 * disturbs all. */
static void
run_round (unsigned round, enum mix mix)
{
  struct result results[NR_HEAPS][NR_WORKERS] = {0};

  for (unsigned slice = 0; slice < NR_SLICES; slice++)
    for (unsigned i = 0; i < NR_HEAPS; i++) {
      const enum heap heap = slice / 2 % 2 == 0 ? i : NR_HEAPS - 1 - i;

      for (unsigned nr = 1; nr <= NR_WORKERS && nr <= nr_cpus (); nr++)
        measure (&results[heap][nr - 1], round * NR_SLICES + slice, heap, mix,
                 nr);
    }
  for (enum heap heap = 0; heap < NR_HEAPS; heap++)
    for (unsigned nr = 1; nr <= NR_WORKERS && nr <= nr_cpus (); nr++)
      print_result (&results[heap][nr - 1], round, heap, mix, nr);
}

static void
fill_all (enum mix mix)
{
  const uint64_t room = UINT64_C (4) * NR_WORKERS * nr_objects * MEAN;

  if (zs_pool_create (&pool, room, &pool) != 0)
    fail ("zs_pool_create");
  for (enum heap heap = 0; heap < NR_HEAPS; heap++) {
    const struct job next = {
        .fill = true, .heap = heap, .mix = mix, .nr = NR_WORKERS, .seed = 1};

    run_job (&next);
  }
}

static void
free_all (void)
{
  for (enum heap heap = 0; heap < NR_HEAPS; heap++)
    for (uint32_t i = 0; i < NR_WORKERS * nr_objects; i++)
      heap_free (heap, objects[heap][i]);
  zs_pool_destroy (pool);
}

/* Round 0 brings the heaps to a steady state. */
static void
run_mix (enum mix mix, unsigned rounds)
{
  fill_all (mix);
  for (unsigned round = 0; round <= rounds; round++)
    run_round (round, mix);
  free_all ();
}

void
pool_churn (const struct options *options)
{
  const struct job quit = {.quit = true};
  pthread_t threads[NR_WORKERS];

  nr_objects = options->nr_objects;
  nr_ops = options->nr_ops;
  nr_cpus ();
  for (enum heap heap = 0; heap < NR_HEAPS; heap++)
    objects[heap] =
        new_array ((size_t) NR_WORKERS * nr_objects, sizeof *objects[heap]);
  pthread_barrier_init (&begin, NULL, NR_WORKERS + 1);
  pthread_barrier_init (&end, NULL, NR_WORKERS + 1);
  for (uintptr_t i = 0; i < NR_WORKERS; i++)
    if (pthread_create (&threads[i], NULL, worker_main, (void *) i) != 0)
      fail ("pthread_create");
  for (enum mix mix = 0; mix < NR_MIXES; mix++) {
    progress ("replace, %s\n", mix_names[mix]);
    run_mix (mix, options->rounds);
  }
  run_job (&quit);
  for (unsigned i = 0; i < NR_WORKERS; i++)
    pthread_join (threads[i], NULL);
  for (enum heap heap = 0; heap < NR_HEAPS; heap++)
    free (objects[heap]);
}
