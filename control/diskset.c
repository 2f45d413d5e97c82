/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrwords.h"
#include "diskset.h"
#include "prefault.h"
#include "workpool.h"

void
diskset_init (struct diskset *set, const struct attr_config *config)
{
  const struct attr_server *const server = &config->server;

  *set = (struct diskset){
      .budget =
          {
              .total = server->mem_total,
              .claimed = server->max_devices * config->zram.mem_min,
          },
      .lock = PTHREAD_MUTEX_INITIALIZER,
      .left = PTHREAD_COND_INITIALIZER,
  };
  set->config = *config;
  zram_config_copy (&set->config.zram, &config->zram);
  if (server->mem_total > 0)
    set->config.zram.budget = &set->budget;
}

static void
free_disk (struct disk *disk)
{
  disk_destroy (disk);
  free (disk);
}

void
diskset_destroy (struct diskset *set)
{
  struct disk *next;

  for (struct disk *disk = set->disks; disk; disk = next) {
    next = disk->next;
    free_disk (disk);
  }
  workpool_destroy (set->workers);
  zram_config_clear (&set->config.zram);
  pthread_cond_destroy (&set->left);
  pthread_mutex_destroy (&set->lock);
}

/* Places, of which there are max_devices, and what memory each is sure of.  All
 * do_ functions: the caller holds the set's lock. */

/* A place has FROM bytes, and is to have TO. */
static bool
do_change_min (struct diskset *set, uint64_t from, uint64_t to)
{
  if (to > from)
    return zs_budget_claim (&set->budget, to - from);
  zs_budget_release (&set->budget, from - to);
  return true;
}

/* Is there none, but soon? */
static bool
do_place_comes (const struct diskset *set)
{
  return set->places >= set->config.server.max_devices && set->leaving > 0;
}

/* What is claimed for the places that are free. */
static uint64_t
do_kept (const struct diskset *set)
{
  const unsigned vacant = set->config.server.max_devices - set->places;

  return vacant * set->config.zram.mem_min - set->owed;
}

static int
do_take_place (struct diskset *set, uint64_t mem_min, struct attr_error *error)
{
  const struct attr_config *const config = &set->config;
  const uint64_t usual = config->zram.mem_min;
  const uint64_t kept = do_kept (set);
  const uint64_t from = kept < usual ? kept : usual;

  if (set->places >= config->server.max_devices)
    return attr_fail_as (error, ENOSPC,
                         "there are %u disks already, which is "
                         "max_devices",
                         set->places);
  if (config->zram.budget && !do_change_min (set, from, mem_min))
    return attr_fail_as (error, ENOMEM,
                         "mem_min: of mem_total only %" PRIu64 " bytes are "
                         "left",
                         from + set->budget.total - set->budget.claimed);
  set->owed -= usual - from;
  set->places++;
  return 0;
}

static void
do_leave_place (struct diskset *set, uint64_t mem_min)
{
  const uint64_t usual = set->config.zram.mem_min;

  if (set->config.zram.budget && !do_change_min (set, mem_min, usual))
    set->owed += usual - mem_min;
  set->places--;
}

/* A disk and its place, which come together, and go together: see let_go.  With
 * a reference. */
static struct disk *
do_make_disk (struct diskset *set, const char *name,
              const struct zram_config *config, struct attr_error *error)
{
  struct disk *const disk = malloc (sizeof *disk);

  if (!disk) {
    attr_fail_as (error, ENOMEM, "there is no memory for another disk");
    return NULL;
  }
  disk_init (disk, name);
  disk->run_id = set->config.server.run_id;
  disk->refs = 1;
  zram_config_copy (&disk->config, config);
  if (do_take_place (set, config->mem_min, error) == 0)
    return disk;
  free_disk (disk);
  return NULL;
}

/* The list. */

static struct disk *
do_find (const struct diskset *set, const char *name)
{
  struct disk *disk = set->disks;

  while (disk && strcmp (disk->name, name) != 0)
    disk = disk->next;
  return disk;
}

static int
do_check_name (const struct diskset *set, const char *name,
               struct attr_error *error)
{
  return do_find (set, name)
             ? attr_fail_as (error, EEXIST,
                             "name: there is a disk '%s' already", name)
             : 0;
}

static void
do_append (struct diskset *set, struct disk *disk)
{
  struct disk **last = &set->disks;

  while (*last)
    last = &(*last)->next;
  *last = disk;
  disk->next = NULL;
  disk->number = set->numbers++;
}

