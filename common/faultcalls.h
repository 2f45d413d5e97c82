/* SPDX-License-Identifier: BSD-3-Clause */
/* In a build that injects faults the compiler includes this before each of the
 * rooms' sources: the calls below are then points of faults.h.  How each of
 * them fails stands beside its name, once.
 *
 * Left out, as they cannot fail here, or nothing hangs on it:
 *   - initialisers of locks, conditions and attributes, and what attributes are
 *     given; unlocking, signals of conditions, joining, masks and names of
 *     threads; clocks; the disposition of a signal that there is;
 *   - closing and freeing, but for streams, and shutting down a socket, which
 *     is closed next;
 *   - places in a stream that is memory, and buffers of streams;
 *   - io_uring_get_sqe: the queue has room for more than there are slots; a
 *     request that only wakes;
 *   - libdeflate's contexts, whose memory is a malloc of backend_deflate.c;
 *     zstd's that are made in memory given to them; compressing: what does not
 *     fit is stored as it is; decompressing: what is damaged fails, of which
 *     there are tests of their own;
 *   - libnbd's small questions; what goes wrong on a connection ends it, and
 *     the step "store away" of tests/faults does that.
 *
 * nbdkit-zramctl has no points: it is a program of its own, and what it cannot
 * do it says and ends.
 */
#ifndef ZRAM_FAULTCALLS_H
#define ZRAM_FAULTCALLS_H

#include <config.h>

/* Whatever declares what is wrapped, before it is. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/vfs.h>
#if __has_include(<libnbd.h>)
#include <libnbd.h>
#endif
#if __has_include(<nbdkit-plugin.h>)
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>
#endif
#if HAVE_URING
#include <liburing.h>
#endif

#include "faults.h"

/* The point of this place. */
#define FAULT_POINT(CALL, CAN)                                          \
  __extension__({                                                       \
    static struct fault_point fault_here = {.file = __FILE__,           \
                                            .function = __func__,       \
                                            .call = CALL,               \
                                            .can = (CAN),               \
                                            .same = &fault_here};       \
    static struct fault_point *fault_listed                             \
        __attribute__ ((used, section ("fault_points"))) = &fault_here; \
    (void) fault_listed;                                                \
    &fault_here;                                                        \
  })

static inline int
fault_errno (int code)
{
  errno = code;
  return -1;
}

/* What the call returns, and no errno. */
static inline int
fault_result (int r)
{
  return r;
}

static inline void *
fault_null (int code)
{
  errno = code;
  return NULL;
}

static inline void *
fault_unmapped (int code)
{
  errno = code;
  return MAP_FAILED;
}

/* Half of LEN, in blocks if it can be; it is SHORT. */
static inline size_t
fault_part (size_t len, bool is_short)
{
  const size_t half = len < 8192 ? len / 2 : len / 2 / 4096 * 4096;

  return is_short && half > 0 ? half : len;
}

