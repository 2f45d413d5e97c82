/* SPDX-License-Identifier: BSD-3-Clause */
/* A slot that was written back, against overwriting, cleaning and reuse of its
 * place.
 *
 * Functions:
 *   writeback/segments.c  do_settle segments_claim segments_live segments_dead
 *   writeback/segments.c  segments_pin segments_unpin worth segments_victim
 *   writeback/seglog.c    let_segment_go settle_unwritten settle_written reap
 *   writeback/seglog.c    open_segment begin_batch seglog_put seglog_flush
 *   device/readback.c     pin_place begin is_unchanged deliver finish
 *   device/readback.c     readback_page
 *   device/postprocess.c  page_take borrow_in_hand page_write_back put_back
 *   device/pageio.c       install page_write change_borrowed page_free
 *   device/pageio.c       change_written_back try_write_part
 *   device/writeback.c    settle_fresh is_named settle_moved move_object
 *   device/writeback.c    clean_segment write_page_back write_group adapt_log
 *   device/selection.c    selection_next
 *   device/slottable.c    slot_borrow slot_borrow_new slot_return
 *
 * Slots in memory at first; segments of two places.  A run of writeback takes
 * pages in hand, puts them into batches, writes, settles, and cleans; somebody
 * writes and frees the slots meanwhile, and somebody reads them, or (CHANGES)
 * changes parts of them.  All but the number of writes is unbounded.
 *
 *     in memory --page_take--> in hand --page_write_back--> written back
 *       ^   ^                     |                          |   |  ^
 *       |   +---------------------+                          |   +--+ cleaned
 *       |     used, or not written                           |
 *       +------------- written, freed, changed --------------+
 *
 *     segment: free --claim--> pinned --unpin--> alive --dead, unpin--> free
 *
 * Invariants:
 *   - a place that is pinned is never given out: a slot with the same word is
 *     the same object;
 *   - what is read of a slot is what it held when the word was compared: never
 *     an older content, never zeros, never EIO for a checksum (a place holds
 *     NOTHING from when it is free until it is written again);
 *   - what a slot is made to name is its present content;
 *   - a part is changed of the content that is there, never of an older one;
 *   - a place that a slot names counts as alive, and no other does, and each
 *     page in hand is put back once (looked at when all have ended).
 *
 * Memory.  What spin takes for granted, all threads see one order, holds here:
 * slots are looked at and changed by who holds the slot lock (slotlock.pml),
 * but that slot_borrow says of a slot which is empty at that moment that it is,
 * as who had it for just as long would; and pins and counts of what is alive
 * under the segments' mutex.  Only worth and best_victim look without it, and
 * segments_victim looks once more with it.  A store has read or written when
 * its completion says so, an acquire and a release.
 *
 * Left out:
 *   - the slot lock and the segments' mutex: what is done under either, or
 *     under the slot lock with segments_pin in it, is one step;
 *   - several batches in flight: one thread settles them, in order, and each
 *     has a pin of its own;
 *   - lengths, checksums and seeds: NOTHING stands for what fails the check;
 *   - where a run begins to clean: here it may at any time with nothing in
 *     flight, not only when no segment is free; and an object that is moved
 *     gets a segment of its own, which is let go at once;
 *   - in which order segments are claimed: here any;
 *   - other runs: run_begin lets one at a time.  recompress.c's put pages back
 *     by the same mark;
 *   - the pool's objects: zspagepin.pml.
 *
 * Mutants, each a mistake that one could make:
 *   1  readers do not pin the place
 *   2  is_unchanged looks whether the slot is written back, not where to
 *   3  the place is pinned when the slot has been let go
 *   4  page_write_back does not look at the mark
 *   5  objects count as alive when they have been settled
 *   6  settle_moved does not look whether the slot names the victim
 *   7  behind a write that failed the log goes on in the segment it let go
 *   8  page_write frees the old place before the slot names another
 *   9  a group names a page again whose batch is not settled
 *  10  change_written_back unpins before it looks at the word again
 *  11  do_settle does not look at pins
 *
 * Not a mutant: that settle_moved compares segments, and that the victim is
 * pinned.  Both can be left out as long as only the run itself claims segments
 * and writes back.
 */
#ifndef SLOTS
#define SLOTS    1
#endif
#define SEGMENTS 3
#define PLACES   6 /* two to a segment */
#define SPARE    1
#define NONE     PLACES
#define EMPTY    0 /* what a slot that was freed holds */
#define NOTHING  0 /* what a place holds that was not written since its claim */

