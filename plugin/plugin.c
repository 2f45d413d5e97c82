/* SPDX-License-Identifier: BSD-3-Clause */
/* The glue between nbdkit and the device.  The struct at the bottom is the
 * table of contents. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "attr.h"
#include "ctlsocket.h"
#include "report.h"
#include "zcomp.h"
#include "zram.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* nbdkit zram 4G: what a word without a key is. */
#define MAGIC_KEY "size"

static struct attr_config config = ATTR_CONFIG_DEFAULT;
static struct disk disk;

/* nbdkit sends errno to the client, and the device returns it. */
static int
set_errno (int r)
{
  if (r < 0)
    nbdkit_set_error (-r);
  return r < 0 ? -1 : 0;
}

static void
plugin_load (void)
{
  disk_init (&disk, "zram0");
}

static void
plugin_unload (void)
{
  ctlsocket_stop ();
  report_unload ();
  disk_destroy (&disk);
}

/* Values live as long as the process; names of files must be absolute, because
 * nbdkit will change to the root directory. */
static int
plugin_config (const char *key, const char *value)
{
  const struct attr *const attr = attr_find (key);
  struct attr_error error;

  if (attr && attr->kind == ATTR_PATH && value[0] != '\0') {
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

static int
plugin_config_complete (void)
{
  struct attr_error error;

  if (attr_complete (&config, &error) < 0) {
    nbdkit_error ("%s", error.message);
    return -1;
  }
  return 0;
}

static void
plugin_dump (void)
{
  for (size_t i = 0; zcomp_backends[i]; i++)
    printf ("zram_%s=yes\n", zcomp_backend_name (zcomp_backends[i]));
  printf ("zram_default_algorithm=%s\n", ZRAM_DEFAULT_ALGORITHM);
  printf ("zram_page_size=%u\n", ZRAM_PAGE_SIZE);
  printf ("zram_max_disksize=%" PRIu64 "\n", ZRAM_MAX_DISKSIZE);
  printf ("zram_debug=%s\n", ZRAM_DEBUG ? "yes" : "no");
}

static void
say (const char *line)
{
  nbdkit_error ("%s", line);
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

/* What can fail, fails here, while somebody still reads the message. */
static int
plugin_get_ready (void)
{
  struct zram *zram;
  int r;

  if (report_prepare (config.statsfile) < 0 ||
      swap_take_privileges (config.swap, zram_filled_bytes (&config.zram),
                            say) < 0)
    return -1;
  disk.config = config.zram;
  r = zram_create (&zram, &disk.config);
  if (r < 0) {
    errno = -r;
    nbdkit_error ("cannot make a disk of %" PRIu64 " bytes: %m",
                  config.zram.disksize);
    return -1;
  }
  disk.zram = zram;
  return bind_control_socket (); /* the last: nbdkit undoes nothing */
}

/* The fork leaves threads behind, so they start here. */
static int
plugin_after_fork (void)
{
  int r = swap_lock_memory (config.swap, say);

  if (r < 0)
    return -1;
  r = zram_start (disk.zram);
  if (r == 0)
    r = ctlsocket_start (&disk);
  if (r < 0) {
    errno = -r;
    nbdkit_error ("cannot fill memory in advance, or start a thread: %m");
    return -1;
  }
  return report_start (&disk);
}

static void
plugin_cleanup (void)
{
  ctlsocket_stop ();
  zram_stop (disk.zram);
  report_stop ();
}

static int
plugin_list_exports (int readonly, int is_tls, struct nbdkit_exports *exports)
{
  (void) readonly;
  (void) is_tls;
  return nbdkit_add_export (exports, "", NULL);
}

static void *
plugin_open (int readonly)
{
  const char *const name = nbdkit_export_name ();

  (void) readonly;
  if (!name)
    return NULL;
  if (name[0] != '\0') {
    nbdkit_error ("there is no export '%s': use the default one", name);
    nbdkit_set_error (ENOENT);
    return NULL;
  }
  if (disk_open (&disk) < 0) {
    nbdkit_error ("the disk is being reset: try again");
    nbdkit_set_error (EBUSY);
    return NULL;
  }
  if (swap_connection_opened (config.swap, say) < 0) {
    disk_close (&disk);
    nbdkit_set_error (ENOMEM);
    return NULL;
  }
  return NBDKIT_HANDLE_NOT_NEEDED;
}

static void
plugin_close (void *handle)
{
  (void) handle;
  disk_close (&disk);
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

static const char *
plugin_export_description (void *handle)
{
  const uint64_t bytes = disk_size (&disk);
  const char *const size = human_size (bytes);

  (void) handle;
  if (!size)
    return NULL;
  return bytes > 0 ? nbdkit_printf_intern (
                         "zram, %s, %s", zram_comp_algorithm (disk.zram), size)
                   : "zram, not initialised";
}

static int64_t
plugin_get_size (void *handle)
{
  (void) handle;
  return (int64_t) disk_size (&disk);
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
  (void) handle;
  (void) flags;
  return set_errno (zram_read (disk.zram, buf, count, offset));
}

static int
plugin_pwrite (void *handle, const void *buf, uint32_t count, uint64_t offset,
               uint32_t flags)
{
  (void) handle;
  (void) flags;
  return set_errno (zram_write (disk.zram, buf, count, offset));
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
  (void) handle;
  (void) flags;
  zram_discard (disk.zram, count, offset);
  return 0;
}

/* With MAY_TRIM or without: a freed page reads as zeros, and there is nothing
 * that could be reserved for it.  Never EOPNOTSUPP, see the manual's NOTES. */
static int
plugin_zero (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void) handle;
  (void) flags;
  return set_errno (zram_zero (disk.zram, count, offset));
}

/* Never past the request: nbdkit before 1.44 aborts on that (CVE-2025-47711).
 */
static int
plugin_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags,
                struct nbdkit_extents *extents)
{
  (void) handle;
  while (count > 0) {
    bool hole;
    const uint64_t len = zram_extent (disk.zram, count, offset, &hole);

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
static char help[2048];

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

    .list_exports = plugin_list_exports,
    .open = plugin_open,
    .close = plugin_close,
    .export_description = plugin_export_description,
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
