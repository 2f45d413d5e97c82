/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "safetext.h"

/* Longer messages are cut: the kernel's log, where the generator's go, takes no
 * more than 976 bytes at a time, with the program's name. */
#define MESSAGE_SIZE 900

ZRAM_PRINTF (1, 0)
static void
complain_list (const char *format, va_list args)
{
  char text[MESSAGE_SIZE];

  vsnprintf (text, sizeof text, format, args);
  safetext_clean (text, strlen (text));
  fprintf (stderr, "%s: %s\n", program_invocation_short_name, text);
}

void
complain (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  complain_list (format, args);
  va_end (args);
}

int
complain_try_help (void)
{
  fprintf (stderr, "Try '%s --help' for more information.\n",
           program_invocation_short_name);
  return EXIT_FAILURE;
}

int
complain_usage (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  complain_list (format, args);
  va_end (args);
  return complain_try_help ();
}

void
complain_of_memory (void)
{
  complain ("there is no memory left");
  exit (EXIT_FAILURE);
}

void *
complain_unless (void *memory)
{
  if (!memory)
    complain_of_memory ();
  return memory;
}
