/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit's own buffers, which no limit of the plugin covers: each of its 16
 * threads for a connection keeps a buffer as long as its longest request, 64
 * MiB at most.  What the manual says of them holds: they go when the client
 * goes, be it the first or a later one; threads, and clients by the limit
 * filter, bound them; what is said of extents adds a megabyte at most; and the
 * blocksize-policy filter has clients ask for less at once.
 */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "data.h"
#include "server.h"

#define THREADS 16U
#define LEN     (8 * MiB)

/* The largest request that nbdkit takes. */
#define LARGEST (64 * MiB)

/* How many clients at once, of a server with one thread for each. */
#define CLIENTS 3U

/* Pages and holes by turns, and how many bytes of them are written at once. */
#define STRIPES     GiB
#define STRIPES_LEN MiB

/* What else a client costs, and what the heap may keep. */
#define MARGIN (4 * MiB)

/* Long reads of an empty disk, all at once: nothing but the buffers grows. */
static void
read_at_once (struct nbd_handle *nbd)
{
  unsigned char *buf = buffer_new (THREADS * LEN);
  int64_t cookies[THREADS];

  for (unsigned i = 0; i < THREADS; i++) {
    cookies[i] = nbd_aio_pread (nbd, buf + i * LEN, LEN, i * LEN,
                                NBD_NULL_COMPLETION, 0);
    NBD_OK (cookies[i]);
  }
  while (nbd_aio_in_flight (nbd) > 0)
    NBD_OK (nbd_poll (nbd, -1));
  for (unsigned i = 0; i < THREADS; i++)
    NBD_YES (nbd_aio_command_completed (nbd, (uint64_t) cookies[i]));
  check_filled (buf, 0, THREADS * LEN, 0);
  free (buf);
}

/* A request of LEN bytes by a client that stays. */
static struct nbd_handle *
connect_and_read (const struct server *server, size_t len)
{
  struct nbd_handle *nbd = server_connect (server);

  check_reads_byte (nbd, 0, len, 0);
  return nbd;
}

struct shrinking {
  const struct server *server;
  uint64_t limit;
};

static int
has_shrunk (void *arg)
{
  const struct shrinking *shrinking = arg;

  return server_memory (shrinking->server, "Rss") < shrinking->limit;
}

static void
test_given_back (void)
{
  struct shrinking shrinking;
  struct nbd_handle *nbd;
  struct server server;
  uint64_t base, most;

  server_start (&server, "1G", NULL);
  nbd = server_connect (&server);
  base = server_memory (&server, "Rss");
  read_at_once (nbd);
  most = server_memory (&server, "Rss");
  CHECK (most > base + LEN);
  nbd_close (nbd);
  shrinking = (struct shrinking){&server, base + (most - base) / 10};
  wait_until (has_shrunk, &shrinking, "nbdkit's buffers to go");
  server_stop (&server);
}

/* Several clients at once, again and again, each time with shorter requests:
 * the C library would rather keep the memory of those. */
static void
test_given_back_again (void)
{
  struct nbd_handle *clients[CLIENTS], *nbd;
  struct shrinking shrinking;
  struct server server;

  server_start (&server, "-t", "1", "1G", NULL);
  nbd = connect_and_read (&server, PAGE);
  shrinking =
      (struct shrinking){&server, server_memory (&server, "Rss") + MARGIN};
  for (size_t len = 3 * LEN; len >= MARGIN; len /= 2) {
    for (unsigned i = 0; i < CLIENTS; i++)
      clients[i] = connect_and_read (&server, len);
    CHECK (!has_shrunk (&shrinking));
    for (unsigned i = 0; i < CLIENTS; i++)
      nbd_close (clients[i]);
    wait_until (has_shrunk, &shrinking, "nbdkit's buffers to go, once more");
  }
  nbd_close (nbd);
  server_stop (&server);
}

/* What the manual gives: limit times threads times the largest request. */
static void
test_bounded (void)
{
  struct nbd_handle *clients[CLIENTS], *nbd = nbd_create ();
  struct server server;
  uint64_t base, most;

  server_start (&server, "-t", "1", "--filter=limit", "1G", "limit=3", NULL);
  clients[0] = connect_and_read (&server, PAGE);
  base = server_memory (&server, "Rss");
  for (unsigned i = 1; i < CLIENTS; i++)
    clients[i] = server_connect (&server);
  for (unsigned i = 0; i < CLIENTS; i++)
    check_reads_byte (clients[i], 0, LARGEST, 0);
  CHECK (nbd != NULL);
  CHECK (nbd_connect_unix (nbd, server.socket) == -1);
  most = server_memory (&server, "Rss");
  printf ("%" PRIu64 " bytes for %u buffers of %" PRIu64 "\n", most - base,
          CLIENTS, LARGEST);
  CHECK (most > base + CLIENTS * LARGEST - MARGIN);
  CHECK (most < base + CLIENTS * LARGEST + MARGIN);
  nbd_close (nbd);
  for (unsigned i = 0; i < CLIENTS; i++)
    nbd_close (clients[i]);
  server_stop (&server);
}

