/* SPDX-License-Identifier: BSD-3-Clause */
/* A page's life.
 *
 * Problem.  A page must be old or new, whoever looks and whatever fails; and
 * compressing takes a hundred times longer than anything else here.
 *
 * Idea.  What a slot will hold is made first, with nothing locked, and then
 * put in its place under the slot lock in a few instructions; the old content
 * is freed when the lock has been dropped:
 *
 *   write   same-filled? --yes--> the word is the content
 *              | no
 *           compress into a buffer of this thread, stream held
 *              | longer than pays: the page as it is
 *           allocate once, copy in
 *              |
 *           [lock slot: swap old for new] -> free old
 *
 *           The slot, and what freeing looks at, are fetched meanwhile.
 *
 *   read    [lock slot: fill, copy, or decompress into the caller's buffer]
 *
 *   part    [lock slot: read, change, make and swap as a write does]
 *
 * Only the write of part of a page compresses under the lock: it must keep
 * others from writing the rest in between.  If the page was written back, it is
 * fetched first, with nothing locked, and must still be the same one then.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "pageio.h"
#include "readback.h"
#include "samefill.h"
#include "slottable.h"
#include "writeback.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* What a slot holds, or will: its word and flags. */
struct content {
  uint64_t word;
  uint32_t flags;
};

/* The page is about to be freed, or may be: begin to fetch what that will look
 * at.  Locks nothing. */
static void
page_prefetch_free (const struct zram *zram, uint64_t index)
{
  uint64_t word;
  uint32_t flags;

  if (slot_peek (zram->table, index, &word, &flags) && slot_in_pool (flags))
    zs_prefetch_free (zram->pool, word, slot_size (flags));
}

/* Store LEN bytes of SRC in the pool.  -EAGAIN, unless the caller, who then
 * holds no slot, MAY WAIT for the reserve: nothing is compressed twice because
 * there was no room at once. */
static int
content_store (struct zram *zram, uint64_t index, const void *src, size_t len,
               uint32_t flags, bool may_wait, struct content *content)
{
  struct patience patience = {0};
  int r;

  page_prefetch_free (zram, index);
  do
    r = zs_malloc (zram->pool, len, index, &content->word);
  while (may_wait && reserve_again (&zram->reserve, &patience, &r));
  if (r < 0)
    return r;
  zs_obj_write (zram->pool, content->word, src, len);
  content->flags = flags | (uint32_t) len;
  return 0;
}

/* What the slot will hold for the page at SRC. */
static int
content_make (struct zram *zram, uint64_t index, const void *src, bool may_wait,
              struct content *content)
{
  char buffer[ZRAM_PAGE_SIZE];
  size_t len;
  int r;

  if (page_is_same_filled (src, &content->word)) {
    content->flags = SLOT_SAME;
    return 0;
  }

  struct zcomp_stream *const stream =
      zcomp_stream_get (zram->comps[0], ZCOMP_COMPRESS);
  r = zcomp_compress (stream, src, buffer, zs_huge_size () - 1, &len);
  zcomp_stream_put (stream);

  if (r == -ENOSPC)
    return content_store (zram, index, src, ZRAM_PAGE_SIZE, SLOT_HUGE, may_wait,
                          content);
  if (r < 0)
    return r;
  return content_store (zram, index, buffer, len, 0, may_wait, content);
}

static void
content_free (struct zram *zram, const struct content *content)
{
  if (slot_in_pool (content->flags))
    zs_free (zram->pool, content->word);
  else if (unlikely (content->flags & SLOT_WB))
    writeback_free (zram->writeback, content->word);
}

/* Put NEW into the borrowed slot and give the slot back; OLD is then the
 * caller's to free.  An empty slot is all zeros. */
static inline void
install (struct zram *zram, uint64_t index, struct slot *slot,
         const struct content *new, struct content *old)
{
  old->word = atomic_load_explicit (&slot->word, memory_order_relaxed);
  atomic_store_explicit (&slot->word, new->word, memory_order_relaxed);
  if (slot_allocated (new->flags))
    slot_access (slot, new->flags);
  else
    atomic_store_explicit (&slot->accessed, 0, memory_order_relaxed);
  slot_return (zram->table, index, slot, new->flags);
  stats_count_page (&zram->stats, old->flags, new->flags);
  stats_add (&zram->stats, HUGE_PAGES_SINCE, !!(new->flags &SLOT_HUGE));
}

