/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "disk.h"
#include "futex.h"
#include "store.h"

void
disk_init (struct disk *disk, const char *name)
{
  pthread_rwlockattr_t attr;

  *disk = (struct disk){.run_id = "", .config = DISK_CONFIG_DEFAULT};
  snprintf (disk->name, sizeof disk->name, "%s", name);
  pthread_rwlockattr_init (&attr);
  pthread_rwlockattr_setkind_np (&attr,
                                 PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init (&disk->lock, &attr);
  pthread_rwlockattr_destroy (&attr);
}

void
do_disk_begin_run (struct disk *disk)
{
  atomic_fetch_add (&disk->runs, 1);
}

void
disk_end_run (struct disk *disk)
{
  if (atomic_fetch_sub (&disk->runs, 1) == 1)
    futex_wake_all (&disk->runs);
}

/* No other can begin meanwhile. */
static void
do_end_runs (struct disk *disk)
{
  uint32_t n;

  disk->ending = true;
  while ((n = disk->runs) > 0)
    futex_wait (&disk->runs, n);
  disk->ending = false;
}

static void
do_let_device_go (struct disk *disk)
{
  bool enabled;

  do_end_runs (disk);
  if (disk->zram && disk->config.backing.dev[0])
    disk->config.writeback_limit = zram_writeback_limit (disk->zram, &enabled);
  zram_destroy (disk->zram);
  disk->zram = NULL;
}

void
disk_destroy (struct disk *disk)
{
  do_let_device_go (disk);
  zram_config_clear (&disk->config);
  pthread_rwlock_destroy (&disk->lock);
}

/* A device of the configuration, with its backing store. */
static int
make_device (const struct disk *disk, struct zram **zram, char **why)
{
  struct zram_config config = disk->config; /* no reference is taken or lost */
  const struct store_config store = {
      .backing_dev = config.backing.dev,
      .size = config.backing.size,
      .overwrite = config.backing.overwrite,
      .no_memory = config.no_faults,
      .timeout_s = config.backing_timeout_s > 0 ? config.backing_timeout_s
                                                : ZRAM_DEFAULT_BACKING_TIMEOUT,
      .complain = config.complain,
  };
  int r = 0;

  *why = NULL;
  config.store = NULL;
  if (config.backing.dev[0])
    r = store_open (&config.store, &store, why);
  if (r == 0)
    r = zram_create (zram, &config);
  if (r < 0) {
    store_undo (config.store);
    store_close (config.store);
  }
  return r;
}

int
do_disk_create (struct disk *disk, char **why)
{
  struct zram *zram = NULL;
  int r;

  *why = NULL;
  if (disk->zram)
    return -EBUSY;
  r = make_device (disk, &zram, why);
  if (r == 0)
    disk->zram = zram;
  return r;
}

/* Clients look for the device without the lock: they find it when it is
 * complete, and not one that may have to go again. */
int
do_disk_start (struct disk *disk, char **why)
{
  struct zram *zram = NULL;
  int r;

  *why = NULL;
  if (disk->zram)
    return -EBUSY;
  r = make_device (disk, &zram, why);
  if (r < 0)
    return r;
  r = zram_start (zram);
  if (r == 0)
    disk->zram = zram;
  else {
    zram_undo_store (zram);
    zram_destroy (zram);
  }
  return r;
}

bool
disk_shut (struct disk *disk)
{
  int nobody = 0;

  return atomic_compare_exchange_strong (&disk->clients, &nobody, -1);
}

void
disk_unshut (struct disk *disk)
{
  disk->clients = 0;
}

int
do_disk_reset (struct disk *disk)
{
  if (!disk_shut (disk))
    return -EBUSY;
  do_let_device_go (disk);
  disk->config.disksize = 0;
  disk->config.mem_limit = 0;
  disk->config.backing = (struct zram_backing){.dev = ""};
  zram_config_clear (&disk->config);
  disk_unshut (disk);
  return 0;
}

void
disk_retire (struct disk *disk)
{
  pthread_rwlock_wrlock (&disk->lock);
  disk->gone = true;
  do_let_device_go (disk);
  pthread_rwlock_unlock (&disk->lock);
}

uint64_t
disk_size (const struct disk *disk)
{
  const struct zram *const zram = disk->zram;

  return zram ? zram_disksize (zram) : 0;
}

int
disk_open (struct disk *disk)
{
  int n = disk->clients;

  while (n >= 0)
    if (atomic_compare_exchange_weak (&disk->clients, &n, n + 1))
      return 0;
  return -EBUSY;
}

void
disk_close (struct disk *disk)
{
  atomic_fetch_sub (&disk->clients, 1);
}
