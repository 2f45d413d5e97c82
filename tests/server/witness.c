/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "data.h"
#include "server.h"
#include "witness.h"

/* Random pages take the same room each time, and never more. */
static void
write_anew (struct witness *witness, unsigned char *pages, unsigned round)
{
  data_fill (pages, WITNESS_SIZE, DATA_RANDOM, round + 1);
  NBD_OK (nbd_pwrite (witness->nbd, pages, WITNESS_SIZE, 0, 0));
}

/* With parts of pages, and the whole. */
static void
read_again (struct witness *witness, const unsigned char *pages, unsigned round)
{
  const size_t skip = (size_t) round * 97 % PAGE;

  check_read (witness->nbd, pages + skip, WITNESS_SIZE - 2 * skip, skip);
  check_read (witness->nbd, pages, WITNESS_SIZE, 0);
}

static void *
witness_run (void *arg)
{
  struct witness *witness = arg;
  unsigned char *pages = buffer_new (WITNESS_SIZE);

  for (unsigned round = 0; !atomic_load (&witness->done); round++) {
    if (round == 0 || !atomic_load (&witness->only_reads))
      write_anew (witness, pages, round);
    read_again (witness, pages, round);
    atomic_store (&witness->rounds, round + 1);
  }
  free (pages);
  return NULL;
}

struct goal {
  struct witness *witness;
  unsigned rounds;
};

static int
is_reached (void *arg)
{
  const struct goal *goal = arg;

  return atomic_load (&goal->witness->rounds) >= goal->rounds;
}

/* The round that goes on now may have begun before what it is to see. */
void
witness_await (struct witness *witness)
{
  struct goal goal = {witness, atomic_load (&witness->rounds) + 2};

  wait_until (is_reached, &goal, "a client that behaves to be served");
}

void
witness_start (struct witness *witness, const struct server *server,
               unsigned threads)
{
  *witness = (struct witness){.server = server, .nbd = server_connect (server)};
  CHECK (pthread_create (&witness->thread, NULL, witness_run, witness) == 0);
  witness_await (witness);
  witness->footprint = footprint_take (server, threads);
}

struct nbd_handle *
witness_start_all (struct witness *witness, struct server *server,
                   unsigned threads, const char *disksize, void *content,
                   size_t len)
{
  struct nbd_handle *nbd;
  char option[16];

  snprintf (option, sizeof option, "-t%u", threads);
  server_start (server, option, disksize, NULL);
  nbd = server_connect (server);
  data_fill (content, len, DATA_RANDOM, 1);
  NBD_OK (nbd_pwrite (nbd, content, len, WITNESS_SIZE, 0));
  witness_start (witness, server, threads);
  return nbd;
}

void
witness_only_reads (struct witness *witness)
{
  atomic_store (&witness->only_reads, true);
  witness_await (witness);
}

void
witness_stop (struct witness *witness)
{
  witness_await (witness);
  footprint_await (&witness->footprint);
  atomic_store (&witness->done, true);
  CHECK (pthread_join (witness->thread, NULL) == 0);
  nbd_close (witness->nbd);
}