#ifndef WRITES
#define WRITES   2
#endif
#ifndef READ
#define READ     1 /* so many slots are read, and changed in part */
#endif

#define SEGMENT(p) ((p) / 2)

/* Slots: is it written back, and where to; has the run it in hand; and what is
 * to be read there. */
bool wb[SLOTS];
byte word[SLOTS] = NONE;
bool in_hand[SLOTS];
byte content[SLOTS];

/* Segments, and what is in their places: contents, in the store. */
bool used[SEGMENTS];
byte live[SEGMENTS];
byte pins[SEGMENTS];
byte at[PLACES];

byte last;                      /* of the contents that were made */
byte maker[SLOTS + WRITES + 1]; /* whose slot each is for, as headers say */

inline choose (s)
{
  if
  :: s = 0
  :: SLOTS > 1 -> s = 1
  fi
}

inline choose_to_read (s)
{
  if
  :: s = 0
#if READ > 1
  :: s = 1
#endif
  fi
}

#ifdef MUTANT_11
#define IN_USE(g) (live[g] > 0)
#else
#define IN_USE(g) (live[g] > 0 || pins[g] > 0)
#endif

/* What is free holds nothing that anybody may count on. */
inline do_settle (g)
{
  used[g] = IN_USE (g);
  at[2 * g] = (IN_USE (g) -> at[2 * g] : NOTHING);
  at[2 * g + 1] = (IN_USE (g) -> at[2 * g + 1] : NOTHING)
}

inline segments_dead (p)
{
  atomic {
    assert (live[SEGMENT (p)] > 0);
    live[SEGMENT (p)]--;
    do_settle (SEGMENT (p))
  }
}

inline segments_unpin (p)
{
  atomic {
    assert (pins[SEGMENT (p)] > 0);
    pins[SEGMENT (p)]--;
    do_settle (SEGMENT (p))
  }
}

#define FREE (!used[0] + !used[1] + !used[2])

/* The first place of a free segment, of which as many as SPARES stay. */
inline segments_claim (p, spares)
{
  atomic {
    if
    :: FREE <= spares -> p = NONE
    :: FREE > spares && !used[0] -> p = 0
    :: FREE > spares && !used[1] -> p = 2
    :: FREE > spares && !used[2] -> p = 4
    fi;
    if
    :: p != NONE ->
       assert (live[SEGMENT (p)] == 0 && pins[SEGMENT (p)] == 0);
       used[SEGMENT (p)] = true;
       pins[SEGMENT (p)] = 1
    :: else
    fi
  }
}

#ifdef MUTANT_1
#define PIN skip
#define UNPIN skip
#else
#define PIN pins[SEGMENT (p)]++
#define UNPIN segments_unpin (p)
#endif

#ifdef MUTANT_2
#define SAME(s, p) wb[s]
#else
#define SAME(s, p) (wb[s] && word[s] == p)
#endif

/* Pin the place P of slot S, which holds WAS then; NONE: it is in memory, and
 * is used there. */
inline pin_place ()
{
  atomic {
    if
    :: wb[s] ->
       p = word[s];
       was = content[s];
#ifndef MUTANT_3
       PIN
#endif
    :: else -> in_hand[s] = false
    fi
  };
#ifdef MUTANT_3
  if
  :: p != NONE -> PIN
  :: else
  fi
#endif
}

proctype reader ()
{
  byte s, p = NONE, was, got;

  do
  :: choose_to_read (s);
again:
     pin_place ();
     if
     :: p != NONE ->
        got = at[p];
        atomic { /* is_unchanged */
          if
          :: SAME (s, p) -> was = content[s]
          :: else -> was = EMPTY
          fi
        };
        if
        :: was != EMPTY -> assert (got == was) /* restore */
        :: else
        fi;
        UNPIN;
        if
        :: was == EMPTY -> p = NONE; got = 0; goto again
        :: else
        fi
     :: else
     fi;
     atomic { s = 0; p = NONE; was = 0; got = 0 }
  :: break
  od
}

/* The slot is changed; OLD is what it named in the store, for the caller to
 * free. */
inline install (what)
{
  old = (wb[s] -> word[s] : NONE);
  wb[s] = false;
  word[s] = NONE;
  in_hand[s] = false;
  content[s] = what
}

