/* SPDX-License-Identifier: BSD-3-Clause */
/* What is stored is not in a core dump: memory that holds pages, on their way
 * to the backing store, too, is left out of it.  What is in one are nbdkit's
 * own buffers, with the requests that each of its threads has had last.
 *
 * None is dumped here, which machines do differently: the mappings are looked
 * through that the kernel would put into one, and the others.
 */
#include <config.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "data.h"
#include "nbdstore.h"
#include "server.h"

#define PAGES   4096U
#define SIZE    (PAGES * PAGE)
#define REQUEST (256 * KiB)

/* Pages of the requests that a thread may have a copy of. */
#define LAST (4 * REQUEST / PAGE)

/* How much memory is looked at in one go. */
#define PIECE MiB

/* The first word of each page, sorted. */
static uint64_t words[PAGES];

static int
compare_words (const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return (x > y) - (x < y);
}

static unsigned
count_words (const uint64_t *piece, size_t n)
{
  unsigned found = 0;

  for (size_t i = 0; i < n; i++)
    found += piece[i] &&
             bsearch (&piece[i], words, PAGES, sizeof *words, compare_words);
  return found;
}

/* How many pages begin between START and END of the process whose memory MEM
 * is.  What cannot be read is in no dump. */
static unsigned
count_pages (int mem, uint64_t start, uint64_t end)
{
  uint64_t *const piece = buffer_new (PIECE);
  unsigned found = 0;

  for (uint64_t at = start; at < end; at += PIECE) {
    const size_t len = end - at < PIECE ? end - at : PIECE;
    const ssize_t n = pread (mem, piece, len, (off_t) at);

    if (n > 0)
      found += count_words (piece, (size_t) n / sizeof *piece);
  }
  free (piece);
  return found;
}

/* START, END and whether it is writable, if LINE begins a mapping. */
static bool
begins_mapping (const char *line, uint64_t *start, uint64_t *end,
                bool *writable)
{
  char *rest;
  const uint64_t first = strtoull (line, &rest, 16);

  if (rest == line || *rest != '-')
    return false;
  *start = first;
  *end = strtoull (rest + 1, &rest, 16);
  *writable = rest[0] == ' ' && rest[1] == 'r' && rest[2] == 'w';
  return true;
}

/* Look through all that SERVER may write to: what is dumped, and what is not.
 */
static void
look (const struct server *server, unsigned *dumped, unsigned *left_out)
{
  uint64_t start = 0, end = 0;
  bool writable = false;
  char path[64], line[512];
  FILE *maps;
  int mem;

  *dumped = *left_out = 0;
  snprintf (path, sizeof path, "/proc/%ld/mem", (long) server->pid);
  mem = open (path, O_RDONLY | O_CLOEXEC);
  if (mem < 0) {
    puts ("SKIPPED: the memory of another process cannot be read here");
    exit (77);
  }
  snprintf (path, sizeof path, "/proc/%ld/smaps", (long) server->pid);
  maps = fopen (path, "re");
  CHECK (maps != NULL);
  while (fgets (line, sizeof line, maps)) {
    if (begins_mapping (line, &start, &end, &writable) || !writable ||
        strncmp (line, "VmFlags:", 8) != 0)
      continue;
    *(strstr (line, " dd") ? left_out : dumped) +=
        count_pages (mem, start, end);
  }
  fclose (maps);
  close (mem);
}

static void
must_leave_out (const struct server *server, unsigned stored, const char *when)
{
  unsigned dumped, left_out;

  look (server, &dumped, &left_out);
  printf ("%s: pages in what is dumped: %u, in what is not: %u\n", when, dumped,
          left_out);
  if (left_out < stored)
    fail ("%s: only %u pages have been found in memory", when, left_out);
  if (dumped > LAST)
    fail ("%s: a core dump would have %u pages", when, dumped);
}

static void
write_secrets (struct nbd_handle *nbd)
{
  unsigned char *secrets = buffer_new (SIZE);

  data_fill (secrets, SIZE, DATA_RANDOM, 1);
  for (size_t i = 0; i < PAGES; i++)
    memcpy (&words[i], secrets + i * PAGE, sizeof *words);
  qsort (words, PAGES, sizeof *words, compare_words);
  for (uint64_t at = 0; at < SIZE; at += REQUEST)
    NBD_OK (nbd_pwrite (nbd, secrets + at, REQUEST, at, 0));
  check_read (nbd, secrets, REQUEST, 0);
  free (secrets);
}

int
main (void)
{
  char control[96], backing_dev[96], answer[64];
  struct nbd_handle *nbd;
  struct server server;

  nbdstore_make (4 * SIZE);
  snprintf (control, sizeof control, "control=%s", nbdstore_path ("control"));
  snprintf (backing_dev, sizeof backing_dev, "backing_dev=%s",
            nbdstore_path ("cold"));
  server_start (&server, "-t", "1", "64M", control, backing_dev,
                "backing_size=64M", NULL);
  nbd = server_connect (&server);
  write_secrets (nbd);
  must_leave_out (&server, PAGES, "stored");
  /* What is left of them in memory now is what has been on its way. */
  CHECK (control_try (control + strlen ("control="),
                      "set writeback=page_indexes=0-4095", answer,
                      sizeof answer) == 0);
  must_leave_out (&server, 1, "written back");
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