/* CALL, or what OTHERWISE says; or CALL, but perhaps late. */
#define FAULT_CALL(CALL, OTHERWISE, ...)                        \
  (fault_at (FAULT_POINT (#CALL, FAULT_CAN_FAIL)) ? (OTHERWISE) \
                                                  : CALL (__VA_ARGS__))
#define FAULT_LATE_CALL(CALL, ...) \
  (fault_at (FAULT_POINT (#CALL, FAULT_CAN_BE_LATE)), CALL (__VA_ARGS__))

/* A transfer, of whose arguments LEN is the number of bytes. */
#define FAULT_TRANSFER(CALL, CODE, FD, BUF, LEN, ...)                         \
  __extension__({                                                             \
    const enum fault fault_##CALL =                                           \
        fault_at (FAULT_POINT (#CALL, FAULT_CAN_BE_SHORT));                   \
    fault_##CALL == FAULT_FAIL                                                \
        ? (ssize_t) fault_errno (CODE)                                        \
        : CALL (FD, BUF,                                                      \
                fault_part (LEN, fault_##CALL == FAULT_SHORT) __VA_OPT__ (, ) \
                    __VA_ARGS__);                                             \
  })

/* Memory. */
#define malloc(...)  FAULT_CALL (malloc, fault_null (ENOMEM), __VA_ARGS__)
#define calloc(...)  FAULT_CALL (calloc, fault_null (ENOMEM), __VA_ARGS__)
#define realloc(...) FAULT_CALL (realloc, fault_null (ENOMEM), __VA_ARGS__)
#define strdup(...)  FAULT_CALL (strdup, fault_null (ENOMEM), __VA_ARGS__)
#define aligned_alloc(...) \
  FAULT_CALL (aligned_alloc, fault_null (ENOMEM), __VA_ARGS__)
#define vasprintf(...) FAULT_CALL (vasprintf, fault_errno (ENOMEM), __VA_ARGS__)
#define open_memstream(...) \
  FAULT_CALL (open_memstream, fault_null (ENOMEM), __VA_ARGS__)
#define fmemopen(...) FAULT_CALL (fmemopen, fault_null (ENOMEM), __VA_ARGS__)
#define fopencookie(...) \
  FAULT_CALL (fopencookie, fault_null (ENOMEM), __VA_ARGS__)
#define mmap(...)     FAULT_CALL (mmap, fault_unmapped (ENOMEM), __VA_ARGS__)
#define mprotect(...) FAULT_CALL (mprotect, fault_errno (ENOMEM), __VA_ARGS__)
#define madvise(...)  FAULT_CALL (madvise, fault_errno (ENOMEM), __VA_ARGS__)
#define mincore(...)  FAULT_CALL (mincore, fault_errno (ENOMEM), __VA_ARGS__)
#define mlock2(...)   FAULT_CALL (mlock2, fault_errno (ENOMEM), __VA_ARGS__)
#define munlock(...)  FAULT_CALL (munlock, fault_errno (ENOMEM), __VA_ARGS__)
#define mlockall(...) FAULT_CALL (mlockall, fault_errno (EPERM), __VA_ARGS__)

/* Threads.  A lock that could not be had would not be one: it is late.  Whoever
 * waits for a condition may wake for nothing. */
#define pthread_create(...) \
  FAULT_CALL (pthread_create, fault_result (EAGAIN), __VA_ARGS__)
#define pthread_mutex_lock(...) \
  FAULT_LATE_CALL (pthread_mutex_lock, __VA_ARGS__)
#define pthread_mutex_trylock(...) \
  FAULT_CALL (pthread_mutex_trylock, fault_result (EBUSY), __VA_ARGS__)
#define pthread_rwlock_rdlock(...) \
  FAULT_LATE_CALL (pthread_rwlock_rdlock, __VA_ARGS__)
#define pthread_rwlock_wrlock(...) \
  FAULT_LATE_CALL (pthread_rwlock_wrlock, __VA_ARGS__)
#define pthread_rwlock_tryrdlock(...) \
  FAULT_CALL (pthread_rwlock_tryrdlock, fault_result (EBUSY), __VA_ARGS__)
#define pthread_cond_wait(...) \
  FAULT_CALL (pthread_cond_wait, fault_result (0), __VA_ARGS__)
#define pthread_cond_clockwait(...) \
  FAULT_CALL (pthread_cond_clockwait, fault_result (0), __VA_ARGS__)
#define nanosleep(...) FAULT_CALL (nanosleep, fault_errno (EINTR), __VA_ARGS__)
#define sched_getaffinity(...) \
  FAULT_CALL (sched_getaffinity, fault_errno (EPERM), __VA_ARGS__)
#define sched_getcpu(...) FAULT_CALL (sched_getcpu, fault_errno (ENOSYS), )
#define sched_getscheduler(...) \
  FAULT_CALL (sched_getscheduler, fault_errno (EPERM), __VA_ARGS__)
#define sched_getparam(...) \
  FAULT_CALL (sched_getparam, fault_errno (EPERM), __VA_ARGS__)
#define pthread_setschedparam(...) \
  FAULT_CALL (pthread_setschedparam, fault_result (EPERM), __VA_ARGS__)
#define pthread_setattr_default_np(...) \
  FAULT_CALL (pthread_setattr_default_np, fault_result (ENOMEM), __VA_ARGS__)
#define sched_setscheduler(...) \
  FAULT_CALL (sched_setscheduler, fault_errno (EPERM), __VA_ARGS__)

/* Whoever waits for a futex may wake for nothing; but the kernel never fails to
 * wake anybody, and who counted on it would sleep for ever: it is late. */
#define FAULT_IS_WAKE(NUMBER, OP) \
  ((NUMBER) == SYS_futex && (uintptr_t) (OP) == FUTEX_WAKE_PRIVATE)
#define syscall(NUMBER, WHAT, OP, ...)                          \
  (fault_at (FAULT_POINT ("syscall", FAULT_IS_WAKE (NUMBER, OP) \
                                         ? FAULT_CAN_BE_LATE    \
                                         : FAULT_CAN_FAIL))     \
       ? (long) fault_errno (EINTR)                             \
       : syscall (NUMBER, WHAT, OP, __VA_ARGS__))

/* Files. */
#define open(...)      FAULT_CALL (open, fault_errno (EMFILE), __VA_ARGS__)
#define opendir(...)   FAULT_CALL (opendir, fault_null (EMFILE), __VA_ARGS__)
#define readdir(...)   FAULT_CALL (readdir, fault_null (EIO), __VA_ARGS__)
#define flock(...)     FAULT_CALL (flock, fault_errno (ENOLCK), __VA_ARGS__)
#define stat(...)      FAULT_CALL (stat, fault_errno (EIO), __VA_ARGS__)
#define lstat(...)     FAULT_CALL (lstat, fault_errno (EIO), __VA_ARGS__)
#define fstat(...)     FAULT_CALL (fstat, fault_errno (EIO), __VA_ARGS__)
#define fstatfs(...)   FAULT_CALL (fstatfs, fault_errno (EIO), __VA_ARGS__)
#define statx(...)     FAULT_CALL (statx, fault_errno (EIO), __VA_ARGS__)
#define fcntl(...)     FAULT_CALL (fcntl, fault_errno (ENOLCK), __VA_ARGS__)
#define ioctl(...)     FAULT_CALL (ioctl, fault_errno (EIO), __VA_ARGS__)
#define lseek(...)     FAULT_CALL (lseek, fault_errno (EIO), __VA_ARGS__)
#define unlink(...)    FAULT_CALL (unlink, fault_errno (EACCES), __VA_ARGS__)
#define fchmod(...)    FAULT_CALL (fchmod, fault_errno (EPERM), __VA_ARGS__)
#define ftruncate(...) FAULT_CALL (ftruncate, fault_errno (ENOSPC), __VA_ARGS__)
#define fallocate(...) FAULT_CALL (fallocate, fault_errno (ENOSPC), __VA_ARGS__)
#define read(...)      FAULT_TRANSFER (read, EIO, __VA_ARGS__)
#define pread(...)     FAULT_TRANSFER (pread, EIO, __VA_ARGS__)
#define write(...)     FAULT_TRANSFER (write, EIO, __VA_ARGS__)
#define pwrite(...)    FAULT_TRANSFER (pwrite, EIO, __VA_ARGS__)

/* Descriptors that are no files.  As a futex does, an eventfd wakes whoever
 * waits, since nobody counts to its end: it is late. */
#define eventfd(...) FAULT_CALL (eventfd, fault_errno (EMFILE), __VA_ARGS__)
#define eventfd_read(...) \
  FAULT_CALL (eventfd_read, fault_errno (EAGAIN), __VA_ARGS__)
#define eventfd_write(...) FAULT_LATE_CALL (eventfd_write, __VA_ARGS__)
#define pipe2(...)         FAULT_CALL (pipe2, fault_errno (EMFILE), __VA_ARGS__)

#define socket(...)  FAULT_CALL (socket, fault_errno (EMFILE), __VA_ARGS__)
#define bind(...)    FAULT_CALL (bind, fault_errno (EACCES), __VA_ARGS__)
#define listen(...)  FAULT_CALL (listen, fault_errno (EADDRINUSE), __VA_ARGS__)
#define connect(...) FAULT_CALL (connect, fault_errno (ENOMEM), __VA_ARGS__)
#define accept4(...) FAULT_CALL (accept4, fault_errno (EMFILE), __VA_ARGS__)
#define poll(...)    FAULT_CALL (poll, fault_errno (ENOMEM), __VA_ARGS__)
#define recv(...)    FAULT_TRANSFER (recv, ENOMEM, __VA_ARGS__)
#define send(...)    FAULT_TRANSFER (send, ENOBUFS, __VA_ARGS__)

/* What the process has. */
#define getrandom(...) FAULT_CALL (getrandom, fault_errno (ENOSYS), __VA_ARGS__)
#define sigaction(...) FAULT_CALL (sigaction, fault_errno (EINVAL), __VA_ARGS__)
#define prctl(...)     FAULT_CALL (prctl, fault_errno (EPERM), __VA_ARGS__)
#define getrlimit(...) FAULT_CALL (getrlimit, fault_errno (EINVAL), __VA_ARGS__)
#define setrlimit(...) FAULT_CALL (setrlimit, fault_errno (EPERM), __VA_ARGS__)
#define sysconf(...)   FAULT_CALL (sysconf, fault_errno (EINVAL), __VA_ARGS__)
#define sysinfo(...)   FAULT_CALL (sysinfo, fault_errno (EFAULT), __VA_ARGS__)
#define atexit(...)    FAULT_CALL (atexit, fault_result (-1), __VA_ARGS__)
#define pthread_atfork(...) \
  FAULT_CALL (pthread_atfork, fault_result (ENOMEM), __VA_ARGS__)

/* dlerror () is to have something to say. */
#define FAULT_ARGUMENT(CALL, ARGUMENT, BAD) \
  (fault_at (FAULT_POINT (CALL, FAULT_CAN_FAIL)) ? (BAD) : (ARGUMENT))
#define dlopen(NAME, ...) \
  dlopen (FAULT_ARGUMENT ("dlopen", NAME, "/missing/" NAME), __VA_ARGS__)
#define dlsym(...) FAULT_CALL (dlsym, fault_null (ENOENT), __VA_ARGS__)

/* A stream is closed even where that fails. */
#define fclose(STREAM)                               \
  (fault_at (FAULT_POINT ("fclose", FAULT_CAN_FAIL)) \
       ? (fclose (STREAM), fault_errno (ENOMEM))     \
       : fclose (STREAM))
#define fflush(...) FAULT_CALL (fflush, fault_errno (ENOSPC), __VA_ARGS__)

/* nbdkit says itself why it cannot. */
#define nbdkit_absolute_path(...)                                             \
  FAULT_CALL (nbdkit_absolute_path,                                           \
              (nbdkit_error ("no name: %s", strerrordesc_np (ENOMEM)), NULL), \
              __VA_ARGS__)
#define nbdkit_export_name(...) \
  FAULT_CALL (nbdkit_export_name, fault_null (ENOMEM), )
#define nbdkit_printf_intern(...) \
  FAULT_CALL (nbdkit_printf_intern, fault_null (ENOMEM), __VA_ARGS__)
#define nbdkit_add_export(...) \
  FAULT_CALL (nbdkit_add_export, fault_errno (ENOMEM), __VA_ARGS__)
#define nbdkit_add_extent(...) \
  FAULT_CALL (nbdkit_add_extent, fault_errno (ENOMEM), __VA_ARGS__)

/* io_uring says what is wrong by what it returns; and a request that fails
 * does so when it is complete, as one for a file that is not there does. */
#define io_uring_queue_init(...) \
  FAULT_CALL (io_uring_queue_init, fault_result (-EPERM), __VA_ARGS__)
#define io_uring_get_probe_ring(...) \
  FAULT_CALL (io_uring_get_probe_ring, fault_null (ENOMEM), __VA_ARGS__)
#define io_uring_submit(...) \
  FAULT_CALL (io_uring_submit, fault_result (-EAGAIN), __VA_ARGS__)
#define io_uring_wait_cqe(...) \
  FAULT_CALL (io_uring_wait_cqe, fault_result (-EINTR), __VA_ARGS__)
#define FAULT_PREPARE(CALL, SQE, FD, BUF, LEN, OFFSET)                       \
  do {                                                                       \
    const enum fault fault_##CALL =                                          \
        fault_at (FAULT_POINT (#CALL, FAULT_CAN_BE_SHORT));                  \
    CALL (SQE, fault_##CALL == FAULT_FAIL ? -1 : (FD), BUF,                  \
          (unsigned) fault_part (LEN, fault_##CALL == FAULT_SHORT), OFFSET); \
  } while (0)
#define io_uring_prep_read(...) FAULT_PREPARE (io_uring_prep_read, __VA_ARGS__)
#define io_uring_prep_write(...) \
  FAULT_PREPARE (io_uring_prep_write, __VA_ARGS__)

/* libnbd's are called by pointers, the members of "lib", so that what fails is
 * given what it refuses: nothing to transfer, no URI. */
#define nbd_create()                                                         \
  nbd_create != NULL &&fault_at (FAULT_POINT ("nbd_create", FAULT_CAN_FAIL)) \
      ? fault_null (ENOMEM)                                                  \
      : lib.nbd_create ()
#define nbd_aio_pread(NBD, BUF, LEN, ...)                            \
  nbd_aio_pread (NBD, BUF, FAULT_ARGUMENT ("nbd_aio_pread", LEN, 0), \
                 __VA_ARGS__)
#define nbd_aio_pwrite(NBD, BUF, LEN, ...)                             \
  nbd_aio_pwrite (NBD, BUF, FAULT_ARGUMENT ("nbd_aio_pwrite", LEN, 0), \
                  __VA_ARGS__)
#define nbd_aio_connect_uri(NBD, URI) \
  nbd_aio_connect_uri (NBD, FAULT_ARGUMENT ("nbd_aio_connect_uri", URI, ""))

#endif /* ZRAM_FAULTCALLS_H */
