/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a file, by each engine, around the page cache and through it:
 * all are done, once; what fails says so; it ends with work in flight.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#if HAVE_URING
#include <liburing.h>
#endif

#include "completion.h"
#include "store.h"
#include "unit.h"

#define SIZE       (16UL << 20)
#define BLOCK      4096UL /* of every store here a multiple of its own */
#define MAX_BLOCKS 32U    /* of one request */
#define NR_OPS     640U   /* five times STORE_DEPTH */

static struct store *store;
static char dir[64];
static char path[80];

/* How the kernel is made to behave. */
static bool is_cached;          /* what goes around the page cache is refused */
static _Atomic bool cuts_short; /* half of what is asked for is done */
static _Atomic int uring_refused;
static _Atomic unsigned has_no_memory; /* for so many calls */
static _Atomic int threads_left = 1000;

extern ssize_t __real_pread (int fd, void *buf, size_t n, off_t offset);
extern ssize_t __wrap_pread (int fd, void *buf, size_t n, off_t offset);
extern ssize_t __real_pwrite (int fd, const void *buf, size_t n, off_t offset);
extern ssize_t __wrap_pwrite (int fd, const void *buf, size_t n, off_t offset);
extern int __real_pthread_create (pthread_t *thread, const pthread_attr_t *attr,
                                  void *(*fn) (void *), void *arg);
extern int __wrap_pthread_create (pthread_t *thread, const pthread_attr_t *attr,
                                  void *(*fn) (void *), void *arg);

/* Less than N, but whole blocks. */
static size_t
cut (size_t n)
{
  return cuts_short && n >= 2 * BLOCK ? n / 2 / BLOCK * BLOCK : n;
}

ssize_t
__wrap_pread (int fd, void *buf, size_t n, off_t offset)
{
  return __real_pread (fd, buf, cut (n), offset);
}

ssize_t
__wrap_pwrite (int fd, const void *buf, size_t n, off_t offset)
{
  if (!is_cached || !(fcntl (fd, F_GETFL) & O_DIRECT))
    return __real_pwrite (fd, buf, cut (n), offset);
  errno = EINVAL;
  return -1;
}

int
__wrap_pthread_create (pthread_t *thread, const pthread_attr_t *attr,
                       void *(*fn) (void *), void *arg)
{
  if (threads_left-- <= 0)
    return EAGAIN;
  return __real_pthread_create (thread, attr, fn, arg);
}

#if HAVE_URING
extern int __real_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                                       unsigned flags);
extern int __wrap_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                                       unsigned flags);
extern int __real_io_uring_submit (struct io_uring *ring);
extern int __wrap_io_uring_submit (struct io_uring *ring);

int
__wrap_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                            unsigned flags)
{
  return uring_refused ? -uring_refused
                       : __real_io_uring_queue_init (entries, ring, flags);
}

int
__wrap_io_uring_submit (struct io_uring *ring)
{
  struct io_uring_sq *const sq = &ring->sq;

  if (has_no_memory > 0) {
    has_no_memory--;
    return -EAGAIN;
  }
  for (unsigned i = sq->sqe_head; cuts_short && i != sq->sqe_tail; i++)
    sq->sqes[i & *sq->kring_mask].len =
        (unsigned) cut (sq->sqes[i & *sq->kring_mask].len);
  return __real_io_uring_submit (ring);
}
#endif

/* Where a file is, and by which engine its requests go. */
static const struct {
  const char *dir;
  bool is_cached;
  enum store_engine engine;
  const char *name;
} kinds[] = {
    {"/tmp", false, STORE_ENGINE_URING, "io_uring"},
    {"/tmp", false, STORE_ENGINE_THREADS, "threads"},
    {"/tmp", true, STORE_ENGINE_URING, "io_uring"},
    {"/tmp", true, STORE_ENGINE_THREADS, "threads"},
    {"/dev/shm", false, STORE_ENGINE_URING, "io_uring"},
    {"/dev/shm", false, STORE_ENGINE_THREADS, "threads"},
};

#define NR_KINDS ((int) (sizeof kinds / sizeof kinds[0]))

static void
open_store (const char *where, enum store_engine engine)
{
  struct store_config config = {
      .backing_dev = path, .size = SIZE, .engine = engine};
  char *why;

  snprintf (dir, sizeof dir, "%s/test-storeio-XXXXXX", where);
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  ck_assert_msg (store_open (&store, &config, &why) == 0, "%s", why);
}

