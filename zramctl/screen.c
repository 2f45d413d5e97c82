/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "complain.h"
#include "newtext.h"
#include "safetext.h"
#include "screen.h"

/* Cut TEXT, which is of characters that print, before the one that does not fit
 * WIDTH columns. */
static void
cut (char *text, unsigned width)
{
  mbstate_t state = {0};
  wchar_t c;
  size_t n;
  int columns;

  for (; *text; text += n) {
    n = mbrtowc (&c, text, strlen (text), &state);
    columns = n > strlen (text) ? 1 : wcwidth (c);
    if (n > strlen (text))
      n = 1;
    if (columns < 0 || (unsigned) columns > width) {
      *text = '\0';
      return;
    }
    width -= (unsigned) columns;
  }
}

/* Blanks at the end are of no use. */
static void
trim (char *text)
{
  size_t len = strlen (text);

  while (len > 0 && text[len - 1] == ' ')
    text[--len] = '\0';
}

void
screen_add (struct screen *screen, enum screen_tone tone, const char *format,
            ...)
{
  struct screen_line line = {.tone = tone};
  va_list args;

  if (screen->n >= screen->height)
    return;
  va_start (args, format);
  line.text = newtext_list (format, args);
  va_end (args);
  safetext_clean (line.text, strlen (line.text));
  cut (line.text, screen->width);
  trim (line.text);
  screen->lines = complain_unless (
      reallocarray (screen->lines, screen->n + 1, sizeof *screen->lines));
  screen->lines[screen->n++] = line;
}

void
screen_free (struct screen *screen)
{
  for (size_t i = 0; i < screen->n; i++)
    free (screen->lines[i].text);
  free (screen->lines);
  *screen = (struct screen){.n = 0};
}
