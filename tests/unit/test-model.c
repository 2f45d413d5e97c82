/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine against a plain array of bytes: random requests of every kind,
 * any offset and length, and after each what the array says.
 *
 * MODEL_SEED repeats a run, MODEL_OPS makes it shorter or longer: hours, if
 * asked.  Both are printed.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit.h"
#include "workpool.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

#define NR_PAGES   1024
#define SIZE       (NR_PAGES * ZRAM_PAGE_SIZE)
#define LONGEST    (256 * ZRAM_PAGE_SIZE)
#define OPS        20000
#define NR_THREADS 4

struct variant {
  const char *algorithm;
  uint64_t mem_limit;
  bool by_workers; /* all pages */
};

/* The limits are for about half of what the requests would keep there. */
static const struct variant variants[] = {
    {"lz4", 0, false},         {"zstd", 0, false},
    {"lz4", 0, true},          {"lz4", UINT64_C (1) << 20, false},
    {"zstd", 10 << 16, false},
};

#define NR_VARIANTS ((int) (sizeof variants / sizeof variants[0]))

struct model {
  struct zram *zram;
  struct workpool *workers; /* NULL: none */
  struct zcomp *ruler;      /* the same algorithm, to measure with */
  bool limited;
  bool shared; /* many threads play: no page is one's own */
  uint64_t seed, ops;
  unsigned char disk[SIZE]; /* what the device must read as */

  /* What only one thread can tell. */
  bool written[NR_PAGES];  /* since it was last freed, at least in part */
  uint64_t freed_at_least; /* pages: notify_free's bounds */
  uint64_t freed_at_most;
};

/* One thread's part in it. */
struct player {
  struct model *model;
  uint64_t random;
  uint64_t failures; /* requests that were refused */
  unsigned char in[LONGEST];
  unsigned char out[LONGEST];
};

static uint64_t
environment_number (const char *name, uint64_t otherwise)
{
  const char *text = getenv (name);

  return text && *text ? strtoull (text, NULL, 0) : otherwise;
}

static struct model *
model_make (const struct variant *variant)
{
  struct model *const model = calloc (1, sizeof *model);
  struct zram_config config = {
      .disksize = SIZE,
      .mem_limit = variant->mem_limit,
      .algorithms[0].backend = zcomp_backend_find (variant->algorithm),
  };

  ck_assert_ptr_nonnull (model);
  model->seed = environment_number ("MODEL_SEED", (uint64_t) time (NULL) *
                                                      UINT64_C (2654435761));
  model->ops = environment_number ("MODEL_OPS", scaled (OPS));
  model->limited = variant->mem_limit != 0;
  fprintf (stderr,
           "model: %s, mem_limit %" PRIu64 ": MODEL_SEED=%" PRIu64
           " MODEL_OPS=%" PRIu64 "\n",
           variant->algorithm, variant->mem_limit, model->seed, model->ops);
  if (variant->by_workers) {
    ck_assert_int_eq (workpool_create (&model->workers, 2), 0);
    ck_assert_int_eq (workpool_start (model->workers), 0);
    config.workers = model->workers;
  }
  ck_assert_int_eq (zram_create (&model->zram, &config), 0);
  ck_assert_int_eq (zcomp_create (&model->ruler, config.algorithms[0].backend,
                                  NULL, 1, model),
                    0);
  ck_assert_int_eq (zcomp_prepare (model->ruler), 0);
  return model;
}

static void
model_destroy (struct model *model)
{
  zram_destroy (model->zram);
  workpool_destroy (model->workers);
  zcomp_destroy (model->ruler);
  free (model);
}

static struct player *
player_make (struct model *model, unsigned number)
{
  struct player *player = calloc (1, sizeof *player);

  ck_assert_ptr_nonnull (player);
  player->model = model;
  player->random = model->seed + number;
  return player;
}

/* What the array says. */

static bool
page_is_hole (const struct model *model, uint64_t page)
{
  return all_zero (model->disk + page * ZRAM_PAGE_SIZE, ZRAM_PAGE_SIZE);
}

/* The whole pages in a range: from *FIRST, before *END. */
static void
whole_pages (uint64_t count, uint64_t offset, uint64_t *first, uint64_t *end)
{
  *first = (offset + ZRAM_PAGE_SIZE - 1) / ZRAM_PAGE_SIZE;
  *end = (offset + count) / ZRAM_PAGE_SIZE;
}

/* Pages that a discard or a zero covers are free now. */
static void
note_free (struct model *model, uint64_t count, uint64_t offset)
{
  uint64_t page, end;

  if (model->shared)
    return;
  for (whole_pages (count, offset, &page, &end); page < end; ++page) {
    model->freed_at_most += model->written[page];
    model->freed_at_least += !page_is_hole (model, page);
    model->written[page] = false;
  }
}

