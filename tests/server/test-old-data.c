/* SPDX-License-Identifier: BSD-3-Clause */
/* What was stored is not shown to who has not stored it: not in pages that were
 * never written, or trimmed, or zeroed; not around a part of such a page that
 * is written; not behind a page that is shorter now; not to the clients of
 * another disk; and not to those of a disk that was reset, or removed and added
 * with the same name, be it on the same store.  And what is written to a store
 * holds nothing of what was written there before, where it is no page.
 *
 * nbdkit has one thread for a client here, so that its buffer has held the old
 * data: test-recycled-buffer.c has the rest of that.
 */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "data.h"
#include "nbdstore.h"
#include "server.h"

#define PAGES 512U
#define SIZE  (PAGES * PAGE)

/* The store.  What is before START of it is its mark. */
#define STORE_SIZE (16 * MiB)
#define START      PAGE

static const char *control, *cold; /* the server's socket, and its store */
static unsigned char *secrets;     /* SIZE bytes */

/* Tell the server at the control socket. */
static void
tell (const char *request)
{
  char answer[256];

  if (control_try (control, request, answer, sizeof answer) != 0)
    fail ("refused: %s", request);
}

static int
is_unused (void *disk)
{
  char request[64], answer[64];

  snprintf (request, sizeof request, "get %s clients", (const char *) disk);
  control_ask (control, request, answer, sizeof answer);
  return strcmp (answer, "0") == 0;
}

/* Leave DISK, so that it can be reset or removed. */
static void
leave (struct nbd_handle *nbd, char *disk)
{
  NBD_OK (nbd_shutdown (nbd, 0));
  nbd_close (nbd);
  wait_until (is_unused, disk, "a disk to be left");
}

static void
write_secrets (struct nbd_handle *nbd)
{
  NBD_OK (nbd_pwrite (nbd, secrets, SIZE, 0, 0));
  check_read (nbd, secrets, SIZE, 0);
}

static void
must_be_empty (struct nbd_handle *nbd)
{
  struct extents extents;

  extents_ask_all (nbd, &extents, SIZE, 0);
  CHECK (extents.n == 1 && extents.e[0].flags == HOLE);
  check_reads_byte (nbd, 0, SIZE, 0);
  for (uint64_t at = 0; at + 3 * PAGE < SIZE; at += 7 * PAGE + 333)
    check_reads_byte (nbd, 0, PAGE + at % PAGE, at);
}

/* Each page has a byte of its own written, or a few, and is as empty as before
 * but for them. */
static void
must_stay_empty_around (struct nbd_handle *nbd)
{
  unsigned char expected[PAGE];

  for (uint64_t page = 0; page < PAGES; page++) {
    const uint64_t from = page * 61 % (PAGE - 16);
    const size_t len = 1 + page % 16;

    memset (expected, 0, PAGE);
    memset (expected + from, 0xa5, len);
    NBD_OK (nbd_pwrite (nbd, expected + from, len, page * PAGE + from, 0));
    check_read (nbd, expected, PAGE, page * PAGE);
  }
}

/* It is empty, and can be used; and is left full of secrets. */
static void
use_empty (struct nbd_handle *nbd)
{
  must_be_empty (nbd);
  must_stay_empty_around (nbd);
  write_secrets (nbd);
}

static void
test_freed (struct nbd_handle *nbd)
{
  write_secrets (nbd);
  NBD_OK (nbd_trim (nbd, SIZE, 0, 0));
  use_empty (nbd);
  NBD_OK (nbd_zero (nbd, SIZE, 0, 0));
  use_empty (nbd);
}

/* Pages of every kind, in place of secrets. */
static void
test_shorter (struct nbd_handle *nbd)
{
  unsigned char expected[PAGE];

  write_secrets (nbd);
  for (uint64_t page = 0; page < PAGES; page++) {
    const size_t text = page * 37 % PAGE;

    data_fill (expected, PAGE, (enum data_kind) (page % DATA_KINDS), page);
    memset (expected + text, 0, PAGE - text);
    NBD_OK (nbd_pwrite (nbd, expected, PAGE, page * PAGE, 0));
    check_read (nbd, expected, PAGE, page * PAGE);
  }
}

