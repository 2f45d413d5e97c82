/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzzing begins with: real pages, compressed.  fuzz-seeds FILE DIRECTORY
 * takes a page in sixteen of FILE, at most 200, and puts each that gets smaller
 * into a file.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

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

int
main (int argc, char *argv[])
{
  FILE *const fp = argc == 3 ? fopen (argv[1], "r") : NULL;
  struct zcomp *const comp = target_make ();
  char page[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE];
  unsigned n = 0;

  if (!fp) {
    fprintf (stderr, "Usage: fuzz-seeds FILE DIRECTORY\n");
    return EXIT_FAILURE;
  }
  while (n < MOST && fread (page, 1, sizeof page, fp) == sizeof page) {
    size_t len;

    if (target_compress (comp, page, small, sizeof small, &len) == 0 &&
        put_seed (argv[2], n++, small, len) < 0) {
      perror (argv[2]);
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
