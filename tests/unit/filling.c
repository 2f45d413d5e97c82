/* SPDX-License-Identifier: BSD-3-Clause */
/* A device full of real pages; filling.h says what is promised. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filling.h"
#include "unit.h"

/* lz4 keeps noise as it is, and makes some 20 bytes of what follows it. */
void
page_fill_real (void *page, uint64_t seed)
{
  const uint64_t len = draw_lz4_len (&seed);

  content_fill (page, len, CONTENT_NOISE, seed);
  memset ((char *) page + len, ' ', ZRAM_PAGE_SIZE - len);
}

static uint64_t
page_seed (const struct filling *filling, uint64_t i)
{
  return filling->seed + i * 1000;
}

/* Is page I among those that are kept? */
static bool
is_kept (const struct filling *filling, uint64_t i)
{
  uint64_t random = page_seed (filling, i) ^ UINT64_C (0x123456789abcdef);

  return random_below (&random, 100) < filling->kept;
}

/* In an order in which neighbours come far from each other, so that what one
 * request discards lies all over the pool: by steps of a prime number. */
void
filling_refill (struct filling *filling)
{
  const uint64_t step = 7919;
  char page[ZRAM_PAGE_SIZE];
  uint64_t n, i;

  must (filling->nr_pages % step != 0);

  filling->seed++;
  filling->kept = 100;
  for (n = 0; n < filling->nr_pages; ++n) {
    i = n * step % filling->nr_pages;
    page_fill_real (page, page_seed (filling, i));
    must_equal (zram_write (filling->zram, page, sizeof page, i * sizeof page),
                0);
  }
}

void
filling_make (struct filling *filling, uint64_t nr_pages, unsigned threshold)
{
  const struct zram_config config = {
      .disksize = nr_pages * ZRAM_PAGE_SIZE,
      .compact_threshold = threshold,
  };

  *filling =
      (struct filling){.nr_pages = nr_pages, .seed = 1, .threshold = threshold};
  ck_assert_int_eq (zram_create (&filling->zram, &config), 0);
  filling_refill (filling);
}

void
filling_discard (struct filling *filling, unsigned kept)
{
  uint64_t i;

  filling->kept = kept;
  for (i = 0; i < filling->nr_pages; ++i)
    if (!is_kept (filling, i))
      zram_discard (filling->zram, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE);
}

void
filling_check (const struct filling *filling)
{
  char page[ZRAM_PAGE_SIZE], want[ZRAM_PAGE_SIZE];
  uint64_t i;

  for (i = 0; i < filling->nr_pages; ++i) {
    memset (want, 0, sizeof want);
    if (is_kept (filling, i))
      page_fill_real (want, page_seed (filling, i));
    must_equal (zram_read (filling->zram, page, sizeof page, i * sizeof page),
                0);
    if (memcmp (page, want, sizeof page) != 0)
      ck_abort_msg ("page %llu is not what was written",
                    (unsigned long long) i);
  }
}

void
filling_destroy (struct filling *filling)
{
  zram_destroy (filling->zram);
}

/* The number in FILE; false: it cannot be read. */
static bool
read_number (const char *file, uint64_t *number)
{
  FILE *fp = fopen (file, "r");
  unsigned long long n;
  bool read;

  if (!fp)
    return false;
  read = fscanf (fp, "%llu", &n) == 1;
  fclose (fp);
  *number = n;
  return read;
}

/* Where this process's cgroup is, below the place where HIERARCHY, the middle
 * of a line of /proc/self/cgroup, is mounted. */
static bool
find_cgroup (const char *hierarchy, char *path, size_t size)
{
  FILE *fp = fopen ("/proc/self/cgroup", "r");
  bool found = false;
  char line[1024];

  if (!fp)
    return false;
  while (!found && fgets (line, sizeof line, fp)) {
    const char *at = strstr (line, hierarchy);

    found = at != NULL;
    if (found)
      snprintf (path, size, "%.*s",
                (int) strcspn (at + strlen (hierarchy), "\n"),
                at + strlen (hierarchy));
  }
  fclose (fp);
  return found;
}

/* FILE of the cgroup below MOUNT, or of the root that a container shows. */
static bool
read_cgroup (const char *mount, const char *hierarchy, const char *file,
             uint64_t *used)
{
  char path[1024], name[2048];

  if (!find_cgroup (hierarchy, path, sizeof path))
    return false;
  snprintf (name, sizeof name, "%s%s/%s", mount, path, file);
  if (read_number (name, used))
    return true;
  snprintf (name, sizeof name, "%s/%s", mount, file);
  return read_number (name, used);
}

uint64_t
system_used (const char **name)
{
  const char *from = "the cgroup's memory.current";
  uint64_t used;

  if (!read_cgroup ("/sys/fs/cgroup", "0::", "memory.current", &used)) {
    from = "the cgroup's memory.usage_in_bytes";
    if (!read_cgroup ("/sys/fs/cgroup/memory",
                      ":memory:", "memory.usage_in_bytes", &used)) {
      from = "MemFree";
      used = proc_bytes ("/proc/meminfo", "MemTotal:") -
             proc_bytes ("/proc/meminfo", "MemFree:");
    }
  }
  if (name)
    *name = from;
  return used;
}

uint64_t
writable_bytes (void)
{
  FILE *fp = fopen ("/proc/self/maps", "r");
  unsigned long long first, end;
  char line[4096], perms[8];
  uint64_t sum = 0;

  ck_assert_ptr_nonnull (fp);
  while (fgets (line, sizeof line, fp))
    if (sscanf (line, "%llx-%llx %7s", &first, &end, perms) == 3 &&
        perms[1] == 'w' && perms[3] == 'p')
      sum += end - first;
  fclose (fp);
  return sum;
}
