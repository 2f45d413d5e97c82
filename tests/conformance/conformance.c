/* SPDX-License-Identifier: BSD-3-Clause */
/* The conformance suite: does a script's operations to the kernel's zram, where
 * there is one, and to the plugin, and compares what comes of them with the
 * script and with each other.  README.md says how. */
#include <config.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "expectation.h"
#include "perform.h"
#include "script.h"
#include "server.h"
#include "side.h"
#include "subject.h"

static const char usage[] =
    "Usage: conformance [-l | [-p] [-b DEVICE] [-k | -s here | -s kernel]]\n"
    "                   TABLE...\n"
    "\n"
    "Do the operations in the TABLEs to the kernel's zram and to the plugin, "
    "and\n"
    "compare.  See README.md.\n"
    "\n"
    "-b DEVICE  a disk of 2 MiB, whose data is lost, for the kernel's zram to\n"
    "           write back to\n"
    "-k         the test is skipped if the kernel's zram cannot be used\n"
    "-s SIDE    this side alone\n"
    "-p         the TABLEs are a part: what is declared need not be used\n"
    "-l         only list why the two differ by design, each reason once\n";

static struct side *sides[SIDES];
static bool is_part;
static volatile sig_atomic_t interrupted;

/* What has been done so far. */
static unsigned done[SIDES], mismatches, compared, deviations, sections;

/* What a side lacks in this section, and operations that were left out for
 * it. */
struct lack {
  char name[64];
  unsigned skipped;
};

#define LACKS 16

static struct lack lacks[SIDES][LACKS];
static struct lack *lacking[SIDES];

/* Messages. */

static void
print_op (const struct op *op)
{
  fprintf (stderr, "%s:%u:", op->file, op->line);
  for (size_t i = 0; i < op->n; i++)
    fprintf (stderr, " %s", op->words[i]);
}

static void
complain_of_result (const struct op *op, const char *name, const char *result,
                    const char *want)
{
  print_op (op);
  fprintf (stderr, "\n  %s: '%s', and not '%s'\n", name, result, want);
  mismatches++;
}

static void
complain_of_difference (const struct op *op, char results[][RESULT_SIZE])
{
  print_op (op);
  fprintf (stderr, "\n  too far apart: kernel '%s', here '%s'\n",
           results[KERNEL], results[PLUGIN]);
  mismatches++;
}

/* What a side lacks. */

static struct lack *
lack_named (int side, const char *name)
{
  struct lack *lack = lacks[side];

  while (*lack->name && strcmp (lack->name, name) != 0)
    lack++;
  CHECK (lack < &lacks[side][LACKS - 1]);
  snprintf (lack->name, sizeof lack->name, "%s", name);
  return lack;
}

/* " lz4 " in " [lz4] zstd " */
static bool
has_algorithm (struct side *side, const char *name)
{
  char list[RESULT_SIZE + 2] = " ";
  char word[64];

  side->get ("comp_algorithm", list + 1);
  for (char *c = list; *c; c++)
    if (*c == '[' || *c == ']')
      *c = ' ';
  strcat (list, " ");
  snprintf (word, sizeof word, " %s ", name);
  return strstr (list, word) != NULL;
}

static bool
has_attribute (struct side *side, const char *name)
{
  return side->has (name);
}

static bool
has_backing (struct side *side, const char *name)
{
  (void) name;
  return *side->store;
}

/* "6.16"; the plugin is as the newest is. */
static bool
has_version (struct side *side, const char *name)
{
  unsigned major = 0, minor = 0;

  sscanf (name, "%u.%u", &major, &minor);
  return side->version_number == 0 ||
         side->version_number >= 1000 * major + minor;
}

/* What "needs" is followed by. */
static const struct {
  const char *kind;
  bool (*has) (struct side *side, const char *name);
} kinds[] = {{"algorithm", has_algorithm},
             {"attribute", has_attribute},
             {"backing", has_backing},
             {"kernel", has_version}};

