/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit's command line.
 *
 * Problem.  How much memory must be there in advance depends on how many
 * threads nbdkit has for a connection, and --swap does harm.  It tells a plugin
 * neither.
 *
 * Idea.  Read its command line as it does itself, with getopt_long: options
 * stand anywhere before "--", the plugin's name and parameters between them;
 * letters are joined, with a value or without (-fvt4); long names may be cut
 * short (--th=4).  What we see has been accepted by nbdkit, so a name that is
 * cut short is not ambiguous.  Its values, which might look like options, are
 * passed over: those options that have one are listed here.
 *
 * The list is of nbdkit 1.30 to 1.46.  What a later one adds may be misread, if
 * its value looks like an option of ours (--new-option -t8).  That must do no
 * more than this: --swap is asked to be left out where it is not given, or is
 * not seen; fewer threads or more than there are are taken into account, so
 * that requests may meet page faults, or memory is filled that nobody uses.
 */
#include <config.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "procfile.h"

/* Options that have a value, by letter and by name. */
static const char valued_letters[] = "DegipPtuU";
static const char *const valued_names[] = {
    "debug",        "export",         "export-name", "exportname",
    "filter",       "group",          "ip-addr",     "ipaddr",
    "log",          "mask-handshake", "name",        "pid-file",
    "pidfile",      "port",           "run",         "selinux-label",
    "threads",      "timeout",        "tls",         "tls-certificates",
    "tls-priority", "tls-psk",        "unix",        "user"};

/* The arguments that have not been looked at. */
struct words {
  const char *at;
  const char *end;
};

/* NULL: there are no more. */
static const char *
next_word (struct words *words)
{
  const char *const word = words->at;
  const char *const nul = memchr (word, '\0', (size_t) (words->end - word));

  words->at = nul ? nul + 1 : words->end;
  return nul ? word : NULL;
}

/* 0 is nbdkit's default, too. */
static void
set_threads (struct cmdline *cmdline, const char *value)
{
  const unsigned long n = strtoul (value, NULL, 0);

  cmdline->threads = n == 0         ? CMDLINE_DEFAULT_THREADS
                     : n < UINT_MAX ? (unsigned) n
                                    : UINT_MAX;
}

/* Letters after one "-". */
static void
take_letters (struct cmdline *cmdline, const char *letters, struct words *words)
{
  while (*letters && !strchr (valued_letters, *letters))
    letters++;
  if (*letters) {
    const char *const value = letters[1] ? letters + 1 : next_word (words);

    if (*letters == 't' && value)
      set_threads (cmdline, value);
  }
}

/* May the first LEN bytes of NAME stand for WHOLE? */
static bool
stands_for (const char *name, size_t len, const char *whole)
{
  return len > 0 && strncmp (name, whole, len) == 0;
}

static bool
has_value (const char *name, size_t len)
{
  for (size_t i = 0; i < sizeof valued_names / sizeof *valued_names; i++)
    if (stands_for (name, len, valued_names[i]))
      return true;
  return false;
}

/* What is after "--": a name, and perhaps "=" and the value. */
static void
take_name (struct cmdline *cmdline, const char *name, struct words *words)
{
  const size_t len = strcspn (name, "=");
  const char *value = NULL;

  if (name[len] == '=')
    value = name + len + 1;
  else if (has_value (name, len))
    value = next_word (words);
  if (stands_for (name, len, "threads") && value)
    set_threads (cmdline, value);
  if (stands_for (name, len, "swap"))
    cmdline->swap = true;
}

void
cmdline_parse (struct cmdline *cmdline, const char *args, size_t len)
{
  struct words words = {args, args + len};
  const char *word = next_word (&words);

  *cmdline = (struct cmdline){.threads = CMDLINE_DEFAULT_THREADS};
  while (word && (word = next_word (&words)) != NULL &&
         strcmp (word, "--") != 0) {
    if (strncmp (word, "--", 2) == 0)
      take_name (cmdline, word + 2, &words);
    else if (word[0] == '-')
      take_letters (cmdline, word + 1, &words);
  }
}

void
cmdline_read (struct cmdline *cmdline)
{
  size_t len = 0;
  char *const args = procfile_read ("/proc/self/cmdline", &len);

  cmdline_parse (cmdline, args ? args : "", len);
  free (args);
}
