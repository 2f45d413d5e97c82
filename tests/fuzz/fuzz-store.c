/* SPDX-License-Identifier: BSD-3-Clause */
/* What a store holds when it is opened: anything.
 *
 * An input is what there is, a file or the bytes behind a server, and what is
 * asked for.  By the rules of store.c, which stand here once more, it is known
 * whether it is taken.  What is not taken is as it was, and why is said in one
 * line; of what is, only the first STORE_HEADER bytes change: to a mark by
 * which the next one takes it, too.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "storekind.h"

#define MAGIC "nbdkit-zram backing store\n"

/* More than both ends that are looked at. */
#define LARGEST (3U << 20)
#define HEAD    (1U << 20)
#define TAIL    (64U << 10)

static char directory[] = "/tmp/fuzz-store.XXXXXX";
static char file[sizeof directory + sizeof "/file"];

/* What there is, and what is asked for. */
static struct {
  struct store_config config;
  bool is_remote;
  bool is_sparse;    /* its server knows where there is something */
  bool is_direct;    /* its requests go around memory */
  bool is_written;   /* there is something, be it zeros */
  unsigned block;    /* of its server */
  uint64_t there;    /* how many bytes there are */
  size_t change_at;  /* of a mark, */
  size_t change_len; /* so many bytes, */
  uint8_t change_by; /* not by 0 */
  char before[LARGEST], after[LARGEST];
} t;

static bool
is_zero (const char *bytes, uint64_t len)
{
  return len == 0 || (*bytes == 0 && memcmp (bytes, bytes + 1, len - 1) == 0);
}

/* The store behind a server, in place of writeback's own: "after" is what it
 * holds. */

static int
remote_open (struct store **storep, const struct store_config *config,
             char **why)
{
  const uint64_t size = config->size > 0 ? config->size : t.there;
  struct store *store;

  if (size > t.there || size < STORE_MIN_SIZE)
    return store_refuse (why, -EINVAL, "is too small");
  store = calloc (1, sizeof *store);
  must (store);
  store->kind = &store_kind_nbd;
  store->size = size - size % t.block;
  store->there = t.there;
  store->block = t.block;
  store->direct = t.is_direct;
  *storep = store;
  return 0;
}

static int
remote_is_blank (struct store *store)
{
  (void) store;
  return t.is_sparse ? !t.is_written : -EOPNOTSUPP;
}

static void
check_request (const void *buf, uint32_t len, uint64_t offset)
{
  must ((uintptr_t) buf % 4096 == 0 && len > 0);
  must (len % t.block == 0 && offset % t.block == 0);
  must (offset + len <= t.there);
}

static int
remote_read (struct store *store, void *buf, uint32_t len, uint64_t offset)
{
  (void) store;
  check_request (buf, len, offset);
  memcpy (buf, t.after + offset, len);
  return 0;
}

static int
remote_write (struct store *store, const void *buf, uint32_t len,
              uint64_t offset)
{
  (void) store;
  check_request (buf, len, offset);
  memcpy (t.after + offset, buf, len);
  return 0;
}

static void
remote_close (struct store *store)
{
  free (store);
}

const struct store_kind store_kind_nbd = {
    .open_store = remote_open,
    .is_blank = remote_is_blank,
    .close = remote_close,
    .read_now = remote_read,
    .write_now = remote_write,
};

/* The file.  It has a name, without which a store does not take it. */

/* Whatever the program ends by, a process that the terminal's signals do not
 * reach sees the pipe's end, and tidies up. */
static void
tidy_up_at_end (void)
{
  static int ends[2]; /* the second stays open until the end */
  pid_t pid;
  char none;

  must (pipe2 (ends, O_CLOEXEC) == 0);
  pid = fork ();
  must (pid >= 0);
  if (pid == 0) {
    setsid ();
    close (ends[1]);
    must (read (ends[0], &none, 1) == 0);
    unlink (file);
    rmdir (directory);
    _exit (EXIT_SUCCESS);
  }
  close (ends[0]);
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  (void) argc;
  (void) argv;
  must (mkdtemp (directory));
  snprintf (file, sizeof file, "%s/file", directory);
  tidy_up_at_end ();
  return 0;
}

static int
open_file (int flags)
{
  const int fd = open (file, flags | O_CLOEXEC, 0600);

  must (fd >= 0);
  return fd;
}

static void
make_file (void)
{
  const int fd = open_file (O_RDWR | O_CREAT | O_TRUNC);

  must (ftruncate (fd, (off_t) t.there) == 0);
  close (fd);
}

static void
put_into_file (uint64_t at, size_t len)
{
  const int fd = open_file (O_WRONLY);

  must (pwrite (fd, t.before + at, len, (off_t) at) == (ssize_t) len);
  close (fd);
}

/* How many bytes there are now. */
static uint64_t
read_file (void)
{
  const int fd = open_file (O_RDONLY);
  const ssize_t n = pread (fd, t.after, LARGEST, 0);

  must (n >= 0);
  close (fd);
  return (uint64_t) n;
}

/* What is there is taken from the input. */