static void
note_written (struct model *model, uint64_t count, uint64_t offset)
{
  uint64_t page;

  if (model->shared)
    return;
  for (page = offset / ZRAM_PAGE_SIZE;
       page <= (offset + count - 1) / ZRAM_PAGE_SIZE; ++page)
    model->written[page] = true;
}

/* Some of the pages of a zero that was refused may be free now. */
static void
note_maybe_free (struct model *model, uint64_t count, uint64_t offset)
{
  uint64_t first, end;

  whole_pages (count, offset, &first, &end);
  if (!model->shared && first < end)
    model->freed_at_most += end - first;
}

/* The requests. */

/* Make COUNT bytes to write. */
static void
draw_content (struct player *player, uint64_t count)
{
  const uint64_t kind = random_below (&player->random, CONTENT_KINDS + 2);
  const uint64_t seed = random_next (&player->random);
  uint64_t done, part;

  /* What was written before, or whatever the buffer holds since. */
  if (kind == CONTENT_KINDS)
    return;
  /* Each page another. */
  if (kind > CONTENT_KINDS)
    for (done = 0; done < count; done += part) {
      part = count - done < ZRAM_PAGE_SIZE ? count - done : ZRAM_PAGE_SIZE;
      content_fill (
          player->in + done, part,
          (enum content) random_below (&player->random, CONTENT_KINDS),
          seed + done);
    }
  else
    content_fill (player->in, count, (enum content) kind, seed);
}

/* A request of COUNT bytes was refused part of the way: pages before the one
 * that failed are NEW (NULL: zeros), that one and all after it are old.  Take
 * into the array what is there. */
static void
settle_failure (struct player *player, uint64_t count, uint64_t offset,
                const unsigned char *new)
{
  static const unsigned char zeros[ZRAM_PAGE_SIZE];
  struct model *model = player->model;
  uint64_t done, part;
  bool failed = false;

  must_equal (zram_read (model->zram, player->out, count, offset), 0);
  for (done = 0; done < count; done += part) {
    const uint64_t room = ZRAM_PAGE_SIZE - (offset + done) % ZRAM_PAGE_SIZE;
    unsigned char *disk = model->disk + offset + done;
    const unsigned char *wanted = new ? new + done : zeros;

    part = count - done < room ? count - done : room;
    if (!failed && memcmp (player->out + done, wanted, part) == 0) {
      memcpy (disk, wanted, part);
      continue;
    }
    failed = true;
    if (memcmp (player->out + done, disk, part) != 0)
      ck_abort_msg ("after a refused request, byte %" PRIu64
                    " on is neither old nor new",
                    offset + done);
  }
  player->failures++;
}

static void
op_write (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;
  int r;

  draw_content (player, count);
  r = zram_write (model->zram, player->in, count, offset);
  if (!model->limited || r != -ENOSPC)
    must_equal (r, 0);
  if (r == 0)
    memcpy (model->disk + offset, player->in, count);
  else
    settle_failure (player, count, offset, player->in);
  note_written (model, count, offset);
}

static void
op_zero (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;
  const int r = zram_zero (model->zram, count, offset);

  if (!model->limited || r != -ENOSPC)
    must_equal (r, 0);
  if (r == 0) {
    note_free (model, count, offset);
    memset (model->disk + offset, 0, count);
  }
  else {
    settle_failure (player, count, offset, NULL);
    note_maybe_free (model, count, offset);
  }
}

static void
op_discard (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;
  uint64_t first, end;

  note_free (model, count, offset);
  zram_discard (model->zram, count, offset);
  whole_pages (count, offset, &first, &end);
  if (first < end)
    memset (model->disk + first * ZRAM_PAGE_SIZE, 0,
            (end - first) * ZRAM_PAGE_SIZE);
}

static void
op_read (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;

  must_equal (zram_read (model->zram, player->out, count, offset), 0);
  if (memcmp (player->out, model->disk + offset, count) != 0)
    ck_abort_msg ("reading %" PRIu64 " bytes at %" PRIu64 " went wrong", count,
                  offset);
}

static void
op_extent (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;
  const uint64_t end = offset + count;
  uint64_t page = offset / ZRAM_PAGE_SIZE, until;
  const bool want_hole = page_is_hole (model, page);
  bool hole = !want_hole;
  uint64_t got = zram_extent (model->zram, count, offset, &hole);

  do
    until = ++page * ZRAM_PAGE_SIZE;
  while (until < end && page_is_hole (model, page) == want_hole);
  must_equal (hole, want_hole);
  must_equal (got, (until < end ? until : end) - offset);
}