/* "needs KIND NAME": the rest of the section is not for a side without it;
 * "needs KIND NAME kernel": only if that is the kernel. */
static void
need (const struct op *op)
{
  char name[64];
  size_t kind = 0;

  if (op->n < 3 || op->n > 4)
    op_wrong (op, "'needs KIND NAME' is expected");
  while (kind < sizeof kinds / sizeof *kinds &&
         strcmp (op->words[1], kinds[kind].kind) != 0)
    kind++;
  if (kind == sizeof kinds / sizeof *kinds)
    op_wrong (op, "there is no such thing to need");
  snprintf (name, sizeof name, "%s %s", op->words[1], op->words[2]);
  for (int i = 0; i < SIDES; i++)
    if (sides[i] &&
        (op->n == 3 || strcmp (op->words[3], sides[i]->name) == 0) &&
        !kinds[kind].has (sides[i], op->words[2]))
      lacking[i] = lack_named (i, name);
}

/* Whether a side lacks what OP is about; then it is counted as left out. */
static bool
is_lacking (const struct op *op, int number)
{
  struct subject *const subject = subject_of (op);

  if (lacking[number]) {
    lacking[number]->skipped++;
    return true;
  }
  if (!subject || sides[number]->has (subject->declared->words[1]) ||
      (number == PLUGIN && !subject->issue))
    return false;
  subject->skipped[number]++;
  return true;
}

/* Operations. */

static void
begin_section (const struct op *op)
{
  char result[RESULT_SIZE];

  sections++;
  subjects_forget ();
  for (int i = 0; i < SIDES; i++) {
    lacking[i] = NULL;
    if (!sides[i])
      continue;
    perform_begin (sides[i], i, result);
    if (strcmp (result, "ok") != 0)
      complain_of_result (op, sides[i]->name, result, "ok");
  }
}

/* Whether it was done. */
static bool
run_on (const struct op *op, int number, char result[RESULT_SIZE])
{
  struct side *const side = sides[number];
  char before[RESULT_SIZE];
  const char *want;

  if (!side || is_lacking (op, number))
    return false;
  want = op_want (op, number, side->version_number);
  perform (op, side, number, result, before);
  done[number]++;
  if (!expectation_met (want, result, before))
    complain_of_result (op, side->name, result, want);
  return true;
}

/* What this kernel, being old, does otherwise, is no deviation of ours. */
static void
compare (const struct op *op, char results[SIDES][RESULT_SIZE])
{
  if (op->because)
    deviations++;
  else if (op_want (op, KERNEL, sides[KERNEL]->version_number) ==
           op->want[KERNEL]) {
    compared++;
    if (!expectation_agreed (op->want[KERNEL], results[KERNEL],
                             results[PLUGIN]))
      complain_of_difference (op, results);
  }
}

static void
run_operation (const struct op *op)
{
  static char results[SIDES][RESULT_SIZE];
  struct subject *const subject = subject_of (op);
  int ran = 0;

  if (!op->want[KERNEL])
    op_wrong (op, "a result is missing: '-> RESULT'");
  if (!expectation_is_valid (op->want[KERNEL]) ||
      !expectation_is_valid (op->want[PLUGIN]))
    op_wrong (op, "a range must have a lower end and a higher one");
  if (subject)
    subject->used++;
  for (int i = 0; i < SIDES; i++)
    ran += run_on (op, i, results[i]);
  if (ran == SIDES)
    compare (op, results);
}

static void
run_op (const struct op *op)
{
  if (subject_is_declaration (op))
    return;
  if (op_is (op, "section", 1))
    begin_section (op);
  else if (strcmp (op->words[0], "needs") == 0)
    need (op);
  else
    run_operation (op);
}

/* In the end. */

/* Each line has as many operations as were left out for that. */
static void
print_side (int number)
{
  const struct side *const side = sides[number];

  printf ("%s %s: %u operations\n", side->name, side->version, done[number]);
  printf ("%s: not there:", side->name);
  subjects_print_skipped (number, false);
  for (const struct lack *lack = lacks[number]; *lack->name; lack++)
    printf (" (%s) %u", lack->name, lack->skipped);
  subjects_print_skipped (number, true);
  printf ("\n");
}

