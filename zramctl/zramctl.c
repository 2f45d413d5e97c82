/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit-zramctl: its options, and which command they are for. */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "command.h"
#include "complain.h"

#define NAME "nbdkit-zramctl"

/* Letters for what has none. */
enum {
  OUTPUT_ALL = 'A',
  CONNECTIONS = 'C',
  DRY_RUN = 'D'
};

static const struct option long_options[] = {
    {"bytes", no_argument, NULL, 'b'},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"count", required_argument, NULL, 'c'},
    {"dry-run", no_argument, NULL, DRY_RUN},
    {"errno", no_argument, NULL, 'e'},
    {"file", required_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"interval", required_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'J'},
    {"noheadings", no_argument, NULL, 'n'},
    {"output", required_argument, NULL, 'o'},
    {"output-all", no_argument, NULL, OUTPUT_ALL},
    {"priority", required_argument, NULL, 'p'},
    {"raw", no_argument, NULL, 'r'},
    {"socket", required_argument, NULL, 's'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char short_options[] = "bc:ef:hi:Jno:p:rs:V";

/* "options": those that mean something to it, beside --socket.  The first is
 * what is done without a command. */
static const struct command {
  const char *name;
  const char *options;
  int (*run) (struct command_line *line);
} commands[] = {
    {"table", "bJnorA", command_table},
    {"get", "en", command_get},
    {"set", "e", command_set},
    {"attributes", "Jnr", command_attributes},
    {"metrics", "f", command_metrics},
    {"watch", "ci", command_watch},
    {"hot_add", "e", command_hot_add},
    {"hot_remove", "e", command_hot_remove},
    {"swap", "CDp", command_swap},
};

static const char help[] =
    "\nUsage:\n"
    " " NAME " [options]\n"
    " " NAME " [options] get [disk] attribute...\n"
    " " NAME " [options] set [disk] attribute value\n"
    " " NAME " [options] set [disk] attribute=value...\n"
    " " NAME " [options] attributes\n"
    " " NAME " [options] metrics\n"
    " " NAME " [options] watch [disk]\n"
    " " NAME " [options] hot_add [parameter=value...]\n"
    " " NAME " [options] hot_remove disk...\n"
    " " NAME " [options] swap on [size] [parameter=value...]\n"
    " " NAME " [options] swap off [device]\n"
    " " NAME " [options] swap attach device\n"
    "\nShow and control the disks of nbdkit-zram-plugin's servers.\n"
    "\nCommands:\n"
    " get                   print attributes of a disk\n"
    " set                   change attributes of a disk\n"
    " attributes            list the attributes that there are\n"
    " metrics               print the numbers of all disks for Prometheus\n"
    " watch                 show what disks do, until q is pressed\n"
    " hot_add               give a server another disk\n"
    " hot_remove            take disks from a server\n"
    " swap                  have this machine swap to a server of its own\n"
    "\nOptions:\n"
    " -b, --bytes           print sizes in bytes\n"
    " -c, --count <n>       with watch: end after so many times\n"
    "     --connections <n>   with swap: so many to the server\n"
    "     --dry-run           with swap: print what would be done\n"
    " -e, --errno           name the errno when the server refuses\n"
    " -f, --file <file>     with metrics: put them there, all at once\n"
    " -i, --interval <n>    with watch: seconds between; 1\n"
    " -J, --json            use JSON output format\n"
    " -n, --noheadings      don't print headings; with get: no names\n"
    " -o, --output <list>   columns to print; +<list>: beside the default\n"
    "     --output-all      print all columns\n"
    " -p, --priority <n>    with swap: the swap space's; 100\n"
    " -r, --raw             use raw output format\n"
    " -s, --socket <path>   control socket of a server; may be repeated\n"
    " -h, --help            display this help\n"
    " -V, --version         display version\n"
    "\nAvailable output columns:\n";

static int
print_help (void)
{
  fputs (help, stdout);
  for (size_t i = 0; i < column_count; i++)
    printf (" %10s  %s\n", columns[i].name, columns[i].help);
  printf ("\nFor more details see " NAME "(1).\n");
  return EXIT_SUCCESS;
}

static int
print_version (void)
{
  printf (NAME " from %s\n", PACKAGE_STRING);
  return EXIT_SUCCESS;
}

/* Options. */

/* Which have been given, by their letters. */
struct given {
  bool letter[128];
};

static void
take_argument (struct command_line *line, int letter, const char *argument)
{
  switch (letter) {
  case 'c':
    line->times = argument;
    break;
  case 'f':
    line->file = argument;
    break;
  case 'i':
    line->interval = argument;
    break;
  case 'o':
    line->columns = argument;
    break;
  case 'p':
    line->priority = argument;
    break;
  case CONNECTIONS:
    line->connections = argument;
    break;
  case 's':
    servers_add (&line->servers, argument);
    break;
  default:
    break;
  }
}

static int
take_options (int argc, char **argv, struct command_line *line,
              struct given *given)
{
  int letter;

  while ((letter = getopt_long (argc, argv, short_options, long_options,
                                NULL)) != -1) {
    if (letter == '?')
      return complain_try_help ();
    given->letter[letter] = true;
    take_argument (line, letter, optarg);
  }
  line->bytes = given->letter['b'];
  line->all_columns = given->letter[OUTPUT_ALL];
  line->dry_run = given->letter[DRY_RUN];
  line->errno_names = given->letter['e'];
  line->output.json = given->letter['J'];
  line->output.noheadings = given->letter['n'];
  line->output.raw = given->letter['r'];
  return EXIT_SUCCESS;
}

static int
check_options (const struct command *command, const struct given *given)
{
  for (const struct option *o = long_options; o->name; o++)
    if (given->letter[o->val] && o->val != 's' &&
        !strchr (command->options, o->val))
      return complain_usage ("%s: --%s means nothing to it", command->name,
                             o->name);
  if (given->letter['J'] && given->letter['r'])
    return complain_usage ("mutually exclusive arguments: --json --raw");
  return EXIT_SUCCESS;
}

/* Commands. */

/* NULL: there is none of that name. */
static const struct command *
find_command (const char *name)
{
  for (size_t i = 1; i < sizeof commands / sizeof *commands; i++)
    if (strcmp (commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

/* WORDS, a NULL after them, are what has been given beside the options. */
static int
run_command (struct command_line *line, const struct given *given, char **words)
{
  const struct command *const command =
      words[0] ? find_command (words[0]) : &commands[0];

  if (!command)
    return complain_usage ("unknown command: %s", words[0]);
  if (check_options (command, given) != EXIT_SUCCESS)
    return EXIT_FAILURE;
  line->words = words[0] ? words + 1 : words;
  while (line->words[line->count])
    line->count++;
  return command->run (line);
}

/* What has been printed may still get lost. */
static int
close_stdout (void)
{
  errno = 0;
  if (!ferror (stdout) && fclose (stdout) == 0)
    return EXIT_SUCCESS;
  complain ("write error%s%s", errno ? ": " : "",
            errno ? strerrordesc_np (errno) : "");
  return EXIT_FAILURE;
}

int
main (int argc, char **argv)
{
  struct command_line line = {.bytes = false};
  struct given given = {.letter = {false}};
  int status;

  /* Numbers are the same everywhere. */
  setlocale (LC_CTYPE, "");
  argv[0] = program_invocation_short_name;
  status = take_options (argc, argv, &line, &given);
  if (status == EXIT_SUCCESS) {
    if (given.letter['h'])
      status = print_help ();
    else if (given.letter['V'])
      status = print_version ();
    else
      status = run_command (&line, &given, argv + optind);
  }
  servers_free (&line.servers);
  return close_stdout () == EXIT_SUCCESS ? status : EXIT_FAILURE;
}
