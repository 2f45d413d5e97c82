/* SPDX-License-Identifier: BSD-3-Clause */
/* enginebench: the engine measured by itself, without nbdkit and NBD.
 *
 *   enginebench --help               lists the subcommands
 *   enginebench SUBCOMMAND -h        tells what one of them takes
 *
 * A subcommand measures one thing; each has a file of its own, which says at
 * its top what, and how.  The scripts beside this (poolrun, compressionrun,
 * writebackrun, run) put them together.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enginebench.h"
#include "kernelzram.h"
#include "util.h"

static const struct subcommand {
  const char *name;
  const char *summary;
  void (*run) (int argc, char *argv[]);
} subcommands[] = {
    {"breathe", "what is left of memory when a device is emptied",
     bench_breathe},
    {"density", "what a page costs beyond its compressed size", bench_density},
    {"engine", "a page's codec, write and read, on one thread", bench_engine},
    {"levels", "sizes and times of each algorithm and level", bench_levels},
    {"pagerates", "page writes and reads beside /dev/zram", bench_pagerates},
    {"pool", "what the pool's calls cost, beside malloc", bench_pool},
    {"recompressed", "memory that recompressed pages take", bench_recompressed},
    {"sparse", "metadata of a large disk of which little is written",
     bench_sparse},
    {"spread", "from how many pages on workers' help pays", bench_spread},
    {"stages", "what each stage of a write and of a read costs", bench_stages},
    {"statcost", "reading the statistics of small and large disks",
     bench_statcost},
    {"threads", "page writes and reads by several threads", bench_threads},
    {"writtenback", "writing pages back, and reading them", bench_writtenback},
};

#define NR_SUBCOMMANDS (sizeof subcommands / sizeof *subcommands)

static void
print_help (void)
{
  puts ("Usage: enginebench SUBCOMMAND [OPTION...] [WORD...]\n\n"
        "Measure the engine by itself, without nbdkit and NBD.\n");
  for (size_t i = 0; i < NR_SUBCOMMANDS; i++)
    printf ("  %-13s %s\n", subcommands[i].name, subcommands[i].summary);
  puts ("\n\"enginebench SUBCOMMAND -h\" tells what that one takes.");
}

static const struct subcommand *
find_subcommand (const char *name)
{
  for (size_t i = 0; i < NR_SUBCOMMANDS; i++)
    if (strcmp (subcommands[i].name, name) == 0)
      return &subcommands[i];
  fail ("\"%s\" is not a subcommand (--help lists them)", name);
}

/* A device that was added to the kernel goes, however this ends. */
static void
on_signal (int sig)
{
  kernel_zram_remove ();
  raise (sig);
}

static void
catch_signals (void)
{
  const struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = (int) SA_RESETHAND};
  const int sigs[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

  for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
    sigaction (sigs[i], &action, NULL);
}

int
main (int argc, char *argv[])
{
  const char *const name = argc > 1 ? argv[1] : "--help";
  static char who[64];

  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0) {
    print_help ();
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  const struct subcommand *const subcommand = find_subcommand (name);

  snprintf (who, sizeof who, "enginebench %s", name);
  program_invocation_short_name = who;
  catch_signals ();
  subcommand->run (argc - 1, argv + 1);
  return EXIT_SUCCESS;
}
