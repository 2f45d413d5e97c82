/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>

#include "median.h"

static int
compare (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

double
sort_median (double *values, size_t nr)
{
  qsort (values, nr, sizeof *values, compare);
  return (values[(nr - 1) / 2] + values[nr / 2]) / 2;
}

struct summary
summary_of (double *values, size_t nr)
{
  const double median = sort_median (values, nr);

  return (struct summary){median, values[0], values[nr - 1]};
}
