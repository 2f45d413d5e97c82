/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "clock.h"
#include "progressbar.h"

/* What ends the program while it waits. */
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

#define NR_SIGNALS (sizeof signals / sizeof *signals)

static struct {
  bool running;
  int fd;
  const char *what;
  uint64_t when; /* it may be shown, in milliseconds */
  char line[PROGRESSBAR_COLUMNS + 1];
  volatile sig_atomic_t shown; /* columns */
  struct sigaction before[NR_SIGNALS];
} bar;

/* The line. */

static unsigned
percent_of (uint64_t done, uint64_t total)
{
  unsigned percent;

  if (done >= total)
    return 100;
  percent = (unsigned) ((double) done / (double) total * 100);
  return percent < 99 ? percent : 99;
}

/* Between the brackets. */
#define LEAST_WIDTH 8

void
progressbar_print (char line[PROGRESSBAR_COLUMNS + 1], unsigned columns,
                   const char *what, uint64_t done, uint64_t total)
{
  const unsigned percent = percent_of (done, total);
  const size_t around = strlen (what) + strlen (" [] 100%");
  size_t width;

  if (columns > PROGRESSBAR_COLUMNS)
    columns = PROGRESSBAR_COLUMNS;
  if (columns < around + LEAST_WIDTH) {
    snprintf (line, columns + 1, "%3u%% %s", percent, what);
    return;
  }
  width = columns - around;
  snprintf (line, columns + 1, "%s [%*s] %3u%%", what, (int) width, "",
            percent);
  memset (line + strlen (what) + 2, '#', width * percent / 100);
}

/* The terminal. */

/* Without a place for the cursor behind them: it would go to the next line. */
static unsigned
columns_of (int fd)
{
  struct winsize size;

  if (ioctl (fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
    return PROGRESSBAR_COLUMNS;
  return size.ws_col - 1U;
}

/* A terminal that takes nothing is not waited for or complained about. */
static void
put (const char *text, size_t len)
{
  if (write (bar.fd, text, len) < 0)
    return;
}

/* Also from the handler of a signal. */
static void
wipe (void)
{
  char blanks[PROGRESSBAR_COLUMNS + 2];
  const size_t shown = (size_t) bar.shown;

  if (shown == 0)
    return;
  memset (blanks, ' ', sizeof blanks);
  blanks[0] = '\r';
  blanks[shown + 1] = '\r';
  put (blanks, shown + 2);
  bar.shown = 0;
}

static void
draw (void)
{
  const size_t len = strlen (bar.line);
  char text[PROGRESSBAR_COLUMNS + 3];

  if ((size_t) bar.shown > len)
    wipe ();
  snprintf (text, sizeof text, "\r%s\r", bar.line);
  bar.shown = (sig_atomic_t) len;
  put (text, len + 2);
}

/* The signal is blocked while it is handled; then it does what it does. */
static void
wipe_and_die (int signal)
{
  wipe ();
  raise (signal);
}

static void
catch_signals (void)
{
  const struct sigaction once = {.sa_handler = wipe_and_die,
                                 .sa_flags = (int) SA_RESETHAND};

  for (size_t i = 0; i < NR_SIGNALS; i++) {
    sigaction (signals[i], NULL, &bar.before[i]);
    if (bar.before[i].sa_handler == SIG_DFL)
      sigaction (signals[i], &once, NULL);
  }
}

static void
release_signals (void)
{
  for (size_t i = 0; i < NR_SIGNALS; i++)
    sigaction (signals[i], &bar.before[i], NULL);
}

bool
progressbar_begin (int fd, const char *what, unsigned delay)
{
  if (!isatty (fd))
    return false;
  bar.fd = fd;
  bar.what = what;
  bar.when = clock_ms () + delay;
  bar.line[0] = '\0';
  bar.running = true;
  catch_signals ();
  return true;
}

void
progressbar_update (void *arg, uint64_t done, uint64_t total)
{
  char line[PROGRESSBAR_COLUMNS + 1];

  (void) arg;
  if (!bar.running || clock_ms () < bar.when)
    return;
  progressbar_print (line, columns_of (bar.fd), bar.what, done, total);
  if (strcmp (line, bar.line) == 0)
    return;
  memcpy (bar.line, line, sizeof line);
  draw ();
}

void
progressbar_end (void)
{
  if (!bar.running)
    return;
  wipe ();
  release_signals ();
  bar.running = false;
}
