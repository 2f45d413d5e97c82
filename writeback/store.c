/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of store have in common.
 *
 * A backing store is overwritten from its first byte on, and what is named for
 * it may be anything: the wrong disk, somebody's image.  So a store is looked
 * at before anything is changed, and what is taken gets a mark at its start,
 * by which the next server knows that the rest is nobody's:
 *
 *   0              STORE_HEADER                                  store_size ()
 *   +--------------+------------------------------------------------------+
 *   | magic line   |                                                      |
 *   | version, run |           the user's                                 |
 *   | zeros        |                                                      |
 *   +--------------+------------------------------------------------------+
 *
 * Invariants:
 *   - what is there may be lost if it begins with the magic line, or if there
 *     is nothing, or if the administrator says so; else not one byte of it is
 *     changed;
 *   - a store that could not be opened is as large as before, and is not there
 *     if it was not there before;
 *   - a request that is handed over is counted, and told to its submitter,
 *     once: whoever finds that it is done calls store_op_complete ().
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "storekind.h"

#define MAGIC        "nbdkit-zram backing store\n"
#define MARK_VERSION 1

/* A store that is read to know whether it is blank is read so far from its
 * start and from its end: there disks and images have their labels. */
#define BLANK_HEAD (1U << 20)
#define BLANK_TAIL (64U << 10)

/* It is read in pieces of a buffer that is large enough for the mark, too. */
#define PIECE BLANK_TAIL

_Static_assert(BLANK_HEAD % PIECE == 0 && STORE_HEADER <= PIECE,
               "one buffer serves all");

int
store_refuse (char **why, int r, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (vasprintf (why, format, args) < 0)
    *why = NULL;
  va_end (args);
  return r;
}

bool
store_is_uri (const char *name)
{
  const size_t scheme = strspn (name, "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+");

  return scheme > 0 && strncmp (name + scheme, "://", 3) == 0;
}

/* Are the LEN bytes of STORE from OFFSET on all zero?  1: yes; 0: no. */
static int
is_zero (struct store *store, char *buf, uint32_t len, uint64_t offset)
{
  const int r = store->kind->read_now (store, buf, len, offset);

  if (r < 0)
    return r;
  return buf[0] == 0 && memcmp (buf, buf + 1, len - 1) == 0;
}