int
page_restore (struct zram *zram, unsigned priority, const void *object,
              uint32_t len, void *page)
{
  struct zcomp_stream *stream;
  int r;

  if (len == ZRAM_PAGE_SIZE) {
    memcpy (page, object, len);
    return 0;
  }
  stream = zcomp_stream_get (zram->comps[priority], ZCOMP_DECOMPRESS);
  r = zcomp_decompress (stream, object, len, page);
  zcomp_stream_put (stream);
  return r;
}

/* Decompress or copy the object HANDLE into BUF.  The caller holds its slot.
 * The stream comes before the pin: see the lock order. */
static int
do_read_object (struct zram *zram, uint64_t handle, uint32_t flags, void *buf)
{
  struct zcomp_stream *stream;
  int r = 0;

  if (flags & SLOT_HUGE) {
    memcpy (buf, zs_obj_read_begin (zram->pool, handle), ZRAM_PAGE_SIZE);
    zs_obj_read_end (zram->pool, handle);
    return 0;
  }
  stream =
      zcomp_stream_get (zram->comps[slot_priority (flags)], ZCOMP_DECOMPRESS);
  r = zcomp_decompress (stream, zs_obj_read_begin (zram->pool, handle),
                        slot_size (flags), buf);
  zs_obj_read_end (zram->pool, handle);
  zcomp_stream_put (stream);
  return r;
}

/* The page of a slot that the caller holds, and that was not written back. */
static int
do_read (struct zram *zram, const struct slot *slot, uint32_t flags, void *buf)
{
  const uint64_t word =
      atomic_load_explicit (&slot->word, memory_order_relaxed);

  if (slot_in_pool (flags))
    return do_read_object (zram, word, flags, buf);
  /* An empty slot's word is 0. */
  page_fill (buf, word);
  return 0;
}

int
page_read (struct zram *zram, uint64_t index, void *buf)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, index, &flags);
  int r;

  if (!slot) {
    page_fill (buf, 0);
    return 0;
  }
  r = unlikely (flags & SLOT_WB) ? -EAGAIN : do_read (zram, slot, flags, buf);
  if (likely (r == 0) && slot_allocated (flags))
    flags = slot_access (slot, flags);
  slot_return (zram->table, index, slot, flags);
  return r;
}

int
page_read_part (struct zram *zram, uint64_t index, unsigned offset,
                unsigned len, void *buf)
{
  char page[ZRAM_PAGE_SIZE];
  const int r = page_read (zram, index, page);

  if (r == 0)
    memcpy (buf, page + offset, len);
  return r;
}

int
page_write (struct zram *zram, uint64_t index, const void *buf, bool may_wait)
{
  struct content new, old;
  struct slot *slot;
  int r;

  slot_prefetch (zram->table, index);
  r = content_make (zram, index, buf, may_wait, &new);
  if (r < 0)
    return r;
  slot = slot_borrow_new (zram->table, index, &old.flags);
  if (!slot) {
    content_free (zram, &new);
    return -ENOMEM;
  }
  install (zram, index, slot, &new, &old);
  content_free (zram, &old);
  return 0;
}

/* What of a page is to change: LEN bytes at OFFSET become those at SRC, NULL:
 * 0.
 */
struct change {
  unsigned offset, len;
  const void *src;
};

static void
apply (const struct change *change, char *page)
{
  if (change->src)
    memcpy (page + change->offset, change->src, change->len);
  else
    memset (page + change->offset, 0, change->len);
}

/* Change the page in the borrowed SLOT, which was not written back, or else is
 * at PAGE already.  Gives the slot back. */
static int
change_borrowed (struct zram *zram, uint64_t index, struct slot *slot,
                 uint32_t flags, const struct change *change, char *page)
{
  struct content new, old = {.flags = flags};
  int r = flags & SLOT_WB ? 0 : do_read (zram, slot, flags, page);

  if (r == 0) {
    apply (change, page);
    r = content_make (zram, index, page, false, &new);
  }
  if (r != 0) {
    slot_return (zram->table, index, slot, flags);
    return r;
  }
  install (zram, index, slot, &new, &old);
  content_free (zram, &old);
  return 0;
}

/* The slow path of change_page: the page was written back, and the slot is let
 * go while it comes; its place stays pinned until the slot is held again, so
 * that the same word is the same page.  Gives the slot back.  -ESTALE: it was
 * another one then. */