/* False, and said: it cannot be had here. */
static bool
start (int kind)
{
  int r;

  if (access (kinds[kind].dir, W_OK) < 0) {
    printf ("SKIP: there is no %s\n", kinds[kind].dir);
    fprintf (stderr, "SKIPPED: there is no %s\n", kinds[kind].dir);
    return false;
  }
  is_cached = kinds[kind].is_cached;
  open_store (kinds[kind].dir, kinds[kind].engine);
  ck_assert (!is_cached || !store_is_direct (store));
  r = store_start (store);
  if (r < 0 && kinds[kind].engine == STORE_ENGINE_URING) {
    printf ("SKIP: io_uring is refused: %s\n", strerror (-r));
    fprintf (stderr, "SKIPPED: io_uring is refused: %s\n", strerror (-r));
    store_close (store);
    store = NULL;
    return false;
  }
  ck_assert_int_eq (r, 0);
  ck_assert_str_eq (store_engine_name (store), kinds[kind].name);
  return true;
}

static void
finish (void)
{
  store_stop (store);
  store_close (store);
  store = NULL;
}

static void
setup (void)
{
  uring_refused = under_valgrind () ? EPERM : 0;
}

static void
teardown (void)
{
  unlink (path);
  rmdir (dir);
}

/* A request that counts how often it is done. */
struct request {
  struct store_op op; /* first */
  struct completion completion;
  _Atomic unsigned times;
};

static void
note (struct store_op *op)
{
  struct request *const request = (struct request *) op;

  request->times++;
  completion_complete (&request->completion);
}

static void
prepare (struct request *request, bool write, char *buf, uint64_t offset,
         uint32_t len)
{
  *request = (struct request){.op = {.buf = buf,
                                     .offset = offset,
                                     .len = len,
                                     .write = write,
                                     .done = note}};
}

static int
wait_for (struct request *request)
{
  completion_wait (&request->completion);
  must_equal (request->times, 1);
  return request->op.result;
}

/* Do it alone. */
static int
transfer (bool write, char *buf, uint64_t offset, uint32_t len)
{
  struct request request;

  prepare (&request, write, buf, offset, len);
  store_submit (store, &request.op);
  return wait_for (&request);
}

static char *
buffer (size_t size)
{
  char *const buf = aligned_alloc (BLOCK, size);

  must (buf != NULL);
  memset (buf, 0, size);
  return buf;
}

/* The N requests that begin with FIRST, as a list. */
static void
link_up (struct request *first, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    first[i].op.next = i + 1 < n ? &first[i + 1].op : NULL;
}

/* In one list, each of the N blocks from OFFSET on. */
static void
transfer_blocks (bool write, char *buf, uint64_t offset, unsigned n)
{
  struct request *const requests = calloc (n, sizeof *requests);

  must (requests != NULL);
  for (unsigned i = 0; i < n; i++)
    prepare (&requests[i], write, buf + (size_t) i * BLOCK,
             offset + (uint64_t) i * BLOCK, BLOCK);
  link_up (requests, n);
  store_submit (store, &requests[0].op);
  for (unsigned i = 0; i < n; i++)
    must_equal (wait_for (&requests[i]), 0);
  free (requests);
}

START_TEST (a_store_that_does_not_run_takes_nothing)
{
  char *const buf = buffer (BLOCK);
  struct store_stats stats;

  open_store ("/tmp", STORE_ENGINE_AUTO);
  store_stop (store);
  ck_assert_int_eq (transfer (true, buf, STORE_HEADER, BLOCK), -ECANCELED);
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_int_eq (transfer (true, buf, STORE_HEADER, BLOCK), 0);
  store_submit (store, NULL);
  store_stop (store);
  ck_assert_int_eq (transfer (false, buf, STORE_HEADER, BLOCK), -ECANCELED);
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_int_eq (transfer (false, buf, STORE_HEADER, BLOCK), 0);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.read_errors + stats.write_errors, 0);
  finish ();
  free (buf);
}

/* More than the kernel gets at once. */
START_TEST (a_long_list_is_done)
{
  char *const out = buffer (NR_OPS * BLOCK), *const in =
                                                 buffer (NR_OPS * BLOCK);
  struct store_stats stats;

  if (!start (_i)) {
    free (out);
    free (in);
    return;
  }
  content_fill (out, NR_OPS * BLOCK, CONTENT_NOISE, 1);
  transfer_blocks (true, out, STORE_HEADER, NR_OPS);
  transfer_blocks (false, in, STORE_HEADER, NR_OPS);
  ck_assert_int_eq (memcmp (in, out, NR_OPS * BLOCK), 0);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.reads, NR_OPS);
  ck_assert_uint_eq (stats.writes, NR_OPS);
  ck_assert_uint_eq (stats.read_bytes, NR_OPS * BLOCK);
  ck_assert_uint_eq (stats.written_bytes, NR_OPS * BLOCK);
  ck_assert_uint_eq (stats.read_errors + stats.write_errors, 0);
  finish ();
  free (out);
  free (in);
}

