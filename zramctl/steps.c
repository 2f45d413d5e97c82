/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "steps.h"

/* How often a command that runs is looked at. */
#define TICK_MS 20

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

#define NR_SIGNALS (sizeof signals / sizeof *signals)

/* Of these: one that was ignored before (nohup) is left so. */
static sigset_t caught;

static volatile sig_atomic_t interrupted;

static void
interrupt (int signal)
{
  (void) signal;
  interrupted = 1;
}

void
steps_catch_signals (void)
{
  struct sigaction action = {.sa_handler = interrupt}, before;

  signal (SIGCHLD, SIG_DFL); /* ignored, it would leave nobody to wait for */
  sigemptyset (&action.sa_mask);
  sigemptyset (&caught);
  for (size_t i = 0; i < NR_SIGNALS; i++) {
    sigaction (signals[i], NULL, &before);
    if (before.sa_handler == SIG_IGN)
      continue;
    sigaction (signals[i], &action, NULL);
    sigaddset (&caught, signals[i]);
  }
}

/* A word that a shell would take for something else is in quotes. */
static void
show_word (const char *word)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789_-+=/.,:@%";

  if (*word && word[strspn (word, plain)] == '\0') {
    fputs (word, stdout);
    return;
  }
  putchar ('\'');
  for (const char *c = word; *c; c++)
    if (*c == '\'')
      fputs ("'\\''", stdout);
    else
      putchar (*c);
  putchar ('\'');
}

/* Before what the command itself prints. */
static void
show (const char *const words[])
{
  for (int i = 0; words[i]; i++) {
    if (i > 0)
      putchar (' ');
    show_word (words[i]);
  }
  putchar ('\n');
  fflush (stdout);
}

static int
spawn (pid_t *pid, const char *const words[], bool apart)
{
  posix_spawnattr_t attr;
  int flags = POSIX_SPAWN_SETSIGDEF, r;

  if (apart)
    flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_init (&attr);
  posix_spawnattr_setsigdefault (&attr, &caught);
  posix_spawnattr_setflags (&attr, (short) flags);
  r = posix_spawnp (pid, words[0], NULL, &attr, (char **) (uintptr_t) words,
                    environ);
  posix_spawnattr_destroy (&attr);
  return r;
}

/* Wait for it; returns its status, as waitpid does. */
static int
await (pid_t pid, void (*tick) (void *arg), void *arg)
{
  int status = -1;

  while (waitpid (pid, &status, WNOHANG) == 0) {
    poll (NULL, 0, TICK_MS);
    if (tick)
      tick (arg);
  }
  return status;
}

static int
judge (const char *name, int status)
{
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return 0;
  if (WIFEXITED (status))
    complain ("%s failed with exit status %d", name, WEXITSTATUS (status));
  else
    complain ("%s was killed by signal %d", name, WTERMSIG (status));
  return -1;
}

int
steps_go_on (const struct steps *steps)
{
  if (!interrupted || steps->undoing)
    return 0;
  complain ("interrupted");
  return -1;
}

static int
run (const struct steps *steps, const char *const words[], bool apart,
     void (*tick) (void *arg), void *arg)
{
  pid_t pid;
  int r;

  show (words);
  if (steps_go_on (steps) < 0)
    return -1;
  if (steps->dry)
    return 0;
  r = spawn (&pid, words, apart);
  if (r != 0) {
    complain ("%s: %s", words[0], strerrordesc_np (r));
    return -1;
  }
  return judge (words[0], await (pid, tick, arg));
}

int
steps_run (const struct steps *steps, const char *const words[])
{
  return run (steps, words, false, NULL, NULL);
}

int
steps_run_apart (const struct steps *steps, const char *const words[])
{
  return run (steps, words, true, NULL, NULL);
}

int
steps_run_long (const struct steps *steps, const char *const words[],
                void (*tick) (void *arg), void *arg)
{
  return run (steps, words, false, tick, arg);
}
