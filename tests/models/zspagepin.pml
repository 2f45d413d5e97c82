/* SPDX-License-Identifier: BSD-3-Clause */
/* The pin of an object, against compaction.
 *
 * Functions:
 *   allocator/zspool.h     zspage_pin zspage_unpin
 *   allocator/zsfree.c     do_free zs_free_emptying zs_free zs_free_later
 *   allocator/zsfree.c     free_of_one_shard zs_free_all
 *   allocator/zsmalloc.c   malloc_growing zs_malloc zs_obj_owner
 *   allocator/zsmalloc.c   zs_obj_read_begin zs_obj_read_end zs_obj_write
 *   allocator/zsblocks.c   set_prev_free zs_do_block_malloc zs_do_block_free
 *   allocator/zsblocks.c   zs_do_block_withdraw zs_do_block_rejoin
 *   allocator/zscompact.c  do_next_block move move_all withdraw finish
 *   allocator/zscompact.c  compact_zspage zs_obj_copy
 *   device/pageio.c        install do_read_object page_write change_borrowed
 *   device/pageio.c        page_free page_relocate
 *   device/postprocess.c   page_take
 *
 * Two slots, in a pool of two zspages with two places each, one of which is
 * taken by an object that is in no slot yet: so there is one hole, and none
 * when something moves.  Compaction empties zspages, somebody writes and frees
 * the slots, and somebody reads them: as device/ does, which holds the slot
 * until it has read, and as zsmalloc.h allows, letting go of it, while
 * something else ("kept") keeps the object from being freed.  All but the
 * number of writes is unbounded.
 *
 *     object: hole --zs_malloc--> in no slot --install--> named --> hole
 *                                                          |  ^
 *                                                read begin|  |read end
 *                                                          v  |
 *                                                         pinned
 *
 *     zspage: unused --> used --withdraw--> leaving --finish--> used, or unused
 *
 * Invariants:
 *   - a pin stops moving: what is pinned is never freed, by who moves it or by
 *     anybody, and a reader gets all of what the slot named when he began;
 *   - nothing is given out in a zspage that is leaving, so an object that is
 *     moved is the one that was meant: it fits where it is copied to;
 *   - a zspage is given back when nothing in it lives, and no sooner;
 *   - at the end each slot names a living object of its own, with its present
 *     content, and nothing else lives: nothing lost, nothing leaked;
 *   - compaction waits for no owner and no reader: who has a slot and waits for
 *     compaction is not waited for (no deadlock).
 *
 * Memory.  Words that only the holder of a slot or of a shard looks at are
 * ordered by these locks.  That leaves the tag, where the pins are.  zspage_pin
 * is an acquire, but needs none: the slot is held, and compaction looks at the
 * pins with the slot held.  zspage_unpin is a release and zs_obj_copy's load an
 * acquire, so that who sees no pin comes after what was read.  Without the
 * release, reads could come after the unpin: that is mutant 6.  set_prev_free
 * changes the tag, relaxed, but in one step: mutant 7 is that in two; and it
 * does not break the chain from an unpin to the load, as it reads and writes.
 *
 * Left out:
 *   - the slot lock, which is a bit here (slotlock.pml); and what is done under
 *     a shard lock is one step;
 *   - best fit and lengths, but for one or two words: any hole may be taken;
 *   - the limit, and the grow lock: who finds no room waits until compaction is
 *     done, as malloc_growing does, and there is room then;
 *   - a run that is stopped: to others it is one whose next object stays;
 *   - raw pages: the same steps, with the tags beside.
 *
 * Mutants, each a mistake that one could make:
 *   1  zs_obj_copy does not look at the pins
 *   2  a reader pins when he has let go of the slot
 *   3  page_relocate does not look whether the slot still names the object
 *   4  objects are given out in a zspage that is leaving
 *   5  page_relocate lets go of the slot before the copy is complete
 *   6  a reader unpins before he has read all
 *   7  set_prev_free is a load and a store: a pin that came between is lost
 *   8  page_relocate waits for the slot
 *   9  finish gives a zspage back without looking whether something stayed
 */
#define SLOTS   2
#define ZSPAGES 2
#define PLACES  4 /* two to a zspage */
#define NONE    PLACES
#define GONE    0 /* what is free holds, and what is given back */

#ifndef WRITES
#define WRITES  2
#endif
#ifndef READERS
#define READERS 1
#endif

/* Slots: the lock, the handle, and what is to be read there. */
bool held[SLOTS];
byte word[SLOTS] = NONE;
byte content[SLOTS];
byte kept[SLOTS]; /* readers that have let go of the lock */

