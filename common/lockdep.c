/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "lockdep.h"

#if ZRAM_DEBUG

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "compiler.h"

/* More than the order's depth, because trylocks are exempt from it and a
 * thread may hold locks of several devices. */
#define MAX_HELD 16

struct held {
  const void *domain;
  enum lock_class class;
  uint32_t since; /* microseconds of a clock that wraps */
};

/* What this thread holds, oldest first. */
static __thread ZRAM_FROM_BIRTH struct held held[MAX_HELD];
static __thread ZRAM_FROM_BIRTH unsigned nr_held;

static const char *const class_names[LOCK_CLASSES] = {
    [LOCK_DEVICE] = "device",     [LOCK_RUN] = "run",
    [LOCK_SLOT] = "slot",         [LOCK_STREAM] = "stream",
    [LOCK_GROW] = "grow",         [LOCK_COMPACT] = "compact",
    [LOCK_SHARD] = "shard",       [LOCK_ZSPAGE] = "zspage",
    [LOCK_SEGMENTS] = "segments",
};

/* The longest that one was asked for and held, by class; microseconds.  Noted
 * only where the environment has ZRAM_LOCK_TIMES, and printed at the end. */
static _Atomic uint32_t longest[LOCK_CLASSES];
static bool timing;

static uint32_t
clock_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint32_t) ((uint64_t) now.tv_sec * 1000000 +
                     (uint64_t) now.tv_nsec / 1000);
}

__attribute__ ((constructor)) static void
choose_timing (void)
{
  timing = getenv ("ZRAM_LOCK_TIMES") != NULL;
}

__attribute__ ((destructor)) static void
print_times (void)
{
  if (!timing)
    return;
  for (unsigned i = 0; i < LOCK_CLASSES; i++)
    fprintf (stderr, "lockdep: %s: at most %" PRIu32 " us\n", class_names[i],
             longest[i]);
}

static void
note_time (const struct held *released)
{
  const uint32_t us = clock_us () - released->since;
  uint32_t most = longest[released->class];

  while (us > most &&
         !atomic_compare_exchange_weak (&longest[released->class], &most, us))
    ;
}

/* In one line, so that it is not lost among others. */
static ZRAM_NOINLINE void
violation (const char *what, enum lock_class class, const char *why)
{
  char line[512];
  int n = snprintf (line, sizeof line, "lockdep: %s a %s lock%s; held:", what,
                    class_names[class], why);

  for (unsigned i = 0; i < nr_held && n < (int) sizeof line; i++)
    n += snprintf (line + n, sizeof line - (size_t) n, " %s of %p",
                   class_names[held[i].class], held[i].domain);
  fprintf (stderr, "%s\n", line);
  abort ();
}

static void
push (const void *domain, enum lock_class class)
{
  if (nr_held == MAX_HELD)
    violation ("taking", class, " as one too many: locks are leaking");
  held[nr_held++] =
      (struct held){domain, class, unlikely (timing) ? clock_us () : 0};
}

void
lockdep_acquire (const void *domain, enum lock_class class)
{
  for (unsigned i = 0; i < nr_held; i++)
    if (held[i].domain == domain && held[i].class >= class)
      violation ("taking", class, " against the lock order");
  push (domain, class);
}

void
lockdep_acquired_try (const void *domain, enum lock_class class)
{
  push (domain, class);
}

void
lockdep_release (const void *domain, enum lock_class class)
{
  for (unsigned i = nr_held; i-- > 0;)
    if (held[i].domain == domain && held[i].class == class) {
      if (unlikely (timing))
        note_time (&held[i]);
      nr_held--;
      for (; i < nr_held; i++)
        held[i] = held[i + 1];
      return;
    }
  violation ("releasing", class, " that this thread does not hold");
}

void
lockdep_may_sleep (void)
{
  for (unsigned i = 0; i < nr_held; i++)
    if (held[i].class == LOCK_SHARD)
      violation ("sleeping under", LOCK_SHARD, "");
}

void
lockdep_assert_held (const void *domain, enum lock_class class)
{
  for (unsigned i = 0; i < nr_held; i++)
    if (held[i].domain == domain && held[i].class == class)
      return;
  violation ("working without", class, " that must be held here");
}

#else

/* ISO C wants something in every translation unit. */
extern int lockdep_is_compiled_out;

#endif