/* From AT on, what a mark begins with; or a byte over and over; or bytes. */
static size_t
take_bytes (struct input *input, char *at)
{
  size_t len = input_byte (input);

  if (len == 0) {
    memcpy (at, MAGIC, sizeof MAGIC - 1);
    return sizeof MAGIC - 1;
  }
  if (len == UINT8_MAX) {
    len = input_number (input, 3) % LARGEST;
    memset (at, input_byte (input), len);
    return len;
  }
  len = len < input->left ? len : input->left;
  memcpy (at, input->at, len);
  input->at += len;
  input->left -= len;
  return len;
}

static void
put_piece (struct input *input)
{
  static char piece[LARGEST];
  const uint64_t at = input_number (input, 3) % (t.there + 1);
  size_t len = take_bytes (input, piece);

  len = len < t.there - at ? len : t.there - at;
  if (len == 0)
    return;
  t.is_written = true;
  memcpy (t.before + at, piece, len);
  if (!t.is_remote)
    put_into_file (at, len);
}

static void
take_input (struct input *input)
{
  const uint8_t flags = input_byte (input);

  t.is_remote = flags & 1;
  t.is_sparse = flags & 2;
  t.is_direct = flags & 4;
  t.block = 512U << (flags >> 3) % 4;
  t.config = (struct store_config){
      .backing_dev = t.is_remote ? "nbd://server" : file,
      .overwrite = flags & 32,
      .no_memory = t.is_remote && flags & 64,
  };
  t.there = input_number (input, 3) % LARGEST;
  if (flags & 128)
    t.config.size = input_number (input, 3) % LARGEST;
  t.change_at = input_number (input, 2) % STORE_HEADER;
  t.change_len = input_number (input, 2) % (STORE_HEADER - t.change_at) + 1;
  t.change_by = input_byte (input) | 1;
  t.is_written = false;
  memset (t.before, 0, sizeof t.before);
  if (!t.is_remote)
    make_file ();
  while (input->left > 0)
    put_piece (input);
  memcpy (t.after, t.before, sizeof t.after);
}

/* The rules. */

static uint64_t
size_asked_for (void)
{
  return t.config.size > 0 ? t.config.size : t.there;
}

static bool
is_large_enough (void)
{
  return size_asked_for () >= STORE_MIN_SIZE &&
         (!t.is_remote || size_asked_for () <= t.there);
}

static bool
is_blank (void)
{
  const uint64_t there = t.there - t.there % t.block;
  const uint64_t tail = there < TAIL ? there : TAIL;

  if (!t.is_remote || t.is_sparse)
    return !t.is_written;
  return is_zero (t.before, there < HEAD ? there : HEAD) &&
         is_zero (t.before + there - tail, tail);
}

static bool
may_be_lost (void)
{
  return t.config.overwrite || is_blank () ||
         (t.there >= STORE_HEADER &&
          memcmp (t.before, MAGIC, sizeof MAGIC - 1) == 0);
}

/* Files are not asked for that: it depends on where they are. */
static bool
takes_memory (void)
{
  return t.config.no_memory && !t.is_direct;
}

static int
code_expected (void)
{
  if (!is_large_enough ())
    return -EINVAL;
  if (!may_be_lost ())
    return -EEXIST;
  return takes_memory () ? -EINVAL : 0;
}

/* What is so, whatever came of it. */
static void
check_what_is_there (int r)
{
  const bool kept = r < 0 && (!is_large_enough () || !may_be_lost ());
  const uint64_t from = kept ? 0 : STORE_HEADER;
  const uint64_t now = t.is_remote ? t.there : read_file ();
  uint64_t most = t.there;

  if (r == 0 && size_asked_for () > most)
    most = size_asked_for ();
  must (now >= t.there && now <= most);
  if (now > from)
    must (memcmp (t.before + from, t.after + from, now - from) == 0);
}

static void
check_refusal (char *why)
{
  must (why && is_one_line (why));
  free (why);
}

/* With some bytes that are others it is none. */
static void
check_mark (struct store *store)
{
  char header[STORE_HEADER];

  memcpy (header, t.after, sizeof header);
  must (store_has_mark (store, header));
  for (size_t i = t.change_at; i < t.change_at + t.change_len; i++)
    header[i] = (char) (header[i] ^ t.change_by);
  must (!store_has_mark (store, header));
}

/* The next server takes it, and gives it a mark of its own. */
static void
open_again (struct store *store)
{
  const struct store_config config = {.backing_dev = t.config.backing_dev};
  struct store *again;
  char *why;

  store_close (store);
  if (!t.is_remote)
    t.there = read_file ();
  must (store_open (&again, &config, &why) == 0);
  check_what_is_there (0);
  check_mark (again);
  store_close (again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct store *store;
  char *why;
  int r;

  take_input (&input);
  r = store_open (&store, &t.config, &why);
  must (r == code_expected ());
  check_what_is_there (r);
  if (r < 0) {
    check_refusal (why);
    return 0;
  }
  must (store_size (store) ==
        size_asked_for () - size_asked_for () % store_block (store));
  check_mark (store);
  open_again (store);
  return 0;
}
