/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzzing begins with: real pages, compressed.  fuzz-seeds FILE DIRECTORY
 * takes a page in sixteen of FILE, at most 200, and puts each that gets smaller
 * into a file.  fuzz-seeds -l lists what can be fuzzed, an algorithm in a line,
 * those that take a dictionary once more, with "+dict" behind it.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "target.h"

#define MOST 200
#define STEP 16

static int
put_seed (const char *directory, unsigned number, const char *bytes, size_t len)
{
  char name[4096];
  FILE *fp;

  snprintf (name, sizeof name, "%s/seed-%u", directory, number);
  fp = fopen (name, "w");
  if (!fp)
    return -1;
  fwrite (bytes, 1, len, fp);
  return fclose (fp);
}

static int
list_targets (void)
{
  for (size_t i = 0; zcomp_backends[i]; i++) {
    const char *const name = zcomp_backend_name (zcomp_backends[i]);

    puts (name);
    if (zcomp_backend_takes_dict (zcomp_backends[i]))
      printf ("%s+dict\n", name);
  }
  return EXIT_SUCCESS;
}

static int
make_seeds (const char *file, const char *directory)
{
  FILE *const fp = fopen (file, "r");
  struct zcomp *const comp = target_make ();
  char page[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE];
  unsigned n = 0;

  if (!fp) {
    perror (file);
    return EXIT_FAILURE;
  }
  while (n < MOST && fread (page, 1, sizeof page, fp) == sizeof page) {
    size_t len;

    if (target_compress (comp, page, small, sizeof small, &len) == 0 &&
        put_seed (directory, n++, small, len) < 0) {
      perror (directory);
      return EXIT_FAILURE;
    }
    if (fseek (fp, (STEP - 1) * (long) sizeof page, SEEK_CUR) < 0)
      break;
  }
  fclose (fp);
  zcomp_destroy (comp);
  printf ("%u seeds\n", n);
  return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main (int argc, char *argv[])
{
  if (argc == 2 && strcmp (argv[1], "-l") == 0)
    return list_targets ();
  if (argc == 3)
    return make_seeds (argv[1], argv[2]);
  fprintf (stderr, "Usage: fuzz-seeds -l | FILE DIRECTORY\n");
  return EXIT_FAILURE;
}
