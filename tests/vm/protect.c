/* SPDX-License-Identifier: BSD-3-Clause */
/* A library to preload into a server that knows nothing of swap: does for it
 * what the environment asks for.  So the test shows what each of the measures
 * is worth, and that a peer with them all passes.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <linux/prctl.h>

static void
check (int r, const char *what)
{
  if (r == 0)
    return;
  perror (what);
  exit (1);
}

__attribute__ ((constructor)) static void
protect (void)
{
  if (getenv ("PROTECT_LOCK"))
    check (mlockall (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), "mlockall");
  if (getenv ("PROTECT_FLUSHER"))
    check (prctl (PR_SET_IO_FLUSHER, 1, 0, 0, 0), "PR_SET_IO_FLUSHER");
}
