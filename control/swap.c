/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cmdline.h"
#include "compiler.h"
#include "prefault.h"
#include "procfile.h"
#include "swap.h"
#include "tasks.h"
#include "watermark.h"

/* Newer than some C libraries' headers; the value is the kernel's own. */
#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* Of a connection's threads, so many at most get room: 640 MiB. */
#define MAX_THREADS 256U

/* Each thread has a buffer as long as its longest request so far.  Linux's nbd
 * sends up to 1280 KiB at a time (max_sectors_kb), when it swaps, too. */
#define LONGEST_REQUEST (1280U << 10)

unsigned
swap_waiters (unsigned threads)
{
  return threads > 1 ? threads / 2 : UINT_MAX;
}

/* WHAT is an error with SWAP_ON; with SWAP_TRY a warning, which goes on with
 * what that may lead to, THEN. */
static int
refuse (enum swap_mode mode, swap_say_fn say, const char *what,
        const char *then)
{
  char line[384];

  if (mode == SWAP_ON)
    snprintf (line, sizeof line, "swap=on: %s", what);
  else
    snprintf (line, sizeof line, "warning: swap=try: %s%s", what, then);
  say (line);
  return mode == SWAP_ON ? -1 : 0;
}

/* What SWAP_TRY does without, SWAP_ON does not. */
ZRAM_PRINTF (3, 4)
static int
missing (enum swap_mode mode, swap_say_fn say, const char *format, ...)
{
  char what[256];
  va_list args;

  va_start (args, format);
  vsnprintf (what, sizeof what, format, args);
  va_end (args);
  return refuse (mode, say, what,
                 "; without it this machine may hang when it swaps to this "
                 "server");
}

/* The flag is looked for in the task itself: the call has been made in vain
 * elsewhere, for years, by a wrong argument. */
