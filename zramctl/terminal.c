/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "clock.h"
#include "complain.h"
#include "terminal.h"

/* What every terminal of our days understands (ECMA-48, and xterm's). */
#define ENTER      "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE      "\033[?25h\033[?1049l"
#define HOME       "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

/* The program has one terminal.  Signal handlers look at it. */
static volatile sig_atomic_t is_on, has_keys, has_changed;
static struct termios as_it_was;
static bool colours;

/* To it and back. */

/* Whole, as far as the terminal is there to take it. */
static void
put (const char *text, size_t len)
{
  ssize_t n;

  while (len > 0) {
    n = write (STDOUT_FILENO, text, len);
    if (n < 0 && errno != EINTR)
      return;
    if (n > 0) {
      text += n;
      len -= (size_t) n;
    }
  }
}

/* These two are called by signal handlers: what they call may be. */
static void
enter (void)
{
  struct termios keys = as_it_was;

  keys.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  if (has_keys)
    tcsetattr (STDIN_FILENO, TCSANOW, &keys);
  put (ENTER, sizeof ENTER - 1);
  is_on = 1;
}

static void
leave (void)
{
  if (!is_on)
    return;
  is_on = 0;
  put (LEAVE, sizeof LEAVE - 1);
  if (has_keys)
    tcsetattr (STDIN_FILENO, TCSANOW, &as_it_was);
}

/* Signals. */

/* The signal's own effect comes when this has returned. */
static void
end_by_signal (int signal)
{
  const int code = errno;

  leave ();
  raise (signal);
  errno = code;
}

static void
stop_by_signal (int signal)
{
  const int code = errno;

  (void) signal;
  leave ();
  raise (SIGSTOP);
  enter ();
  has_changed = 1;
  errno = code;
}

static void
change_by_signal (int signal)
{
  (void) signal;
  has_changed = 1;
}

static void
handle (int signal, void (*handler) (int), int flags)
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

  sigfillset (&action.sa_mask);
  sigaction (signal, &action, NULL);
}

static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* These come only while the program waits, lest it draw what is not there. */
static const int changes[] = {SIGTSTP, SIGWINCH};

static bool
is_ignored (int signal)
{
  struct sigaction action;

  return sigaction (signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void
handle_signals (void)
{
  sigset_t blocked;

  sigemptyset (&blocked);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    sigaddset (&blocked, changes[i]);
  sigprocmask (SIG_BLOCK, &blocked, NULL);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (!is_ignored (endings[i]))
      handle (endings[i], end_by_signal, (int) SA_RESETHAND);
  if (!is_ignored (SIGTSTP))
    handle (SIGTSTP, stop_by_signal, 0);
  handle (SIGWINCH, change_by_signal, 0);
}

/* The screen. */

static bool
is_able (void)
{
  const char *const term = getenv ("TERM");

  return isatty (STDOUT_FILENO) && term && *term && strcmp (term, "dumb") != 0;
}

bool
terminal_begin (void)
{
  const char *const no_color = getenv ("NO_COLOR");

  if (!is_able ())
    return false;
  colours = !no_color || !*no_color;
  has_keys = tcgetattr (STDIN_FILENO, &as_it_was) == 0;
  atexit (terminal_end);
  handle_signals ();
  enter ();
  return true;
}

void
terminal_end (void)
{
  leave ();
}

void
terminal_size (unsigned *width, unsigned *height)
{
  struct winsize size;

  *width = 80;
  *height = 24;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
      size.ws_row > 0) {
    *width = size.ws_col;
    *height = size.ws_row;
  }
}

static void
print_line (FILE *fp, const struct screen_line *line)
{
  static const char *const tones[] = {
      [SCREEN_PLAIN] = "",
      [SCREEN_HEADING] = "\033[1m",
      [SCREEN_ALARM] = "\033[1;31m",
  };
  const bool plain = !colours || line->tone == SCREEN_PLAIN;

  fprintf (fp, "%s%s%s%s", CLEAR_LINE, plain ? "" : tones[line->tone],
           line->text, plain ? "" : "\033[m");
}

/* In one piece, so that nobody sees it half done; and the last line is not
 * ended, since that would move the others up. */
void
terminal_show (const struct screen *screen)
{
  char *text;
  size_t len;
  FILE *const fp = complain_unless (open_memstream (&text, &len));

  fputs (HOME, fp);
  for (size_t i = 0; i < screen->n; i++) {
    fputs (i ? "\r\n" : "", fp);
    print_line (fp, &screen->lines[i]);
  }
  if (screen->n < screen->height)
    fputs ("\r\n" CLEAR_REST, fp);
  if (fclose (fp) != 0)
    complain_of_memory ();
  put (text, len);
  free (text);
}

/* Waiting. */

/* A terminal that has gone has no more keys. */
static bool
is_quit (void)
{
  char key;
  const ssize_t n = read (STDIN_FILENO, &key, 1);

  return n == 0 || (n == 1 && (key == 'q' || key == 'Q'));
}

/* Until a key is pressed or a signal has come. */
static bool
wait_for_key (uint64_t deadline)
{
  const uint64_t now = clock_ms ();
  const uint64_t left = deadline > now ? deadline - now : 0;
  const struct timespec timeout = {.tv_sec = (time_t) (left / 1000),
                                   .tv_nsec = (long) (left % 1000) * 1000000};
  struct pollfd keys = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
  sigset_t mask;

  sigprocmask (SIG_SETMASK, NULL, &mask);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    sigdelset (&mask, changes[i]);
  return ppoll (&keys, 1, &timeout, &mask) > 0;
}

enum terminal_event
terminal_wait (uint64_t deadline)
{
  for (;;) {
    if (wait_for_key (deadline) && is_quit ())
      return TERMINAL_QUIT;
    if (has_changed) {
      has_changed = 0;
      return TERMINAL_CHANGED;
    }
    if (clock_ms () >= deadline)
      return TERMINAL_TIME;
  }
}
