/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock order, and its checker.
 *
 * This is the one place where the order stands.  A thread that holds a lock of
 * one class may only take locks of classes further down:
 *
 *   device   shared by every open export; reset and disksize take it alone
 *   run      who has pages in hand (postprocess.h); the holder may sleep
 *   slot     one bit in the slot's flag word; the holder may sleep
 *   stream   one compression or decompression context; the holder may sleep
 *   grow     the pool's next zspage; the holder may sleep
 *   compact  the zspage that is being emptied; the holder may sleep
 *   shard    the pool's bins; held for a few us, never slept under
 *   zspage   a reader's pin on an object; the holder may sleep
 *   segments which segments of the backing store are free; held for a few
 *            instructions
 *
 * No thread holds two locks of one class of one device.  Each device is a
 * domain of its own: what a thread holds of one device says nothing about
 * another's.  Only a trylock is exempt from the order, because it cannot wait.
 *
 * A build with --enable-debug checks this at every lock, by class, whether or
 * not the locks ever collide; a violation prints one line and aborts.  Where
 * the environment has ZRAM_LOCK_TIMES it prints at its end, for each class, the
 * longest time from asking for one to letting it go.  Any other build compiles
 * the calls to nothing.
 */
#ifndef ZRAM_LOCKDEP_H
#define ZRAM_LOCKDEP_H

enum lock_class {
  LOCK_DEVICE,
  LOCK_RUN,
  LOCK_SLOT,
  LOCK_STREAM,
  LOCK_GROW,
  LOCK_COMPACT,
  LOCK_SHARD,
  LOCK_ZSPAGE,
  LOCK_SEGMENTS,
  LOCK_CLASSES
};

#if ZRAM_DEBUG

/* This thread is about to wait for a lock of class CLASS in DOMAIN (the
 * device; any pointer that names it).  Aborts if it holds one of that class or
 * of one further down in that domain. */
extern void lockdep_acquire (const void *domain, enum lock_class class);

/* The same for a trylock that has succeeded: held from now on, not checked. */
extern void lockdep_acquired_try (const void *domain, enum lock_class class);

/* This thread lets go of a lock.  Aborts if it did not hold one. */
extern void lockdep_release (const void *domain, enum lock_class class);

/* This thread may sleep here: aborts if it holds a shard lock of any device. */
extern void lockdep_may_sleep (void);

/* Aborts unless this thread holds a lock of that class in that domain. */
extern void lockdep_assert_held (const void *domain, enum lock_class class);

#else

static inline void
lockdep_acquire (const void *domain, enum lock_class class)
{
  (void) domain;
  (void) class;
}

static inline void
lockdep_acquired_try (const void *domain, enum lock_class class)
{
  (void) domain;
  (void) class;
}

static inline void
lockdep_release (const void *domain, enum lock_class class)
{
  (void) domain;
  (void) class;
}

static inline void
lockdep_may_sleep (void)
{
}

static inline void
lockdep_assert_held (const void *domain, enum lock_class class)
{
  (void) domain;
  (void) class;
}

#endif

#endif /* ZRAM_LOCKDEP_H */