static void
print_summary (void)
{
  for (int i = 0; i < SIDES; i++)
    if (sides[i])
      print_side (i);
  printf ("sections: %u\ncompared: %u\ndeviations by design: %u\n"
          "mismatches: %u\n",
          sections, compared, deviations, mismatches);
}

static void
leave (void)
{
  if (sides[PLUGIN]) {
    mismatches += subjects_check (pluginside_attributes (), !is_part);
    sides[PLUGIN]->leave ();
  }
}

/* NULL: OP's results do not differ, or it is not there yet. */
static const char *
reason_of (const struct op *op)
{
  const struct subject *const subject = subject_of (op);

  return subject && subject->issue ? NULL : op->because;
}

static void
list_reasons (const struct script *script)
{
  for (size_t i = 0; i < script->n; i++) {
    const char *const reason = reason_of (&script->ops[i]);
    bool seen = !reason;

    for (size_t j = 0; j < i && !seen; j++) {
      const char *const other = reason_of (&script->ops[j]);

      seen = other && strcmp (other, reason) == 0;
    }
    if (!seen)
      puts (reason);
  }
}

static void
interrupt (int sig)
{
  interrupted = sig;
}

/* Whatever ends the program, the device is to go.  What waits for somebody is
 * not begun again, and fails. */
static void
catch_signals (void)
{
  static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  const struct sigaction action = {.sa_handler = interrupt};

  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    CHECK (sigaction (signals[i], &action, NULL) == 0);
  signal (SIGPIPE, SIG_IGN);
}

static void
run (const struct script *script)
{
  for (size_t i = 0; i < script->n && !interrupted; i++)
    run_op (&script->ops[i]);
  if (interrupted)
    exit (128 + interrupted);
  leave ();
  print_summary ();
}

/* SIDE: NULL, or the name of the only one. */
static void
enter (const char *side, const char *store, bool must_have_kernel)
{
  const char *why = NULL;

  catch_signals ();
  if (!side || strcmp (side, "kernel") == 0) {
    sides[KERNEL] = kernelside_enter (store, &why);
    if (!sides[KERNEL] && (must_have_kernel || side)) {
      printf ("SKIPPED: the kernel's side: %s\n", why);
      exit (77);
    }
    if (!sides[KERNEL])
      printf ("NOT RUN: conformance: the kernel's side: %s\n", why);
  }
  if (!side || strcmp (side, "here") == 0)
    sides[PLUGIN] = pluginside_enter ();
  for (int i = 0; i < SIDES; i++)
    if (sides[i])
      devices_begin (sides[i], i);
}

int
main (int argc, char **argv)
{
  bool list = false, must_have_kernel = false;
  struct script script = {.n = 0};
  const char *side = NULL, *store = NULL;
  int letter;

  while ((letter = getopt (argc, argv, "lb:kps:h")) != -1)
    switch (letter) {
    case 'l':
      list = true;
      break;
    case 'b':
      store = optarg;
      break;
    case 'k':
      must_have_kernel = true;
      break;
    case 'p':
      is_part = true;
      break;
    case 's':
      side = optarg;
      break;
    default:
      fputs (usage, letter == 'h' ? stdout : stderr);
      return letter == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
    }
  for (int i = optind; i < argc; i++)
    script_read (&script, argv[i]);
  for (size_t i = 0; i < script.n; i++)
    if (subject_is_declaration (&script.ops[i]))
      subject_declare (&script.ops[i]);
  if (list) {
    list_reasons (&script);
    return EXIT_SUCCESS;
  }
  enter (side, store, must_have_kernel);
  run (&script);
  return mismatches == 0 && done[KERNEL] + done[PLUGIN] > 0 ? EXIT_SUCCESS
                                                            : EXIT_FAILURE;
}
