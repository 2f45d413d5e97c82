/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of a soak that misbehave.  For the server it is the same whether one
 * closes its socket or is killed.
 *
 * With several threads for each connection nobody leaves more than one answer:
 * nbdkit 1.32 itself aborts, whatever the plugin, when two of them reply to a
 * client that is gone.
 */
#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "soaktally.h"
#include "soakupset.h"

#define LEN     ((uint32_t) (2 * MiB))
#define HOLDERS 3U /* that take no answers, at once */
#define MANY    8U /* answers that one leaves */

static const char *
any_disk (struct upset *upset)
{
  return upset->soak->disks[random_below (&upset->state, SOAK_DISKS)].name;
}

static int
open_any (struct upset *upset)
{
  return raw_open_export (upset->soak->server, any_disk (upset));
}

static uint64_t
any_offset (struct upset *upset)
{
  return random_below (&upset->state, SOAK_SIZE - LEN);
}

static void
send_bytes (int fd, const void *bytes, uint64_t n)
{
  CHECK (raw_send (fd, bytes, n));
}

static void
leave_greeting (struct upset *upset)
{
  unsigned char bytes[RAW_HANDSHAKE_SIZE];
  const int fd = raw_connect (upset->soak->server);

  raw_handshake (bytes);
  send_bytes (fd, bytes, random_below (&upset->state, sizeof bytes));
  close (fd);
  soak_count (SOAK_GONE_GREETING);
}

/* Of what would be a write of pages that others use: all but a part. */
static void
leave_part (struct upset *upset, bool of_header)
{
  const struct raw_request request = {
      .type = RAW_WRITE, .offset = any_offset (upset), .count = 16 * PAGE};
  static const unsigned char payload[16 * PAGE] = {0xee};
  unsigned char header[RAW_REQUEST_SIZE];
  const int fd = open_any (upset);

  raw_encode (header, &request);
  if (of_header) {
    send_bytes (fd, header, random_below (&upset->state, sizeof header));
    soak_count (SOAK_GONE_HEADER);
  }
  else {
    send_bytes (fd, header, sizeof header);
    send_bytes (fd, payload, random_below (&upset->state, sizeof payload));
    soak_count (SOAK_GONE_PAYLOAD);
  }
  close (fd);
}

static void
ask_much (struct upset *upset, int fd)
{
  const unsigned n = upset->soak->threads == 1 ? MANY : 1;

  for (unsigned i = 0; i < n; i++)
    CHECK (raw_ask (fd, &(struct raw_request){.type = RAW_READ,
                                              .offset = any_offset (upset),
                                              .count = LEN}));
}

/* A read that others can see nothing of, or a write where nobody looks. */
static void
leave_unanswered (struct upset *upset)
{
  static unsigned char payload[SOAK_SCRATCH / 2];
  const int fd = open_any (upset);

  if (random_below (&upset->state, 2))
    ask_much (upset, fd);
  else {
    data_fill (payload, sizeof payload, DATA_TEXT, upset->state);
    CHECK (raw_ask (fd, &(struct raw_request){.type = RAW_WRITE,
                                              .offset = SOAK_SIZE,
                                              .count = sizeof payload}));
    send_bytes (fd, payload, sizeof payload);
  }
  if (random_below (&upset->state, 2))
    soak_rest (&upset->state, 20);
  close (fd);
  soak_count (SOAK_GONE_UNANSWERED);
}

static void
speak_nonsense (struct upset *upset)
{
  const int fd = open_any (upset);

  CHECK (raw_ask (fd, &(struct raw_request){.magic = 0x12345678U}));
  raw_must_be_closed (fd);
  close (fd);
  soak_count (SOAK_GONE_MAGIC);
}

/* Some who ask for much, take nothing, and stay while others come and go. */
static void
hold (struct upset *upset, int fds[HOLDERS])
{
  const uint64_t i = random_below (&upset->state, HOLDERS);

  if (fds[i] != -1) {
    close (fds[i]);
    fds[i] = -1;
    return;
  }
  fds[i] = open_any (upset);
  ask_much (upset, fds[i]);
  soak_count (SOAK_NEVER_READ);
}

void *
upset_clients (void *arg)
{
  struct upset *const upset = arg;
  int fds[HOLDERS] = {-1, -1, -1};

  while (!upset->soak->no_more_upsets) {
    switch (random_below (&upset->state, 6)) {
    case 0:
      leave_greeting (upset);
      break;
    case 1:
      leave_part (upset, true);
      break;
    case 2:
      leave_part (upset, false);
      break;
    case 3:
      leave_unanswered (upset);
      break;
    case 4:
      speak_nonsense (upset);
      break;
    default:
      hold (upset, fds);
    }
    soak_rest (&upset->state, 100);
  }
  for (unsigned i = 0; i < HOLDERS; i++)
    if (fds[i] != -1)
      close (fds[i]);
  return NULL;
}

/* Say this, take nothing, and go. */
static void
say_and_go (struct upset *upset, enum soak_kind kind, const char *line)
{
  const int fd = control_connect (upset->soak->control);

  CHECK (send (fd, line, strlen (line), MSG_NOSIGNAL) ==
         (ssize_t) strlen (line));
  soak_rest (&upset->state, 50);
  close (fd);
  soak_count (kind);
}

static void
ask_nonsense (struct upset *upset)
{
  static const char *const lines[] = {
      "get memory nothing", "set nobody reset 1",  "hot_remove nobody",
      "set file idle none", "hot_add name=memory", "what"};
  struct control_answer answer;
  const char *const line = lines[random_below (&upset->state, 6)];

  if (!soak_say (upset->soak, &answer, "%s", line)[0])
    fail ("not refused: %s", line);
  soak_count (SOAK_CTL_NONSENSE);
}

void *
upset_control (void *arg)
{
  struct upset *const upset = arg;
  char line[128];

  while (!upset->soak->no_more_upsets) {
    switch (random_below (&upset->state, 5)) {
    case 0:
      say_and_go (upset, SOAK_CTL_SILENT, "");
      break;
    case 1:
      say_and_go (upset, SOAK_CTL_HALF, "set memory mem_limit 1");
      break;
    case 2:
      snprintf (line, sizeof line, "get %s block_state\n", any_disk (upset));
      say_and_go (upset, SOAK_CTL_LOOKED, line);
      break;
    case 3:
      snprintf (line, sizeof line, "run %s %s\n", any_disk (upset),
                random_below (&upset->state, 2) ? "compact 1" : "recompress ");
      say_and_go (upset, SOAK_CTL_RAN, line);
      break;
    default:
      ask_nonsense (upset);
    }
    soak_rest (&upset->state, 200);
  }
  return NULL;
}
