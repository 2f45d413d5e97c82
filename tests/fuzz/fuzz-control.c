/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket's protocol: any bytes, in pieces of any length.
 *
 * An input is a byte, the longest piece, and what a client sends, who then ends
 * his requests and reads.  To each line there is one answer, as ctlrequest.h
 * has it, in turn; to what is no line one more, which refuses it, and then
 * nothing.  And a disk that somebody is connected to keeps what it holds.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attr.h"
#include "ctlsocket.h"
#include "diskset.h"
#include "fuzz.h"

#define PAGES 8U

/* More would only take longer. */
#define MOST_PIECES 64U

static struct diskset set;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char directory[] = "/tmp/fuzz-control.XXXXXX";

static void
tidy_up (void)
{
  ctlsocket_stop ();
  rmdir (directory);
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  struct attr_config config = ATTR_CONFIG_DEFAULT;
  struct attr_error error;
  char message[256];

  (void) argc;
  (void) argv;
  must (attr_store (&config, "num_devices", "0", &error) == 0);
  must (attr_store (&config, "max_devices", "6", &error) == 0);
  must (attr_store (&config, "workers", "0", &error) == 0);
  must (attr_complete (&config, &error) == 0);
  diskset_init (&set, &config);
  must (mkdtemp (directory));
  snprintf (address.sun_path, sizeof address.sun_path, "%s/socket", directory);
  must (ctlsocket_bind (address.sun_path, message, sizeof message) == 0);
  must (ctlsocket_start (&set) == 0);
  atexit (tidy_up);
  return 0;
}

static void
fill_page (char page[ZRAM_PAGE_SIZE], uint64_t index)
{
  content_fill (page, ZRAM_PAGE_SIZE, (enum content) (index % CONTENT_KINDS),
                index);
}

static void
add (const char *words)
{
  struct attr_error error;
  struct disk *disk;
  char copy[256];

  snprintf (copy, sizeof copy, "%s", words);
  must (diskset_add (&set, copy, &disk, &error) == 0);
  diskset_put (&set, disk);
}

/* "kept" is somebody's, and "zram0" has no size. */
static struct disk *
make_disks (void)
{
  struct attr_error error;
  struct disk *kept;
  char page[ZRAM_PAGE_SIZE];

  add ("name=kept disksize=32K backing_dev=/kept backing_size=1M "
       "\"recomp_algorithm=algo=zstd priority=2\"");
  add ("name=zram0");
  must (diskset_open (&set, "kept", &kept, &error) == 0);
  for (uint64_t i = 0; i < PAGES; i++) {
    fill_page (page, i);
    must (zram_write (kept->zram, page, sizeof page, i * sizeof page) == 0);
  }
  return kept;
}

static void
check_kept (struct disk *kept)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  for (uint64_t i = 0; i < PAGES; i++) {
    fill_page (page, i);
    must (zram_read (kept->zram, read, sizeof read, i * sizeof page) == 0);
    must (memcmp (page, read, sizeof page) == 0);
  }
}

static void
remove_disks (struct disk *kept)
{
  struct attr_error error;
  struct disk *disk;

  diskset_close (&set, kept);
  while ((disk = diskset_next (&set, NULL)) != NULL) {
    must (diskset_remove (&set, disk->name, &error) == 0);
    diskset_put (&set, disk);
  }
}

/* What has come back. */
static struct {
  char bytes[4 << 20];
  size_t len;
  bool ended;
} answers;

static void
receive (int fd)
{
  const ssize_t n = recv (fd, answers.bytes + answers.len,
                          sizeof answers.bytes - 1 - answers.len, MSG_DONTWAIT);

  must (n >= 0 || errno == EAGAIN || errno == ECONNRESET);
  answers.ended = n == 0 || (n < 0 && errno == ECONNRESET);
  answers.len += n > 0 ? (size_t) n : 0;
}

/* Send it by pieces, and read until the server hangs up: he may do that
 * before.  */
static void
converse (struct input input, size_t piece)
{
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool sends = true;

  answers.len = 0;
  answers.ended = false;
  must (fd >= 0);
  must (connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
  while (!answers.ended) {
    struct pollfd watched = {.fd = fd, .events = POLLIN};

    if (sends && input.left == 0) {
      shutdown (fd, SHUT_WR);
      sends = false;
    }
    if (sends)
      watched.events |= POLLOUT;
    must (poll (&watched, 1, 60000) > 0);
    if (watched.revents & POLLOUT && sends) {
      const ssize_t n =
          send (fd, input.at, input.left < piece ? input.left : piece,
                MSG_NOSIGNAL | MSG_DONTWAIT);

      sends = n >= 0 || errno == EAGAIN;
      input.at += n > 0 ? n : 0;
      input.left -= n > 0 ? (size_t) n : 0;
    }
    if (watched.revents & (POLLIN | POLLHUP | POLLERR))
      receive (fd);
  }
  close (fd);
  answers.bytes[answers.len] = '\0';
}

/* "progress DONE TOTAL" of a run; DONE does not fall, and TOTAL stays. */
static void
check_progress (const char *line)
{
  char *end;
  const unsigned long long done = strtoull (line + 9, &end, 10);
  const unsigned long long total = strtoull (end, &end, 10);

  must (*end == '\0' && done <= total);
}

/* "error ERRNO MESSAGE", and the errno that is expected; NULL: any. */
static void
check_error (const char *line, const char *errno_name)
{
  const char *const name = line + strlen ("error ");
  const size_t len = strcspn (name, " ");

  must (strncmp (line, "error E", 7) == 0);
  must (strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len);
  must (name[len] == ' ' && is_one_line (name + len + 1));
  must (!errno_name ||
        (strncmp (name, errno_name, len) == 0 && errno_name[len] == '\0'));
}

/* Take one answer, to a request that may be a RUN; with an errno, one that
 * refuses it. */
static void
take_answer (char **rest, bool run, const char *errno_name)
{
  char *line;

  do {
    must (*rest && strchr (*rest, '\n'));
    line = strsep (rest, "\n");
    must (is_one_line (line));
    if (run && strncmp (line, "progress ", 9) == 0)
      check_progress (line);
  } while (line[0] == ' ' || (run && line[0] == 'p'));
  if (errno_name || strcmp (line, "ok") != 0)
    check_error (line, errno_name);
}

static bool
has_control (const uint8_t *line, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (line[i] < ' ' || line[i] == 0x7f)
      return true;
  return false;
}

/* Of each line of the input there is an answer, and no other. */
static void
check_answers (struct input input)
{
  char *rest = answers.bytes;

  while (input.left > 0) {
    const uint8_t *const end = memchr (input.at, '\n', input.left);
    const size_t len = end ? (size_t) (end - input.at) : input.left;

    if (len >= CTLSOCKET_LINE || !end) {
      take_answer (&rest, false, len >= CTLSOCKET_LINE ? "E2BIG" : "EINVAL");
      break;
    }
    take_answer (&rest, len > 4 && memcmp (input.at, "run ", 4) == 0,
                 has_control (input.at, len) ? "EINVAL" : NULL);
    input.at += len + 1;
    input.left -= len + 1;
  }
  must (*rest == '\0' && rest == answers.bytes + answers.len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  const size_t piece = input_byte (&input);
  const size_t least = input.left / MOST_PIECES + 1;
  struct disk *const kept = make_disks ();

  converse (input, piece == 0 ? SIZE_MAX : piece > least ? piece : least);
  check_answers (input);
  check_kept (kept);
  remove_disks (kept);
  return 0;
}
