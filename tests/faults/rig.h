/* SPDX-License-Identifier: BSD-3-Clause */
/* The server whose calls fail, in one of several set-ups; one at a time, in a
 * directory of its own. */
#ifndef ZRAM_TEST_RIG_H
#define ZRAM_TEST_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl.h"
#include "modeldisk.h"
#include "points.h"
#include "server.h"

enum setup {
  SETUP_FILE,    /* a store that is a file, by io_uring */
  SETUP_THREADS, /* and by threads */
  SETUP_NBD,     /* a store behind NBD */
  SETUP_SWAP,    /* memory is locked, and there is a reserve */
  SETUP_DEMAND,  /* clients make disks */
  SETUPS
};

extern const char *const setup_names[SETUPS];

struct rig {
  enum setup setup;
  struct server server;
  struct modeldisk disk; /* zram0, while it is connected */
  bool faulty;           /* something may fail now */
  unsigned refused, gone;
  struct points ended; /* of the last server that has */
};

extern struct rig rig;

/* Before all others: SEED gives the same requests again; the directory goes
 * when the program ends. */
extern void rig_init (uint64_t seed);

/* The name of a file there. */
extern const char *rig_file (const char *name);

/* Can it be had?  Only in a build without AddressSanitizer, of which the plugin
 * is FAULTS_PLAIN_PLUGIN, or this one is. */
extern bool rig_has (enum setup setup);

/* Start a server that has FAULTS ("": none) from its first moment on.  True: it
 * runs.  False: it has said why not, in one line, and has ended. */
extern bool rig_start (enum setup setup, const char *faults);

/* It has to end, and to have lost no memory. */
extern void rig_stop (void);

/* Ask its control socket.  What is refused while nothing may fail ends the
 * test; TEXT may be NULL. */
extern enum ctl rig_ask (char *text, size_t size, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#define rig_tell(...) rig_ask (NULL, 0, __VA_ARGS__)

/* Its points, as they are now. */
extern void rig_points (struct points *points);

/* From now on POINT has the fault that WORDS say, and requests may fail. */
extern void rig_break (const char *point, const char *words);

/* From now on nothing has, and nothing may. */
extern void rig_mend (void);

/* The same, of a server that is there no more, or has come with a fault. */
extern void rig_may_fail (bool may);

/* Its disk, which is all zeros. */
extern void rig_connect (void);
extern void rig_disconnect (void);

/* What all servers so far have come by. */
extern struct points *rig_totals (void);

#endif /* ZRAM_TEST_RIG_H */
