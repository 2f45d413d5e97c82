/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdio.h>

#include "complain.h"
#include "newtext.h"

char *
newtext_list (const char *format, va_list args)
{
  char *text;

  if (vasprintf (&text, format, args) < 0)
    complain_of_memory ();
  return text;
}

char *
newtext (const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = newtext_list (format, args);
  va_end (args);
  return text;
}
