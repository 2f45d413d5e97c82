/* SPDX-License-Identifier: BSD-3-Clause */
/* The glue between nbdkit and the device.  The struct at the bottom is the
 * table of contents. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "attr.h"
#include "ctlsocket.h"
#include "diskset.h"
#include "headroom.h"
#include "report.h"
#include "zcomp.h"
#include "zram.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* How many extents an answer has at most. */
#define MAX_EXTENTS 16384U

/* nbdkit zram 4G: what a word without a key is. */
#define MAGIC_KEY "size"

static struct attr_config config = ATTR_CONFIG_DEFAULT;
static struct diskset set;

/* nbdkit sends errno to the client, and the device returns it. */
static int
set_errno (int r)
{
  if (r < 0)
    nbdkit_set_error (-r);
  return r < 0 ? -1 : 0;
}

/* nbdkit's threads have buffers as long as their longest requests.  glibc maps
 * them, and they go when they are freed; but when it has seen one freed, it
 * takes the next ones of up to 32 MiB from its heap, which keeps them.  A
 * threshold that is set, here to what it begins with, stays: whatever is longer
 * is mapped each time, which requests are not, since buffers only grow.  With
 * swap, prefault.c has nothing mapped, and everything kept. */
static void
plugin_load (void)
{
  mallopt (M_MMAP_THRESHOLD, 128 << 10);
}

static void
plugin_unload (void)
{
  ctlsocket_stop ();
  report_unload ();
  diskset_destroy (&set);
  zram_config_clear (&config.zram);
}

/* Values live as long as the process; names of files must be absolute, because
 * nbdkit will change to the root directory. */
static int
plugin_config (const char *key, const char *value)
{
  const struct attr *const attr = attr_find (key);
  struct attr_error error;

  if (attr && attr_is_path (attr, value)) {
    value = nbdkit_absolute_path (value);
    if (!value)
      return -1;
  }
  if (attr_store (&config, key, value, &error) < 0) {
    nbdkit_error ("%s", error.message);
    return -1;
  }
  return 0;
}

static void
say (const char *line)
{
  nbdkit_error ("%s", line);
}

static int
plugin_config_complete (void)
{
  struct attr_error error;

  config.zram.complain = say;
  if (attr_complete (&config, &error) < 0) {
    nbdkit_error ("%s", error.message);
    return -1;
  }
  return 0;
}

/* zram_zstd_4k=yes: a key is what a shell can take for a variable's name. */
static void
dump_algorithm (const char *name)
{
  printf ("zram_");
  for (; *name; name++)
    putchar (*name == '-' ? '_' : *name);
  puts ("=yes");
}

static void
plugin_dump (void)
{
  for (size_t i = 0; zcomp_backends[i]; i++)
    dump_algorithm (zcomp_backend_name (zcomp_backends[i]));
  printf ("zram_default_algorithm=%s\n", ZRAM_DEFAULT_ALGORITHM);
  printf ("zram_page_size=%u\n", ZRAM_PAGE_SIZE);
  printf ("zram_max_disksize=%" PRIu64 "\n", ZRAM_MAX_DISKSIZE);
  printf ("zram_debug=%s\n", ZRAM_DEBUG ? "yes" : "no");
}

static int
bind_control_socket (void)
{
  char message[256];

  if (!config.control ||
      ctlsocket_bind (config.control, message, sizeof message) == 0)
    return 0;
  nbdkit_error ("control: %s", message);
  return -1;
}

/* Bytes that the disks of the start fill in advance. */
static uint64_t
filled_bytes (void)
{
  return config.server.num_devices * zram_filled_bytes (&config.zram);
}

/* For whoever writes down what a client is to ask for. */
static void
print_run_id (void)
{
  if (config.server.run_id[0])
    fprintf (stderr, "zram: the exports of this run end in @%s\n",
             config.server.run_id);
}

/* A start that fails leaves what was there before, and nothing else.  What has
 * failed may be nbdkit's own, a socket that is taken: it calls nothing here
 * then, but exits.  What a filter fails at when .after_fork has succeeded is
 * not undone: by then the control socket answers. */
static bool starting;

static void
undo_start (void)
{
  if (!starting)
    return;
  ctlsocket_stop ();
  diskset_undo (&set);
  report_undo ();
}