static ZRAM_NOINLINE int
change_written_back (struct zram *zram, uint64_t index, struct slot *slot,
                     uint32_t flags, const struct change *change)
{
  const uint64_t word =
      atomic_load_explicit (&slot->word, memory_order_relaxed);
  char page[ZRAM_PAGE_SIZE];
  int r;

  writeback_pin (zram->writeback, word);
  slot_return (zram->table, index, slot, flags);
  r = readback_page (zram, index, flags, word, page);
  if (r == 0) {
    slot = slot_borrow (zram->table, index, &flags);
    if (!slot)
      r = -ESTALE;
    else if (flags & SLOT_WB &&
             atomic_load_explicit (&slot->word, memory_order_relaxed) == word)
      r = change_borrowed (zram, index, slot, flags, change, page);
    else {
      slot_return (zram->table, index, slot, flags);
      r = -ESTALE;
    }
  }
  writeback_unpin (zram->writeback, word);
  return r;
}

/* Change the page in the borrowed SLOT.  Gives it back. */
static int
change_page (struct zram *zram, uint64_t index, struct slot *slot,
             uint32_t flags, const struct change *change, bool may_wait)
{
  char page[ZRAM_PAGE_SIZE];

  if (likely (!(flags & SLOT_WB)))
    return change_borrowed (zram, index, slot, flags, change, page);
  if (may_wait)
    return change_written_back (zram, index, slot, flags, change);
  slot_return (zram->table, index, slot, flags);
  return -EAGAIN;
}

static int
try_write_part (struct zram *zram, uint64_t index, const struct change *change,
                bool may_wait)
{
  uint32_t flags;
  int r;

  do {
    struct slot *const slot = slot_borrow_new (zram->table, index, &flags);

    if (!slot)
      return -ENOMEM;
    r = change_page (zram, index, slot, flags, change, may_wait);
  } while (r == -ESTALE);
  return r;
}

/* Nobody waits for the reserve with a slot in hand, so these begin again. */
int
page_write_part (struct zram *zram, uint64_t index, unsigned offset,
                 unsigned len, const void *buf, bool may_wait)
{
  const struct change change = {offset, len, buf};
  struct patience patience = {0};
  int r;

  do
    r = try_write_part (zram, index, &change, may_wait);
  while (may_wait && reserve_again (&zram->reserve, &patience, &r));
  return r;
}

static int
try_zero_part (struct zram *zram, uint64_t index, const struct change *change,
               bool may_wait)
{
  uint32_t flags;
  int r;

  do {
    struct slot *const slot = slot_borrow (zram->table, index, &flags);

    if (!slot)
      return 0;
    if (slot_allocated (flags))
      r = change_page (zram, index, slot, flags, change, may_wait);
    else {
      slot_return (zram->table, index, slot, flags);
      r = 0;
    }
  } while (r == -ESTALE);
  return r;
}

int
page_zero_part (struct zram *zram, uint64_t index, unsigned offset,
                unsigned len, bool may_wait)
{
  const struct change change = {offset, len, NULL};
  struct patience patience = {0};
  int r;

  do
    r = try_zero_part (zram, index, &change, may_wait);
  while (may_wait && reserve_again (&zram->reserve, &patience, &r));
  return r;
}

bool
page_free (struct zram *zram, uint64_t index, struct zs_freeing *freeing)
{
  const struct content empty = {0, 0};
  struct content old;
  struct slot *const slot = slot_borrow (zram->table, index, &old.flags);

  if (!slot)
    return false;
  install (zram, index, slot, &empty, &old);
  if (likely (slot_in_pool (old.flags)))
    zs_free_later (zram->pool, freeing, old.word, slot_size (old.flags));
  else
    content_free (zram, &old);
  return slot_allocated (old.flags);
}

/* Against the lock order, so it only tries: whoever has the slot may be waiting
 * for the pool. */
bool
page_relocate (void *arg, uint64_t index, uint64_t from, uint64_t to)
{
  struct zram *const zram = arg;
  uint32_t flags;
  struct slot *const slot = slot_try_borrow (zram->table, index, &flags);
  bool moved;

  if (!slot)
    return false;
  moved = slot_in_pool (flags) &&
          atomic_load_explicit (&slot->word, memory_order_relaxed) == from &&
          zs_obj_copy (zram->pool, from, to);
  if (moved)
    atomic_store_explicit (&slot->word, to, memory_order_relaxed);
  slot_return (zram->table, index, slot, flags);
  return moved;
}
