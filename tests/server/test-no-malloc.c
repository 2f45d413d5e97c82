/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing call malloc nowhere in the server: not for overwritten
 * pages, not for new ones that make the pool and the slot table grow, with
 * either algorithm.
 *
 * A preloaded library counts.  nbdkit itself is known to make about one call in
 * 20,000 requests, and each of its threads one when it serves its first, so
 * "none" is less than one in a hundred.  That the library would have seen more
 * is checked with nbdkit's own compressing plugin, which makes two for each.
 */
#include <config.h>

#include "data.h"
#include "preload.h"
#include "server.h"

#define DISK     (256 * MiB)
#define WARM_UP  2000U
#define REQUESTS 20000U

/* Half reads and half writes; half at places used before and half all over the
 * disk; a quarter of them not aligned. */
static void
do_requests (struct nbd_handle *nbd, unsigned n, uint64_t *state)
{
  unsigned char buf[2 * PAGE];

  for (unsigned i = 0; i < n; i++) {
    const uint64_t range = i % 4 < 2 ? MiB : DISK;
    uint64_t offset = random_below (state, range / PAGE - 1) * PAGE;

    if (random_below (state, 4) == 0)
      offset += random_below (state, PAGE);
    if (i % 2 == 0) {
      NBD_OK (nbd_pread (nbd, buf, PAGE, offset, 0));
      continue;
    }
    data_fill (buf, PAGE, (enum data_kind) random_below (state, DATA_KINDS), i);
    NBD_OK (nbd_pwrite (nbd, buf, PAGE, offset, 0));
  }
}

/* How many calls of malloc REQUESTS requests cost. */
static uint64_t
count_calls (struct malloc_count *count, const char *parameter)
{
  uint64_t state = 1, start, calls;
  struct nbd_handle *nbd;
  struct server server;

  atomic_store (&count->calls, 0);
  preload (MALLOC_COUNT_PATH);
  server_start (&server, "256M", parameter, NULL);
  preload_nothing ();
  nbd = server_connect (&server);
  do_requests (nbd, WARM_UP, &state);

  start = atomic_load (&count->calls);
  /* Starting takes some, so the library is at work. */
  CHECK (start > 0);
  do_requests (nbd, REQUESTS, &state);
  calls = atomic_load (&count->calls) - start;
  nbd_close (nbd);
  server_stop (&server);
  printf ("%s: %llu calls in %u requests\n", parameter,
          (unsigned long long) calls, REQUESTS);
  return calls;
}

int
main (void)
{
  struct malloc_count *count = map_counter ();

  CHECK (count_calls (count, "comp_algorithm=lz4") < REQUESTS / 100);
  CHECK (count_calls (count, "comp_algorithm=zstd") < REQUESTS / 100);
  CHECK (setenv ("ZRAM_PLUGIN", "memory", 1) == 0);
  CHECK (count_calls (count, "allocator=zstd") > REQUESTS / 2);
  return EXIT_SUCCESS;
}
