/* SPDX-License-Identifier: BSD-3-Clause */
/* A decompressor gets anything: it makes a page of it or says that it cannot,
 * and touches nothing else.  The libraries are not instrumented, so it is the
 * machine that sees to the last: what must not be touched cannot be.
 */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "page.h"
#include "target.h"

#define LONGEST (2 * ZRAM_PAGE_SIZE)

static struct zcomp *comp;

/* The byte behind, or before it, cannot be touched. */
static char *in_end, *in_start, *page_end, *page_start;

extern int LLVMFuzzerInitialize (int *argc, char ***argv);
extern int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* SIZE bytes between memory that cannot be touched. */
static char *
make_fenced (size_t size)
{
  const size_t fence = (size_t) sysconf (_SC_PAGESIZE);
  char *const all = mmap (NULL, size + 2 * fence, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (all == MAP_FAILED ||
      mprotect (all + fence, size, PROT_READ | PROT_WRITE) < 0)
    abort ();
  return all + fence;
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  (void) argc;
  (void) argv;
  comp = target_make ();
  in_start = make_fenced (LONGEST);
  in_end = make_fenced (LONGEST) + LONGEST;
  page_start = make_fenced (ZRAM_PAGE_SIZE);
  page_end = make_fenced (ZRAM_PAGE_SIZE);
  return 0;
}

/* A page that came out goes in again, and comes out as it was. */
static void
must_come_back (void)
{
  char small[LONGEST], page[ZRAM_PAGE_SIZE];
  size_t len;

  if (target_compress (comp, page_end, small, sizeof small, &len) != 0 ||
      target_decompress (comp, small, len, page) != 0 ||
      memcmp (page, page_end, sizeof page) != 0)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int r, again;

  if (size > LONGEST)
    return 0;
  memset (page_start, 0, ZRAM_PAGE_SIZE);
  memset (page_end, 0, ZRAM_PAGE_SIZE);
  r = target_decompress (comp, memcpy (in_end - size, data, size), size,
                         page_end);
  again =
      target_decompress (comp, memcpy (in_start, data, size), size, page_start);
  if (r != again || (r != 0 && r != -EIO))
    abort ();
  if (r == 0)
    must_come_back ();
  return 0;
}
