/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "cell.h"
#include "humansize.h"

struct cell
cell_size (uint64_t bytes)
{
  struct cell cell;
  char text[HUMANSIZE_TEXT];

  humansize_print (text, bytes);
  snprintf (cell.text, sizeof cell.text, "%s", text);
  return cell;
}

struct cell
cell_ratio (const struct sample *sample)
{
  struct cell cell = {"-"};
  double ratio;

  if (sample_ratio (sample, &ratio))
    snprintf (cell.text, sizeof cell.text, "%.2f", ratio);
  return cell;
}

struct cell
cell_rate (double rate, double unit)
{
  struct cell cell = {"-"};

  if (rate >= 0)
    snprintf (cell.text, sizeof cell.text, "%.1f", rate / unit);
  return cell;
}

struct cell
cell_count (const struct sample *sample, enum sample_attribute attribute,
            unsigned column)
{
  struct cell cell = {"-"};

  if (sample_has (sample, attribute))
    snprintf (cell.text, sizeof cell.text, "%" PRIu64,
              sample->columns[attribute][column]);
  return cell;
}
