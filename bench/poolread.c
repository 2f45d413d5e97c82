/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading: what a pin costs, and what it would cost to find each object by a
 * handle cell, the kernel's way to move objects without asking their owners.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "pool.h"
#include "random.h"
#include "util.h"
#include "zsmalloc.h"

#define NR_HOT    64
#define NR_PINS   5000000
#define NR_READS  100000 /* at a time */
#define NR_SLICES 20     /* of a round */
#define MIN_LEN   975
#define MAX_LEN   1625

/* As large as the device's. */
struct slot {
  uint64_t handle;
  uint64_t *cell;
};

static struct zs_pool *pool;
static struct slot *slots;
static uint32_t nr_slots;
static uint64_t *cells;
static uint64_t bytes; /* of all objects */

static void
fill_pool (uint32_t mib)
{
  const uint64_t wanted = (uint64_t) mib << 20;
  const uint32_t room = (uint32_t) (wanted / MIN_LEN) + 1;
  char content[64];
  uint64_t random = 1;

  memset (content, 1, sizeof content);
  slots = new_array (room, sizeof *slots);
  if (zs_pool_create (&pool, 2 * wanted + (16 << 20), &pool) != 0)
    fail ("zs_pool_create");
  for (nr_slots = 0; bytes < wanted; nr_slots++) {
    const size_t len = MIN_LEN + random_below (&random, MAX_LEN - MIN_LEN + 1);

    if (zs_malloc (pool, len, nr_slots, &slots[nr_slots].handle) != 0)
      fail ("zs_malloc");
    zs_obj_write (pool, slots[nr_slots].handle, content, sizeof content);
    bytes += len;
  }
}

/* In any order, as cells are once slots have been overwritten for a while. */
static void
add_cells (void)
{
  uint64_t random = 2;
  uint32_t *order = new_permutation (nr_slots, &random);

  cells = new_array (nr_slots, sizeof *cells);
  for (uint32_t i = 0; i < nr_slots; i++) {
    slots[i].cell = &cells[order[i]];
    cells[order[i]] = slots[i].handle;
  }
  free (order);
}

static inline uint64_t
read_64 (uint64_t handle)
{
  const void *object = zs_obj_read_begin (pool, handle);
  uint64_t words[8], sum = 0;

  memcpy (words, object, sizeof words);
  zs_obj_read_end (pool, handle);
  for (unsigned i = 0; i < 8; i++)
    sum += words[i];
  return sum;
}

/* Returns nanoseconds for each read. */
static double
time_reads (bool by_cell, uint64_t random)
{
  const uint64_t start = thread_cpu ();
  uint64_t sum = 0;

  for (uint32_t n = 0; n < NR_READS; n++) {
    const struct slot *slot = &slots[random_below (&random, nr_slots)];

    sum += read_64 (by_cell ? *slot->cell : slot->handle);
  }
  if (sum != NR_READS * UINT64_C (0x0808080808080808))
    fail ("wrong data: an object is not what was written");
  return (double) (thread_cpu () - start) / NR_READS;
}

static void
print_read (const char *name, unsigned round, double ns, double percent)
{
  printf ("{\"name\":\"%s\",\"round\":%u,\"phase\":\"read\",\"ns\":%.2f"
          ",\"cells\":%.3f}\n",
          name, round, ns, percent);
  fflush (stdout);
}

/* In short slices, so that what disturbs one way disturbs the other. */
static void
measure_read (unsigned round)
{
  double ns[2] = {0};

  for (unsigned i = 0; i < 2 * NR_SLICES; i++) {
    const bool by_cell = (i + i / 2) % 2;

    ns[by_cell] += time_reads (by_cell, round * NR_SLICES + i / 2) / NR_SLICES;
  }
  print_read ("handle", round, ns[false], 0);
  print_read ("cell", round, ns[true], 800.0 * nr_slots / (double) bytes);
}

static void
measure_pin (unsigned round)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t n = 0; n < NR_PINS; n++) {
    const uint64_t handle = slots[n % NR_HOT].handle;

    __asm__ volatile("" : : "r"(zs_obj_read_begin (pool, handle)));
    zs_obj_read_end (pool, handle);
  }
  printf ("{\"name\":\"pool\",\"round\":%u,\"phase\":\"pin\",\"ns\":%.2f}\n",
          round, (double) (thread_cpu () - start) / NR_PINS);
  fflush (stdout);
}

void
pool_read (const struct options *options)
{
  progress ("read\n");
  run_on_cpu (0);
  fill_pool (options->mib);
  add_cells ();
  for (unsigned round = 0; round <= options->rounds; round++) {
    measure_pin (round);
    measure_read (round);
  }
  zs_pool_destroy (pool);
  free (cells);
  free (slots);
}
