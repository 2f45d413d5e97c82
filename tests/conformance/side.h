/* SPDX-License-Identifier: BSD-3-Clause */
/* One of the two that the script is done to: the kernel's zram, on devices that
 * are added for it, or the plugin, on a server that is started for it.
 *
 * What attributes and algorithms there are is the side's to know.  Results are
 * what the script compares: "ok", the name of an errno, a value.
 */
#ifndef ZRAM_SIDE_H
#define ZRAM_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#define RESULT_SIZE 4096
#define DEVICE_SIZE 16

/* Bytes of a backing device. */
#define STORE_SIZE (2 << 20)

enum io {
  IO_READ,
  IO_WRITE,
  IO_DISCARD,
  IO_ZERO
};

struct side {
  const char *name;         /* as the script has it: "kernel" or "here" */
  char version[64];         /* what is to be said of it, besides */
  unsigned version_number;  /* of a kernel: script.h */
  char device[DEVICE_SIZE]; /* which one it is that operations are done to, as
                             * hot_remove takes it: a number, or a name */
  char store[RESULT_SIZE];  /* the name of a backing device that nobody else
                             * uses; "": it can have none */

  bool (*has) (const char *attribute);
  void (*get) (const char *attribute, char result[RESULT_SIZE]);
  /* NEWLINE: as echo does, and not as printf. */
  void (*set) (const char *attribute, const char *value, bool newline,
               char result[RESULT_SIZE]);
  /* Whether one was added: RESULT is that device, or else an errno. */
  bool (*hot_add) (char result[RESULT_SIZE]);
  /* The device, for what follows; it stays that one until it is closed.  0, or
   * an errno. */
  int (*open) (void);
  void (*close) (void);
  /* One page at OFFSET, one request; DISCARD and ZERO of LEN bytes.  0, or an
   * errno. */
  int (*io) (enum io io, void *page, uint64_t offset, uint64_t len);
  void (*leave) (void);
};

/* Add a device, or start a server.  NULL, and WHY (not NULL) says why the
 * kernel's cannot be used.  STORE: what it may write back to, or NULL. */
extern struct side *kernelside_enter (const char *store, const char **why);
extern struct side *pluginside_enter (void);

/* The attributes that the server says it has, a line for each: "NAME MODE
 * DESCRIPTION". */
extern const char *pluginside_attributes (void);

#endif /* ZRAM_SIDE_H */
