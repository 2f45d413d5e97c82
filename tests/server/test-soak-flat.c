/* SPDX-License-Identifier: BSD-3-Clause */
/* The soak's judgement of memory, of runs that would take days: what grows is
 * found out, however many rounds there are, and nothing else is.
 */
#include <config.h>

#include <stddef.h>

#include "server.h"
#include "soakflat.h"

/* Rounds of a minute: the least, some, as many as there are points and one
 * more, and those of a month. */
static const unsigned runs[] = {
    FLAT_ROUNDS, FLAT_ROUNDS + 1, 100, FLAT_POINTS, FLAT_POINTS + 1, 4096, 4097,
    43200};
#define RUNS (sizeof runs / sizeof *runs)

/* Up to 3 MiB more, but for one round in five. */
static uint64_t
by_chance (unsigned round)
{
  return round % 5 == 3 ? 0 : round * 7919ULL % (3 * MiB);
}

/* In the first quarter more is made, which stays; and what leaks is 6 MiB at
 * the end. */
static void
note_rounds (struct flat *flat, unsigned rounds, bool leaks)
{
  *flat = (struct flat){.merged = 1};
  for (unsigned i = 0; i < rounds; i++) {
    const uint64_t leaked = leaks ? 6 * MiB * i / rounds : 0;
    const uint64_t made = (i < rounds / 4 ? i : rounds / 4) * MiB;

    flat_note (flat, 20 * MiB + made + by_chance (i) + leaked);
    CHECK (flat->rounds == i + 1);
    CHECK (flat->n > 0 && flat->n <= FLAT_POINTS);
  }
}

int
main (void)
{
  static struct flat flat;

  for (size_t i = 0; i < RUNS; i++) {
    note_rounds (&flat, runs[i], false);
    if (flat_has_grown (&flat))
      fail ("%u rounds, and nothing leaks: memory has grown", runs[i]);
    note_rounds (&flat, runs[i], true);
    if (!flat_has_grown (&flat))
      fail ("%u rounds, and some leaks: memory has not grown", runs[i]);
  }
  return EXIT_SUCCESS;
}