inline content_free ()
{
  if
  :: old != NONE -> segments_dead (old)
  :: else
  fi;
  old = NONE
}

/* A new content for slot S. */
inline make ()
{
  last++;
  what = last;
  maker[what] = s
}

proctype writer ()
{
  byte s, old = NONE, what;

  do
  :: choose (s);
     if
     :: atomic { last < SLOTS + WRITES -> make () }
     :: what = EMPTY /* page_free */
     fi;
#ifdef MUTANT_8
     atomic { old = (wb[s] -> word[s] : NONE) };
     content_free ();
     atomic { install (what); old = NONE };
#else
     atomic { install (what) };
     content_free ();
#endif
     atomic { s = 0; what = 0 }
  :: break
  od
}

/* Who changes a part. */
proctype changer ()
{
  byte s, p = NONE, old = NONE, was, got, what;

  do
  :: atomic { last < SLOTS + WRITES -> choose_to_read (s); make () };
again:
     pin_place ();
     if
     :: p != NONE -> /* change_written_back */
        got = at[p];
        assert (got == was); /* readback_page */
#ifdef MUTANT_10
        UNPIN;
#endif
        atomic {
          if
          :: SAME (s, p) -> assert (got == content[s]); install (what)
          :: else -> was = EMPTY
          fi
        };
        content_free ();
#ifndef MUTANT_10
        UNPIN;
#endif
        p = NONE;
        if
        :: was == EMPTY -> got = 0; goto again
        :: else
        fi
     :: else -> /* change_borrowed, unless it has left again */
        atomic {
          if
          :: !wb[s] -> install (what)
          :: else -> goto again
          fi
        }
     fi;
     atomic { s = 0; what = 0; p = NONE; was = 0; got = 0 }
  :: break
  od
}

inline page_let_be (s)
{
  in_hand[s] = false
}

inline page_write_back (s, p)
{
  atomic {
    if
#ifdef MUTANT_4
    :: !wb[s] ->
#else
    :: in_hand[s] ->
#endif
       in_hand[s] = false;
       wb[s] = true;
       word[s] = p;
       assert (at[p] == content[s]);
       wanted = true
    :: else -> wanted = false
    fi
  }
}

inline settle_written (i)
{
  page_write_back (maker[b_what[i]], b_at + i);
  if
  :: !wanted -> segments_dead (b_at + i)
  :: else
  fi
}

inline let_segment_go ()
{
  segments_unpin (f_seg);
  atomic { f_seg = NONE; f_fill = 0 }
}

inline seglog_flush ()
{
  if
  :: b_n > 0 ->
     at[b_at] = b_what[0];
     if
     :: b_n > 1 -> at[b_at + 1] = b_what[1]
     :: else
     fi;
     if
     :: /* written */
#ifndef MUTANT_5
        live[SEGMENT (b_at)] = live[SEGMENT (b_at)] + b_n;
#endif
        settle_written (0);
        if
        :: b_n > 1 -> settle_written (1)
        :: else
        fi;
#ifdef MUTANT_5
        live[SEGMENT (b_at)] = live[SEGMENT (b_at)] + b_n;
#endif
     :: /* failed */
        page_let_be (maker[b_what[0]]);
        if
        :: b_n > 1 -> page_let_be (maker[b_what[1]])
        :: else
        fi;
#ifdef MUTANT_7
        segments_unpin (f_seg);
#else
        let_segment_go ();
#endif
     fi;
     segments_unpin (b_at);
     atomic {
       b_n = 0;
       b_at = NONE;
       b_what[0] = 0;
       b_what[1] = 0;
       wanted = false
     }
  :: else
  fi
}

inline seglog_put ()
{
  if
  :: b_n == 0 -> atomic { b_at = f_seg + f_fill; pins[SEGMENT (b_at)]++ }
  :: else
  fi;
  atomic {
    b_what[b_n] = object;
    b_n++;
    f_fill++
  }
}

/* Have a segment where the next object goes; NONE: there is none. */
inline open_segment ()
{
  if
  :: f_fill == 2 -> let_segment_go ()
  :: else
  fi;
  if
  :: f_seg == NONE -> segments_claim (f_seg, SPARE)
  :: else
  fi
}

#define PIN_VICTIM(g) victim = 2 * (g); pins[g]++
#define IS_VICTIM(g) (live[g] == 1 && pins[g] == 0)

