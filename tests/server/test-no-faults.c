/* SPDX-License-Identifier: BSD-3-Clause */
/* With swap=, reading and writing take no memory from the system: no call of
 * malloc, no page fault, and no new mapping, whatever is written, however the
 * pool grows, and however long the requests get, from the first one on.
 *
 * That faults would have been seen is checked without swap=.  ZRAM_SWAP in the
 * environment is "swap=on" where there are privileges for it: tests/vm does so.
 */
#include <config.h>

#include <dirent.h>
#include <string.h>

#include "data.h"
#include "preload.h"
#include "server.h"

#define DISK     (128 * MiB)
#define LONGEST  (320 * PAGE)
#define WARM_UP  4000U
#define REQUESTS 20000U

/* What nbdkit itself is known to take: a few pages when its threads start. */
#define KNOWN_FAULTS 20U

/* ... and a few more in each of its 16 threads, when a request is longer than
 * all before. */
#define KNOWN_CALLS 80U

/* What a task has for its name, and its minor page faults: the second and tenth
 * field of its stat. */
static unsigned long
task_faults (const char *dir, const char *task)
{
  char name[300], line[1024];
  unsigned long faults = 0;
  const char *end;
  FILE *fp;

  snprintf (name, sizeof name, "%s/%s/stat", dir, task);
  fp = fopen (name, "re");
  CHECK (fp != NULL);
  CHECK (fgets (line, sizeof line, fp) != NULL);
  fclose (fp);
  end = strrchr (line, ')');
  CHECK (end != NULL);
  CHECK (sscanf (end + 1, " %*c %*d %*d %*d %*d %*d %*u %lu", &faults) == 1);
  return strstr (line, "(zram-reserve)") ? 0 : faults;
}

/* Of all threads but the one that refills the reserve: that is its work. */
static unsigned long
server_faults (const struct server *server)
{
  char name[64];
  unsigned long faults = 0;
  const struct dirent *entry;
  DIR *dir;

  snprintf (name, sizeof name, "/proc/%d/task", (int) server->pid);
  dir = opendir (name);
  CHECK (dir != NULL);
  while ((entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      faults += task_faults (name, entry->d_name);
  closedir (dir);
  return faults;
}

/* How many lines /proc/PID/maps has. */
static unsigned
server_mappings (const struct server *server)
{
  char name[64];
  unsigned lines = 0;
  FILE *fp;
  int c;

  snprintf (name, sizeof name, "/proc/%d/maps", (int) server->pid);
  fp = fopen (name, "re");
  CHECK (fp != NULL);
  while ((c = fgetc (fp)) != EOF)
    lines += c == '\n';
  fclose (fp);
  return lines;
}

/* As swap does: whole pages, in runs of up to LONGEST; half of the writes at
 * new places. */
static void
do_requests (struct nbd_handle *nbd, unsigned n, uint64_t *state)
{
  static unsigned char buf[LONGEST];

  for (unsigned i = 0; i < n; i++) {
    const uint64_t range = i % 4 < 2 ? 2 * MiB : DISK;
    const unsigned most = i % 64 == 0 ? LONGEST / PAGE : 32;
    const uint64_t count = (1 + random_below (state, most)) * PAGE;
    const uint64_t offset = random_below (state, (range - count) / PAGE) * PAGE;

    if (i % 2 == 0) {
      NBD_OK (nbd_pread (nbd, buf, count, offset, 0));
      continue;
    }
    data_fill (buf, count, (enum data_kind) random_below (state, DATA_KINDS),
               i);
    NBD_OK (nbd_pwrite (nbd, buf, count, offset, 0));
  }
}

/* What REQUESTS requests cost. */
struct cost {
  unsigned long faults;
  unsigned long calls; /* of malloc */
  unsigned mappings;   /* that are new */
};

static struct cost
cost_so_far (const struct server *server, struct malloc_count *count)
{
  return (struct cost){.faults = server_faults (server),
                       .calls = atomic_load (&count->calls),
                       .mappings = server_mappings (server)};
}

/* Page faults are counted from the first request on. */
static struct cost
measure (struct malloc_count *count, const char *swap, const char *algorithm)
{
  unsigned long faults;
  uint64_t state = 1;
  struct cost before, after;
  struct nbd_handle *nbd;
  struct server server;

  preload (MALLOC_COUNT_PATH);
  server_start (&server, "128M", swap, algorithm, NULL);
  preload_nothing ();
  nbd = server_connect (&server);
  faults = server_faults (&server);
  do_requests (nbd, WARM_UP, &state);
  nbd_trim (nbd, DISK, 0, 0);
  before = cost_so_far (&server, count);
  do_requests (nbd, REQUESTS, &state);
  after = cost_so_far (&server, count);
  nbd_close (nbd);
  server_stop (&server);

  after.faults -= faults;
  after.calls -= before.calls;
  after.mappings -= before.mappings;
  printf ("%s %s: %lu page faults, %lu calls of malloc, %u new mappings in %u "
          "requests\n",
          swap, algorithm, after.faults, after.calls, after.mappings, REQUESTS);
  fflush (stdout);
  return after;
}

static void
must_cost_nothing (struct malloc_count *count, const char *swap,
                   const char *algorithm)
{
  const struct cost cost = measure (count, swap, algorithm);

  CHECK (cost.faults < KNOWN_FAULTS);
  CHECK (cost.calls < KNOWN_CALLS);
  CHECK (cost.mappings == 0);
}

int
main (void)
{
  struct malloc_count *const count = map_counter ();
  const char *const given = getenv ("ZRAM_SWAP");
  const char *const swap = given ? given : "swap=try";

  must_cost_nothing (count, swap, "comp_algorithm=lz4");
  must_cost_nothing (count, swap, "comp_algorithm=zstd");
  CHECK (measure (count, "swap=off", "comp_algorithm=lz4").faults >
         10 * KNOWN_FAULTS);
  return EXIT_SUCCESS;
}