#define NR_THREADS 6U
#define PER_THREAD 24U /* requests in a list */
#define REGION     ((SIZE - STORE_HEADER) / NR_THREADS / BLOCK * BLOCK)

/* Cut REGION in as many requests of all sizes; their buffers are that of the
 * region, so what is read is where it was written. */
static unsigned
cut_region (struct request *requests, bool write, char *buf, unsigned me,
            uint64_t *random)
{
  const uint64_t start_at = STORE_HEADER + (uint64_t) me * REGION;
  uint32_t at = 0;
  unsigned n = 0;

  while (n < PER_THREAD && at + MAX_BLOCKS * BLOCK <= REGION) {
    const uint32_t len =
        (uint32_t) (1 + random_below (random, MAX_BLOCKS)) * BLOCK;

    prepare (&requests[n++], write, buf + at, start_at + at, len);
    at += len;
  }
  link_up (requests, n);
  return n;
}

/* How many bytes of the region that is. */
static size_t
do_region (bool write, char *buf, unsigned me, uint64_t seed)
{
  struct request requests[PER_THREAD];
  const unsigned n = cut_region (requests, write, buf, me, &seed);
  size_t len = 0;

  store_submit (store, &requests[0].op);
  for (unsigned i = 0; i < n; i++) {
    must_equal (wait_for (&requests[i]), 0);
    len += requests[i].op.len;
  }
  return len;
}

/* What was written, and nothing else, is read. */
static void
write_and_read (void *arg, unsigned me)
{
  char *const out = buffer (REGION), *const in = buffer (REGION);
  const uint64_t rounds = scaled (20);

  (void) arg;
  for (uint64_t i = 0; i < rounds; i++) {
    size_t len;

    content_fill (out, REGION, CONTENT_NOISE, i * NR_THREADS + me);
    memset (in, 0, REGION);
    len = do_region (true, out, me, i);
    must_equal (do_region (false, in, me, i), len);
    must (memcmp (in, out, len) == 0);
    must (all_zero (in + len, REGION - len));
  }
  free (out);
  free (in);
}

START_TEST (many_threads_write_and_read)
{
  if (!start (_i))
    return;
  threads_run (NR_THREADS, write_and_read, NULL);
  finish ();
}

START_TEST (what_was_cut_short_is_continued)
{
  if (!start (_i))
    return;
  cuts_short = true;
  threads_run (NR_THREADS, write_and_read, NULL);
  finish ();
}

START_TEST (a_kernel_without_memory_is_asked_again)
{
  char *const buf = buffer (NR_OPS * BLOCK);

  if (!start (_i)) {
    free (buf);
    return;
  }
  for (unsigned i = 1; i <= 5; i++) {
    has_no_memory = i;
    transfer_blocks (true, buf, STORE_HEADER, i == 1 ? 1 : NR_OPS);
  }
  has_no_memory = 1;
  finish ();
  free (buf);
}

