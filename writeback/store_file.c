/* SPDX-License-Identifier: BSD-3-Clause */
/* A store that is a regular file or a block device.
 *
 * Of a file, SIZE bytes are used.  One that is not there is made, one that is
 * smaller grows, and of one that is larger the rest is left alone; so it is
 * with a device, but that it cannot grow.
 *
 * Requests go around the page cache where the file system allows it: what is
 * written back was cold, and memory is what is to be had.  Whether it does is
 * known for sure only after the first transfer, which is that of the mark.
 *
 * Invariants:
 *   - no two servers have a file: it is locked as long as it is open, and a
 *     device is opened for one only, which keeps mounts and swap away, too;
 *   - only a file that this store has made is removed, and only while it is
 *     locked.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "fileengine.h"
#include "planted.h"

/* What transfers are multiples of, at least and at most. */
#define MIN_BLOCK 512U
#define MAX_BLOCK 4096U

/* Of a file's mode: who else may see or change what is there. */
#define OTHERS (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

struct store_file {
  struct store store;
  char *name;
  int fd;
  bool made; /* by this store: it was not there */
  bool is_device;
  enum store_engine wanted;
  struct file_engine *engine; /* NULL: it has not been started */
};

static struct store_file *
file_of (struct store *store)
{
  return (struct store_file *) store;
}

static const char *
what_it_is (mode_t mode)
{
  switch (mode & S_IFMT) {
  case S_IFDIR:
    return "a directory";
  case S_IFIFO:
    return "a FIFO";
  case S_IFSOCK:
    return "a socket";
  case S_IFCHR:
    return "a character device";
  default:
    return "something else";
  }
}

static bool
is_usable (mode_t mode)
{
  return S_ISREG (mode) || S_ISBLK (mode);
}

static int
refuse_type (mode_t mode, const char *name, char **why)
{
  return store_refuse (why, -EINVAL,
                       "%s: is %s: give a regular file, a block device or the "
                       "URI of an NBD server",
                       name, what_it_is (mode));
}

/* CODE is the errno of what could not be done. */
static int
refuse_errno (int code, const char *what, const char *name, char **why)
{
  return store_refuse (why, code == ETXTBSY ? -EBUSY : -code, "%s: %s: %s",
                       name, what,
                       code == EBUSY || code == ETXTBSY
                           ? "it is mounted, swapped to or in use otherwise: "
                             "give another one"
                           : strerrordesc_np (code));
}

/* A link that leads nowhere is not followed to make something there. */
static int
make_file (struct store_file *file, const struct store_config *config,
           char **why)
{
  const char *const name = config->backing_dev;

  if (config->size == 0)
    return store_refuse (why, -EINVAL,
                         "%s: is not there: give a backing_size, and it will "
                         "be made",
                         name);
  file->fd =
      open (name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file->fd < 0)
    return errno == EEXIST
               ? store_refuse (why, -EINVAL,
                               "%s: is a symbolic link to what is not there: "
                               "give the name of a file",
                               name)
               : refuse_errno (errno, "cannot be made", name, why);
  file->made = true;
  return 0;
}

static bool
is_same (const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

/* Open what LOOKED_AT is about, and nothing that has its name by now. */
static int
open_same (struct store_file *file, const char *name,
           const struct stat *looked_at, char **why)
{
  const int exclusive = S_ISBLK (looked_at->st_mode) ? O_EXCL : 0;
  struct stat statbuf;
  bool planted;

  file->is_device = S_ISBLK (looked_at->st_mode);
  file->fd =
      planted_open (name, O_RDWR | O_NOCTTY | O_CLOEXEC | exclusive, &planted);
  if (planted)
    return store_refuse (why, -EPERM,
                         "%s: is a link or somebody else's, in a directory "
                         "where everybody may make files: give one elsewhere",
                         name);
  if (file->fd < 0 || fstat (file->fd, &statbuf) < 0)
    return refuse_errno (errno, "cannot be opened", name, why);
  if (is_same (&statbuf, looked_at))
    return 0;
  return store_refuse (why, -EBUSY,
                       "%s: was replaced while it was opened: give one that is "
                       "left alone",
                       name);
}

static int
open_file (struct store_file *file, const struct store_config *config,
           char **why)
{
  const char *const name = config->backing_dev;
  struct stat statbuf;

  if (stat (name, &statbuf) < 0)
    return errno == ENOENT
               ? make_file (file, config, why)
               : refuse_errno (errno, "cannot be opened", name, why);
  if (!is_usable (statbuf.st_mode))
    return refuse_type (statbuf.st_mode, name, why);
  return open_same (file, name, &statbuf, why);
}

/* A server that had it first may fail and remove it, or another one have it
 * before this one that has made it: it is that one's then. */
static int
lock_file (struct store_file *file, const char *name, char **why)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  struct stat statbuf;
  int code = 0;

  if (fcntl (file->fd, F_OFD_SETLK, &lock) < 0)
    code = errno;
  else if (fstat (file->fd, &statbuf) == 0 && statbuf.st_nlink == 0)
    code = EAGAIN;
  if (code == 0)
    return 0;
  file->made = false;
  if (code != EAGAIN && code != EACCES)
    return refuse_errno (code, "cannot be locked", name, why);
  return store_refuse (why, -EBUSY,
                       "%s: another server or program has locked it: give "
                       "another one",
                       name);
}

