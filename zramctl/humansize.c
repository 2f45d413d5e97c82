/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "humansize.h"

void
humansize_print (char text[HUMANSIZE_TEXT], uint64_t bytes)
{
  static const char units[] = "BKMGTPE";
  unsigned shift = 0, tenths;
  uint64_t whole, rest;

  while (bytes >> shift >= 1024)
    shift += 10;
  whole = bytes >> shift;
  rest = bytes - (whole << shift);
  tenths = (unsigned) ((rest * 10 + (UINT64_C (1) << shift) / 2) >> shift);
  whole += tenths / 10;
  tenths %= 10;
  if (whole == 1024) {
    whole = 1;
    shift += 10;
  }
  if (tenths > 0)
    snprintf (text, HUMANSIZE_TEXT, "%" PRIu64 ".%u%c", whole, tenths,
              units[shift / 10]);
  else
    snprintf (text, HUMANSIZE_TEXT, "%" PRIu64 "%c", whole, units[shift / 10]);
}
