/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit-zram-generator: makes of the configuration, nbdkit-zram.conf(5), what
 * has systemd start the servers at boot.
 *
 * systemd runs it early, with nothing but the root file system and /proc, and
 * again when it is reloaded.  A section that is wrong is left out, and the
 * others are done.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "complain.h"
#include "conffile.h"
#include "newtext.h"
#include "serverconf.h"
#include "swaps.h"
#include "unitdir.h"

static const char usage[] =
    "Usage: nbdkit-zram-generator DIRECTORY [EARLY LATE]\n"
    "\nWrite there, for systemd, what nbdkit-zram.conf(5) asks for.\n"
    "With NBDKIT_ZRAM_ROOT in the environment, that directory's\n"
    "/etc/systemd, ... and /proc/meminfo are read.\n";

/* systemd gives its generators /dev/null for standard error; the kernel's log
 * is what is there. */
static void
open_log (void)
{
  struct stat st;

  if (fstat (STDERR_FILENO, &st) == 0 && S_ISCHR (st.st_mode) &&
      st.st_rdev == makedev (1, 3) && !freopen ("/dev/kmsg", "we", stderr))
    exit (EXIT_FAILURE);
}

/* Megabytes of memory, as zram-generator counts them; 0: that has been
 * complained of. */
static uint64_t
memory_size (const char *root)
{
  char *const path = newtext ("%s/proc/meminfo", root);
  const uint64_t kib = swaps_number_in (path, "MemTotal:");

  if (kib == 0)
    complain ("%s: has no MemTotal", path);
  free (path);
  return kib >> 10;
}

static int
generate_one (const char *dir, const struct conf_section *section, uint64_t ram)
{
  struct server_conf server;
  int r = server_conf_take (&server, section, ram);

  if (r == 0 && server.size > 0)
    r = unitdir_write (dir, &server);
  server_conf_free (&server);
  return r;
}

static int
generate (const char *dir, const char *root)
{
  const uint64_t ram = memory_size (root);
  struct conf conf = {.nr_sections = 0};
  int r;

  if (ram == 0)
    return -1;
  r = conf_read_system (&conf, root);
  for (size_t i = 0; i < conf.nr_sections; i++)
    if (generate_one (dir, &conf.sections[i], ram) < 0)
      r = -1;
  conf_free (&conf);
  return r;
}

int
main (int argc, char **argv)
{
  const char *const root = getenv ("NBDKIT_ZRAM_ROOT");

  if (argc == 2 && strcmp (argv[1], "--help") == 0) {
    fputs (usage, stdout);
    return EXIT_SUCCESS;
  }
  open_log ();
  if (argc != 2 && argc != 4) {
    fputs (usage, stderr);
    return EXIT_FAILURE;
  }
  return generate (argv[1], root ? root : "") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
