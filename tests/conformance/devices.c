/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "devices.h"

struct named {
  const char *name;
  char device[DEVICE_SIZE];
  bool is_there;
};

#define NAMED 8

/* The first one is "first". */
static struct named table[SIDES][NAMED];
static size_t count[SIDES];

static struct named *
find (int number, const char *name)
{
  for (size_t i = 0; i < count[number]; i++)
    if (strcmp (table[number][i].name, name) == 0)
      return &table[number][i];
  return NULL;
}

static void
add (int number, const char *name, const char *device)
{
  struct named *const named = &table[number][count[number]++];

  named->name = name;
  named->is_there = true;
  snprintf (named->device, DEVICE_SIZE, "%s", device);
}

void
devices_add (const struct op *op, struct side *side, int number,
             char result[RESULT_SIZE])
{
  if (count[number] == NAMED || find (number, op->words[1]))
    op_wrong (op, "there is one of that name, or there are too many");
  if (!side->hot_add (result))
    return;
  add (number, op->words[1], result);
  strcpy (result, "ok");
}

const char *
devices_find (const struct op *op, int number, const char *name)
{
  const struct named *const named = find (number, name);

  if (!named)
    op_wrong (op, "no device of that name has been added");
  return named->device;
}

/* What was free again may have been given to another one, too: all go. */
void
devices_remove (int number, const char *device)
{
  for (size_t i = 0; i < count[number]; i++)
    if (strcmp (table[number][i].device, device) == 0)
      table[number][i].is_there = false;
}

void
devices_begin (struct side *side, int number)
{
  if (count[number] == 0)
    add (number, "first", side->device);
  count[number] = 1;
  strcpy (side->device, table[number][0].device);
}

const char *
devices_left (int number)
{
  for (size_t i = 1; i < count[number]; i++)
    if (table[number][i].is_there)
      return table[number][i].device;
  return NULL;
}
