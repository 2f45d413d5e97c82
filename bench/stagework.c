/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "packed.h"
#include "samefill.h"
#include "slottable.h"
#include "stagework.h"
#include "store.h"
#include "zsmalloc.h"

/* Objects that were written back lie in blocks of their own here: as many are
 * read for each as for most of those that are packed. */
#define PLACE ((size_t) 2 * ZRAM_PAGE_SIZE)
#define SEED  1

/* Make the compiler believe that VALUE is needed. */
#define USE(value) __asm__ volatile("" : : "r"(value) : "memory")

static void
do_nothing (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++)
    USE (work->pages[i]);
}

/* Writing. */

static void
check_same (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    struct content *const content = &work->contents[i];

    content->flags =
        page_is_same_filled (work->pages[i], &content->word) ? SLOT_SAME : 0;
  }
}

static void
take_stream (struct work *work, enum zcomp_direction direction)
{
  for (unsigned i = 0; i < GROUP; i++)
    zcomp_stream_put (zcomp_stream_get (work->comp, direction));
}

static void
take_compress_stream (struct work *work)
{
  take_stream (work, ZCOMP_COMPRESS);
}

static void
compress (struct work *work)
{
  struct zcomp_stream *const stream =
      zcomp_stream_get (work->comp, ZCOMP_COMPRESS);

  for (unsigned i = 0; i < GROUP; i++) {
    size_t len;

    if (zcomp_compress (stream, work->pages[i], work->small[i],
                        zs_huge_size () - 1, &len) == 0)
      work->contents[i].flags = (uint32_t) len;
    else
      work->contents[i].flags = SLOT_HUGE | ZRAM_PAGE_SIZE;
  }
  zcomp_stream_put (stream);
}

static void
make_room (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    struct content *const content = &work->contents[i];

    if (zs_malloc (work->pool, slot_size (content->flags), work->slots[i],
                   &content->word) != 0)
      fail ("zs_malloc");
  }
}

static void
copy_in (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const struct content *const content = &work->contents[i];

    zs_obj_write (work->pool, content->word,
                  content->flags & SLOT_HUGE ? work->pages[i] : work->small[i],
                  slot_size (content->flags));
  }
}

static void
update_slot (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const struct content *const new = &work->contents[i];
    struct content *const old = &work->olds[i];
    struct slot *const slot =
        slot_borrow_new (work->table, work->slots[i], &old->flags);

    if (!slot)
      fail ("slot_borrow_new");
    old->word = atomic_load_explicit (&slot->word, memory_order_relaxed);
    atomic_store_explicit (&slot->word, new->word, memory_order_relaxed);
    slot_return (work->table, work->slots[i], slot,
                 slot_access (slot, new->flags));
  }
}

static void
count (struct work *work, enum counter kind)
{
  struct stats_stripe *const stripe = stats_stripe (&work->stats);

  stats_stripe_add (stripe, kind, 1);
  stats_stripe_add (stripe, kind + 1, ZRAM_PAGE_SIZE);
}

static void
count_writes (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const uint32_t old = work->olds[i].flags, new = work->contents[i].flags;

    count (work, WRITES);
    stats_count_page (&work->stats, old, new);
    stats_add (&work->stats, HUGE_PAGES_SINCE, !!(new &SLOT_HUGE));
  }
}

static void
free_old (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++)
    if (slot_in_pool (work->olds[i].flags))
      zs_free (work->pool, work->olds[i].word);
}

/* Reading. */

static void
look_up_slot (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    struct content *const content = &work->contents[i];
    uint32_t flags;
    struct slot *const slot = slot_borrow (work->table, work->slots[i], &flags);

    if (!slot)
      fail ("slot_borrow");
    content->word = atomic_load_explicit (&slot->word, memory_order_relaxed);
    content->flags = flags;
    slot_return (work->table, work->slots[i], slot, slot_access (slot, flags));
  }
}

static void
take_decompress_stream (struct work *work)
{
  take_stream (work, ZCOMP_DECOMPRESS);
}

static void
pin (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const uint64_t handle = work->contents[i].word;

    work->objects[i] = zs_obj_read_begin (work->pool, handle);
    USE (work->objects[i]);
    zs_obj_read_end (work->pool, handle);
  }
}

static void
decompress (struct work *work)
{
  struct zcomp_stream *const stream =
      zcomp_stream_get (work->comp, ZCOMP_DECOMPRESS);

  for (unsigned i = 0; i < GROUP; i++)
    if (zcomp_decompress (stream, work->objects[i],
                          slot_size (work->contents[i].flags),
                          work->reply) != 0)
      fail ("a page was not restored");
  zcomp_stream_put (stream);
}

static void
copy_out (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    memcpy (work->reply, work->objects[i], ZRAM_PAGE_SIZE);
    USE (work->reply);
  }
}

static void
fill (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    page_fill (work->reply, work->contents[i].word);
    USE (work->reply);
  }
}

/* The store. */

struct store_wait {
  struct store_op op; /* first: see came */
  struct completion completion;
};

static void
came (struct store_op *op)
{
  completion_complete (&((struct store_wait *) op)->completion);
}

static void
store_io (struct store *store, bool write, void *buf, uint64_t offset,
          uint32_t len)
{
  struct store_wait wait = {.op = {.buf = buf,
                                   .offset = offset,
                                   .len = len,
                                   .write = write,
                                   .done = came}};

  store_submit (store, &wait.op);
  completion_wait (&wait.completion);
  if (wait.op.result != 0)
    fail ("the store: %s", strerror (-wait.op.result));
}