/* Zspages, and the places in them: each has room for two words. */
bool used[ZSPAGES];
bool leaving[ZSPAGES];
bool live[PLACES];
byte pins[PLACES];
byte owner[PLACES];
byte room[PLACES];
byte first[PLACES];
byte second[PLACES];

byte last; /* of the contents that were made */

#define ZSPAGE(p) ((p) / 2)
#define NEXT(p)   ((p) + 1)
#define HAS_NEXT(p) ((p) % 2 == 0)

#define LIVES(z) (live[2 * (z)] || live[2 * (z) + 1])

#ifdef MUTANT_4
#define GIVES(z) used[z]
#else
#define GIVES(z) (used[z] && !leaving[z])
#endif

#define IN_PLACE(p) (GIVES (ZSPAGE (p)) && !live[p])
#define ROOM_IN_PLACE (IN_PLACE (0) || IN_PLACE (1) || IN_PLACE (2))
#define CAN_GROW !used[0]

/* For who will free what the slot holds now: nobody else keeps it. */
#define FREE_TO_CHANGE(s) (!held[s] && kept[s] == 0)

inline give_out (p, s, n)
{
  assert (!live[p] && pins[p] == 0);
  live[p] = true;
  owner[p] = s;
  room[p] = n;
  used[ZSPAGE (p)] = true
}

/* Room for N words: any hole, or else one zspage more. */
inline malloc_now (p, s, n)
{
  if
  :: IN_PLACE (0) -> p = 0
  :: IN_PLACE (1) -> p = 1
  :: IN_PLACE (2) -> p = 2
  :: !ROOM_IN_PLACE && !used[0] -> p = 0
  fi;
  give_out (p, s, n)
}

/* The same, for who waits for compaction where there is none. */
inline zs_malloc (p, s, n)
{
  atomic { ROOM_IN_PLACE || CAN_GROW -> malloc_now (p, s, n) }
}

inline set_prev_free (p)
{
#ifdef MUTANT_7
  if
  :: HAS_NEXT (p) && live[NEXT (p)] ->
     tag = pins[NEXT (p)];
     pins[NEXT (p)] = tag
  :: else
  fi;
  tag = 0
#else
  skip
#endif
}

inline zs_free (p)
{
  if
  :: p != NONE ->
     set_prev_free (p);
     atomic {
       assert (live[p]);
       assert (pins[p] == 0);
       live[p] = false;
       owner[p] = 0;
       room[p] = 0;
       first[p] = GONE;
       second[p] = GONE;
       used[ZSPAGE (p)] = leaving[ZSPAGE (p)] || LIVES (ZSPAGE (p));
       p = NONE
     }
  :: else
  fi
}

inline zs_obj_read_begin (p)
{
  atomic { assert (live[p]); pins[p]++ }
}

inline zs_obj_read_end (p)
{
  atomic { assert (pins[p] > 0); pins[p]-- }
}

inline read (p, what)
{
  atomic { assert (used[ZSPAGE (p)]); assert (first[p] == what) };
#ifdef MUTANT_6
  zs_obj_read_end (p);
#endif
  atomic { assert (used[ZSPAGE (p)]); assert (second[p] == what) }
#ifndef MUTANT_6
  ; zs_obj_read_end (p)
#endif
}

inline choose (s)
{
  if
  :: s = 0
  :: s = 1
  fi
}

proctype reader ()
{
  byte s, p = NONE, what;

  do
  :: choose (s);
     atomic { !held[s] -> held[s] = true; p = word[s]; what = content[s] };
     if
     :: p == NONE -> held[s] = false
     :: p != NONE -> /* as do_read_object and page_take do */
        zs_obj_read_begin (p);
        read (p, what);
        held[s] = false
     :: p != NONE -> /* as zsmalloc.h allows */
#ifdef MUTANT_2
        atomic { kept[s]++; held[s] = false };
        zs_obj_read_begin (p);
#else
        zs_obj_read_begin (p);
        atomic { kept[s]++; held[s] = false };
#endif
        read (p, what);
        kept[s]--
     fi;
     atomic { s = 0; p = NONE; what = 0 }
  :: break
  od
}

/* The caller has held the slot, and lets go of it. */
inline install (s, new, what)
{
  old = word[s];
  word[s] = new;
  content[s] = what;
  held[s] = false;
  new = NONE
}

inline zs_obj_write (p, what)
{
  d_step { first[p] = what; second[p] = what }
}