static uint64_t
smaller (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static int
ends_are_zero (struct store *store, char *buf)
{
  const uint64_t there = store->there - store->there % store->block;
  const uint64_t head = smaller (there, BLANK_HEAD);
  const uint64_t tail = smaller (there, BLANK_TAIL);
  int r = 1;

  for (uint64_t at = 0; r == 1 && at < head; at += PIECE)
    r = is_zero (store, buf, (uint32_t) smaller (PIECE, head - at), at);
  if (r == 1 && tail > 0)
    r = is_zero (store, buf, (uint32_t) tail, there - tail);
  return r;
}

/* Does STORE begin with the mark of a server like this one, of any version?
 * 1: yes; 0: no. */
static int
is_marked (struct store *store, char *buf)
{
  int r;

  if (store->there < STORE_HEADER)
    return 0;
  r = store->kind->read_now (store, buf, STORE_HEADER, 0);
  if (r < 0)
    return r;
  return memcmp (buf, MAGIC, sizeof MAGIC - 1) == 0;
}

/* May what STORE holds be lost?  1: yes; 0: no. */
static int
is_free (struct store *store, char *buf)
{
  int r = is_marked (store, buf);

  if (r == 0 && store->kind->is_blank)
    r = store->kind->is_blank (store);
  else if (r == 0)
    r = -EOPNOTSUPP;
  return r == -EOPNOTSUPP ? ends_are_zero (store, buf) : r;
}

static int
check_what_is_there (struct store *store, char *buf,
                     const struct store_config *config, char **why)
{
  const char *const name = config->backing_dev;
  int r;

  if (config->overwrite)
    return 0;
  r = is_free (store, buf);
  if (r < 0)
    return store_refuse (why, r, "%s: cannot be read: %s", name,
                         strerrordesc_np (-r));
  if (r == 0)
    return store_refuse (
        why, -EEXIST,
        "%s: holds data (%llu bytes) that no server like this one has put "
        "there: give something else, or backing_overwrite=y if they may be "
        "lost",
        name, (unsigned long long) store->there);
  return 0;
}

/* Each run has a name of its own, for whoever looks at a store. */
static int
write_mark (struct store *store, char *buf, const char *name, char **why)
{
  uint64_t run[2];
  int r = 0;

  if (getrandom (run, sizeof run, 0) != sizeof run)
    return store_refuse (why, -EIO, "%s: there are no random numbers", name);
  snprintf (store->mark, sizeof store->mark,
            MAGIC "version %d\nrun %016llx%016llx\n", MARK_VERSION,
            (unsigned long long) run[0], (unsigned long long) run[1]);
  memset (buf, 0, STORE_HEADER);
  memcpy (buf, store->mark, sizeof store->mark);
  r = store->kind->write_now (store, buf, STORE_HEADER, 0);
  if (r < 0)
    return store_refuse (why, r, "%s: cannot be written: %s", name,
                         strerrordesc_np (-r));
  return 0;
}

/* Known when something has been written. */
static int
check_memory (const struct store *store, const struct store_config *config,
              char **why)
{
  if (!config->no_memory || store->direct)
    return 0;
  return store_refuse (why, -EINVAL,
                       "%s: what is written there is in memory first, which a "
                       "server of swap may not have: give a device, or a file "
                       "where requests go around the page cache",
                       config->backing_dev);
}

/* Nothing is changed before it is known that it may be. */
static int
take (struct store *store, char *buf, const struct store_config *config,
      char **why)
{
  int r = check_what_is_there (store, buf, config, why);

  if (r == 0 && store->kind->prepare)
    r = store->kind->prepare (store, config, why);
  if (r == 0)
    r = write_mark (store, buf, config->backing_dev, why);
  if (r == 0)
    r = check_memory (store, config, why);
  if (r < 0)
    store_undo (store);
  return r;
}

/* A file that may not grow so far (RLIMIT_FSIZE) is an error to be told, and
 * not a signal that ends the process, whose dispositions are not ours.  The
 * kernel sends it to the thread that does it: it waits there, and is taken. */
static int
take_without_signal (struct store *store, char *buf,
                     const struct store_config *config, char **why)
{
  const struct timespec now = {0};
  sigset_t limit, old;
  int r;

  sigemptyset (&limit);
  sigaddset (&limit, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &limit, &old);
  r = take (store, buf, config, why);
  if (!sigismember (&old, SIGXFSZ))
    sigtimedwait (&limit, NULL, &now);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return r;
}

static const struct store_kind *
choose_kind (const char *name)
{
  return store_is_uri (name) ? &store_kind_nbd : &store_kind_file;
}

int
store_open (struct store **storep, const struct store_config *config,
            char **why)
{
  const struct store_kind *const kind = choose_kind (config->backing_dev);
  struct store *store;
  char *buf;
  int r;

  *why = NULL;
  buf = aligned_alloc (STORE_HEADER, PIECE);
  if (!buf)
    return -ENOMEM;
  r = kind->open_store (&store, config, why);
  if (r == 0) {
    r = take_without_signal (store, buf, config, why);
    if (r == 0)
      *storep = store;
    else
      kind->close (store);
  }
  free (buf);
  return r;
}

int
store_start (struct store *store)
{
  int r;

  if (store->running)
    return 0;
  r = store->kind->start (store);
  store->running = r == 0;
  return r;
}

void
store_stop (struct store *store)
{
  if (atomic_exchange (&store->running, false))
    store->kind->stop (store);
}

void
store_undo (struct store *store)
{
  if (store && store->kind->undo)
    store->kind->undo (store);
}

void
store_close (struct store *store)
{
  if (store)
    store->kind->close (store);
}

void
store_cancel (struct store *store, struct store_op *ops)
{
  while (ops) {
    struct store_op *const next = ops->next;

    store_op_complete (store, ops, -ECANCELED);
    ops = next;
  }
}

void
store_submit (struct store *store, struct store_op *ops)
{
  if (store->running)
    store->kind->submit (store, ops);
  else
    store_cancel (store, ops);
}

static void
count (struct store *store, enum store_counter counter, uint64_t n)
{
  atomic_fetch_add_explicit (&store->counters[counter], n,
                             memory_order_relaxed);
}

void
store_count_reconnect (struct store *store)
{
  count (store, STORE_RECONNECTS, 1);
}

void
store_op_complete (struct store *store, struct store_op *op, int result)
{
  op->result = result;
  if (result == 0) {
    count (store, op->write ? STORE_WRITES : STORE_READS, 1);
    count (store, op->write ? STORE_WRITTEN_BYTES : STORE_READ_BYTES, op->len);
  }
  else if (result != -ECANCELED)
    count (store, op->write ? STORE_WRITE_ERRORS : STORE_READ_ERRORS, 1);
  op->done (op);
}

uint64_t
store_size (const struct store *store)
{
  return store->size;
}

unsigned
store_block (const struct store *store)
{
  return store->block;
}

uint32_t
store_piece (const struct store *store)
{
  return store->kind->piece;
}

bool
store_is_shared (const struct store *store)
{
  return store->kind->shared;
}

bool
store_has_mark (const struct store *store, const char *header)
{
  const char *const rest = header + sizeof store->mark;

  return memcmp (header, store->mark, sizeof store->mark) == 0 && *rest == 0 &&
         memcmp (rest, rest + 1, STORE_HEADER - sizeof store->mark - 1) == 0;
}

const char *
store_engine_name (const struct store *store)
{
  return store->kind->engine_name (store);
}

bool
store_is_direct (const struct store *store)
{
  return store->direct;
}

bool
store_is_away (const struct store *store)
{
  return store->kind->is_away && store->kind->is_away (store);
}

static uint64_t
counted (const struct store *store, enum store_counter counter)
{
  return atomic_load_explicit (&store->counters[counter], memory_order_relaxed);
}

void
store_stats (const struct store *store, struct store_stats *stats)
{
  *stats = (struct store_stats){
      .reads = counted (store, STORE_READS),
      .read_bytes = counted (store, STORE_READ_BYTES),
      .writes = counted (store, STORE_WRITES),
      .written_bytes = counted (store, STORE_WRITTEN_BYTES),
      .read_errors = counted (store, STORE_READ_ERRORS),
      .write_errors = counted (store, STORE_WRITE_ERRORS),
      .reconnects = counted (store, STORE_RECONNECTS),
  };
}