/* Forget what the page cache has of the file. */
static void
drop_cache (void)
{
  const int fd = open (path, O_RDWR | O_CLOEXEC);

  must_equal (fdatasync (fd), 0);
  must_equal (posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  close (fd);
}

static void *
submit_and_end (void *arg)
{
  store_submit (store, arg);
  return NULL;
}

/* All of the N requests that begin with FIRST. */
static void
submit_from_another (struct request *first, unsigned n)
{
  pthread_t thread;

  link_up (first, n);
  must_equal (pthread_create (&thread, NULL, submit_and_end, first), 0);
  pthread_join (thread, NULL);
  for (unsigned i = 0; i < n; i++)
    must_equal (wait_for (&first[i]), 0);
}

/* The kernel cancels some of what a thread that ends has submitted. */
START_TEST (a_submitter_may_end)
{
  static struct request requests[NR_OPS];
  char *const buf = buffer (NR_OPS * BLOCK);

  if (!start (_i)) {
    free (buf);
    return;
  }
  for (uint64_t round = 0; round < scaled (30); round++) {
    for (unsigned i = 0; i < NR_OPS; i++)
      prepare (&requests[i], round % 2 == 0, buf + i * BLOCK,
               STORE_HEADER + i * 6 * BLOCK, BLOCK);
    submit_from_another (requests, NR_OPS);
    drop_cache ();
  }
  finish ();
  free (buf);
}

/* A request that submits itself again, until it is done for the last time. */
struct chain {
  struct request request; /* first */
  unsigned left;
};

static void
submit_again (struct store_op *op)
{
  struct chain *const chain = (struct chain *) op;

  if (op->result == 0 && --chain->left > 0)
    store_submit (store, op);
  else
    note (op);
}

START_TEST (who_is_told_may_submit)
{
  char *const buf = buffer (BLOCK);
  struct chain chain = {.left = 500};

  if (!start (_i)) {
    free (buf);
    return;
  }
  prepare (&chain.request, true, buf, STORE_HEADER, BLOCK);
  chain.request.op.done = submit_again;
  store_submit (store, &chain.request.op);
  ck_assert_int_eq (wait_for (&chain.request), 0);
  ck_assert_uint_eq (chain.left, 0);
  finish ();
  free (buf);
}

START_TEST (a_file_that_became_shorter_is_an_error)
{
  char *const buf = buffer (4 * BLOCK);
  const off_t end = SIZE / 2;
  struct store_stats stats;

  if (!start (_i)) {
    free (buf);
    return;
  }
  ck_assert_int_eq (truncate (path, end), 0);
  ck_assert_int_eq (transfer (false, buf, (uint64_t) end, BLOCK), -EIO);
  ck_assert_int_eq (transfer (false, buf, (uint64_t) end - BLOCK, 4 * BLOCK),
                    -EIO);
  ck_assert_int_eq (truncate (path, end - 100), 0);
  ck_assert_int_eq (transfer (false, buf, (uint64_t) end - BLOCK, 4 * BLOCK),
                    -EIO);
  ck_assert_int_eq (transfer (false, buf, STORE_HEADER, 4 * BLOCK), 0);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.read_errors, 3);
  ck_assert_uint_eq (stats.reads, 1);
  finish ();
  free (buf);
}

START_TEST (a_write_that_fails_says_so)
{
  const struct rlimit limit = {SIZE / 2, RLIM_INFINITY};
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  char *const buf = buffer (BLOCK);
  struct store_stats stats;

  if (!start (_i)) {
    free (buf);
    return;
  }
  signal (SIGXFSZ, SIG_IGN);
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  ck_assert_int_eq (transfer (true, buf, SIZE - BLOCK, BLOCK), -EFBIG);
  ck_assert_int_eq (transfer (true, buf, STORE_HEADER, BLOCK), 0);
  setrlimit (RLIMIT_FSIZE, &none);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.write_errors, 1);
  ck_assert_uint_eq (stats.writes, 1);
  finish ();
  free (buf);
}

/* Threads submit lists until one is refused, while the store is stopped. */
static void
submit_until_stopped (void *arg, unsigned me)
{
  char *const buf = buffer (REGION);
  uint64_t random = me;
  bool stopped = false;

  if (me == 0) {
    usleep (*(const unsigned *) arg);
    store_stop (store);
  }
  while (!stopped) {
    struct request requests[PER_THREAD];
    const unsigned n = cut_region (requests, random % 2, buf, me, &random);

    store_submit (store, &requests[0].op);
    for (unsigned i = 0; i < n; i++) {
      const int r = wait_for (&requests[i]);

      must (r == 0 || r == -ECANCELED);
      stopped |= r == -ECANCELED;
    }
  }
  free (buf);
}

START_TEST (it_stops_with_requests_in_flight)
{
  if (!start (_i))
    return;
  for (uint64_t i = 0; i < scaled (30); i++) {
    unsigned us = (unsigned) i * 300;

    threads_run (NR_THREADS, submit_until_stopped, &us);
    ck_assert_int_eq (store_start (store), 0);
  }
  finish ();
}

/* Of those that wait nothing is done. */
START_TEST (what_has_not_begun_is_canceled)
{
  static struct request requests[NR_OPS];
  char *const buf = buffer (NR_OPS * BLOCK);
  unsigned done = 0;

  if (!start (_i)) {
    free (buf);
    return;
  }
  for (unsigned i = 0; i < NR_OPS; i++)
    prepare (&requests[i], false, buf + (size_t) i * BLOCK, STORE_HEADER,
             BLOCK);
  link_up (requests, NR_OPS);
  store_submit (store, &requests[0].op);
  store_stop (store);
  for (unsigned i = 0; i < NR_OPS; i++) {
    must_equal (requests[i].times, 1);
    must (requests[i].op.result == 0 || requests[i].op.result == -ECANCELED);
    done += requests[i].op.result == 0;
  }
  ck_assert_uint_le (done, NR_OPS);
  finish ();
  free (buf);
}

