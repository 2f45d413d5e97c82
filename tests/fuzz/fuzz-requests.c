/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of clients, and what the control socket is told between them.
 *
 * An input is a disk and steps: requests with any range, flags and data, which
 * go to the plugin's callbacks as nbdkit has them go, and idle, recompress,
 * writeback, compact, limits, reset and other disks.  After each, what was
 * touched is what a plain array says that it is.
 */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "compiler.h"
#include "ctlrequest.h"
#include "ctlsocket.h"
#include "disk.h"
#include "diskset.h"
#include "fakenbdkit.h"
#include "fuzz.h"
#include "run.h"
#include "zcomp.h"

#define MOST_PAGES 64U
#define MOST_BYTES (MOST_PAGES * ZRAM_PAGE_SIZE)
#define STEPS      48U

static struct diskset *set; /* the plugin's */

static struct {
  void *handle; /* a client's */
  uint64_t size;
  bool limited; /* it may lack memory */
  uint8_t bytes[MOST_BYTES];
} model;

/* There is no socket; who would answer there is us. */
extern int __wrap_ctlsocket_start (struct diskset *of_plugin);

int
__wrap_ctlsocket_start (struct diskset *of_plugin)
{
  set = of_plugin;
  return 0;
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  static const char *const parameters[] = {"num_devices=0", "max_devices=3",
                                           "workers=1", "statsfile=/dev/null",
                                           NULL};

  (void) argc;
  (void) argv;
  fake_nbdkit_start (parameters);
  return 0;
}

/* Tell the server, and whether it was taken. */
ZRAM_PRINTF (1, 2)
static bool
control (const char *format, ...)
{
  const struct run run = {0};
  char line[512], *answer = NULL;
  size_t size;
  FILE *const fp = open_memstream (&answer, &size);
  va_list args;
  bool ok;
  int len;

  must (fp);
  va_start (args, format);
  len = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  ctlrequest_answer (set, line, (size_t) len, &run, fp);
  must (fclose (fp) == 0);
  ok = size >= 3 && strcmp (answer + size - 3, "ok\n") == 0;
  must (ok || strncmp (answer, "error ", 6) == 0);
  free (answer);
  return ok;
}

/* Comparing. */

static void
check_range (uint64_t from, uint64_t end)
{
  uint8_t *const read = malloc (end - from);
  const struct request request = {.command = COMMAND_READ,
                                  .offset = from,
                                  .count = (uint32_t) (end - from),
                                  .data = read};

  must (read);
  must (fake_nbdkit_request (model.handle, &request) == 0);
  must (memcmp (read, model.bytes + from, end - from) == 0);
  free (read);
}

static void
check_all (void)
{
  check_range (0, model.size);
}

static uint64_t
page_start (uint64_t offset)
{
  return offset / ZRAM_PAGE_SIZE * ZRAM_PAGE_SIZE;
}

static uint64_t
page_end (uint64_t offset)
{
  const uint64_t end = page_start (offset + ZRAM_PAGE_SIZE - 1);

  return end < model.size ? end : model.size;
}

/* The range, and what is beside it in the same pages, and a page more. */
static void
check_around (uint64_t offset, uint64_t count)
{
  const uint64_t from = page_start (offset);

  check_range (from > 0 ? from - ZRAM_PAGE_SIZE : 0,
               page_end (offset + count + 1));
}

/* A request has failed, to make the range BYTES: each of its pages is as it
 * was, or as it was to be; which, we take over. */
static void
take_over (uint64_t offset, uint64_t count, const uint8_t *bytes)
{
  uint8_t page[ZRAM_PAGE_SIZE];
  uint64_t next;

  for (uint64_t at = offset; at < offset + count; at = next) {
    const uint64_t end = page_start (at) + ZRAM_PAGE_SIZE;
    uint64_t n;

    next = end < offset + count ? end : offset + count;
    n = next - at;
    must (fake_nbdkit_request (model.handle,
                               &(struct request){.command = COMMAND_READ,
                                                 .offset = at,
                                                 .count = (uint32_t) n,
                                                 .data = page}) == 0);
    /* cppcheck-suppress uninitvar; what is read fills it */
    if (memcmp (page, model.bytes + at, n) != 0) {
      must (memcmp (page, bytes + (at - offset), n) == 0);
      memcpy (model.bytes + at, page, n);
    }
  }
}

/* A request that may have failed, and then for want of memory, was to make its
 * range BYTES. */
static void
change (const struct request *request, int r, const uint8_t *bytes)
{
  if (r == 0)
    memcpy (model.bytes + request->offset, bytes, request->count);
  else {
    must (r == ENOSPC && model.limited);
    take_over (request->offset, request->count, bytes);
  }
  check_around (request->offset, request->count);
}

