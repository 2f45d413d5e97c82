/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "occupying.h"

#include <unistd.h>

#include "unit.h"

static _Atomic bool released;

static void
occupy (struct work *work)
{
  WORK_OWNER (work, struct occupation)->begun = true;
  while (!released)
    usleep (1000);
}

void
workers_occupy (struct workpool *pool, enum work_lane lane,
                struct occupation occupations[], unsigned nr)
{
  released = false;
  for (unsigned i = 0; i < nr; i++) {
    occupations[i] = (struct occupation){.work.fn = occupy};
    must (workpool_submit (pool, lane, &occupations[i].work));
    while (!occupations[i].begun)
      usleep (1000);
  }
}

void
workers_release (void)
{
  released = true;
}
