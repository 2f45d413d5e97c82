/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit in so far as a request goes through it: the plugin is linked to the
 * program, loaded as by "nbdkit ./zram.so PARAMETERS", and gets of a client's
 * requests those that nbdkit lets through, in the form that it gives them.
 */
#ifndef ZRAM_FUZZ_FAKENBDKIT_H
#define ZRAM_FUZZ_FAKENBDKIT_H

#include <stdbool.h>
#include <stdint.h>

/* NBD's commands and flags. */
enum command {
  COMMAND_READ,
  COMMAND_WRITE,
  COMMAND_FLUSH,
  COMMAND_TRIM,
  COMMAND_CACHE,
  COMMAND_ZERO,
  COMMAND_EXTENTS,
  COMMANDS
};

#define REQUEST_FUA       1U
#define REQUEST_NO_HOLE   2U
#define REQUEST_ONE       8U
#define REQUEST_FAST_ZERO 16U

struct request {
  enum command command;
  uint32_t flags;
  uint64_t offset;
  uint32_t count;
  void *data; /* COUNT bytes that are read, or written */

  /* Told of each extent; NULL: they are only checked. */
  void (*extent) (void *arg, uint64_t offset, uint64_t len, bool hole);
  void *arg;
};

/* Load the plugin with PARAMETERS, "KEY=VALUE" and NULL at the end, and let it
 * serve until the program ends. */
extern void fake_nbdkit_start (const char *const *parameters);

/* A client comes to EXPORT, and goes.  NULL: he is refused. */
extern void *fake_nbdkit_open (const char *export);
extern void fake_nbdkit_close (void *handle);

extern uint64_t fake_nbdkit_size (void *handle);

/* What the client is answered: 0, or an errno. */
extern int fake_nbdkit_request (void *handle, const struct request *request);

#endif /* ZRAM_FUZZ_FAKENBDKIT_H */