inline segments_victim ()
{
  atomic {
    if
    :: IS_VICTIM (0) -> PIN_VICTIM (0)
    :: IS_VICTIM (1) -> PIN_VICTIM (1)
    :: IS_VICTIM (2) -> PIN_VICTIM (2)
    :: else -> victim = NONE
    fi
  }
}

inline settle_moved ()
{
  atomic {
    if
#ifdef MUTANT_6
    :: content[s] != EMPTY ->
#else
    :: wb[s] && SEGMENT (word[s]) == SEGMENT (victim) ->
#endif
       p = word[s];
       word[s] = m_at;
       assert (at[m_at] == content[s])
    :: else -> p = m_at
    fi
  };
  segments_dead (p)
}

/* The object at WHERE of the victim, if a slot names it. */
inline move_object (where)
{
  if
  :: atomic { what != NOTHING && wb[s] && word[s] == where -> skip };
     segments_claim (m_at, 0);
     if
     :: m_at != NONE ->
        at[m_at] = what;
        if
        :: /* written */
           live[SEGMENT (m_at)]++;
           settle_moved ()
        :: skip /* failed */
        fi;
        segments_unpin (m_at)
     :: else
     fi
  :: else
  fi
}

inline clean_segment ()
{
  segments_victim ();
  if
  :: victim != NONE ->
     atomic { v_what[0] = at[victim]; v_what[1] = at[victim + 1] };
     do
     :: i < 2 ->
        atomic { what = v_what[i]; s = maker[what] };
        move_object (victim + i);
        atomic { s = 0; what = 0; p = NONE; m_at = NONE; v_what[i] = 0; i++ }
     :: else -> break
     od;
     segments_unpin (victim);
     atomic { victim = NONE; i = 0 }
  :: else
  fi
}

/* Put the page in hand into the log, or let it be: there is no room. */
inline put ()
{
  open_segment ();
  if
  :: f_seg != NONE -> seglog_put ()
  :: else -> page_let_be (hand)
  fi;
  atomic { object = EMPTY; hand++ }
}

/* Take page HAND, if it is a candidate. */
inline page_take ()
{
  atomic {
    if
    :: content[hand] != EMPTY && !wb[hand] ->
       in_hand[hand] = true;
       object = content[hand]
    :: true -> hand++
    fi
  }
}

/* Has what comes next room in the batch, or in a new one? */
#define GOES_ON (b_n == 0 || f_fill < 2)

#define BETWEEN (hand == 0 && object == EMPTY && b_n == 0)

proctype run_of_writeback ()
{
  byte hand;                     /* the next page of the group */
  byte object = EMPTY;           /* its content, when it is in hand */
  byte f_seg = NONE, f_fill;     /* the log that is filled from memory */
  byte b_at = NONE, b_n;         /* its batch */
  byte b_what[2];
  byte victim = NONE, i;         /* what it cleans */
  byte v_what[2];
  byte m_at = NONE;              /* where that goes */
  byte s, p = NONE, what;
  bool wanted;

  do
  :: hand < SLOTS && object == EMPTY -> page_take ()
  :: hand < SLOTS && object != EMPTY && GOES_ON -> put ()
  :: hand == SLOTS || !GOES_ON ->
     seglog_flush ();
     hand = (hand == SLOTS -> 0 : hand)
#ifdef MUTANT_9
  :: hand == SLOTS && b_n < 2 -> hand = 0
#endif
  :: BETWEEN -> clean_segment ()
  :: BETWEEN && f_seg != NONE -> let_segment_go () /* adapt_log */
  :: BETWEEN && f_seg == NONE -> break
  od
}

init
{
  byte i, names, lives;

  atomic {
    for (i : 0 .. SLOTS - 1) {
      last++;
      content[i] = last;
      maker[last] = i
    }
#ifdef CHANGES
    run changer ();
#else
    run reader ();
#endif
    run writer ();
    run run_of_writeback ();
    i = 0
  };
  _nr_pr == 1;
  d_step {
    for (i : 0 .. SLOTS - 1) {
      if
      :: wb[i] -> names++; assert (at[word[i]] == content[i])
      :: else
      fi;
      assert (!in_hand[i])
    }
    for (i : 0 .. SEGMENTS - 1) {
      lives = lives + live[i];
      assert (pins[i] == 0 && used[i] == (live[i] > 0))
    }
    assert (names == lives)
  }
}
