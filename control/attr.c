/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done with the table: parameters are stored, and completed; a disk is
 * told, and asked. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "cmdline.h"
#include "run.h"
#include "store.h"
#include "watermark.h"

const struct attr *
attr_find (const char *name)
{
  for (size_t i = 0; i < attr_count; i++)
    if (strcmp (attrs[i].name, name) == 0 ||
        (attrs[i].alias && strcmp (attrs[i].alias, name) == 0))
      return &attrs[i];
  return NULL;
}

bool
attr_is_path (const struct attr *attr, const char *value)
{
  return attr->kind == ATTR_PATH && value[0] != '\0' && !store_is_uri (value);
}

int
attr_store (struct attr_config *config, const char *name, const char *value,
            struct attr_error *error)
{
  const struct attr *const attr = attr_find (name);
  uint64_t bit;

  if (!attr || !attr->store)
    return attr_fail (
        error, "unknown parameter '%s': see nbdkit --help for this plugin",
        name);
  bit = UINT64_C (1) << (attr - attrs);
  if (config->given & bit && !attr->repeatable)
    return attr_fail (error, "%s: is given twice%s%s: give it once", attr->name,
                      attr->alias ? ", perhaps as " : "",
                      attr->alias ? attr->alias : "");
  if (attr->store (config, value, error) < 0)
    return -1;
  config->given |= bit;
  return 0;
}

/* CONFIG is DISK's with VALUE stored in it; -1: there is none. */
static int
try_store (const struct disk *disk, attr_store_fn store, const char *value,
           struct attr_config *config, struct attr_error *error)
{
  *config = (struct attr_config){0};
  zram_config_copy (&config->zram, &disk->config);
  if (store (config, value, error) == 0)
    return 0;
  zram_config_clear (&config->zram);
  return -1;
}

/* DISK's configuration becomes CONFIG. */
static void
adopt (struct disk *disk, const struct attr_config *config)
{
  zram_config_clear (&disk->config);
  disk->config = config->zram;
}

int
do_attr_store (struct disk *disk, attr_store_fn store, const char *value,
               struct attr_error *error)
{
  struct attr_config config;

  if (try_store (disk, store, value, &config, error) < 0)
    return -1;
  adopt (disk, &config);
  return 0;
}

int
do_attr_store_before (struct disk *disk, const char *name, attr_store_fn store,
                      const char *value, struct attr_error *error)
{
  struct attr_config config;

  if (try_store (disk, store, value, &config, error) < 0)
    return -1;
  if (!disk->zram) {
    adopt (disk, &config);
    return 0;
  }
  zram_config_clear (&config.zram);
  return attr_fail_as (error, EBUSY,
                       "%s: the disk is initialised: reset it first", name);
}

/* The row of that name, or NULL and ERROR. */
static const struct attr *
find_or_fail (const char *name, struct attr_error *error)
{
  const struct attr *const attr = attr_find (name);

  if (!attr)
    attr_fail_as (error, ENOENT, "there is no attribute '%s'", name);
  return attr;
}

/* It may have been removed since the caller found it.  The caller holds the
 * disk's lock. */
static int
check_there (const struct disk *disk, struct attr_error *error)
{
  return disk->gone ? attr_fail_as (error, ENODEV, "the disk has been removed")
                    : 0;
}

/* Whoever takes the device away meanwhile ends the run; others do not have to
 * wait for it. */
static int
set_by_run (const struct attr *attr, struct disk *disk, const char *value,
            const struct run *run, struct attr_error *error)
{
  struct run told = run ? *run : (struct run){0};
  int r;

  pthread_rwlock_rdlock (&disk->lock);
  r = check_there (disk, error);
  if (r == 0)
    do_disk_begin_run (disk);
  pthread_rwlock_unlock (&disk->lock);
  if (r < 0)
    return r;
  told.gone = &disk->ending;
  r = attr->set (disk, value, &told, error);
  disk_end_run (disk);
  return r;
}

static int
set_alone (const struct attr *attr, struct disk *disk, const char *value,
           const struct run *run, struct attr_error *error)
{
  int r;

  pthread_rwlock_wrlock (&disk->lock);
  r = check_there (disk, error);
  if (r == 0)
    r = attr->set ? attr->set (disk, value, run, error)
                  : do_attr_store_before (disk, attr->name, attr->store, value,
                                          error);
  pthread_rwlock_unlock (&disk->lock);
  return r;
}

int
attr_set (struct disk *disk, const char *name, const char *value,
          const struct run *run, struct attr_error *error)
{
  const struct attr *const attr = find_or_fail (name, error);

  if (!attr)
    return -1;
  if (!attr_can_be_told (attr))
    return attr_fail_as (error, EACCES,
                         "%s: cannot be set while the server runs", attr->name);
  return attr->is_run ? set_by_run (attr, disk, value, run, error)
                      : set_alone (attr, disk, value, run, error);
}

