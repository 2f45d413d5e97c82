/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "safetext.h"

/* The length of the character at TEXT, within LEN bytes; PRINTS says whether a
 * terminal may have it. */
static size_t
measure (const char *text, size_t len, int *prints)
{
  mbstate_t state = {0};
  wchar_t c = 0;
  const size_t n = mbrtowc (&c, text, len, &state);

  /* None: a NUL byte.  More than there are: mbrtowc's errors. */
  if (n == 0 || n > len) {
    *prints = 0;
    return 1;
  }
  *prints = iswprint ((wint_t) c);
  return n;
}

void
safetext_clean (char *text, size_t len)
{
  int prints;

  for (size_t i = 0, n; i < len; i += n) {
    n = measure (text + i, len - i, &prints);
    if (!prints)
      memset (text + i, '?', n);
  }
}
