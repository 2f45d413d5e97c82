/* SPDX-License-Identifier: BSD-3-Clause */
/* When clients have trimmed a random 60 % of a full disk, page by page, the
 * server moves what is left together by itself and gives the memory back: the
 * statistics say so, the kernel says so, and what is left is what was written.
 * With compact_threshold=0 it does not.
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "data.h"
#include "server.h"
#include "statistics.h"

#define SIZE  (256 * MiB)
#define PAGES (SIZE / PAGE)
#define STEP  (4 * MiB)
#define KEPT  40

/* What the pool may keep for itself when it has emptied runs. */
#define KEPT_EMPTY (512 * KiB)

static void
page_fill (unsigned char *page, uint64_t i)
{
  data_fill (page, PAGE, i % 16 ? DATA_TEXT : DATA_RANDOM, i);
}

static int
is_kept (uint64_t i)
{
  uint64_t state = i + 4711;

  return random_below (&state, 100) < KEPT;
}

static void
fill_disk (struct nbd_handle *nbd)
{
  unsigned char *buf = buffer_new (STEP);

  for (uint64_t at = 0; at < SIZE; at += STEP) {
    for (uint64_t i = 0; i < STEP; i += PAGE)
      page_fill (buf + i, (at + i) / PAGE);
    NBD_OK (nbd_pwrite (nbd, buf, STEP, at, 0));
  }
  free (buf);
}

static void
trim_disk (struct nbd_handle *nbd)
{
  for (uint64_t i = 0; i < PAGES; i++)
    if (!is_kept (i))
      NBD_OK (nbd_trim (nbd, PAGE, i * PAGE, 0));
}

static void
check_disk (struct nbd_handle *nbd)
{
  unsigned char *want = buffer_new (STEP);

  for (uint64_t at = 0; at < SIZE; at += STEP) {
    memset (want, 0, STEP);
    for (uint64_t i = 0; i < STEP; i += PAGE)
      if (is_kept ((at + i) / PAGE))
        page_fill (want + i, (at + i) / PAGE);
    check_read (nbd, want, STEP, at);
  }
  free (want);
}

/* A run has ended, and all that need not be there has gone: to 5 % over the
 * compressed pages. */
static int
is_dense (void *arg)
{
  struct statistics s;

  statistics_ask (arg, &s);
  return s.pages_compacted > 0 &&
         s.mem_used_total <= s.compr_data_size * 21 / 20;
}

static void
test_compacted (void)
{
  struct statistics full, after;
  struct nbd_handle *nbd;
  struct server server;
  uint64_t rss;

  server_start (&server, "256M", "compact_threshold=2", NULL);
  nbd = server_connect (&server);
  fill_disk (nbd);
  statistics_ask (&server, &full);
  CHECK (full.pages_compacted == 0);
  rss = server_memory (&server, "Rss");
  trim_disk (nbd);
  wait_until (is_dense, &server, "compaction");
  statistics_ask (&server, &after);
  printf ("mem_used_total %llu KiB, then %llu for %llu compressed; "
          "%llu pages compacted\n",
          (unsigned long long) (full.mem_used_total / KiB),
          (unsigned long long) (after.mem_used_total / KiB),
          (unsigned long long) (after.compr_data_size / KiB),
          (unsigned long long) after.pages_compacted);
  CHECK (after.pages_compacted * PAGE <=
         full.mem_used_total - after.mem_used_total + KEPT_EMPTY);
  CHECK (after.mem_used_total < full.mem_used_total / 2);
  CHECK (server_memory (&server, "Rss") + full.mem_used_total / 2 < rss);
  check_disk (nbd);
  nbd_close (nbd);
  server_stop (&server);
}

static void
test_never (void)
{
  struct statistics full, after;
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "256M", "compact_threshold=0", NULL);
  nbd = server_connect (&server);
  fill_disk (nbd);
  statistics_ask (&server, &full);
  trim_disk (nbd);
  /* Four times as long as the thread would sleep. */
  sleep (2);
  statistics_ask (&server, &after);
  CHECK (after.pages_compacted == 0);
  CHECK (after.mem_used_total > full.mem_used_total * 9 / 10);
  CHECK (after.mem_used_total - after.live > full.mem_used_total / 2);
  check_disk (nbd);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_compacted ();
  test_never ();
  return EXIT_SUCCESS;
}