/* Requests. */

/* Any range; nearly all of them are within the disk. */
static struct request
take_request (struct input *input, enum command command)
{
  const uint8_t how = input_byte (input);
  uint64_t offset = input_number (input, 3) % (model.size + 1);
  uint64_t count = input_number (input, 3) % (model.size - offset + 1);

  if (how & 0x20)
    offset = page_start (offset);
  if (how & 0x40)
    count = page_start (count) + ZRAM_PAGE_SIZE;
  if ((how & 0x8f) == 0x8f) /* far away */
    offset = input_number (input, 8);
  return (struct request){.command = command,
                          .flags = how & 0x1f,
                          .offset = offset,
                          .count = (uint32_t) count};
}

static bool
is_within (const struct request *request)
{
  return request->count > 0 && request->offset <= model.size &&
         request->count <= model.size - request->offset;
}

static void
step_read (struct input *input)
{
  const struct request request = take_request (input, COMMAND_READ);

  if (is_within (&request))
    check_range (request.offset, request.offset + request.count);
}

/* The data is of a kind, or as many bytes as there are of the input's own. */
static void
step_write (struct input *input)
{
  struct request request = take_request (input, COMMAND_WRITE);
  const unsigned kind = input_byte (input) % (CONTENT_KINDS + 1);
  const uint64_t seed = input_number (input, 2);
  uint8_t *data;

  if (!is_within (&request)) {
    must (fake_nbdkit_request (model.handle, &request) > 0);
    return;
  }
  data = calloc (1, request.count);
  must (data);
  if (kind < CONTENT_KINDS)
    content_fill (data, request.count, (enum content) kind, seed);
  for (uint64_t i = 0; kind == CONTENT_KINDS && i < request.count && i < 64;
       i++)
    data[i] = input_byte (input);
  request.data = data;
  request.flags &= REQUEST_FUA;
  change (&request, fake_nbdkit_request (model.handle, &request), data);
  free (data);
}

/* Zeros to the byte. */
static void
step_zero (struct input *input)
{
  static const uint8_t zeros[MOST_BYTES];
  struct request request = take_request (input, COMMAND_ZERO);
  int r;

  request.flags &= REQUEST_FUA | REQUEST_NO_HOLE | REQUEST_FAST_ZERO;
  r = fake_nbdkit_request (model.handle, &request);
  if (is_within (&request))
    change (&request, r, zeros);
  else
    must (r > 0);
}

/* Whole pages go, and what is beside them stays. */
static void
step_trim (struct input *input)
{
  struct request request = take_request (input, COMMAND_TRIM);
  uint64_t from, end;
  int r;

  request.flags &= REQUEST_FUA;
  r = fake_nbdkit_request (model.handle, &request);
  must ((r == 0) == is_within (&request));
  if (r != 0)
    return;
  from = page_start (request.offset + ZRAM_PAGE_SIZE - 1);
  end = page_start (request.offset + request.count);
  if (from < end)
    memset (model.bytes + from, 0, end - from);
  check_around (request.offset, request.count);
}

static void
step_other (struct input *input)
{
  struct request request = take_request (
      input, input_byte (input) % 2 ? COMMAND_CACHE : COMMAND_FLUSH);

  fake_nbdkit_request (model.handle, &request);
}

static void
check_extent (void *arg, uint64_t offset, uint64_t len, bool hole)
{
  (void) arg;
  for (uint64_t i = offset; hole && i < offset + len; i++)
    must (model.bytes[i] == 0);
}

static void
step_extents (struct input *input)
{
  struct request request = take_request (input, COMMAND_EXTENTS);

  request.flags &= REQUEST_ONE;
  request.extent = check_extent;
  must ((fake_nbdkit_request (model.handle, &request) == 0) ==
        is_within (&request));
}

/* What the control socket is told: nothing of it changes what is stored. */

static void
step_run (struct input *input)
{
  static const char *const runs[] = {
      "set fuzz idle all",
      "set fuzz idle 0",
      "set fuzz compact 1",
      "set fuzz recompress priority=1",
      "set fuzz recompress type=huge priority=1",
      "set fuzz recompress type=idle threshold=100 priority=1",
      "set fuzz writeback type=idle",
      "set fuzz writeback type=huge",
      "set fuzz writeback type=incompressible",
      "set fuzz mem_used_max 0",
      "get fuzz block_state",
      "get fuzz frag_stat",
  };

  control ("%s", runs[input_byte (input) % (sizeof runs / sizeof *runs)]);
  check_all ();
}

static void
step_write_back (struct input *input)
{
  const unsigned first = input_byte (input) % MOST_PAGES;
  const unsigned last = first + input_byte (input) % MOST_PAGES;

  control ("set fuzz writeback page_indexes=%u-%u", first, last);
  check_all ();
}