START_TEST (where_io_uring_is_refused_threads_do_it)
{
  char *const buf = buffer (BLOCK);

  uring_refused = EPERM;
  open_store ("/tmp", STORE_ENGINE_AUTO);
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_str_eq (store_engine_name (store), "threads");
  ck_assert_int_eq (transfer (true, buf, STORE_HEADER, BLOCK), 0);
  finish ();
  free (buf);
}

START_TEST (unless_it_was_asked_for)
{
  uring_refused = EPERM;
  open_store ("/tmp", STORE_ENGINE_URING);
  ck_assert_int_eq (store_start (store), HAVE_URING ? -EPERM : -ENOSYS);
  ck_assert_str_eq (store_engine_name (store), "none");
  finish ();
}

START_TEST (io_uring_is_taken_where_it_can_be_had)
{
  int r;

  open_store ("/tmp", STORE_ENGINE_URING);
  r = store_start (store);
  finish ();
  teardown ();
  open_store ("/tmp", STORE_ENGINE_AUTO);
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_str_eq (store_engine_name (store), r == 0 ? "io_uring" : "threads");
  finish ();
}

/* A server opens it, and ends when it has forked the one that serves. */
static void
serve (int ready)
{
  char *const buf = buffer (BLOCK);

  must_equal (store_start (store), 0);
  must_equal (transfer (true, buf, STORE_HEADER, BLOCK), 0);
  must (write (ready, "", 1) == 1);
  pause ();
}

START_TEST (a_fork_keeps_it)
{
  const struct store_config config = {.backing_dev = path};
  int ready[2];
  char *why, byte;
  pid_t pid;

  open_store ("/tmp", STORE_ENGINE_AUTO);
  ck_assert_int_eq (pipe (ready), 0);
  pid = fork ();
  if (pid == 0)
    serve (ready[1]);
  store_close (store);
  ck_assert_int_eq (read (ready[0], &byte, 1), 1);
  ck_assert_int_eq (store_open (&store, &config, &why), -EBUSY);
  free (why);
  kill (pid, SIGKILL);
  ck_assert_int_eq (waitpid (pid, NULL, 0), pid);
  ck_assert_int_eq (store_open (&store, &config, &why), 0);
  store_close (store);
}

/* None is left then. */
START_TEST (threads_may_not_be_had)
{
  open_store (kinds[_i].dir, kinds[_i].engine);
  for (int n = 0; n < 8; n++) {
    threads_left = n;
    if (store_start (store) == 0) {
      ck_assert_int_gt (n, 0);
      break;
    }
    ck_assert_str_eq (store_engine_name (store), "none");
  }
  threads_left = 1000;
  store_stop (store);
  if (kinds[_i].engine == STORE_ENGINE_THREADS)
    ck_assert_int_eq (store_start (store), 0);
  finish ();
}

static void
add_tests (TCase *tc)
{
  tcase_add_loop_test (tc, a_long_list_is_done, 0, NR_KINDS);
  tcase_add_loop_test (tc, many_threads_write_and_read, 0, NR_KINDS);
  tcase_add_loop_test (tc, what_was_cut_short_is_continued, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_kernel_without_memory_is_asked_again, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_submitter_may_end, 0, NR_KINDS);
  tcase_add_loop_test (tc, who_is_told_may_submit, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_file_that_became_shorter_is_an_error, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_write_that_fails_says_so, 0, NR_KINDS);
  tcase_add_loop_test (tc, it_stops_with_requests_in_flight, 0, NR_KINDS);
  tcase_add_loop_test (tc, what_has_not_begun_is_canceled, 0, NR_KINDS);
  tcase_add_loop_test (tc, threads_may_not_be_had, 0, 2);
}

int
main (void)
{
  Suite *suite = suite_create ("storeio");
  TCase *tc = suite_case (suite, "storeio");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, a_store_that_does_not_run_takes_nothing);
  tcase_add_test (tc, where_io_uring_is_refused_threads_do_it);
  tcase_add_test (tc, unless_it_was_asked_for);
  tcase_add_test (tc, io_uring_is_taken_where_it_can_be_had);
  tcase_add_test (tc, a_fork_keeps_it);
  add_tests (tc);
  return suite_run (suite);
}