/* Bytes that are read for an object of LEN. */
static uint32_t
blocks_of (const struct store *store, uint32_t len)
{
  const uint32_t block = store_block (store);

  return (packed_size (len) + block - 1) / block * block;
}

static void
read_store (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const struct packed_place *const place = &work->places[work->slots[i]];

    store_io (work->store, false, work->small[i], place->offset,
              blocks_of (work->store, place->len));
  }
}

static void
check_packed (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++) {
    const uint32_t len = work->places[work->slots[i]].len;

    if (!packed_check (work->small[i], packed_size (len), SEED,
                       (uint32_t) work->slots[i], len))
      fail ("the store: this is not what was put there");
    work->objects[i] = work->small[i] + PACKED_HEADER;
    work->contents[i].flags = len;
  }
}

static void
count_reads (struct work *work)
{
  for (unsigned i = 0; i < GROUP; i++)
    count (work, READS);
}

#define POOLED (SMALL | HUGE | BACK)

const struct stage stages[] = {
    {"nothing", WRITE, ANY, 0, do_nothing},
    {"same-filled check", WRITE, ANY, 0, check_same},
    {"stream lock", WRITE, POOLED, 0, take_compress_stream},
    {"codec", WRITE, POOLED, 0, compress},
    {"room in the pool", WRITE, POOLED, 0, make_room},
    {"copy", WRITE, POOLED, 0, copy_in},
    {"slot", WRITE, ANY, 0, update_slot},
    {"statistics", WRITE, ANY, 0, count_writes},
    {"free old", WRITE, POOLED, BACK, free_old},
    {"nothing", READ, ANY, 0, do_nothing},
    {"slot", READ, ANY, 0, look_up_slot},
    {"fill", READ, SAME, 0, fill},
    {"pin", READ, SMALL | HUGE, 0, pin},
    {"copy", READ, HUGE, 0, copy_out},
    {"store", READ, BACK, 0, read_store},
    {"checksum", READ, BACK, 0, check_packed},
    {"stream lock", READ, SMALL | BACK, 0, take_decompress_stream},
    {"codec", READ, SMALL | BACK, 0, decompress},
    {"statistics", READ, ANY, 0, count_reads},
    {.name = NULL},
};

/* All of it. */

uint64_t
work_store_size (uint32_t nr_pages)
{
  return (1 << 20) +
         (uint64_t) nr_pages * PLACE; /* a store has 1 MiB or more */
}

struct work *
work_new (const char *algorithm, uint32_t nr_pages, struct store *store)
{
  struct work *const work = new_array (1, sizeof *work);
  const uint64_t bytes = (uint64_t) nr_pages * ZRAM_PAGE_SIZE;

  work->comp = codec_new (algorithm, cpu_count ());
  if (zs_pool_create (&work->pool, 3 * bytes + (16 << 20), work) != 0 ||
      slot_table_create (&work->table, nr_pages, work) != 0 ||
      stats_init (&work->stats) != 0)
    fail ("out of memory");
  if (store) {
    work->places = new_array (nr_pages, sizeof *work->places);
    work->store = store;
    if (store_start (store) != 0)
      fail ("store_start");
  }
  work->reply = new_buffer (ZRAM_PAGE_SIZE);
  for (unsigned i = 0; i < GROUP; i++) {
    work->pages[i] = new_buffer (ZRAM_PAGE_SIZE);
    work->small[i] = new_buffer (PLACE);
  }
  return work;
}

/* The object of SLOT, as it lies in the store. */
static void
pack_object (struct work *work, uint64_t slot)
{
  struct packed_place *const place = &work->places[slot];

  work->slots[0] = slot;
  look_up_slot (work);
  place->offset = STORE_HEADER + slot * PLACE;
  place->len = slot_size (work->contents[0].flags);
  packed_put (work->small[0], SEED, (uint32_t) slot, 0,
              zs_obj_read_begin (work->pool, work->contents[0].word),
              place->len);
  zs_obj_read_end (work->pool, work->contents[0].word);
}

void
work_write_back (struct work *work, uint32_t nr_pages)
{
  for (uint32_t slot = 0; slot < nr_pages; slot++) {
    pack_object (work, slot);
    store_io (work->store, true, work->small[0], work->places[slot].offset,
              blocks_of (work->store, work->places[slot].len));
  }
}

static void
free_slot (struct work *work, uint64_t index)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (work->table, index, &flags);

  if (slot_in_pool (flags))
    zs_free (work->pool,
             atomic_load_explicit (&slot->word, memory_order_relaxed));
  slot_return (work->table, index, slot, 0);
}

void
work_free (struct work *work, uint32_t nr_pages)
{
  for (uint32_t i = 0; i < nr_pages; i++)
    free_slot (work, i);
  if (work->store) {
    store_stop (work->store);
    store_close (work->store);
  }
  free (work->places);
  for (unsigned i = 0; i < GROUP; i++) {
    free (work->pages[i]);
    free (work->small[i]);
  }
  free (work->reply);
  stats_destroy (&work->stats);
  slot_table_destroy (work->table);
  zs_pool_destroy (work->pool);
  zcomp_destroy (work->comp);
  free (work);
}
