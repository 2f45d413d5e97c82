/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a backing store: what is made, what is taken, what is refused and
 * then left as it was.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "store.h"
#include "unit.h"

#define MIB   (1L << 20)
#define SIZE  (8L << 20)
#define MAGIC "nbdkit-zram backing store\n"

static char dir[64];
static char path[80];
static struct store *store;
static char *why;

/* What the next calls are to come to: errno, or 0: what the kernel says. */
static int fallocate_fails;
static int direct_write_fails;

/* Has the name of the file when fallocate has failed; NULL: none has. */
static const char *successor;

extern int __real_fallocate (int fd, int mode, off_t offset, off_t len);
extern int __wrap_fallocate (int fd, int mode, off_t offset, off_t len);
extern ssize_t __real_pwrite (int fd, const void *buf, size_t n, off_t offset);
extern ssize_t __wrap_pwrite (int fd, const void *buf, size_t n, off_t offset);

int
__wrap_fallocate (int fd, int mode, off_t offset, off_t len)
{
  if (fallocate_fails && successor)
    ck_assert_int_eq (rename (successor, path), 0);
  errno = fallocate_fails;
  return fallocate_fails ? -1 : __real_fallocate (fd, mode, offset, len);
}

ssize_t
__wrap_pwrite (int fd, const void *buf, size_t n, off_t offset)
{
  if (!direct_write_fails || !(fcntl (fd, F_GETFL) & O_DIRECT))
    return __real_pwrite (fd, buf, n, offset);
  errno = direct_write_fails;
  return -1;
}

/* Somebody puts this in its place before it is opened; NULL: nobody does. */
static const char *replacement;

extern int __real_open (const char *name, int flags, ...);
extern int __wrap_open (const char *name, int flags, mode_t mode);

int
__wrap_open (const char *name, int flags, mode_t mode)
{
  const char *const from = replacement;

  replacement = NULL;
  if (from)
    ck_assert_int_eq (rename (from, name), 0);
  return __real_open (name, flags, mode);
}

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-store-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  fallocate_fails = 0;
  direct_write_fails = 0;
}

static void
teardown (void)
{
  free (why);
  why = NULL;
  unlink (path);
  rmdir (dir);
}

/* Tell that a test, or a part of it, cannot be had here. */
static void
leave_out (const char *what)
{
  printf ("SKIP: %s\n", what);
  fprintf (stderr, "SKIPPED: %s\n", what);
}

static struct store_config
config_of (const char *name, uint64_t size)
{
  return (struct store_config){.backing_dev = name, .size = size};
}

static int
try_config (const struct store_config *config)
{
  free (why);
  return store_open (&store, config, &why);
}

static void
must_open_config (const struct store_config *config)
{
  const int r = try_config (config);

  ck_assert_msg (r == 0, "%d %s", r, why);
  ck_assert_ptr_null (why);
}

static void
must_open (const char *name, uint64_t size)
{
  const struct store_config config = config_of (name, size);

  must_open_config (&config);
}

/* Its line begins with its name, and has TEXT. */
static void
must_refuse_config (const struct store_config *config, int code,
                    const char *text)
{
  const unsigned fds = open_descriptors ();
  const size_t len = strlen (config->backing_dev);

  ck_assert_int_eq (try_config (config), code);
  ck_assert_ptr_nonnull (why);
  ck_assert_msg (strncmp (why, config->backing_dev, len) == 0 &&
                     why[len] == ':' && strstr (why, text),
                 "%s", why);
  ck_assert_ptr_null (strchr (why, '\n'));
  ck_assert_uint_eq (open_descriptors (), fds);
}

static void
must_refuse (const char *name, uint64_t size, int code, const char *text)
{
  const struct store_config config = config_of (name, size);

  must_refuse_config (&config, code, text);
}

static struct stat
status (void)
{
  struct stat statbuf;

  ck_assert_int_eq (stat (path, &statbuf), 0);
  return statbuf;
}

