/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot lock, in all orders in which threads can get to it.
 *
 * Functions:
 *   device/slotlock.h  slot_lock slot_trylock slot_unlock
 *   device/slotlock.c  wait_for_holder slot_lock_contended
 *   common/futex.h     futex_wait futex_wake_one
 *
 * One slot, and threads that lock it or only try, as compaction does, as often
 * as they like; and a signal that wakes a sleeper for nothing.  Only how many
 * threads there are is bounded.
 *
 *              slot_lock                    slot_unlock, no WAITERS
 *     free ------------------> LOCKED -------------------------------> free
 *      ^                         |  wait_for_holder
 *      |                         v
 *      +------------- LOCKED and WAITERS <--- slot_lock_contended, by one who
 *       slot_unlock,                          has slept, from free
 *       which wakes one
 *
 * Invariants:
 *   - one thread at most holds the slot;
 *   - flags change only at its release: those that slot_lock returned are the
 *     slot's until slot_unlock, and then those that it was given;
 *   - WAITERS stands only beside LOCKED;
 *   - no wake-up is lost: when no more threads come, none stays asleep (no
 *     deadlock).
 * And with CLOSING, which stops threads from coming at some moment or other:
 * under weak fairness everybody gets the slot who wants it ("everybody").  More
 * is not promised: who comes anew may take it before one who was woken, as
 * often as that happens.
 *
 * Memory.  spin interleaves; the code's loads are relaxed.  There is one word,
 * of which all threads see the changes in one order, so the only harm in a
 * relaxed load is that it is late.  With LATE each load gives anything that the
 * word can be, and the code has to live with that: exchanges and the kernel
 * look at the word itself.  (Not with CLOSING: where loads are late for ever,
 * nobody gets the slot.)  What the lock guards is ordered by the acquire of the
 * exchange that takes it and the release of the one that lets it go.  That the
 * kernel compares the word and puts the thread to sleep in one step, as seen by
 * who changes the word and then wakes, is what futex(2) says.
 *
 * Left out: the lock checker; the slot's other words, which only its holder
 * looks at; a weak exchange that fails for nothing, and is only tried again;
 * the order in which the kernel wakes sleepers, which is any here.
 *
 * Mutants, each a mistake that one could make:
 *   1  who has slept takes the slot without WAITERS: others sleep on
 *   2  wait_for_holder sets WAITERS by a store: LOCKED is back without a holder
 *   3  slot_unlock is a load and a store: WAITERS that came between is lost
 *   4  slot_unlock wakes before it clears the word: who is woken sleeps again
 *   5  futex_wait is given the word as it is now, instead of as it was seen
 *   6  slot_lock is a load and a store: two hold the slot
 *   7  who took the slot by trying lets go without waking
 *   8  who has slept does not look at the word again: he never gets the slot
 */
#define LOCKED  1
#define WAITERS 2
#define OTHER   4 /* all other flags */

#ifndef THREADS
#define THREADS 3
#endif

byte word;                /* slot->flags */
bool asleep[THREADS + 1]; /* by _pid: in the kernel, on the word */

/* What the invariants are about. */
byte holders;
byte left;                /* the flags that were last given to slot_unlock */

#ifdef CLOSING
bool closed;
byte ended;               /* threads */
#define OPEN !closed
#define ENDS closed
#else
#define OPEN true
#define ENDS true
#endif

inline change (new)
{
  word = new;
  assert (word & LOCKED || !(word & WAITERS))
}

inline load (value)
{
#ifdef LATE
  if
  :: value = 0
  :: value = OTHER
  :: value = LOCKED
  :: value = LOCKED | OTHER
  :: value = LOCKED | WAITERS
  :: value = LOCKED | WAITERS | OTHER
  fi
#else
  value = word
#endif
}

inline futex_wait (expected)
{
  atomic {
    if
#ifdef MUTANT_5
    :: true -> asleep[_pid] = true
#else
    :: word == expected -> asleep[_pid] = true
    :: word != expected
#endif
    fi;
#ifndef MUTANT_8
    expected = 0
#endif
  };
  !asleep[_pid]
}

inline futex_wake_one ()
{
  atomic {
    if
    :: asleep[1] -> asleep[1] = false
    :: asleep[2] -> asleep[2] = false
    :: asleep[3] -> asleep[3] = false
#if THREADS > 3
    :: asleep[4] -> asleep[4] = false
#endif
    :: else
    fi
  }
}

/* FLAGS are what was last seen, locked. */
inline wait_for_holder ()
{
  if
  :: !(flags & WAITERS) ->
     atomic {
       if
#ifndef MUTANT_2
       :: word != flags -> flags = 0
#endif
       :: else -> flags = flags | WAITERS; change (flags)
       fi
     }
  :: else
  fi;
  if
  :: flags & WAITERS -> futex_wait (flags)
  :: else
  fi
}

inline slot_lock_contended ()
{
  load (flags);
  do
  :: flags & LOCKED ->
     wait_for_holder ();
#ifndef MUTANT_1
     waiters = WAITERS;
#endif
#ifndef MUTANT_8
     load (flags)
#endif
  :: else ->
     atomic {
       if
       :: word == flags -> change (flags | LOCKED | waiters); break
       :: else -> flags = word
       fi
     }
  od
}

/* What slot_lock and slot_trylock begin with: DONE, if that took it. */
inline take_if_free ()
{
  load (flags);
  if
  :: flags & LOCKED
  :: else ->
     atomic {
       if
#ifndef MUTANT_6
       :: word != flags
#endif
       :: else -> change (flags | LOCKED); done = true
       fi
     }
  fi
}

/* The caller has just taken the slot, and will leave other flags in it. */
inline use_slot ()
{
  atomic {
    waiters = 0;
    done = false;
    holders++;
    flags = flags & OTHER;
    assert (holders == 1);
    assert (word & LOCKED);
    assert (flags == left);
    flags = flags ^ OTHER
  }
}

inline let_go ()
{
  assert ((word & OTHER) == left);
  left = flags;
  holders--;
  change (flags);
  flags = 0
}

inline slot_unlock ()
{
#if defined (MUTANT_3)
  old = word;
  atomic { let_go () };
#elif defined (MUTANT_4)
  old = word;
  if
  :: old & WAITERS -> futex_wake_one ()
  :: else
  fi;
  atomic { let_go (); old = 0 };
#else
  atomic { old = word & WAITERS; let_go () };
#endif
  if
  :: old & WAITERS -> atomic { old = 0; futex_wake_one () }
  :: else -> old = 0
  fi
}

proctype thread ()
{
  byte flags, old, waiters;
  bool done;

  do
  :: OPEN -> /* slot_lock */
     take_if_free ();
     if
     :: done
     :: else -> flags = 0; slot_lock_contended ()
     fi;
taken:
     use_slot ();
     slot_unlock ()
  :: OPEN -> /* slot_trylock */
     take_if_free ();
     if
#ifdef MUTANT_7
     :: done -> use_slot (); atomic { let_go () }
#else
     :: done -> goto taken
#endif
     :: else -> flags = 0
     fi
  :: ENDS -> break
  od
#ifdef CLOSING
  ; ended++
#endif
}

init
{
  atomic {
    byte i;

    for (i : 1 .. THREADS) {
      run thread ()
    }
    i = 0
  };
#ifdef CLOSING
  closed = true
#else
  futex_wake_one () /* a signal */
#endif
}

#ifdef CLOSING
ltl everybody { <> (ended == THREADS) }
#endif