typedef void op (struct player *player, uint64_t count, uint64_t offset);

static op *const ops[] = {
    op_write, op_write, op_write,   op_read,
    op_read,  op_zero,  op_discard, op_extent,
};

/* Mostly a few bytes or a few pages, now and then many; one in four begins and
 * one in four ends where a page does. */
static uint64_t
draw_count (uint64_t *random, uint64_t most)
{
  static const uint64_t limits[] = {16,
                                    ZRAM_PAGE_SIZE,
                                    2 * ZRAM_PAGE_SIZE,
                                    2 * ZRAM_PAGE_SIZE,
                                    8 * ZRAM_PAGE_SIZE,
                                    8 * ZRAM_PAGE_SIZE,
                                    32 * ZRAM_PAGE_SIZE};
  uint64_t limit = limits[random_below (random, 7)];

  if (random_below (random, 100) == 0)
    limit = LONGEST;
  return 1 + random_below (random, limit < most ? limit : most);
}

static void
play (struct player *player)
{
  uint64_t *random = &player->random;
  uint64_t offset = random_below (random, SIZE), count;

  if (random_below (random, 4) == 0)
    offset -= offset % ZRAM_PAGE_SIZE;
  count = draw_count (random, SIZE - offset);
  if (random_below (random, 4) == 0 &&
      (offset + count) % ZRAM_PAGE_SIZE < count)
    count -= (offset + count) % ZRAM_PAGE_SIZE;
  ops[random_below (random, 8)](player, count, offset);
}

/* What the statistics must be, and all that is on the disk. */

static uint64_t
stored_len (struct model *model, const void *page)
{
  struct zcomp_stream *stream = zcomp_stream_get (model->ruler, ZCOMP_COMPRESS);
  char small[ZRAM_PAGE_SIZE];
  size_t len;
  const int r = zcomp_compress (stream, page, small, zs_huge_size () - 1, &len);

  zcomp_stream_put (stream);
  return r == 0 ? len : ZRAM_PAGE_SIZE;
}

static bool
is_same_filled (const unsigned char *page)
{
  return memcmp (page, page + 8, ZRAM_PAGE_SIZE - 8) == 0;
}

static void
check_stats (struct model *model, uint64_t failures)
{
  uint64_t same = 0, other = 0, huge = 0, compressed = 0, written = 0, page;
  struct zram_stats s;

  for (page = 0; page < NR_PAGES; ++page) {
    const unsigned char *bytes = model->disk + page * ZRAM_PAGE_SIZE;

    written += model->written[page];
    if (is_same_filled (bytes))
      same += !page_is_hole (model, page);
    else {
      const uint64_t len = stored_len (model, bytes);

      other++;
      compressed += len;
      huge += len == ZRAM_PAGE_SIZE;
    }
  }
  zram_stats (model->zram, &s);

  /* A page of zeros may be stored as one, or not at all. */
  must (s.same_pages >= same);
  must (model->shared || s.same_pages <= written - other);
  must_equal (s.orig_data_size, (s.same_pages + other) * ZRAM_PAGE_SIZE);
  must_equal (s.compr_data_size, compressed);
  must_equal (s.huge_pages, huge);
  must (s.huge_pages_since >= huge);
  must (s.mem_used_total >= compressed);
  must (s.mem_used_max >= s.mem_used_total);
  must (!model->limited || s.mem_used_max <= s.mem_limit);
  must_equal (s.failed_reads, 0);
  must_equal (s.failed_writes, failures);
  must (s.notify_free >= model->freed_at_least);
  must (model->shared || s.notify_free <= model->freed_at_most);
}

static void
check_disk (struct model *model, unsigned char *scratch)
{
  uint64_t offset;

  for (offset = 0; offset < SIZE; offset += LONGEST) {
    must_equal (zram_read (model->zram, scratch, LONGEST, offset), 0);
    must (memcmp (scratch, model->disk + offset, LONGEST) == 0);
  }
}

/* When all is discarded, nothing may be left. */
static void
check_emptied (struct model *model)
{
  struct zram_stats s;

  zram_discard (model->zram, SIZE, 0);
  zram_stats (model->zram, &s);
  must_equal (s.orig_data_size, 0);
  must_equal (s.compr_data_size, 0);
  must_equal (s.same_pages, 0);
  must_equal (s.huge_pages, 0);
}

START_TEST (one_thread_agrees_with_the_array)
{
  struct model *model = model_make (&variants[_i]);
  struct player *player = player_make (model, 0);
  uint64_t i;

  for (i = 1; i <= model->ops; ++i) {
    play (player);
    if (i % 1000 == 0 || i == model->ops) {
      check_disk (model, player->out);
      check_stats (model, player->failures);
    }
  }
  if (model->limited && model->ops >= 1000)
    ck_assert_uint_gt (player->failures, 0);
  check_emptied (model);
  free (player);
  model_destroy (model);
}

