/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "ramstore.h"
#include "storekind.h"

struct ram_store {
  struct store store;
  char *bytes;
};

static struct ram_store *
own (struct store *store)
{
  return (struct ram_store *) store;
}

static int
ram_start (struct store *store)
{
  (void) store;
  return 0;
}

static void
ram_stop (struct store *store)
{
  (void) store;
}

/* An op is the submitter's again when it is complete. */
static void
ram_submit (struct store *store, struct store_op *ops)
{
  while (ops) {
    struct store_op *const op = ops;
    char *const at = own (store)->bytes + op->offset;

    ops = op->next;
    if (op->write)
      memcpy (at, op->buf, op->len);
    else
      memcpy (op->buf, at, op->len);
    store_op_complete (store, op, 0);
  }
}

static void
ram_close (struct store *store)
{
  free (own (store)->bytes);
  free (store);
}

static const char *
ram_engine_name (const struct store *store)
{
  (void) store;
  return "memory";
}

static const struct store_kind store_kind_ram = {
    .piece = 1U << 20,
    .close = ram_close,
    .start = ram_start,
    .stop = ram_stop,
    .submit = ram_submit,
    .engine_name = ram_engine_name,
};

struct store *
ram_store_make (uint64_t size)
{
  struct ram_store *const ram = calloc (1, sizeof *ram);
  char *const bytes = calloc (1, size);

  if (!ram || !bytes) {
    free (ram);
    free (bytes);
    return NULL;
  }
  ram->bytes = bytes;
  ram->store.kind = &store_kind_ram;
  ram->store.size = size;
  ram->store.block = 4096;
  return &ram->store;
}

char *
ram_store_bytes (struct store *store)
{
  return own (store)->bytes;
}