static bool
has_child (void)
{
  siginfo_t info;

  return waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* nbdkit forks, into the background or for --run, and the child goes on.  This
 * is called if it could not fork, too, and nbdkit says then what errno is. */
static void
leave_start_to_child (void)
{
  const int error = errno;

  if (has_child ())
    starting = false;
  errno = error;
}

static int
watch_start (void)
{
  starting = true;
  if (atexit (undo_start) == 0 &&
      pthread_atfork (NULL, leave_start_to_child, NULL) == 0)
    return 0;
  nbdkit_error ("cannot prepare to undo the start: there is no memory");
  return -1;
}

/* What can fail, fails here, while somebody still reads the message. */
static int
plugin_get_ready (void)
{
  struct attr_error error;

  if (watch_start () < 0 || report_prepare (config.statsfile) < 0 ||
      swap_take_privileges (config.swap, filled_bytes (), say) < 0)
    return -1;
  diskset_init (&set, &config);
  if (diskset_create (&set, &error) < 0) {
    nbdkit_error ("%s", error.message);
    return -1;
  }
  print_run_id ();
  return bind_control_socket ();
}

/* The fork leaves threads behind, so they start here. */
static int
start (void)
{
  struct attr_error error;
  int r;

  if (swap_lock_memory (config.swap, say) < 0)
    return -1;
  if (diskset_start (&set, &error) < 0) {
    nbdkit_error ("%s", error.message);
    return -1;
  }
  r = ctlsocket_start (&set);
  if (r < 0) {
    errno = -r;
    nbdkit_error ("control: cannot start a thread: %m");
    return -1;
  }
  return report_start (&set);
}

static int
plugin_after_fork (void)
{
  const int r = start ();

  starting = r < 0;
  return r;
}

static void
plugin_cleanup (void)
{
  ctlsocket_stop ();
  diskset_stop (&set);
  report_stop ();
}

/* Clients.  A connection's handle is its disk. */

static struct zram *
zram_of (void *handle)
{
  const struct disk *const disk = handle;

  return disk->zram;
}

/* One line in the log for those who are sent away one after the other. */
static int
plugin_preconnect (int readonly)
{
  static atomic_bool told;
  const bool left = headroom_left ();

  (void) readonly;
  if (!left && !atomic_exchange (&told, true))
    nbdkit_error ("too many connections for the descriptors that there are "
                  "(ulimit -n): new ones are refused");
  if (left)
    told = false;
  return left ? 0 : -1;
}

static void *
plugin_open (int readonly)
{
  const char *const name = nbdkit_export_name ();
  struct attr_error error;
  struct disk *disk;

  (void) readonly;
  if (!name)
    return NULL;
  if (diskset_open (&set, name, &disk, &error) < 0) {
    nbdkit_error ("%s", error.message);
    nbdkit_set_error (error.code);
    return NULL;
  }
  if (swap_connection_opened (config.swap, say) < 0) {
    diskset_close (&set, disk);
    nbdkit_set_error (ENOMEM);
    return NULL;
  }
  return disk;
}

static void
plugin_close (void *handle)
{
  diskset_close (&set, handle);
  swap_connection_closed (config.swap);
}

/* BYTES with the largest unit that divides it. */
static const char *
human_size (uint64_t bytes)
{
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t i = 0;

  while (i + 1 < sizeof units / sizeof *units && bytes % 1024 == 0) {
    bytes /= 1024;
    i++;
  }
  return nbdkit_printf_intern ("%" PRIu64 " %s", bytes, units[i]);
}

/* "ratio 3.1"; empty: nothing is stored. */
static void
print_ratio (char *text, size_t size, struct zram *zram)
{
  struct zram_stats stats;

  text[0] = '\0';
  zram_stats (zram, &stats);
  if (stats.orig_data_size > 0 && stats.mem_used_total > 0)
    snprintf (text, size, ", ratio %.1f",
              (double) stats.orig_data_size / (double) stats.mem_used_total);
}

/* The caller holds the disk's lock for reading. */
static const char *
do_describe (const struct disk *disk)
{
  const char *const size = human_size (disk_size (disk));
  char ratio[32];

  if (!disk->zram)
    return "zram, not initialised";
  if (!size)
    return NULL;
  print_ratio (ratio, sizeof ratio, disk->zram);
  return nbdkit_printf_intern ("zram, %s, %s%s",
                               zram_comp_algorithm (disk->zram), size, ratio);
}

/* A client's question is not to wait for whoever resets a disk. */
static const char *
describe (struct disk *disk)
{
  const char *description = "zram";

  if (pthread_rwlock_tryrdlock (&disk->lock) == 0) {
    description = do_describe (disk);
    pthread_rwlock_unlock (&disk->lock);
  }
  return description;
}

static const char *
plugin_export_description (void *handle)
{
  return describe (handle);
}

static int
plugin_list_exports (int readonly, int is_tls, struct nbdkit_exports *exports)
{
  char export[EXPORTNAME_SIZE];
  struct disk *disk;
  int r = 0;

  (void) readonly;
  (void) is_tls;
  for (disk = diskset_next (&set, NULL); disk && r == 0;
       disk = diskset_next (&set, disk)) {
    exportname_make (export, disk->name, disk->run_id);
    r = nbdkit_add_export (exports, export, describe (disk));
  }
  if (disk)
    diskset_put (&set, disk);
  return r;
}

static int64_t
plugin_get_size (void *handle)
{
  return (int64_t) disk_size (handle);
}

/* Any byte can be addressed, but parts of pages are read, changed and
 * compressed anew. */
static int
plugin_block_size (void *handle, uint32_t *minimum, uint32_t *preferred,
                   uint32_t *maximum)
{
  (void) handle;
  *minimum = 1;
  *preferred = ZRAM_PAGE_SIZE;
  *maximum = UINT32_MAX;
  return 0;
}

/* Every connection sees the same pages. */
static int
plugin_can_multi_conn (void *handle)
{
  (void) handle;
  return 1;
}

/* There is nowhere to flush to: what has been answered is as safe as it gets,
 * and saying that FUA is native saves a flush for each. */
static int
plugin_can_fua (void *handle)
{
  (void) handle;
  return NBDKIT_FUA_NATIVE;
}

/* Zeroing frees slots. */
static int
plugin_can_fast_zero (void *handle)
{
  (void) handle;
  return 1;
}

/* It is all in memory: with no .cache, nbdkit answers at once. */
static int
plugin_can_cache (void *handle)
{
  (void) handle;
  return NBDKIT_CACHE_NATIVE;
}

static int
plugin_pread (void *handle, void *buf, uint32_t count, uint64_t offset,
              uint32_t flags)
{
  (void) flags;
  return set_errno (zram_read (zram_of (handle), buf, count, offset));
}

static int
plugin_pwrite (void *handle, const void *buf, uint32_t count, uint64_t offset,
               uint32_t flags)
{
  (void) flags;
  return set_errno (zram_write (zram_of (handle), buf, count, offset));
}

static int
plugin_flush (void *handle, uint32_t flags)
{
  (void) handle;
  (void) flags;
  return 0;
}

static int
plugin_trim (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void) flags;
  zram_discard (zram_of (handle), count, offset);
  return 0;
}