/* Many threads.  The disk is cut into pieces of any length, which begin and end
 * anywhere, so that most pages belong to several; each piece has one thread
 * that alone uses it, and so knows all that is in it. */

#define LONGEST_PIECE 20000

struct game {
  struct model *model;
  bool compacting; /* all the time, on a thread of its own */
  _Atomic unsigned playing;
  struct player *players[NR_THREADS];
  uint64_t borders[SIZE / 1000];
  uint64_t nr_pieces;
};

static void
cut_pieces (struct game *game)
{
  uint64_t random = game->model->seed, at = 0;

  for (game->nr_pieces = 0; at < SIZE; ++game->nr_pieces) {
    must (game->nr_pieces < sizeof game->borders / sizeof game->borders[0] - 1);
    game->borders[game->nr_pieces] = at;
    at += 1 + random_below (&random,
                            random_below (&random, 2) ? 3000 : LONGEST_PIECE);
  }
  game->borders[game->nr_pieces] = SIZE;
}

/* Others change other bytes of the first and the last page. */
static void
op_shared_extent (struct player *player, uint64_t count, uint64_t offset)
{
  struct model *model = player->model;
  bool hole;
  uint64_t got = zram_extent (model->zram, count, offset, &hole), first, end;

  must (got > 0 && got <= count);
  if (hole)
    must (all_zero (model->disk + offset, got));
  else
    for (whole_pages (got, offset, &first, &end); first < end; ++first)
      must (!page_is_hole (model, first));
}

static op *const shared_ops[] = {
    op_write, op_write, op_write,   op_read,
    op_read,  op_zero,  op_discard, op_shared_extent,
};

static void
play_game (void *arg, unsigned me)
{
  struct game *game = arg;
  struct player *player = game->players[me];
  uint64_t *random = &player->random;
  uint64_t i;

  for (i = 0; i < game->model->ops; ++i) {
    const uint64_t piece =
        random_below (random, game->nr_pieces / NR_THREADS) * NR_THREADS + me;
    const uint64_t start = game->borders[piece];
    const uint64_t size = game->borders[piece + 1] - start;
    const uint64_t skip = random_below (random, size);

    shared_ops[random_below (random, 8)](
        player, 1 + random_below (random, size - skip), start + skip);
  }
}

static void
game_main (void *arg, unsigned me)
{
  struct game *game = arg;

  if (me < NR_THREADS) {
    play_game (game, me);
    game->playing--;
  }
  else
    /* Once at least, should it come to run when they have ended. */
    do
      zram_compact (game->model->zram, NULL);
    while (game->playing > 0);
}

/* By compaction, if there was any, and only then.  A pool at its limit may have
 * had nothing to gain. */
static void
must_have_moved (const struct game *game)
{
  struct zram_stats stats;

  zram_stats (game->model->zram, &stats);
  if (!game->compacting)
    ck_assert_uint_eq (stats.pages_compacted, 0);
  else if (game->model->ops >= 1000 && !stats.mem_limit)
    ck_assert_uint_gt (stats.pages_compacted, 0);
}

/* With _I odd, pages are moved meanwhile. */
START_TEST (threads_that_share_pages_agree_with_the_array)
{
  static struct game game;
  uint64_t failures = 0;
  unsigned i;

  game.model = model_make (&variants[_i / 2]);
  game.model->shared = true;
  game.playing = NR_THREADS;
  game.compacting = _i % 2;
  cut_pieces (&game);
  for (i = 0; i < NR_THREADS; ++i)
    game.players[i] = player_make (game.model, i);
  threads_run (NR_THREADS + game.compacting, game_main, &game);
  must_have_moved (&game);
  check_disk (game.model, game.players[0]->out);
  for (i = 0; i < NR_THREADS; ++i)
    failures += game.players[i]->failures;
  check_stats (game.model, failures);
  check_emptied (game.model);
  for (i = 0; i < NR_THREADS; ++i)
    free (game.players[i]);
  model_destroy (game.model);
}

int
main (void)
{
  Suite *suite = suite_create ("model");
  TCase *tc = suite_case (suite, "model");

  /* Whoever asks for more has the time. */
  if (getenv ("MODEL_OPS"))
    tcase_set_timeout (tc, 0);
  tcase_add_loop_test (tc, one_thread_agrees_with_the_array, 0, NR_VARIANTS);
  tcase_add_loop_test (tc, threads_that_share_pages_agree_with_the_array, 0,
                       2 * NR_VARIANTS);
  return suite_run (suite);
}