/* One that is made here is for its owner only. */
static void
warn_of_others (const struct store_file *file,
                const struct store_config *config)
{
  char line[512];
  struct stat statbuf;

  if (!config->complain || file->is_device || fstat (file->fd, &statbuf) < 0 ||
      !(statbuf.st_mode & OTHERS))
    return;
  snprintf (line, sizeof line,
            "warning: backing_dev: %.300s: others may open it, and see pages: "
            "give it the mode 0600, and not %04o",
            config->backing_dev, (unsigned) (statbuf.st_mode & 07777));
  config->complain (line);
}

/* Its files are in the page cache and nowhere else, whatever it says. */
static bool
is_in_memory (int fd)
{
  struct statfs statbuf;

  return fstatfs (fd, &statbuf) == 0 &&
         (statbuf.f_type == TMPFS_MAGIC || statbuf.f_type == RAMFS_MAGIC);
}

/* The block of a regular file of which nothing is known is large enough for all
 * disks.  0: it does not go around the page cache. */
static unsigned
direct_block (int fd)
{
#ifdef STATX_DIOALIGN
  struct statx statbuf;

  if (statx (fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &statbuf) == 0 &&
      (statbuf.stx_mask & STATX_DIOALIGN)) {
    const unsigned offset = statbuf.stx_dio_offset_align;
    const unsigned memory = statbuf.stx_dio_mem_align;
    const unsigned block = offset > memory ? offset : memory;

    if (offset == 0 || block > MAX_BLOCK)
      return 0;
    return block < MIN_BLOCK ? MIN_BLOCK : block;
  }
#else
  (void) fd;
#endif
  return MAX_BLOCK;
}

static bool
set_direct (int fd, bool direct)
{
  const int flags = fcntl (fd, F_GETFL);

  return flags >= 0 &&
         fcntl (fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) ==
             0;
}

/* How large it is, and its blocks. */
static int
look_at_file (struct store_file *file)
{
  struct stat statbuf;
  unsigned block;

  if (fstat (file->fd, &statbuf) < 0)
    return -errno;
  file->store.there = (uint64_t) statbuf.st_size;
  block = is_in_memory (file->fd) ? 0 : direct_block (file->fd);
  file->store.direct = block > 0 && set_direct (file->fd, true);
  file->store.block = file->store.direct ? block : MIN_BLOCK;
  return 0;
}

static int
look_at_device (struct store_file *file)
{
  int block;

  if (ioctl (file->fd, BLKGETSIZE64, &file->store.there) < 0 ||
      ioctl (file->fd, BLKSSZGET, &block) < 0)
    return -errno;
  file->store.block = (unsigned) block;
  file->store.direct = set_direct (file->fd, true);
  return 0;
}

static int
choose_size (struct store_file *file, const struct store_config *config,
             char **why)
{
  struct store *const store = &file->store;
  const char *const name = config->backing_dev;
  const uint64_t size = config->size > 0 ? config->size : store->there;

  if (store->block < MIN_BLOCK || store->block > MAX_BLOCK)
    return store_refuse (why, -EINVAL,
                         "%s: has blocks of %u bytes: they must have from %u "
                         "to %u",
                         name, store->block, MIN_BLOCK, MAX_BLOCK);
  if (file->is_device && size > store->there)
    return store_refuse (why, -EINVAL,
                         "%s: has only %llu bytes: give a backing_size that "
                         "is not larger",
                         name, (unsigned long long) store->there);
  if (size < STORE_MIN_SIZE || size > INT64_MAX)
    return store_refuse (why, -EINVAL,
                         "%s: would have %llu bytes: give a backing_size from "
                         "%u to %lld",
                         name, (unsigned long long) size, STORE_MIN_SIZE,
                         (long long) INT64_MAX);
  store->size = size - size % store->block;
  return 0;
}

static int
look (struct store_file *file, const struct store_config *config, char **why)
{
  const int r = file->is_device ? look_at_device (file) : look_at_file (file);

  if (r < 0)
    return refuse_errno (-r, "cannot be examined", config->backing_dev, why);
  return choose_size (file, config, why);
}

static void
free_file (struct store_file *file)
{
  if (file->engine)
    file->engine->kind->close (file->engine);
  if (file->fd >= 0)
    close (file->fd);
  free (file->name);
  free (file);
}

static void
file_close (struct store *store)
{
  free_file (file_of (store));
}