static void
do_unlink (struct diskset *set, struct disk *disk)
{
  struct disk **link = &set->disks;

  while (*link != disk)
    link = &(*link)->next;
  *link = disk->next;
  set->leaving++;
}

/* The first zramN that is free. */
static void
do_choose_name (const struct diskset *set, struct disk *disk)
{
  unsigned n = 0;

  do
    snprintf (disk->name, sizeof disk->name, "zram%u", n++);
  while (do_find (set, disk->name));
}

/* DISK is leaving: free its memory, then its place, and it. */
static void
let_go (struct diskset *set, struct disk *disk)
{
  disk_retire (disk);
  pthread_mutex_lock (&set->lock);
  do_leave_place (set, disk->config.mem_min);
  set->leaving--;
  pthread_cond_broadcast (&set->left);
  pthread_mutex_unlock (&set->lock);
  diskset_put (set, disk);
}

struct disk *
diskset_next (struct diskset *set, struct disk *disk)
{
  struct disk *next;

  pthread_mutex_lock (&set->lock);
  next = set->disks;
  while (disk && next && next->number <= disk->number)
    next = next->next;
  if (next)
    next->refs++;
  pthread_mutex_unlock (&set->lock);
  if (disk)
    diskset_put (set, disk);
  return next;
}

struct disk *
diskset_get (struct diskset *set, const char *name)
{
  struct disk *disk;

  pthread_mutex_lock (&set->lock);
  disk = do_find (set, name);
  if (disk)
    disk->refs++;
  pthread_mutex_unlock (&set->lock);
  return disk;
}

void
diskset_put (struct diskset *set, struct disk *disk)
{
  pthread_mutex_lock (&set->lock);
  const bool last = --disk->refs == 0;
  pthread_mutex_unlock (&set->lock);

  if (last)
    free_disk (disk);
}

/* Adding. */

/* With no name it is given one.  The caller gives a reference of its own back.
 */
static int
insert (struct diskset *set, struct disk *disk, struct attr_error *error)
{
  int r;

  pthread_mutex_lock (&set->lock);
  if (disk->name[0] == '\0')
    do_choose_name (set, disk);
  r = do_check_name (set, disk->name, error);
  if (r == 0) {
    do_append (set, disk);
    disk->refs++;
  }
  pthread_mutex_unlock (&set->lock);
  return r;
}

/* A disk of that CONFIG: with a device, of which START says what is to be done,
 * if it has a size.  Nobody knows of it until it is complete: another may have
 * its name by then.  If that one was there before, the store is not touched. */
static struct disk *
add (struct diskset *set, const char *name, const struct zram_config *config,
     int (*start) (struct disk *disk, struct attr_error *error),
     struct attr_error *error)
{
  struct disk *disk = NULL;

  pthread_mutex_lock (&set->lock);
  while (do_place_comes (set))
    pthread_cond_wait (&set->left, &set->lock);
  if (do_check_name (set, name, error) == 0)
    disk = do_make_disk (set, name, config, error);
  pthread_mutex_unlock (&set->lock);
  if (!disk || ((config->disksize == 0 || start (disk, error) == 0) &&
                insert (set, disk, error) == 0))
    return disk;

  if (disk->zram)
    zram_undo_store (disk->zram);
  pthread_mutex_lock (&set->lock);
  set->leaving++;
  pthread_mutex_unlock (&set->lock);
  let_go (set, disk);
  return NULL;
}

static int
take_name (const char **name, const char *value, struct attr_error *error)
{
  if (**name)
    return attr_fail (error, "name: is given twice: give it once");
  if (!exportname_ok (value, EXPORTNAME_DISK_LEN))
    return attr_fail (error,
                      "name: '%s' is none: give at most %d letters, digits, "
                      "and . _ - after the first",
                      value, EXPORTNAME_DISK_LEN);
  *name = value;
  return 0;
}

/* "KEY=VALUE": a parameter of a disk, or its name. */
static int
take_word (struct attr_config *config, char *word, const char **name,
           struct attr_error *error)
{
  const char *const key = strsep (&word, "=");
  const struct attr *const attr = attr_find (key);