/* As attr_get_part, which has the lock. */
static int
do_show (const struct attr *attr, const struct disk *disk, uint64_t *at,
         FILE *fp, struct attr_error *error)
{
  int r = check_there (disk, error);

  if (r < 0)
    return r;
  if (!attr->show_part) {
    attr->show (disk, fp);
    return 0;
  }
  r = attr->show_part (disk, at, fp);
  if (r >= 0)
    return r;
  return attr_fail_as (
      error, -r, "%s: the disk is not initialised: give it a disksize first",
      attr->name);
}

int
attr_get_part (struct disk *disk, const char *name, uint64_t *at, FILE *fp,
               struct attr_error *error)
{
  const struct attr *const attr = find_or_fail (name, error);
  int r;

  if (!attr)
    return -1;
  if (!attr_is_readable (attr))
    return attr_fail_as (error, EACCES, "%s: cannot be read", attr->name);
  pthread_rwlock_rdlock (&disk->lock);
  r = do_show (attr, disk, at, fp, error);
  pthread_rwlock_unlock (&disk->lock);
  return r;
}

int
attr_get (struct disk *disk, const char *name, FILE *fp,
          struct attr_error *error)
{
  uint64_t at = 0;
  int r;

  do
    r = attr_get_part (disk, name, &at, fp, error);
  while (r > 0);
  return r;
}

bool
attr_is_given (const struct attr_config *config, const char *name)
{
  return config->given & UINT64_C (1) << (attr_find (name) - attrs);
}

/* libnbd takes memory for each request, and so does the kernel for its socket:
 * while memory is short there may be none. */
static int
check_swap_store (const struct zram_config *config, struct attr_error *error)
{
  return config->no_faults && store_is_uri (config->backing.dev)
             ? attr_fail (error, "backing_dev: a store behind NBD takes memory "
                                 "for each request, which a server of swap "
                                 "must not: give it a device or a file")
             : 0;
}

int
attr_complete_disk (struct attr_config *config, struct attr_error *error)
{
  if (config->zram.no_faults && attr_is_given (config, "reserve") &&
      config->zram.reserve < SWAP_LEAST_RESERVE)
    return attr_fail (error, "reserve: is too little for swap, which grows by "
                             "nothing else: give 1M or more");
  if (check_swap_store (&config->zram, error) < 0)
    return -1;
  if (config->server.mem_total == 0 && attr_is_given (config, "mem_min"))
    return attr_fail (error, "mem_min: is a part of the server's mem_total: "
                             "give it that");
  return 0;
}

/* One of the threads that nbdkit has for a connection is left. */
static unsigned
usual_backing_waiters (unsigned threads)
{
  return threads > 1 ? threads - 1 : 1;
}

/* What depends on swap. */
static void
complete_swap (struct attr_config *config, unsigned threads)
{
  if (config->swap == SWAP_OFF)
    return;
  config->zram.no_faults = true;
  config->zram.keep_free = watermark_bytes;
  if (!attr_is_given (config, "reserve_waiters"))
    config->zram.reserve_waiters = swap_waiters (threads);
}

/* Where there are disks at the start. */
static int
check_required (const struct attr_config *config, struct attr_error *error)
{
  for (size_t i = 0; i < attr_count && config->server.num_devices > 0; i++)
    if (attrs[i].required && !attr_is_given (config, attrs[i].name))
      return attr_fail (error, "%s: is missing: give %s=%s", attrs[i].name,
                        attrs[i].name, attrs[i].metavar);
  return 0;
}

int
attr_complete (struct attr_config *config, struct attr_error *error)
{
  struct attr_config complete = *config;
  struct cmdline cmdline;

  if (attr_complete_server (&complete, error) < 0 ||
      check_required (&complete, error) < 0)
    return -1;
  cmdline_read (&cmdline);
  if (!attr_is_given (&complete, "backing_waiters"))
    complete.zram.backing_waiters = usual_backing_waiters (cmdline.threads);
  complete_swap (&complete, cmdline.threads);
  if (attr_complete_disk (&complete, error) < 0)
    return -1;
  *config = complete;
  return 0;
}

int
do_attr_check_memory (const struct disk *disk, const char *name, uint64_t bytes,
                      struct attr_error *error)
{
  const uint64_t available =
      disk->config.no_faults ? swap_available_memory () : UINT64_MAX;

  return bytes > available
             ? attr_fail_as (error, ENOMEM,
                             "%s: it takes %" PRIu64
                             " MiB at once, and %" PRIu64
                             " are available: give less",
                             name, (bytes >> 20) + 1, available >> 20)
             : 0;
}

int
do_attr_start (struct disk *disk, struct attr_error *error)
{
  char *why;
  int r;

  if (check_swap_store (&disk->config, error) < 0 ||
      do_attr_check_memory (disk, "disksize", zram_filled_bytes (&disk->config),
                            error) < 0)
    return -1;
  r = do_disk_start (disk, &why);
  return attr_fail_to_make (r, "disksize: cannot make the disk", why, error);
}

int
attr_fail_to_make (int r, const char *what, char *why, struct attr_error *error)
{
  if (r < 0 && why)
    attr_fail_as (error, -r, "backing_dev: %s", why);
  else if (r < 0)
    attr_fail_as (error, -r, "%s: %s", what, strerrordesc_np (-r));
  free (why);
  return r < 0 ? -1 : 0;
}