/* Is its name this file's still? */
static bool
is_still_at (const struct store_file *file)
{
  struct stat ours, named;

  return fstat (file->fd, &ours) == 0 && lstat (file->name, &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static uint64_t
file_length (const struct store_file *file)
{
  struct stat statbuf;

  return fstat (file->fd, &statbuf) == 0 ? (uint64_t) statbuf.st_size : 0;
}

static void
file_undo (struct store *store)
{
  const struct store_file *const file = file_of (store);

  if (file->made && is_still_at (file))
    unlink (file->name);
  else if (!file->is_device && file_length (file) > store->there)
    (void) !ftruncate (file->fd, (off_t) store->there);
}

static int
file_open (struct store **store, const struct store_config *config, char **why)
{
  struct store_file *const file = calloc (1, sizeof *file);
  int r;

  if (!file)
    return -ENOMEM;
  file->store.kind = &store_kind_file;
  file->fd = -1;
  file->name = strdup (config->backing_dev);
  file->wanted = config->no_memory && config->engine == STORE_ENGINE_AUTO
                     ? STORE_ENGINE_THREADS
                     : config->engine;
  r = file->name ? open_file (file, config, why) : -ENOMEM;
  if (r == 0 && !file->is_device)
    r = lock_file (file, config->backing_dev, why);
  if (r == 0)
    r = look (file, config, why);
  if (r == 0) {
    warn_of_others (file, config);
    *store = &file->store;
    return 0;
  }
  if (file->made)
    file_undo (&file->store);
  free_file (file);
  return r;
}

static int
file_is_blank (struct store *store)
{
  const struct store_file *const file = file_of (store);

  if (file->is_device)
    return -EOPNOTSUPP;
  return lseek (file->fd, 0, SEEK_DATA) < 0 && errno == ENXIO;
}

/* Not posix_fallocate (), which writes where the file system cannot do it: that
 * is slow, and some throw it away. */
static int
allocate (int fd, uint64_t size)
{
  while (fallocate (fd, 0, 0, (off_t) size) < 0)
    if (errno != EINTR)
      return -errno;
  return 0;
}

static int
file_prepare (struct store *store, const struct store_config *config,
              char **why)
{
  const struct store_file *const file = file_of (store);
  const char *const name = config->backing_dev;
  int r;

  if (file->is_device)
    return 0;
  if (store->size > store->there &&
      ftruncate (file->fd, (off_t) store->size) < 0)
    return refuse_errno (errno, "cannot be made as large as backing_size says",
                         name, why);
  if (!config->no_memory)
    return 0;
  r = allocate (file->fd, store->size);
  if (r < 0)
    return refuse_errno (-r, "its blocks cannot be allocated beforehand", name,
                         why);
  return 0;
}

/* The first transfer may tell that the file system only said that it goes
 * around the page cache.  Its blocks stay as they are: they will do. */
static int
transfer (struct store_file *file, bool write, void *buf, uint32_t len,
          uint64_t offset)
{
  const int r = file_transfer (file->fd, write, buf, len, offset);

  if (r != -EINVAL || !file->store.direct || !set_direct (file->fd, false))
    return r;
  file->store.direct = false;
  return file_transfer (file->fd, write, buf, len, offset);
}

static int
file_read (struct store *store, void *buf, uint32_t len, uint64_t offset)
{
  return transfer (file_of (store), false, buf, len, offset);
}

static int
file_write (struct store *store, const void *buf, uint32_t len, uint64_t offset)
{
  return transfer (file_of (store), true, (void *) buf, len, offset);
}

#if HAVE_URING
#define ENGINE_URING &file_engine_uring
#else
#define ENGINE_URING NULL
#endif

static int
start_engine (struct store_file *file, const struct file_engine_kind *kind)
{
  if (!kind)
    return -ENOSYS;
  return kind->start (&file->engine, &file->store, file->fd);
}

/* Kernels refuse io_uring in many ways: not built in, kernel.io_uring_disabled,
 * a filter of system calls, limits. */
static int
file_start (struct store *store)
{
  struct store_file *const file = file_of (store);
  int r = -ENOSYS;

  if (file->engine)
    file->engine->kind->close (file->engine);
  file->engine = NULL;
  if (file->wanted != STORE_ENGINE_THREADS)
    r = start_engine (file, ENGINE_URING);
  if (r < 0 && file->wanted != STORE_ENGINE_URING)
    r = start_engine (file, &file_engine_threads);
  return r;
}

static void
file_stop (struct store *store)
{
  struct file_engine *const engine = file_of (store)->engine;

  engine->kind->stop (engine);
}

static void
file_submit (struct store *store, struct store_op *ops)
{
  struct file_engine *const engine = file_of (store)->engine;

  engine->kind->submit (engine, ops);
}

static const char *
file_engine_name (const struct store *store)
{
  const struct store_file *const file = (const struct store_file *) store;

  return file->engine ? file->engine->kind->name : "none";
}

const struct store_kind store_kind_file = {
    .piece = 1U << 20,
    .open_store = file_open,
    .is_blank = file_is_blank,
    .prepare = file_prepare,
    .undo = file_undo,
    .close = file_close,
    .read_now = file_read,
    .write_now = file_write,
    .start = file_start,
    .stop = file_stop,
    .submit = file_submit,
    .engine_name = file_engine_name,
};
