/* SPDX-License-Identifier: BSD-3-Clause */
/* zsmalloc reckoned (zsmodel.h) on this project's compressed sizes, with the
 * same table and handles as the kernel's: the peer where there is no kernel's.
 */
#include <config.h>

#include <stdlib.h>

#include "density.h"
#include "util.h"
#include "zsmodel.h"

static struct zsmodel *model;
static uint16_t *lens; /* of each slot's object, 0: none */
static uint32_t nr_slots;
static uint64_t objects, compressed;

static const char *
model_missing (const struct input *input ZRAM_UNUSED)
{
  return NULL;
}

static void
model_open (const struct input *input)
{
  nr_slots = input->nr_pages;
  model = zsmodel_create (nr_slots);
  lens = new_array (nr_slots, sizeof *lens);
  objects = compressed = 0;
}

static void
model_close (void)
{
  zsmodel_destroy (model);
  free (lens);
}

static void
account (uint32_t slot, uint16_t len)
{
  objects = objects - (lens[slot] != 0) + (len != 0);
  compressed = compressed - lens[slot] + len;
  lens[slot] = len;
}

static void
model_discard (uint32_t slot)
{
  zsmodel_free (model, slot);
  account (slot, 0);
}

static void
model_write (const struct input *input, uint32_t slot, uint32_t page)
{
  uint16_t len = input->sizes[page];

  if (len == 0) {
    model_discard (slot);
    return;
  }
  if (len >= zsmodel_huge_size (model))
    len = ZRAM_PAGE_SIZE;
  zsmodel_store (model, slot, len);
  account (slot, len);
}

static uint64_t
model_compact (void)
{
  return zsmodel_compact (model);
}

static void
model_usage (struct usage *usage)
{
  usage->objects = objects;
  usage->compressed = compressed;
  usage->used = zsmodel_used (model);
  usage->held = kernel_held (usage, nr_slots);
}

const struct store store_model = {
    .name = "model",
    .missing = model_missing,
    .open = model_open,
    .close = model_close,
    .write = model_write,
    .discard = model_discard,
    .compact = model_compact,
    .usage = model_usage,
};
