/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done with a server, in steps: together they come by all points that
 * can be come by while it runs. */
#ifndef ZRAM_TEST_STEPS_H
#define ZRAM_TEST_STEPS_H

#include <stdbool.h>

#include "rig.h"

struct step {
  const char *name;
  void (*run) (void);
  unsigned setups; /* for which it is, a bit for each */
};

extern const struct step steps[];
extern const unsigned nr_steps;

static inline bool
step_is_for (const struct step *step, enum setup setup)
{
  return (step->setups & (1U << setup)) != 0;
}

/* Remove what a step has left when it could not end; all is in order then. */
extern void steps_clean (void);

#endif /* ZRAM_TEST_STEPS_H */