static int
become_flusher (enum swap_mode mode, swap_say_fn say)
{
  struct tasks tasks;

  if (prctl (PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0)
    return missing (mode, say, "PR_SET_IO_FLUSHER: %s: %s", strerror (errno),
                    errno == EINVAL ? "use Linux 5.6 or later"
                                    : "run as root, or grant CAP_SYS_RESOURCE");
  tasks_count (&tasks);
  if (tasks.all == 0 || tasks.flushers < tasks.all)
    return missing (mode, say,
                    "PR_SET_IO_FLUSHER: in force for %u of %u threads: "
                    "mount /proc, and use Linux 5.6 or later",
                    tasks.flushers, tasks.all);
  return 0;
}

/* Of the memory below which the kernel lets nobody take any, it leaves half to
 * threads of a real-time class: an answer can be sent when the programs have
 * taken all but that. */
static int
become_realtime (enum swap_mode mode, swap_say_fn say)
{
  const struct sched_param lowest = {.sched_priority = 1};

  return sched_setscheduler (0, SCHED_RR, &lowest) == 0
             ? 0
             : missing (mode, say,
                        "SCHED_RR: %s: run as root, or grant CAP_SYS_NICE, or "
                        "allow RLIMIT_RTPRIO (ulimit -r) 1",
                        strerror (errno));
}

static int
avoid_oom_killer (enum swap_mode mode, swap_say_fn say)
{
  static const char value[] = "-1000";
  const int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  const bool done =
      fd >= 0 && write (fd, value, sizeof value - 1) == sizeof value - 1;
  const int saved = errno;

  if (fd >= 0)
    close (fd);
  return done ? 0
              : missing (mode, say,
                         "oom_score_adj: %s: run as root, or grant "
                         "CAP_SYS_RESOURCE",
                         strerror (saved));
}

/* Locking counts addresses, and those of the pool are many, so without
 * CAP_IPC_LOCK a limit will be met: by locking, or by what is mapped after it.
 * With 0 it is met now.  0, or errno. */
static int
lock_within_limit (void)
{
  struct rlimit limit, nothing;
  int code = 0;

  if (getrlimit (RLIMIT_MEMLOCK, &limit) < 0)
    return errno;
  nothing = limit;
  if (limit.rlim_cur != RLIM_INFINITY)
    nothing.rlim_cur = 0;
  setrlimit (RLIMIT_MEMLOCK, &nothing);
  if (mlockall (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
    code = errno;
  setrlimit (RLIMIT_MEMLOCK, &limit);
  return code;
}

static int
lock_memory (enum swap_mode mode, swap_say_fn say)
{
  const int code = lock_within_limit ();

  return code == 0 ? 0
                   : missing (mode, say,
                              "locking memory: %s: run as root, or grant "
                              "CAP_IPC_LOCK, or make RLIMIT_MEMLOCK (ulimit "
                              "-l) unlimited",
                              strerror (code));
}

/* Who has no CAP_IPC_LOCK when it comes to locking may have the limit lifted
 * now.  A trial shows whether either will do. */
static int
allow_locking (enum swap_mode mode, swap_say_fn say)
{
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  int r;

  setrlimit (RLIMIT_MEMLOCK, &none);
  r = lock_memory (mode, say);
  munlockall ();
  return r;
}

/* nbdkit --swap locks before the fork, in vain, and with -f 200 MB that nobody
 * uses. */
static int
refuse_nbdkits_own (enum swap_mode mode, swap_say_fn say)
{
  struct cmdline cmdline;

  cmdline_read (&cmdline);
  return cmdline.swap
             ? refuse (mode, say,
                       "nbdkit's option --swap does not help and takes "
                       "200 MB more: leave it out",
                       "")
             : 0;
}

/* The number after NAME in FILE of /proc; 0: there is none. */
static uint64_t
number_in (const char *file, const char *name)
{
  char *const text = procfile_read (file, NULL);
  const char *const line = text ? strstr (text, name) : NULL;
  const uint64_t n = line ? strtoull (line + strlen (name), NULL, 10) : 0;

  free (text);
  return n;
}

/* Bytes. */
uint64_t
swap_available_memory (void)
{
  return number_in ("/proc/meminfo", "MemAvailable:") << 10;
}

/* All of the pool's addresses are opened to writing, which is three times the
 * disk, and is counted there as if it were used. */
static int
check_overcommit (enum swap_mode mode, swap_say_fn say)
{
  return number_in ("/proc/sys/vm/overcommit_memory", "") == 2
             ? missing (mode, say,
                        "vm.overcommit_memory is 2, which counts addresses as "
                        "memory: make it 0 or 1")
             : 0;
}

/* What a socket holds of what is being sent; bytes. */
static uint64_t
socket_buffer (void)
{
  return number_in ("/proc/sys/net/core/wmem_default", "");
}

/* Below the kernel's "min" only what the server sends is to take memory, down
 * to half of it.  But Linux's nbd has all of it for its own requests, a
 * socket's buffer full: where that leaves nothing above the half, both wait
 * forever.  Twice that is left here. */
static int
check_min_free (enum swap_mode mode, swap_say_fn say)
{
  const uint64_t min = number_in ("/proc/sys/vm/min_free_kbytes", "");
  const uint64_t buffer = socket_buffer () >> 10;

  return min < 4 * buffer
             ? missing (mode, say,
                        "vm.min_free_kbytes is %" PRIu64
                        ", of which a socket's buffer (net.core.wmem_default) "
                        "may take too much: make it %" PRIu64 " or more",
                        min, 4 * buffer)
             : 0;
}

static int
open_watermark (enum swap_mode mode, swap_say_fn say)
{
  return watermark_open (socket_buffer ()) < 0
             ? missing (mode, say,
                        "/proc/zoneinfo does not say what is to be left free: "
                        "mount /proc")
             : 0;
}

/* Rather than lock what is not there, with nobody left to be killed for it. */
static int
check_memory (enum swap_mode mode, uint64_t bytes, swap_say_fn say)
{
  const uint64_t available = swap_available_memory ();

  return bytes > available
             ? missing (mode, say,
                        "it takes %" PRIu64 " MiB at the start, and %" PRIu64
                        " are available: give less disksize, reserve or "
                        "writeback_batch_size",
                        (bytes >> 20) + 1, available >> 20)
             : 0;
}

int
swap_take_privileges (enum swap_mode mode, uint64_t bytes, swap_say_fn say)
{
  if (mode == SWAP_OFF)
    return 0;
  return refuse_nbdkits_own (mode, say) < 0 ||
                 check_overcommit (mode, say) < 0 ||
                 check_min_free (mode, say) < 0 ||
                 open_watermark (mode, say) < 0 ||
                 check_memory (mode, bytes, say) < 0 ||
                 become_flusher (mode, say) < 0 ||
                 become_realtime (mode, say) < 0 ||
                 avoid_oom_killer (mode, say) < 0 ||
                 allow_locking (mode, say) < 0
             ? -1
             : 0;
}

/* After the fork. */

/* Kilobytes of memory that are locked, by the kernel's account. */
static uint64_t
locked_kib (void)
{
  return number_in ("/proc/self/status", "\nVmLck:");
}

/* Is all of it in force still? */
static int
check_process (swap_say_fn say)
{
  struct tasks tasks;

  tasks_count (&tasks);
  if (tasks.all == 0 || tasks.flushers < tasks.all)
    return missing (SWAP_ON, say, "PR_SET_IO_FLUSHER: lost over the fork");
  if (tasks.realtime < tasks.all)
    return missing (SWAP_ON, say, "SCHED_RR: lost over the fork");
  if (locked_kib () == 0)
    return missing (SWAP_ON, say, "locking memory: it is in vain");
  return 0;
}

int
swap_lock_memory (enum swap_mode mode, swap_say_fn say)
{
  if (mode == SWAP_OFF)
    return 0;
  prefault_init ();
  if (lock_memory (mode, say) < 0)
    return -1;
  prefault_mappings ();
  return mode == SWAP_ON ? check_process (say) : 0;
}

/* Connections. */

static struct {
  pthread_mutex_t lock;
  unsigned open;
  unsigned most; /* there is room for so many */
} connections = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned
count_threads (void)
{
  struct cmdline cmdline;

  cmdline_read (&cmdline);
  return cmdline.threads < MAX_THREADS ? cmdline.threads : MAX_THREADS;
}

/* The caller holds the lock: room for one connection more than there ever were.
 * Buffers that grow leave holes behind.  One that grows alone has been seen to
 * need 2.1 times its length, four 1.9 times theirs, and 16 1.6 times. */
static int
do_make_room (enum swap_mode mode, unsigned threads, swap_say_fn say)
{
  const size_t room = (size_t) (2 * threads + 1) * LONGEST_REQUEST;

  if (mode == SWAP_ON && room > swap_available_memory () / 4)
    return refuse (mode, say,
                   "there is no memory for one connection more: connect "
                   "before it is short, with fewer threads (-t)",
                   "");
  prefault_heap (room);
  connections.most++;
  return 0;
}

/* The caller holds the lock: stacks for all that are open.  One that opened a
 * moment ago may not have taken its own yet, and they are not told apart. */
static void
do_fill_stacks (unsigned threads)
{
  const uint64_t stacks = (uint64_t) connections.open * threads;

  prefault_stacks (stacks < MAX_THREADS ? (unsigned) stacks : MAX_THREADS);
}

int
swap_connection_opened (enum swap_mode mode, swap_say_fn say)
{
  unsigned threads;
  int r = 0;

  if (mode == SWAP_OFF)
    return 0;
  pthread_mutex_lock (&connections.lock);
  threads = count_threads ();
  if (connections.open == connections.most)
    r = do_make_room (mode, threads, say);
  if (r == 0) {
    connections.open++;
    do_fill_stacks (threads);
  }
  pthread_mutex_unlock (&connections.lock);
  return r;
}

void
swap_connection_closed (enum swap_mode mode)
{
  if (mode == SWAP_OFF)
    return;
  pthread_mutex_lock (&connections.lock);
  connections.open--;
  pthread_mutex_unlock (&connections.lock);
}

void
swap_show (FILE *fp)
{
  char *const adj = procfile_read ("/proc/self/oom_score_adj", NULL);
  struct tasks tasks;

  tasks_count (&tasks);
  fprintf (fp, "%u %u %u %" PRIu64 " %ld\n", tasks.all, tasks.flushers,
           tasks.realtime, locked_kib () * 1024,
           adj ? strtol (adj, NULL, 10) : 0);
  free (adj);
}