static void
must_not_be_there (void)
{
  ck_assert_int_eq (access (path, F_OK), -1);
}

/* A file of SIZE bytes without data, but for TEXT at OFFSET. */
static void
make_file (off_t size, const char *text, off_t offset)
{
  const int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

  ck_assert_int_eq (ftruncate (fd, size), 0);
  ck_assert_int_eq (pwrite (fd, text, strlen (text), offset), strlen (text));
  close (fd);
}

/* NAME has TEXT at OFFSET. */
static void
must_have (const char *name, const char *text, off_t offset)
{
  const int fd = open (name, O_RDONLY | O_CLOEXEC);
  char found[128] = {0};

  ck_assert_int_eq (pread (fd, found, strlen (text), offset), strlen (text));
  ck_assert_str_eq (found, text);
  close (fd);
}

START_TEST (an_absent_file_is_made)
{
  umask (0);
  must_open (path, SIZE);
  ck_assert_uint_eq (store_size (store), SIZE);
  ck_assert_int_eq (status ().st_mode, S_IFREG | 0600);
  ck_assert_int_eq (status ().st_size, SIZE);
  ck_assert_int_lt (status ().st_blocks * 512, MIB);
  must_have (path, MAGIC "version 1\nrun ", 0);
  ck_assert_str_eq (store_engine_name (store), "none");
  ck_assert_uint_eq (store_piece (store), 1U << 20);
  ck_assert (!store_is_away (store));
  store_close (store);
  store_close (NULL);
}

START_TEST (its_blocks_can_be_allocated_at_once)
{
  struct store_config config = config_of (path, SIZE);
  const int r = (config.no_memory = true, try_config (&config));

  if (r == -EOPNOTSUPP) {
    leave_out ("the file system of /tmp allocates nothing beforehand");
    must_not_be_there ();
    return;
  }
  ck_assert_int_eq (r, 0);
  ck_assert_int_ge (status ().st_blocks * 512, SIZE);
  store_close (store);
  /* This was no data of anybody's, nor is what is there now. */
  must_open (path, 0);
  store_close (store);
}

/* By threads of ours: who runs the kernel's for io_uring is not told. */
START_TEST (swap_has_threads)
{
  struct store_config config = config_of (path, SIZE);

  config.no_memory = true;
  if (try_config (&config) == -EOPNOTSUPP) {
    leave_out ("the file system of /tmp allocates nothing beforehand");
    return;
  }
  ck_assert (store_is_direct (store));
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_str_eq (store_engine_name (store), "threads");
  store_stop (store);
  store_close (store);
}

/* A file that is memory is no place for what there is no memory for. */
START_TEST (a_file_in_memory_is_not_for_swap)
{
  struct store_config config = {.size = SIZE, .no_memory = true};
  char in_memory[] = "/dev/shm/test-store-XXXXXX";
  const int fd = access ("/dev/shm", W_OK) == 0 ? mkstemp (in_memory) : -1;
  struct stat statbuf;

  if (fd < 0) {
    leave_out ("there is no /dev/shm");
    return;
  }
  config.backing_dev = in_memory;
  must_refuse_config (&config, -EINVAL, "is in memory first");
  ck_assert_int_eq (fstat (fd, &statbuf), 0);
  ck_assert_int_eq (statbuf.st_size, 0);
  close (fd);
  unlink (in_memory);
}

START_TEST (its_size_is_whole_blocks)
{
  must_open (path, SIZE + 511);
  ck_assert_uint_ge (store_block (store), 512);
  ck_assert_uint_le (store_block (store), 4096);
  ck_assert_uint_eq (store_size (store), SIZE);
  store_close (store);
}

START_TEST (a_size_may_be_impossible)
{
  must_refuse (path, 0, -EINVAL, "is not there: give a backing_size");
  must_not_be_there ();
  must_refuse (path, MIB - 1, -EINVAL, "would have 1048575 bytes");
  must_not_be_there ();
  must_refuse (path, UINT64_MAX, -EINVAL, "backing_size");
  must_not_be_there ();
  make_file (0, "", 0);
  must_refuse (path, 0, -EINVAL, "would have 0 bytes");
  ck_assert_int_eq (status ().st_size, 0);
}

