/* SPDX-License-Identifier: BSD-3-Clause */
/* When the system gives no more memory, a write fails with ENOMEM (mem_limit's
 * answer is ENOSPC), what was written before stays, and when there is memory
 * again, writes succeed.
 *
 * A limit on the data that the running server may have stands for a system
 * without memory.
 */
#include <config.h>

#include <sys/resource.h>

#include "data.h"
#include "server.h"

#define PAGES (1U << 18)

static void
set_data_limit (const struct server *server, rlim_t limit)
{
  const struct rlimit rlimit = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};

  CHECK (prlimit (server->pid, RLIMIT_DATA, &rlimit, NULL) == 0);
}

/* Write until the server has no memory; returns how many pages it took. */
static unsigned
write_pages (struct nbd_handle *nbd, unsigned start)
{
  unsigned char page[PAGE];

  for (unsigned i = start; i < PAGES; i++) {
    data_fill (page, PAGE, DATA_RANDOM, i);
    if (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0) == 0)
      continue;
    if (nbd_get_errno () != ENOMEM)
      fail ("page %u: %s; expected ENOMEM", i, nbd_get_error ());
    return i;
  }
  fail ("%u pages were stored without memory", PAGES);
}

static void
check_content (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  for (unsigned i = 0; i < n; i++) {
    data_fill (page, PAGE, DATA_RANDOM, i);
    check_read (nbd, page, PAGE, (uint64_t) i * PAGE);
  }
  check_reads_byte (nbd, 0, 16 * PAGE, (uint64_t) n * PAGE);
}

int
main (void)
{
  unsigned char page[PAGE];
  struct nbd_handle *nbd;
  struct server server;
  unsigned n;

  /* One thread, whose buffer has its size before the limit comes. */
  server_start (&server, "-t", "1", "1G", NULL);
  nbd = server_connect (&server);
  data_fill (page, PAGE, DATA_RANDOM, 0);
  NBD_OK (nbd_pwrite (nbd, page, PAGE, 0, 0));
  check_reads_byte (nbd, 0, 16 * PAGE, PAGE);

  /* Not 0: the kernel takes that for a wish to see what Valgrind sees. */
  set_data_limit (&server, PAGE);
  n = write_pages (nbd, 1);
  printf ("ENOMEM at page %u\n", n);
  check_content (nbd, n);

  set_data_limit (&server, RLIM_INFINITY);
  data_fill (page, PAGE, DATA_RANDOM, n);
  NBD_OK (nbd_pwrite (nbd, page, PAGE, (uint64_t) n * PAGE, 0));
  check_content (nbd, n + 1);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