static void
step_recompress (struct input *input)
{
  const unsigned threshold = input_byte (input) * 16U;
  const unsigned max_pages = input_byte (input);

  control ("set fuzz recompress priority=1 threshold=%u max_pages=%u",
           threshold, max_pages);
  check_all ();
}

/* 0 or few pages. */
static void
step_limit (struct input *input)
{
  const unsigned pages = input_byte (input) % MOST_PAGES;

  must (control ("set fuzz mem_limit %uK", pages * 4));
  model.limited = pages > 0;
}

static void
step_setting (struct input *input)
{
  static const char *const names[] = {"compact_threshold",
                                      "writeback_batch_size", "writeback_limit",
                                      "writeback_limit_enable"};
  const char *const name =
      names[input_byte (input) % (sizeof names / sizeof *names)];

  control ("set fuzz %s %u", name, input_byte (input) % 101U);
}

/* Those who are connected are not disturbed, nor by other disks. */
static void
step_busy (struct input *input)
{
  static const char *const refused[] = {"set fuzz reset 1", "hot_remove fuzz",
                                        "set fuzz disksize 1M",
                                        "hot_add name=fuzz"};

  must (!control ("%s", refused[input_byte (input) % 4]));
}

static void
step_other_disk (struct input *input)
{
  if (input_byte (input) % 2)
    control ("hot_add name=other disksize=%uK", input_byte (input) + 1U);
  else
    control ("hot_remove other");
}

static void
connect_client (void)
{
  model.handle = fake_nbdkit_open ("fuzz");
  must (model.handle && fake_nbdkit_size (model.handle) == model.size);
}

/* Another client sees what this one has left. */
static void
step_reconnect (struct input *input)
{
  (void) input;
  fake_nbdkit_close (model.handle);
  connect_client ();
  check_all ();
}

/* All is gone, the limit with it. */
static void
step_reset (struct input *input)
{
  (void) input;
  fake_nbdkit_close (model.handle);
  must (control ("set fuzz reset 1"));
  must (control ("set fuzz disksize %llu", (unsigned long long) model.size));
  memset (model.bytes, 0, sizeof model.bytes);
  model.limited = false;
  connect_client ();
  check_all ();
}

static void (*const steps[]) (struct input *input) = {
    step_read,       step_write,     step_zero,    step_trim,
    step_other,      step_extents,   step_run,     step_write_back,
    step_recompress, step_limit,     step_setting, step_busy,
    step_other_disk, step_reconnect, step_reset,   step_write,
};

/* A disk of some pages, with an algorithm or two, a store or none. */
static void
make_disk (struct input *input)
{
  const uint8_t how = input_byte (input);
  const uint8_t algorithms = input_byte (input);
  const uint64_t pages = input_byte (input) % MOST_PAGES + 1;
  size_t n = 0;

  while (zcomp_backends[n])
    n++;
  must (n > 0);
  model.limited = false;
  model.size = pages * ZRAM_PAGE_SIZE;
  memset (model.bytes, 0, sizeof model.bytes);
  must (control ("hot_add name=fuzz disksize=%llu comp_algorithm=%s "
                 "\"recomp_algorithm=algo=%s\" spread_threshold=%u "
                 "compact_threshold=0 compressed_writeback=%c %s",
                 (unsigned long long) model.size,
                 zcomp_backend_name (zcomp_backends[algorithms % n]),
                 zcomp_backend_name (zcomp_backends[algorithms / n % n]),
                 how & 1 ? 4U : 0U, how & 2 ? 'y' : 'n',
                 how & 4 ? "backing_dev=/store backing_size=448K" : ""));
  connect_client ();
}

/* What is counted as things happen is what there is. */
static void
check_sums (void)
{
  const struct disk *const disk = model.handle;
  struct zram_stats counted, sums;

  zram_stats (disk->zram, &counted);
  zram_recount (disk->zram, &sums);
  must (counted.orig_data_size == sums.orig_data_size);
  must (counted.compr_data_size == sums.compr_data_size);
  must (counted.same_pages == sums.same_pages);
  must (counted.huge_pages == sums.huge_pages);
  must (counted.bd_checksum_errors == 0 && counted.failed_reads == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct input input = {data, size};

  make_disk (&input);
  for (unsigned i = 0; i < STEPS && input.left > 0; i++)
    steps[input_byte (&input) % (sizeof steps / sizeof *steps)](&input);
  check_all ();
  check_sums ();
  fake_nbdkit_close (model.handle);
  must (control ("hot_remove fuzz"));
  control ("hot_remove other");
  return 0;
}