/* The most that has ever been resident. */
static uint64_t
memory_peak (const struct server *server)
{
  static const char name[] = "VmHWM:";
  char path[64], line[256];
  uint64_t kib = 0;
  FILE *fp;

  snprintf (path, sizeof path, "/proc/%ld/status", (long) server->pid);
  fp = fopen (path, "r");
  CHECK (fp != NULL);
  while (kib == 0 && fgets (line, sizeof line, fp))
    if (strncmp (line, name, sizeof name - 1) == 0)
      kib = strtoull (line + sizeof name - 1, NULL, 10);
  fclose (fp);
  CHECK (kib > 0);
  return kib * KiB;
}

/* A disk of which each second page is a hole. */
static void
write_stripes (struct nbd_handle *nbd)
{
  unsigned char *buf = buffer_new (STRIPES_LEN);

  memset (buf, 0, STRIPES_LEN);
  for (size_t i = 0; i < STRIPES_LEN; i += 2 * PAGE)
    memset (buf + i, 0x11, PAGE);
  for (uint64_t offset = 0; offset < STRIPES; offset += STRIPES_LEN)
    NBD_OK (nbd_pwrite (nbd, buf, STRIPES_LEN, offset, 0));
  free (buf);
}

/* What has been said of the stripes. */
struct stripes {
  uint64_t end;
  size_t most; /* in one answer */
};

/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
stripes_receive (void *user_data, const char *context, uint64_t offset,
                 uint32_t *entries, size_t nr_entries, int *error)
{
  struct stripes *stripes = user_data;

  (void) error;
  CHECK (strcmp (context, LIBNBD_CONTEXT_BASE_ALLOCATION) == 0);
  CHECK (offset == stripes->end);
  for (size_t i = 0; i < nr_entries; i += 2) {
    CHECK (entries[i] == PAGE);
    CHECK (entries[i + 1] == (stripes->end / PAGE % 2 == 0 ? 0 : HOLE));
    stripes->end += entries[i];
  }
  if (nr_entries / 2 > stripes->most)
    stripes->most = nr_entries / 2;
  return 0;
}
/* NOLINTEND(readability-non-const-parameter) */

/* A client sees the whole map, and the server has no long list for it. */
static void
test_extents_bounded (void)
{
  struct stripes stripes = {0};
  struct nbd_handle *nbd;
  struct server server;
  uint64_t peak;

  server_start (&server, "-t", "1", "2G", NULL);
  nbd = server_connect (&server);
  write_stripes (nbd);
  peak = memory_peak (&server);
  while (stripes.end < STRIPES)
    NBD_OK (nbd_block_status (nbd, STRIPES - stripes.end, stripes.end,
                              (nbd_extent_callback){
                                  .callback = stripes_receive,
                                  .user_data = &stripes,
                              },
                              0));
  CHECK (stripes.end == STRIPES);
  peak = memory_peak (&server) - peak;
  printf ("%" PRIu64 " bytes for answers of %zu extents\n", peak, stripes.most);
  CHECK (stripes.most > 1 && stripes.most <= 16384);
  CHECK (peak <= MiB);
  nbd_close (nbd);
  server_stop (&server);
}

static void
test_maximum_imposed (void)
{
  struct nbd_handle *nbd;
  struct server server;
  char buf[64 * KiB + 1];

  server_start (&server, "1G", "--filter=blocksize-policy",
                "blocksize-maximum=64K", "blocksize-error-policy=error", NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_block_size (nbd, LIBNBD_SIZE_MAXIMUM) == 64 * (int64_t) KiB);
  check_reads_byte (nbd, 0, 64 * KiB, PAGE);
  NBD_REFUSED (nbd_pread (nbd, buf, sizeof buf, PAGE, 0), EINVAL);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_given_back ();
  test_given_back_again ();
  test_bounded ();
  test_extents_bounded ();
  test_maximum_imposed ();
  return EXIT_SUCCESS;
}