proctype writer ()
{
  byte s, new = NONE, old = NONE, what;
#ifdef MUTANT_7
  byte tag;
#endif

  do
  :: atomic { last < SLOTS + WRITES -> last++; what = last; choose (s) };
     if
     :: /* page_write */
        zs_malloc (new, s, 1 + what % 2);
        zs_obj_write (new, what);
        atomic { FREE_TO_CHANGE (s) -> install (s, new, what) }
     :: /* page_write_part */
        atomic { FREE_TO_CHANGE (s) -> held[s] = true };
        zs_malloc (new, s, 1 + what % 2);
        zs_obj_write (new, what);
        atomic { install (s, new, what) }
     fi;
     zs_free (old);
     atomic { s = 0; what = 0 }
  :: break
  od
}

/* What page_free has taken out of its slot waits for zs_free_all, and meanwhile
 * the slot may be written. */
proctype trim ()
{
  byte s, new = NONE, old = NONE;
#ifdef MUTANT_7
  byte tag;
#endif

  do
  :: choose (s);
     atomic { FREE_TO_CHANGE (s) -> install (s, new, GONE) };
     zs_free (old);
     s = 0
  :: break
  od
}

/* It STAYS, or else it is moved and FROM is to be freed. */
inline page_relocate ()
{
  atomic {
#ifdef MUTANT_8
    !held[s] -> held[s] = true;
#else
    if
    :: !held[s] -> held[s] = true
    :: else -> stays = true
    fi;
#endif
#ifndef MUTANT_3
    if
    :: !stays && word[s] != from -> held[s] = false; stays = true
    :: else
    fi
#endif
  };
  if
  :: !stays -> zs_obj_copy ()
  :: else
  fi
}

inline zs_obj_copy ()
{
  if
#ifndef MUTANT_1
  :: pins[from] > 0 -> atomic { held[s] = false; stays = true }
#endif
  :: else ->
     assert (room[from] <= room[to]);
#ifdef MUTANT_5
     atomic { word[s] = to; held[s] = false };
#endif
     first[to] = first[from];
     second[to] = second[from];
#ifndef MUTANT_5
     atomic { word[s] = to; held[s] = false }
#endif
  fi
}

inline move ()
{
  atomic {
    if
    :: ROOM_IN_PLACE || CAN_GROW -> malloc_now (to, s, n)
    :: else -> stays = true
    fi
  };
  if
  :: !stays -> page_relocate ()
  :: else
  fi;
  if
  :: stays -> zs_free (to)
  :: else -> zs_free (from)
  fi
}

/* The next object of zspage Z, if it lives. */
inline next ()
{
  from = 2 * z + i;
  i++;
  if
  :: live[from] -> s = owner[from]; n = room[from]
  :: else -> from = NONE
  fi
}

inline finish ()
{
  leaving[z] = false;
#ifdef MUTANT_9
  used[z] = false
#else
  used[z] = LIVES (z)
#endif
}

proctype compaction ()
{
  byte z, i, from = NONE, to = NONE, s, n;
  bool stays;
#ifdef MUTANT_7
  byte tag;
#endif

  do
  :: if
     :: z = 0
     :: z = 1
     fi;
     if
     :: atomic { used[z] -> leaving[z] = true };
        do
        :: i < 2 && !stays ->
           atomic { next () };
           if
           :: from != NONE -> move ()
           :: else
           fi;
           atomic { from = NONE; to = NONE; s = 0; n = 0 }
        :: else -> break
        od;
        atomic { finish () }
     :: else
     fi;
     atomic { z = 0; i = 0; stays = false }
  :: break
  od
}

init
{
  byte i, names, lives;

  atomic {
    for (i : 0 .. SLOTS - 1) {
      give_out (i, i, 1);
      word[i] = i;
      last++;
      first[i] = last;
      second[i] = last;
      content[i] = last
    }
    give_out (3, 0, 1); /* to somebody who has not put it into a slot yet */
    for (i : 1 .. READERS) {
      run reader ()
    }
    run writer ();
    run trim ();
    run compaction ();
    i = 0
  };
  _nr_pr == 1;
  d_step {
    for (i : 0 .. SLOTS - 1) {
      if
      :: word[i] != NONE ->
         names++;
         assert (live[word[i]] && owner[word[i]] == i);
         assert (first[word[i]] == content[i])
      :: else -> assert (content[i] == GONE)
      fi;
      assert (!held[i] && kept[i] == 0)
    }
    for (i : 0 .. PLACES - 1) {
      lives = lives + live[i];
      assert (pins[i] == 0)
    }
    assert (names + 1 == lives)
  }
}