  if (!word)
    return attr_fail (error, "'%s' is no KEY=VALUE", key);
  if (strcmp (key, "name") == 0)
    return take_name (name, word, error);
  if (!attr || !attr->of_disk)
    return attr_fail (error, "'%s' is no parameter of a disk", key);
  return attr_store (config, key, word, error);
}

static int
take_words (struct attr_config *config, char *words, const char **name,
            struct attr_error *error)
{
  char *word = words ? attr_next_word (&words) : NULL;

  if (words && !word)
    return attr_fail (error, "nothing is given: leave it out, or give "
                             "KEY=VALUE");
  for (; word; word = attr_next_word (&words))
    if (take_word (config, word, name, error) < 0)
      return -1;
  return attr_complete_disk (config, error);
}

int
diskset_add (struct diskset *set, char *words, struct disk **diskp,
             struct attr_error *error)
{
  struct attr_config config = set->config;
  const char *name = "";

  zram_config_copy (&config.zram, &set->config.zram);
  config.zram.disksize = 0;
  config.zram.backing.dev[0] = '\0'; /* it is one disk's */
  config.given = 0;
  *diskp = NULL;
  if (take_words (&config, words, &name, error) == 0)
    *diskp = add (set, name, &config.zram, do_attr_start, error);
  zram_config_clear (&config.zram);
  return *diskp ? 0 : -1;
}

int
diskset_remove (struct diskset *set, const char *name, struct attr_error *error)
{
  struct disk *disk;
  bool shut = false;

  pthread_mutex_lock (&set->lock);
  disk = do_find (set, name);
  if (disk) {
    shut = disk_shut (disk);
    if (shut)
      do_unlink (set, disk);
  }
  pthread_mutex_unlock (&set->lock);
  if (!disk)
    return attr_fail_as (error, ENODEV, "there is no disk '%s'", name);
  if (!shut)
    return attr_fail_as (
        error, EBUSY, "%s: clients are connected: disconnect them first", name);
  let_go (set, disk);
  return 0;
}

/* The server's beginning and end. */

/* At the start devices are made, and set going only after the fork. */
static int
do_create (struct disk *disk, struct attr_error *error)
{
  char *why;
  const int r = do_disk_create (disk, &why);
  char what[64];

  snprintf (what, sizeof what, "cannot make a disk of %" PRIu64 " bytes",
            disk->config.disksize);
  return attr_fail_to_make (r, what, why, error);
}

static int
create_workers (struct diskset *set, struct attr_error *error)
{
  const unsigned n = set->config.server.workers;
  const int r = n > 0 ? workpool_create (&set->workers, n) : 0;

  set->config.zram.workers = set->workers;
  return r < 0 ? attr_fail_as (error, -r, "workers: cannot have %u: %s", n,
                               strerrordesc_np (-r))
               : 0;
}

/* A server of swap gives them stacks first, which they find when they start. */
static int
start_workers (const struct diskset *set, struct attr_error *error)
{
  int r;

  if (!set->workers)
    return 0;
  if (set->config.swap != SWAP_OFF)
    prefault_stacks (WORK_LANES * workpool_threads (set->workers));
  r = workpool_start (set->workers);
  return r < 0 ? attr_fail_as (error, -r, "workers: cannot start them: %s",
                               strerrordesc_np (-r))
               : 0;
}

int
diskset_create (struct diskset *set, struct attr_error *error)
{
  if (create_workers (set, error) < 0)
    return -1;
  for (unsigned i = 0; i < set->config.server.num_devices; i++) {
    struct disk *const disk =
        add (set, "", &set->config.zram, do_create, error);

    if (!disk)
      return -1;
    diskset_put (set, disk);
  }
  return 0;
}

int
diskset_start (struct diskset *set, struct attr_error *error)
{
  for (struct disk *disk = set->disks; disk; disk = disk->next) {
    const int r = zram_start (disk->zram);

    if (r < 0)
      return attr_fail_as (error, -r,
                           "cannot fill memory in advance, or start "
                           "a thread: %s",
                           strerrordesc_np (-r));
  }
  return start_workers (set, error);
}

void
diskset_stop (struct diskset *set)
{
  for (struct disk *disk = set->disks; disk; disk = disk->next)
    zram_stop (disk->zram);
  workpool_stop (set->workers);
}

void
diskset_undo (struct diskset *set)
{
  diskset_stop (set);
  for (struct disk *disk = set->disks; disk; disk = disk->next)
    if (disk->zram)
      zram_undo_store (disk->zram);
}

/* Clients. */

