/* SPDX-License-Identifier: BSD-3-Clause */
/* mm_stat, io_stat, stat and frag_stat say what was done: every column follows
 * from what this program has written, overwritten, trimmed and been refused.
 */
#include <config.h>

#include "data.h"
#include "server.h"
#include "statistics.h"

#define LIMIT (8 * MiB)

/* What the pool may keep for itself when it is empty, says the manual. */
#define KEPT (512 * KiB)

static const struct {
  enum data_kind kind;
  unsigned pages;
} content[] = {
    {DATA_ZERO, 50},
    {DATA_SAME, 100},
    {DATA_TEXT, 200},
    {DATA_RANDOM, 300},
};

#define PAGES  650U
#define SAME   150U
#define TEXT   200U
#define RANDOM 300U

#define EXPECT(value, expected)                                         \
  do {                                                                  \
    if ((value) != (expected))                                          \
      fail ("%s is %llu, not %s", #value, (unsigned long long) (value), \
            #expected);                                                 \
  } while (0)

static void
write_pages (struct nbd_handle *nbd, enum data_kind kind, uint64_t page,
             unsigned count)
{
  unsigned char buf[PAGE];

  for (uint64_t i = page; i < page + count; i++) {
    data_fill (buf, PAGE, kind, i);
    NBD_OK (nbd_pwrite (nbd, buf, PAGE, i * PAGE, 0));
  }
}

/* The columns agree with each other: what is not live is in the holes that are
 * counted, and the runs make up all that is held. */
static void
check_holes (const struct statistics *s)
{
  uint64_t least = 0, runs = 0, fullest = 0, emptiest = 0;
  const uint64_t run = 64 * KiB;

  for (unsigned i = 0; i < HOLE_SIZES; i++)
    least += s->holes[i] * (UINT64_C (8) << i);
  for (unsigned i = 0; i < FULLNESSES; i++) {
    runs += s->runs[i];
    emptiest += s->runs[i] * run / 10 * i;
    fullest += s->runs[i] * (i < 10 ? run / 10 * (i + 1) + 1 : run);
  }
  CHECK (s->live <= s->mem_used_total);
  CHECK (s->mem_used_total - s->live >= least);
  CHECK (s->mem_used_total - s->live <= 2 * least);
  EXPECT (runs * run, s->mem_used_total);
  CHECK (s->live >= emptiest);
  CHECK (s->live <= fullest);
  CHECK (s->live >= s->compr_data_size);
}

static void
test_unused (const struct server *server)
{
  struct statistics s;

  statistics_ask (server, &s);
  EXPECT (s.orig_data_size, 0);
  EXPECT (s.compr_data_size, 0);
  EXPECT (s.mem_used_total, 0);
  EXPECT (s.mem_limit, LIMIT);
  EXPECT (s.same_pages, 0);
  EXPECT (s.huge_pages_since, 0);
  EXPECT (s.notify_free, 0);
  EXPECT (s.live, 0);
  EXPECT (s.reserve, 0);
  check_holes (&s);
}

static void
test_written (const struct server *server, struct nbd_handle *nbd)
{
  struct statistics s;
  uint64_t page = 0;

  for (size_t i = 0; i < sizeof content / sizeof content[0]; i++) {
    write_pages (nbd, content[i].kind, page, content[i].pages);
    page += content[i].pages;
  }
  EXPECT (page, PAGES);
  statistics_ask (server, &s);
  EXPECT (s.orig_data_size, PAGES * PAGE);
  CHECK (s.compr_data_size > RANDOM * PAGE + TEXT * PAGE / 4);
  CHECK (s.compr_data_size < RANDOM * PAGE + TEXT * PAGE);
  CHECK (s.mem_used_total >= s.compr_data_size);
  CHECK (s.mem_used_total < s.compr_data_size + MiB);
  CHECK (s.mem_used_total % PAGE == 0);
  CHECK (s.mem_used_max >= s.mem_used_total);
  EXPECT (s.same_pages, SAME);
  EXPECT (s.pages_compacted, 0);
  EXPECT (s.huge_pages, RANDOM);
  EXPECT (s.huge_pages_since, RANDOM);
  EXPECT (s.writes, PAGES);
  EXPECT (s.write_sectors, PAGES * PAGE / 512);
  EXPECT (s.failed_writes, 0);
  EXPECT (s.invalid_io, 0);
  EXPECT (s.notify_free, 0);
  check_holes (&s);
}

/* A third of the incompressible pages become same-filled. */
static void
test_overwritten (const struct server *server, struct nbd_handle *nbd)
{
  struct statistics s;

  write_pages (nbd, DATA_SAME, SAME + TEXT, RANDOM / 3);
  statistics_ask (server, &s);
  EXPECT (s.orig_data_size, PAGES * PAGE);
  EXPECT (s.same_pages, SAME + RANDOM / 3);
  EXPECT (s.huge_pages, RANDOM - RANDOM / 3);
  EXPECT (s.huge_pages_since, RANDOM);
  check_holes (&s);
}

static void
test_refused (const struct server *server, struct nbd_handle *nbd)
{
  unsigned char buf[PAGE];
  struct statistics s;
  unsigned refused = 0;

  for (uint64_t i = PAGES; refused < 10; i++) {
    data_fill (buf, PAGE, DATA_RANDOM, i);
    if (nbd_pwrite (nbd, buf, PAGE, i * PAGE, 0) == -1)
      refused++;
  }
  statistics_ask (server, &s);
  EXPECT (s.failed_writes, refused);
  EXPECT (s.failed_reads, 0);
  CHECK (s.mem_used_total <= LIMIT);
  check_holes (&s);
}

/* What was emptied has been given back, but for what is kept. */
static int
only_kept (void *arg)
{
  struct statistics s;

  statistics_ask (arg, &s);
  return s.reserve > 0 && s.reserve <= KEPT;
}

static void
test_trimmed (const struct server *server, struct nbd_handle *nbd)
{
  struct statistics before, s;

  statistics_ask (server, &before);
  NBD_OK (nbd_trim (nbd, 64 * MiB, 0, 0));
  statistics_ask (server, &s);
  EXPECT (s.orig_data_size, 0);
  EXPECT (s.compr_data_size, 0);
  CHECK (s.mem_used_total <= KEPT);
  EXPECT (s.mem_used_max, before.mem_used_max);
  EXPECT (s.same_pages, 0);
  EXPECT (s.huge_pages, 0);
  EXPECT (s.huge_pages_since, before.huge_pages_since);
  EXPECT (s.notify_free, before.orig_data_size / PAGE);
  EXPECT (s.live, 0);
  check_holes (&s);
  wait_until (only_kept, (void *) server, "more is in reserve than is kept");
  CHECK (server_log_count (server, "disksize: 67108864") > 0);
}

/* Requests of each kind, of any length; of the kernel's sectors, whole ones.
 */
static void
test_requests (const struct server *server, struct nbd_handle *nbd)
{
  static unsigned char buf[MiB];
  struct statistics before, s;

  statistics_ask (server, &before);
  NBD_OK (nbd_pread (nbd, buf, sizeof buf, 5 * PAGE, 0));
  NBD_OK (nbd_pread (nbd, buf, 100, 1000, 0));
  NBD_OK (nbd_pread (nbd, buf, 412, 7, 0));
  NBD_OK (nbd_pwrite (nbd, buf, sizeof buf, 0, 0));
  NBD_OK (nbd_zero (nbd, 8 * PAGE + 1024, 512, 0));
  NBD_OK (nbd_trim (nbd, 3 * PAGE, 1024, 0));
  NBD_OK (nbd_flush (nbd, 0));
  statistics_ask (server, &s);
  EXPECT (s.reads, before.reads + 3);
  EXPECT (s.read_sectors, before.read_sectors + MiB / 512 + 1);
  EXPECT (s.writes, before.writes + 2);
  EXPECT (s.write_sectors, before.write_sectors + MiB / 512 + 8 * 8 + 2);
  EXPECT (s.discards, before.discards + 1);
  EXPECT (s.discard_sectors, before.discard_sectors + 3 * 8);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "64M", "mem_limit=8M", NULL);
  nbd = server_connect (&server);
  test_unused (&server);
  test_written (&server, nbd);
  test_overwritten (&server, nbd);
  test_refused (&server, nbd);
  test_trimmed (&server, nbd);
  test_requests (&server, nbd);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
