/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stddef.h>

#include "rate.h"

double
rate_of (const struct sample *before, const struct sample *now,
         enum sample_attribute attribute, unsigned column)
{
  uint64_t was, is;

  if (!before || column >= before->n[attribute] ||
      column >= now->n[attribute] || now->when <= before->when)
    return -1;
  was = before->columns[attribute][column];
  is = now->columns[attribute][column];
  if (is < was)
    return -1;
  return (double) (is - was) * 1000 / (double) (now->when - before->when);
}