/* A disk for a client who has asked for it; it has no device yet. */
static struct disk *
do_make_on_demand (struct diskset *set, const char *name,
                   struct attr_error *error)
{
  const struct zram_config *const config = &set->config.zram;
  struct disk *const disk = do_make_disk (set, name, config, error);

  if (disk) {
    disk->on_demand = true;
    disk->config.disksize = 0;
    do_append (set, disk);
  }
  return disk;
}

/* The first one who comes to it gives it a device, and others wait for that. */
static int
start_on_demand (const struct diskset *set, struct disk *disk,
                 struct attr_error *error)
{
  int r = 0;

  pthread_rwlock_wrlock (&disk->lock);
  if (!disk->zram) {
    zram_config_clear (&disk->config);
    zram_config_copy (&disk->config, &set->config.zram);
    disk->config.disksize = set->config.server.on_demand;
    r = do_attr_start (disk, error);
  }
  pthread_rwlock_unlock (&disk->lock);
  return r;
}

/* Whoever is counted keeps the disk from being removed. */
static struct disk *
find_and_count (struct diskset *set, const char *name, bool on_demand,
                struct attr_error *error)
{
  struct disk *disk;

  pthread_mutex_lock (&set->lock);
  while (!(disk = do_find (set, name)) && on_demand && do_place_comes (set))
    pthread_cond_wait (&set->left, &set->lock);
  if (!disk && on_demand)
    disk = do_make_on_demand (set, name, error);
  else if (!disk)
    attr_fail_as (error, ENOENT, "there is no export '%s'", name);
  if (disk && disk_open (disk) < 0) {
    attr_fail_as (error, EBUSY, "%s is being reset: try again", name);
    disk = NULL;
  }
  pthread_mutex_unlock (&set->lock);
  return disk;
}

/* What is typed as the name of an export may be that of no disk. */
static int
read_name (const struct diskset *set, const char *export,
           char name[EXPORTNAME_DISK_LEN + 1], struct attr_error *error)
{
  const char *const run_id = set->config.server.run_id;
  const int r = exportname_disk (export, run_id, name);

  if (r == -ESTALE)
    return attr_fail_as (error, ESTALE,
                         "the export '%.64s' is not of this run of the server, "
                         "whose exports end in @%s (run_id)",
                         export, run_id);
  return r < 0 ? attr_fail_as (error, ENOENT, "there is no export '%.64s'",
                               export)
               : 0;
}

int
diskset_open (struct diskset *set, const char *export, struct disk **diskp,
              struct attr_error *error)
{
  char name[EXPORTNAME_DISK_LEN + 1];
  struct disk *disk;

  if (read_name (set, export, name, error) < 0)
    return -1;
  /* Clients who give no name are not to share a disk that none of them has
   * asked for. */
  disk = find_and_count (set, name,
                         set->config.server.on_demand > 0 && export[0], error);
  if (!disk)
    return -1;
  if (disk->on_demand && !disk->zram &&
      start_on_demand (set, disk, error) < 0) {
    diskset_close (set, disk);
    return -1;
  }
  *diskp = disk;
  return 0;
}

/* Does it go when the last client has gone?  It is shut. */
static bool
is_done (const struct diskset *set, const struct disk *disk)
{
  struct zram_stats stats = {0};

  if (disk->zram)
    zram_stats (disk->zram, &stats);
  return set->config.server.drop_when_closed || stats.orig_data_size == 0;
}

/* Take DISK out of the list if it goes.  One that is gone stays shut. */
static bool
do_unlink_done (struct diskset *set, struct disk *disk)
{
  if (!disk->on_demand || !disk_shut (disk))
    return false;
  if (is_done (set, disk)) {
    do_unlink (set, disk);
    return true;
  }
  disk_unshut (disk);
  return false;
}

/* A client goes, if one DOES; and the disk, too, if it is done. */
static void
leave (struct diskset *set, struct disk *disk, bool does)
{
  bool done;

  pthread_mutex_lock (&set->lock);
  if (does)
    disk_close (disk);
  done = do_unlink_done (set, disk);
  pthread_mutex_unlock (&set->lock);
  if (done)
    let_go (set, disk);
}

void
diskset_close (struct diskset *set, struct disk *disk)
{
  leave (set, disk, true);
}

void
diskset_emptied (struct diskset *set, struct disk *disk)
{
  leave (set, disk, false);
}
