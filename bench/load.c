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
  const uint32_t nr_blocks = data->nr_pages / phase->block;
  const uint32_t first = (uint32_t) ((uint64_t) nr_blocks * i / n);
  const uint32_t nr = (uint32_t) ((uint64_t) nr_blocks * (i + 1) / n) - first;

  if (phase->random && nr <= phase->depth)
    fail ("%s: each connection has %u blocks of the device: too few for %u "
          "requests at once",
          phase->name, nr, phase->depth);
  *load = (struct load){
      .data = data,
      .phase = phase,
      .first = first * phase->block,
      .nr = nr * phase->block,
      .next = first * phase->block,
      .left = phase->once ? nr : UINT64_MAX,
      .random = seed + i,
      .end = phase->once || phase->beside ? 1e300 : now () + phase->seconds,
  };
}

static bool
any_busy (const struct load *load, uint32_t page)
{
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

/* Choose OP's page, and what it writes there. */
static void
choose (struct load *load, struct op *op)
{
  const uint32_t block = load->phase->block;
  const uint32_t corpus_size = load->data->corpus_size;

  if (load->phase->random) {
    op->page = random_block (load);
    op->source = random_below (&load->random, corpus_size - block + 1);
  }
  else {
    op->page = load->next;
    op->source = op->page % corpus_size;
    load->next += block;
  }
}

bool
load_next (struct load *load, struct op *op)
{
  struct data *data = load->data;
  const uint32_t block = load->phase->block;

  op->start = now ();
  if (load->left == 0 || load_over || stop_signal != 0 ||
      op->start >= load->end)
    return false;
  load->left--;
  choose (load, op);
  memset (data->busy + op->page, true, block);
  if (load->phase->access == ACCESS_WRITE)
    for (uint32_t i = 0; i < block; i++)
      data->content[op->page + i] = op->source + i;
  return true;
}

/* What device page PAGE must hold. */
static const char *
expected (const struct data *data, uint32_t page)
{
  static const char zeros[ZRAM_PAGE_SIZE];
  const uint32_t source = data->content[page];

  return source == NEVER_WRITTEN
             ? zeros
             : data->corpus + (size_t) source * ZRAM_PAGE_SIZE;
}

static void
verify (struct load *load, const struct op *op, const char *buf)
{
  for (uint32_t i = 0; i < load->phase->block; i++)
    if (memcmp (buf + (size_t) i * ZRAM_PAGE_SIZE,
                expected (load->data, op->page + i), ZRAM_PAGE_SIZE) != 0)
      fail ("wrong data: page %" PRIu32 " is not what was last written there",
            op->page + i);
  load->verified += load->phase->block;
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