/* SETTINGS are the disk's, but for its size. */
static void
test_reset (const struct server *server, const char *settings)
{
  static char disk[] = "old";
  struct nbd_handle *nbd = server_connect_to (server, disk);
  char request[256];

  write_secrets (nbd);
  tell ("set old writeback=page_indexes=0-255");
  leave (nbd, disk);
  tell ("set old reset=1");
  snprintf (request, sizeof request, "set old %s", settings);
  tell (request);
  tell ("set old disksize=2M");
  nbd = server_connect_to (server, disk);
  use_empty (nbd);
  tell ("set old writeback=page_indexes=0-255");
  leave (nbd, disk);

  tell ("hot_remove old");
  snprintf (request, sizeof request, "hot_add name=old disksize=2M %s",
            settings);
  tell (request);
  nbd = server_connect_to (server, disk);
  use_empty (nbd);
  leave (nbd, disk);
}

static int
compare_words (const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return (x > y) - (x < y);
}

/* No aligned word of a secret is in the store, where objects are aligned. */
static void
check_store (int store)
{
  const size_t len = STORE_SIZE - START, nr = SIZE / sizeof (uint64_t);
  uint64_t *words = buffer_new (SIZE), *stored = buffer_new (len);
  size_t nonzero = 0;

  memcpy (words, secrets, SIZE);
  qsort (words, nr, sizeof *words, compare_words);
  CHECK (pread (store, stored, len, START) == (ssize_t) len);
  for (size_t i = 0; i < len / sizeof *stored; i++) {
    nonzero += stored[i] != 0;
    if (stored[i] &&
        bsearch (&stored[i], words, nr, sizeof *words, compare_words))
      fail ("an old word is at byte %zu of the store",
            START + i * sizeof *stored);
  }
  CHECK (nonzero > 0);
  free (words);
  free (stored);
}

/* The server's buffers have held secrets; the store has none any more, for they
 * are wiped by hand, when the next pages go there.  Few at a time, so that much
 * is to be filled behind them. */
static void
test_store_filled_up (const struct server *server)
{
  static char disk[] = "old";
  struct nbd_handle *nbd = server_connect_to (server, disk);
  const int store = open (cold, O_RDWR | O_CLOEXEC);
  unsigned char page[PAGE];
  char request[64];
  void *zeros = buffer_new (STORE_SIZE - START);

  CHECK (store != -1);
  write_secrets (nbd);
  tell ("set old writeback=page_indexes=0-511");
  NBD_OK (nbd_trim (nbd, SIZE, 0, 0));
  memset (zeros, 0, STORE_SIZE - START);
  CHECK (pwrite (store, zeros, STORE_SIZE - START, START) ==
         (ssize_t) (STORE_SIZE - START));
  for (unsigned i = 0; i < 8; i++) {
    data_fill (page, PAGE, DATA_TEXT, 1000 + i);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, i * PAGE, 0));
    snprintf (request, sizeof request, "set old writeback=page_index=%u", i);
    tell (request);
    check_read (nbd, page, PAGE, i * PAGE);
  }
  check_store (store);
  leave (nbd, disk);
  close (store);
  free (zeros);
}

/* EXTRA is one more setting of the disk. */
static void
test_server (const char *extra)
{
  char word[96], settings[160], request[256];
  struct nbd_handle *nbd, *other;
  struct server server;

  snprintf (word, sizeof word, "control=%s", control);
  snprintf (settings, sizeof settings, "backing_dev=%s backing_size=16M %s",
            cold, extra);
  server_start (&server, "-t", "1", "num_devices=0", word, NULL);
  nbd = server_negotiate (&server); /* it is ready, then */
  nbd_close (nbd);
  snprintf (request, sizeof request, "hot_add name=old disksize=2M %s",
            settings);
  tell (request);
  tell ("hot_add name=other disksize=2M");

  nbd = server_connect_to (&server, "old");
  other = server_connect_to (&server, "other");
  test_freed (nbd);
  test_shorter (nbd);
  must_be_empty (other);
  must_stay_empty_around (other);
  nbd_close (other);
  nbd_close (nbd);
  test_reset (&server, settings);
  test_store_filled_up (&server);
  server_stop (&server);
}

int
main (void)
{
  nbdstore_make (STORE_SIZE);
  control = nbdstore_path ("control");
  cold = nbdstore_path ("cold");
  secrets = buffer_new (SIZE);
  data_fill (secrets, SIZE, DATA_RANDOM, 1);
  test_server ("compressed_writeback=1");
  test_server ("compressed_writeback=0");
  return EXIT_SUCCESS;
}