/* With MAY_TRIM or without: a freed page reads as zeros, and there is nothing
 * that could be reserved for it.  Never EOPNOTSUPP, see the manual's NOTES. */
static int
plugin_zero (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void) flags;
  return set_errno (zram_zero (zram_of (handle), count, offset));
}

/* Never past the request: nbdkit before 1.44 aborts on that (CVE-2025-47711).
 * And never more than so many: clients ask on from where an answer ends, and
 * nbdkit, which has a list and an answer of its own for each thread, would take
 * a million. */
static int
plugin_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags,
                struct nbdkit_extents *extents)
{
  for (unsigned n = 0; count > 0 && n < MAX_EXTENTS; n++) {
    bool hole;
    const uint64_t len = zram_extent (zram_of (handle), count, offset, &hole);

    if (nbdkit_add_extent (extents, offset, len,
                           hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0) <
        0)
      return -1;
    if (flags & NBDKIT_FLAG_REQ_ONE)
      break;
    offset += len;
    count -= (uint32_t) len;
  }
  return 0;
}

/* What --help prints: the parameters among the attributes. */
static char help[8192];

static struct nbdkit_plugin plugin = {
    .name = "zram",
    .longname = "nbdkit zram plugin",
    .version = PACKAGE_VERSION,
    .description = "a disk compressed into RAM",
    .magic_config_key = MAGIC_KEY,
    .config_help = help,
    .errno_is_preserved = 1,

    .load = plugin_load,
    .unload = plugin_unload,
    .dump_plugin = plugin_dump,
    .config = plugin_config,
    .config_complete = plugin_config_complete,
    .get_ready = plugin_get_ready,
    .after_fork = plugin_after_fork,
    .cleanup = plugin_cleanup,

    .preconnect = plugin_preconnect,
    .open = plugin_open,
    .close = plugin_close,
    .export_description = plugin_export_description,
    .list_exports = plugin_list_exports,
    .get_size = plugin_get_size,
    .block_size = plugin_block_size,
    .can_multi_conn = plugin_can_multi_conn,
    .can_fua = plugin_can_fua,
    .can_fast_zero = plugin_can_fast_zero,
    .can_cache = plugin_can_cache,

    .pread = plugin_pread,
    .pwrite = plugin_pwrite,
    .flush = plugin_flush,
    .trim = plugin_trim,
    .zero = plugin_zero,
    .extents = plugin_extents,
};

/* As the library is loaded: nbdkit copies the struct before it calls anything
 * in it. */
__attribute__ ((constructor)) static void
make_help (void)
{
  FILE *const fp = fmemopen (help, sizeof help, "w");

  if (!fp)
    return;
  for (size_t i = 0; i < attr_count; i++) {
    const struct attr *const attr = &attrs[i];
    const bool magic = attr == attr_find (MAGIC_KEY);

    if (!attr->store)
      continue;
    fprintf (fp, "%s%s=<%s>%s\n    %s.\n", magic ? "[" MAGIC_KEY "=]|" : "",
             attr->name, attr->metavar, attr->required ? " (required)" : "",
             attr->help);
  }
  fclose (fp);
}

/* The one symbol that nbdkit looks for; its macro defines it only. */
extern struct nbdkit_plugin *plugin_init (void);

NBDKIT_REGISTER_PLUGIN (plugin)