START_TEST (a_smaller_file_grows)
{
  make_file (0, "", 0);
  must_open (path, SIZE);
  store_close (store);
  ck_assert_int_eq (status ().st_size, SIZE);
  must_open (path, 2 * SIZE);
  store_close (store);
  ck_assert_int_eq (status ().st_size, 2 * SIZE);
  ck_assert_int_eq (status ().st_mode & 0777, 0644);
}

START_TEST (of_a_larger_file_the_rest_is_left_alone)
{
  make_file (2 * SIZE, MAGIC, 0);
  must_open (path, SIZE);
  ck_assert_uint_eq (store_size (store), SIZE);
  store_close (store);
  ck_assert_int_eq (status ().st_size, 2 * SIZE);
}

START_TEST (without_a_size_all_of_a_file_is_used)
{
  make_file (SIZE + 4096 + 7, "", 0);
  must_open (path, 0);
  ck_assert_uint_eq (store_size (store), SIZE + 4096);
  store_close (store);
}

/* Where its data may lie. */
static const off_t somewhere[] = {0, 5000, SIZE / 2, SIZE - 4};

START_TEST (a_file_with_data_is_refused)
{
  struct stat before;
  const struct store_config config = {
      .backing_dev = path, .size = 2 * SIZE, .no_memory = true};

  make_file (SIZE, "mine", somewhere[_i]);
  before = status ();
  must_refuse_config (&config, -EEXIST, "holds data (8388608 bytes)");
  ck_assert_ptr_nonnull (strstr (why, "backing_overwrite=y"));
  must_refuse (path, 0, -EEXIST, "backing_overwrite=y");
  must_have (path, "mine", somewhere[_i]);
  ck_assert_int_eq (status ().st_size, SIZE);
  ck_assert_int_eq (status ().st_blocks, before.st_blocks);
  ck_assert_int_eq (status ().st_mtim.tv_sec, before.st_mtim.tv_sec);
  ck_assert_int_eq (status ().st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

START_TEST (so_is_one_that_is_shorter_than_a_mark)
{
  make_file (0, MAGIC, 0);
  must_refuse (path, SIZE, -EEXIST, "holds data (26 bytes)");
  ck_assert_int_eq (status ().st_size, 26);
  make_file (0, "x", 0);
  must_refuse (path, SIZE, -EEXIST, "holds data (1 bytes)");
}

START_TEST (unless_it_may_be_lost)
{
  struct store_config config = config_of (path, SIZE);

  config.overwrite = true;
  make_file (2 * SIZE, "mine", 0);
  make_file (2 * SIZE, "behind it", SIZE);
  must_open_config (&config);
  store_close (store);
  must_have (path, MAGIC, 0);
  must_have (path, "behind it", SIZE);
}

START_TEST (a_mark_makes_it_ours)
{
  char first[128], second[128];
  int fd;

  must_open (path, SIZE);
  store_close (store);
  fd = open (path, O_RDWR | O_CLOEXEC);
  ck_assert_int_eq (pread (fd, first, sizeof first, 0), sizeof first);
  ck_assert_int_eq (pwrite (fd, "ours", 4, STORE_HEADER), 4);
  must_open (path, SIZE);
  store_close (store);
  ck_assert_int_eq (pread (fd, second, sizeof second, 0), sizeof second);
  ck_assert_int_ne (memcmp (first, second, sizeof first), 0);
  close (fd);
}

START_TEST (what_is_no_file_is_refused)
{
  must_refuse (dir, SIZE, -EINVAL, "is a directory");
  must_refuse ("/dev/null", SIZE, -EINVAL, "is a character device");
  must_refuse ("/nowhere/file", SIZE, -ENOENT, "No such file");
  must_refuse ("http://host/", SIZE, -EINVAL, "give nbd://HOST");
  must_refuse ("nbdx://host/", SIZE, -EINVAL, "give nbd://HOST");
  ck_assert_int_eq (mkfifo (path, 0600), 0);
  must_refuse (path, SIZE, -EINVAL, "is a FIFO");
}

START_TEST (nor_is_a_socket_one)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  memcpy (address.sun_path, path, sizeof path);
  ck_assert_int_eq (
      bind (fd, (const struct sockaddr *) &address, sizeof address), 0);
  must_refuse (path, SIZE, -EINVAL, "is a socket");
  close (fd);
}

START_TEST (a_link_is_followed_only_to_what_is_there)
{
  char target[96];

  snprintf (target, sizeof target, "%s/target", dir);
  ck_assert_int_eq (symlink (target, path), 0);
  must_refuse (path, SIZE, -EINVAL, "is a symbolic link");
  ck_assert_int_eq (access (target, F_OK), -1);
  close (open (target, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  must_open (path, SIZE);
  store_close (store);
  unlink (target);
}

START_TEST (a_link_in_a_directory_like_tmp_is_not_followed)
{
  char target[96];
  struct stat statbuf;

  snprintf (target, sizeof target, "%s/target", dir);
  close (open (target, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ck_assert_int_eq (symlink (target, path), 0);
  ck_assert_int_eq (chmod (dir, 01777), 0);
  must_refuse (path, SIZE, -EPERM, "where everybody may make files");
  ck_assert_int_eq (stat (target, &statbuf), 0);
  ck_assert_int_eq (statbuf.st_size, 0);
  unlink (target);
}

START_TEST (what_was_looked_at_is_opened)
{
  char other[96];
  struct stat statbuf;

  snprintf (other, sizeof other, "%s/other", dir);
  close (open (other, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  make_file (SIZE, "", 0);
  replacement = other;
  must_refuse (path, SIZE, -EBUSY, "was replaced");
  ck_assert_ptr_null (replacement);
  statbuf = status ();
  ck_assert_int_eq (statbuf.st_size, 0);
}

static char complaint[512];

static void
complain (const char *line)
{
  snprintf (complaint, sizeof complaint, "%s", line);
}

/* Others could read pages there: its owner is told, once, and may mean it. */
START_TEST (a_file_for_others_is_complained_of)
{
  struct store_config config = config_of (path, SIZE);

  config.complain = complain;
  make_file (SIZE, "", 0);
  for (mode_t mode = 0600; mode <= 0666; mode += 0022) {
    complaint[0] = '\0';
    ck_assert_int_eq (chmod (path, mode), 0);
    must_open_config (&config);
    store_close (store);
    ck_assert_msg ((mode == 0600) == !strstr (complaint, "others may open it"),
                   "%o: %s", (unsigned) mode, complaint);
  }
  unlink (path);
  complaint[0] = '\0';
  umask (0);
  must_open_config (&config);
  store_close (store);
  ck_assert_str_eq (complaint, "");
  ck_assert_int_eq (status ().st_mode & 07777, 0600);
}

START_TEST (what_may_not_be_written_is_refused)
{
  if (geteuid () == 0) {
    leave_out ("root may write every file");
    return;
  }
  make_file (SIZE, "", 0);
  ck_assert_int_eq (chmod (path, 0400), 0);
  must_refuse (path, SIZE, -EACCES, "cannot be opened: Permission denied");
}

/* The one that is refused has not made it, and does not remove it. */
START_TEST (two_servers_never_have_one_file)
{
  struct store_config config = config_of (path, SIZE);
  struct store *first;

  config.overwrite = true;
  must_open (path, SIZE);
  first = store;
  must_refuse (path, SIZE, -EBUSY, "has locked it");
  must_refuse_config (&config, -EBUSY, "has locked it");
  ck_assert_int_eq (status ().st_size, SIZE);
  store_close (first);
  must_open (path, SIZE);
  store_close (store);
}

/* What is made is removed, what has grown shrinks. */
static void
must_leave_no_trace (const struct store_config *config, int code,
                     const char *text)
{
  unlink (path);
  must_refuse_config (config, code, text);
  must_not_be_there ();
  make_file (MIB, "", 0);
  must_refuse_config (config, code, text);
  ck_assert_int_eq (status ().st_size, MIB);
}

/* The signal that this sends by default would end the test; none is left
 * waiting, and the mask is as before. */
START_TEST (a_file_that_cannot_grow_is_as_before)
{
  const struct rlimit limit = {2 << 20, RLIM_INFINITY};
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  const struct store_config config = config_of (path, SIZE);

  sigset_t mask;

  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  must_leave_no_trace (&config, -EFBIG, "backing_size");
  setrlimit (RLIMIT_FSIZE, &none);
  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  ck_assert (!sigismember (&mask, SIGXFSZ));
}

START_TEST (what_is_not_used_after_all_is_as_before)
{
  must_open (path, SIZE);
  store_undo (store);
  store_close (store);
  must_not_be_there ();

  make_file (MIB, "", 0);
  must_open (path, SIZE);
  ck_assert_int_eq (status ().st_size, SIZE);
  store_undo (store);
  store_close (store);
  ck_assert_int_eq (status ().st_size, MIB);
  store_undo (NULL);
}

START_TEST (a_file_without_room_is_as_before)
{
  struct store_config config = config_of (path, SIZE);

  config.no_memory = true;
  fallocate_fails = ENOSPC;
  must_leave_no_trace (&config, -ENOSPC, "No space left");
}

/* What has its name by then is somebody else's. */
START_TEST (what_has_taken_its_place_stays)
{
  struct store_config config = config_of (path, SIZE);
  char other[96];

  snprintf (other, sizeof other, "%s/other", dir);
  close (open (other, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  config.no_memory = true;
  fallocate_fails = ENOSPC;
  successor = other;
  must_refuse_config (&config, -ENOSPC, "No space left");
  ck_assert_int_eq (access (path, F_OK), 0);
  ck_assert_int_eq (status ().st_size, 0);
}

START_TEST (a_file_without_a_mark_is_as_before)
{
  const struct store_config config = config_of (path, SIZE);

  must_open (path, SIZE);
  if (!store_is_direct (store)) {
    leave_out ("/tmp is always in the page cache");
    return;
  }
  store_close (store);
  direct_write_fails = EIO;
  must_leave_no_trace (&config, -EIO, "cannot be written");
}

/* Some file systems say so only when they are written. */
START_TEST (what_must_be_in_the_page_cache_is)
{
  must_open (path, SIZE);
  if (!store_is_direct (store))
    leave_out ("/tmp is always in the page cache");
  store_close (store);
  unlink (path);
  direct_write_fails = EINVAL;
  must_open (path, SIZE);
  ck_assert (!store_is_direct (store));
  store_close (store);
  must_have (path, MAGIC, 0);
}

/* A device whose bytes are those of the file; -1: that cannot be had here.  It
 * goes when it is closed. */
static int
make_device (char *name, size_t size)
{
  const int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  const int n = control < 0 ? -1 : ioctl (control, LOOP_CTL_GET_FREE);
  const int backing = open (path, O_RDWR | O_CLOEXEC);
  struct loop_config config = {.fd = (uint32_t) backing,
                               .info.lo_flags = LO_FLAGS_AUTOCLEAR};
  int fd = -1;

  snprintf (name, size, "/dev/loop%d", n);
  if (n >= 0)
    fd = open (name, O_RDWR | O_CLOEXEC);
  if (fd >= 0 && ioctl (fd, LOOP_CONFIGURE, &config) < 0) {
    close (fd);
    fd = -1;
  }
  close (backing);
  close (control);
  if (fd < 0)
    leave_out ("no loop device can be had (it takes root)");
  return fd;
}

START_TEST (a_device_is_taken)
{
  char name[32];
  int fd;

  make_file (SIZE, "in the middle", SIZE / 2);
  fd = make_device (name, sizeof name);
  if (fd < 0)
    return;
  must_open (name, 0);
  ck_assert_uint_eq (store_size (store), SIZE);
  ck_assert_uint_eq (store_block (store), 512);
  must_refuse (name, 0, -EBUSY, "in use otherwise");
  store_close (store);
  must_have (name, MAGIC, 0);
  must_refuse (name, SIZE + 512, -EINVAL, "has only 8388608 bytes");
  must_open (name, SIZE / 2);
  ck_assert_uint_eq (store_size (store), SIZE / 2);
  store_close (store);
  close (fd);
}

/* Where data of a device is seen. */
static const off_t ends[] = {0, MIB - 4, SIZE - (64 << 10), SIZE - 4};

START_TEST (a_device_with_data_is_refused)
{
  struct store_config config;
  char name[32];
  int fd;

  make_file (SIZE, "mine", ends[_i]);
  fd = make_device (name, sizeof name);
  if (fd < 0)
    return;
  config = config_of (name, 2 * MIB);
  must_refuse_config (&config, -EEXIST, "holds data");
  must_have (name, "mine", ends[_i]);
  config.overwrite = true;
  must_open_config (&config);
  store_close (store);
  close (fd);
}

static void
add_files (TCase *tc)
{
  tcase_add_test (tc, an_absent_file_is_made);
  tcase_add_test (tc, its_blocks_can_be_allocated_at_once);
  tcase_add_test (tc, swap_has_threads);
  tcase_add_test (tc, a_file_in_memory_is_not_for_swap);
  tcase_add_test (tc, its_size_is_whole_blocks);
  tcase_add_test (tc, a_size_may_be_impossible);
  tcase_add_test (tc, a_smaller_file_grows);
  tcase_add_test (tc, of_a_larger_file_the_rest_is_left_alone);
  tcase_add_test (tc, without_a_size_all_of_a_file_is_used);
  tcase_add_loop_test (tc, a_file_with_data_is_refused, 0,
                       sizeof somewhere / sizeof somewhere[0]);
  tcase_add_test (tc, so_is_one_that_is_shorter_than_a_mark);
  tcase_add_test (tc, unless_it_may_be_lost);
  tcase_add_test (tc, a_mark_makes_it_ours);
  tcase_add_test (tc, what_is_no_file_is_refused);
  tcase_add_test (tc, nor_is_a_socket_one);
  tcase_add_test (tc, a_link_is_followed_only_to_what_is_there);
  tcase_add_test (tc, a_link_in_a_directory_like_tmp_is_not_followed);
  tcase_add_test (tc, what_was_looked_at_is_opened);
  tcase_add_test (tc, a_file_for_others_is_complained_of);
  tcase_add_test (tc, what_may_not_be_written_is_refused);
  tcase_add_test (tc, two_servers_never_have_one_file);
  tcase_add_test (tc, a_file_that_cannot_grow_is_as_before);
  tcase_add_test (tc, what_is_not_used_after_all_is_as_before);
  tcase_add_test (tc, a_file_without_room_is_as_before);
  tcase_add_test (tc, what_has_taken_its_place_stays);
  tcase_add_test (tc, a_file_without_a_mark_is_as_before);
  tcase_add_test (tc, what_must_be_in_the_page_cache_is);
}

int
main (void)
{
  Suite *suite = suite_create ("store");
  TCase *tc = suite_case (suite, "files");

  tcase_add_checked_fixture (tc, setup, teardown);
  add_files (tc);
  tc = suite_case (suite, "devices");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, a_device_is_taken);
  tcase_add_loop_test (tc, a_device_with_data_is_refused, 0,
                       sizeof ends / sizeof ends[0]);
  return suite_run (suite);
}
