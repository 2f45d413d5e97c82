/* SPDX-License-Identifier: BSD-3-Clause */
/* Which request comes next, and whether its answer was right. */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "bench.h"
#include "random.h"
#include "util.h"

/* One read in so many is compared while the clock runs. */
#define VERIFY_ONE_IN 16

atomic_bool load_over;
volatile sig_atomic_t stop_signal;

void
load_init (struct load *load, struct data *data, const struct phase *phase,
           unsigned i, unsigned n, uint64_t seed)
{
  const uint32_t nr_blocks = data->nr_pages / phase->step;
  const uint32_t first = (uint32_t) ((uint64_t) nr_blocks * i / n);
  const uint32_t nr = (uint32_t) ((uint64_t) nr_blocks * (i + 1) / n) - first;

  if (phase->random && nr <= phase->depth)
    fail ("%s: each connection has %u blocks of the device: too few for %u "
          "requests at once",
          phase->name, nr, phase->depth);
  *load = (struct load){
      .data = data,
      .phase = phase,
      .first = first * phase->step,
      .nr = nr * phase->step,
      .next = first * phase->step,
      .left = phase->once ? nr : UINT64_MAX,
      .random = seed + i,
      .end = phase->once || phase->beside ? 1e300 : now () + phase->seconds,
  };
}

static bool
any_busy (const struct load *load, uint32_t page)
{
  /* cppcheck-suppress invalidFunctionArgBool; bytes that are true or false */
  return memchr (load->data->busy + page, true, load->phase->block) != NULL;
}

/* Some block of the load's own that no request is working on. */
static uint32_t
random_block (struct load *load)
{
  const uint32_t block = load->phase->block;
  uint32_t page;

  do
    page = load->first + random_below (&load->random, load->nr / block) * block;
  while (any_busy (load, page));
  return page;
}

/* Some pages in a row: what a request of BLOCK pages writes, anywhere. */
static uint32_t
random_source (struct load *load, uint32_t block)
{
  const struct data *data = load->data;

  return load->phase->same
             ? SAME_FILLED +
                   random_below (&load->random, data->same_size - block + 1)
             : random_below (&load->random, data->corpus_size - block + 1);
}

/* Choose OP's page, and what it writes there. */
static void
choose (struct load *load, struct op *op)
{
  if (load->phase->random) {
    op->page = random_block (load);
    op->source = random_source (load, load->phase->block);
  }
  else {
    op->page = load->next;
    op->source = op->page % load->data->corpus_size;
    load->next += load->phase->step;
  }
}

/* The device page's content, once OP is done. */
static void
note_content (const struct load *load, const struct op *op)
{
  uint32_t *content = load->data->content + op->page;
  const uint32_t block = load->phase->block;

  if (load->phase->access == ACCESS_WRITE)
    for (uint32_t i = 0; i < block; i++)
      content[i] = op->source + i;
  else if (load->phase->access == ACCESS_TRIM)
    memset (content, 0xff, block * sizeof *content);
}

/* A thread that gets no CPU until its time is over does one request all the
 * same: of none there would be no figures. */
static bool
is_over (const struct load *load, double start)
{
  return load->left == 0 || load_over || stop_signal != 0 ||
         (start >= load->end && load->done > 0);
}

bool
load_next (struct load *load, struct op *op)
{
  op->start = now ();
  if (is_over (load, op->start))
    return false;
  load->left--;
  choose (load, op);
  memset (load->data->busy + op->page, true, load->phase->block);
  note_content (load, op);
  return true;
}

/* What device page PAGE must hold. */
static const char *
expected (const struct data *data, uint32_t page)
{
  static const char zeros[ZRAM_PAGE_SIZE];
  const uint32_t source = data->content[page];

  return source == NEVER_WRITTEN ? zeros : data_source (data, source);
}

static void
verify_page (const struct load *load, uint32_t page, const char *buf)
{
  if (memcmp (buf, expected (load->data, page), ZRAM_PAGE_SIZE) != 0)
    fail ("wrong data: page %" PRIu32 " is not what was last written there",
          page);
}

static void
verify (struct load *load, const struct op *op, const char *buf)
{
  for (uint32_t i = 0; i < load->phase->block; i++)
    if (load->data->content[op->page + i] != UNKNOWN) {
      verify_page (load, op->page + i, buf + (size_t) i * ZRAM_PAGE_SIZE);
      load->verified++;
    }
}

void
load_done (struct load *load, const struct op *op, const char *buf)
{
  const enum access access = load->phase->access;

  histogram_add (&load->latency, (uint64_t) ((now () - op->start) * 1e9));
  memset (load->data->busy + op->page, false, load->phase->block);
  if (load->data->verify &&
      (access == ACCESS_CHECK ||
       (access == ACCESS_READ && load->done % VERIFY_ONE_IN == 0)))
    verify (load, op, buf);
  load->done++;
}
