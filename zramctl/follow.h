/* SPDX-License-Identifier: BSD-3-Clause */
/* Disks that are asked again and again, of servers that may come and go. */
#ifndef ZRAM_FOLLOW_H
#define ZRAM_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ctlclient.h"
#include "sample.h"
#include "servers.h"

struct follow_server {
  struct follow_server *next;
  char *path;
  struct ctlclient client;
};

struct follow_disk {
  struct follow_disk *next;
  char *name;
  const struct follow_server *server;
  struct sample samples[2];
  struct sample *now;    /* one of them */
  struct sample *before; /* the other; NULL: it is of another life */
  bool is_there;         /* has it been sampled in this round? */
  char gone[512];        /* if not, why */
};

/* Lists, in the order in which they came. */
struct follow {
  struct follow_server *servers;
  struct follow_disk *disks;
  size_t n_disks;
};

/* Those of SERVERS that are not followed yet are, from now on. */
extern void follow_add (struct follow *follow, const struct servers *servers);

/* Ask them all; a server that cannot be asked has seconds of PATIENCE. */
extern void follow_round (struct follow *follow, unsigned patience);

extern void follow_free (struct follow *follow);

#endif /* ZRAM_FOLLOW_H */
