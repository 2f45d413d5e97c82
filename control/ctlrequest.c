/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "ctlrequest.h"
#include "diskset.h"
#include "run.h"

/* What a request is about. */
struct request {
  struct diskset *set;
  struct disk *disk; /* that it names; NULL: none yet */
  char *args;        /* what follows its name, words yet to be taken */
  const struct run *run;
};

void
ctlrequest_refuse (int code, const char *message, FILE *reply)
{
  /* cppcheck-suppress ctunullpointer; with a code there is a message */
  fprintf (reply, "error %s %s\n", strerrorname_np (code), message);
}

/* What was typed may hold anything: it is quoted in a line of its own. */
static void
refuse_word (int code, const char *what, const char *word, FILE *reply)
{
  char message[160];

  snprintf (message, sizeof message, "%s '%.64s'", what, word);
  ctlrequest_refuse (code, message, reply);
}

/* Every line of TEXT, behind a blank. */
static void
print_lines (char *text, FILE *reply)
{
  char *rest = text;

  for (char *line = strsep (&rest, "\n"); line; line = strsep (&rest, "\n"))
    if (rest || *line)
      fprintf (reply, " %s\n", line);
}

static void
answer_list (struct request *request, FILE *reply)
{
  char export[EXPORTNAME_SIZE];

  for (struct disk *disk = diskset_next (request->set, NULL); disk;
       disk = diskset_next (request->set, disk)) {
    exportname_make (export, disk->name, disk->run_id);
    fprintf (reply, " %s %s\n", disk->name, export);
  }
  fprintf (reply, "ok\n");
}

static void
answer_attributes (struct request *request, FILE *reply)
{
  (void) request;
  for (size_t i = 0; i < attr_count; i++)
    if (attr_is_readable (&attrs[i]) || attr_can_be_told (&attrs[i]))
      fprintf (reply, " %s %s%s %s\n", attrs[i].name,
               attr_is_readable (&attrs[i]) ? "r" : "",
               attr_can_be_told (&attrs[i]) ? "w" : "", attrs[i].help);
  fprintf (reply, "ok\n");
}

/* NULL: there is none. */
static const char *
take_word (struct request *request)
{
  return request->args ? strsep (&request->args, " ") : NULL;
}

/* Take the name of a disk, which the request then has, and that of an
 * attribute; NULL: it was refused. */
static const char *
take_names (struct request *request, FILE *reply)
{
  const char *const disk = take_word (request);
  const char *const name = take_word (request);

  if (!disk || !name) {
    ctlrequest_refuse (EINVAL, "give a disk and an attribute", reply);
    return NULL;
  }
  request->disk = diskset_get (request->set, disk);
  if (!request->disk) {
    refuse_word (ENODEV, "there is no disk", disk, reply);
    return NULL;
  }
  return name;
}

/* Its lines from *AT on, which are made in memory: the disk is not locked while
 * they are sent.  Returns what attr_get_part does; an error has been told. */
static int
answer_part (struct request *request, const char *name, uint64_t *at,
             FILE *reply)
{
  struct attr_error error;
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);
  int r;

  if (!fp) {
    ctlrequest_refuse (ENOMEM, "there is no memory for the answer", reply);
    return -1;
  }
  r = attr_get_part (request->disk, name, at, fp, &error);
  if (fclose (fp) != 0) {
    ctlrequest_refuse (ENOMEM, "there is no memory for the answer", reply);
    r = -1;
  }
  else if (r < 0)
    ctlrequest_refuse (error.code, error.message, reply);
  else
    print_lines (text, reply);
  free (text);
  return r;
}

static void
answer_get (struct request *request, FILE *reply)
{
  const char *const name = take_names (request, reply);
  uint64_t at = 0;
  int r;

  if (!name)
    return;
  if (request->args && attr_find (name)) {
    refuse_word (EINVAL, "nothing may follow", name, reply);
    return;
  }
  do
    r = answer_part (request, name, &at, reply);
  while (r > 0 && !run_stopped (request->run) && !ferror (reply));
  if (r > 0)
    refuse_word (EINTR, "was interrupted:", name, reply);
  else if (r == 0)
    fprintf (reply, "ok\n");
}

/* What it says is done, and RUN told how far it is. */
static void
tell_disk (struct request *request, const struct run *run, FILE *reply)
{
  const char *const name = take_names (request, reply);
  char outcome[RUN_OUTCOME_SIZE] = "";
  struct run told = *run;
  struct attr_error error;

  if (!name)
    return;
  told.outcome = outcome;
  if (!request->args)
    ctlrequest_refuse (EINVAL, "give a value", reply);
  else if (attr_set (request->disk, name, request->args, &told, &error) < 0)
    ctlrequest_refuse (error.code, error.message, reply);
  else {
    diskset_emptied (request->set, request->disk);
    print_lines (outcome, reply);
    fprintf (reply, "ok\n");
  }
}

/* Who has not asked for it is not told how far it is. */
static void
answer_set (struct request *request, FILE *reply)
{
  const struct run silent = {.stop = request->run->stop};

  tell_disk (request, &silent, reply);
}

static void
answer_run (struct request *request, FILE *reply)
{
  tell_disk (request, request->run, reply);
}

static void
answer_hot_add (struct request *request, FILE *reply)
{
  struct attr_error error;

  if (diskset_add (request->set, request->args, &request->disk, &error) < 0)
    ctlrequest_refuse (error.code, error.message, reply);
  else
    fprintf (reply, " %s\nok\n", request->disk->name);
}

static void
answer_hot_remove (struct request *request, FILE *reply)
{
  const char *const name = take_word (request);
  struct attr_error error;

  if (!name || request->args)
    ctlrequest_refuse (EINVAL, "give the name of one disk", reply);
  else if (diskset_remove (request->set, name, &error) < 0)
    ctlrequest_refuse (error.code, error.message, reply);
  else
    fprintf (reply, "ok\n");
}

static const struct {
  const char *name;
  void (*answer) (struct request *request, FILE *reply);
  bool has_arguments;
} requests[] = {
    {"list", answer_list, false},
    {"attributes", answer_attributes, false},
    {"get", answer_get, true},
    {"set", answer_set, true},
    {"run", answer_run, true},
    {"hot_add", answer_hot_add, true},
    {"hot_remove", answer_hot_remove, true},
};

/* One line of text: no NUL byte, no terminal's control sequences. */
static bool
is_text (const char *line, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (iscntrl ((unsigned char) line[i]))
      return false;
  return true;
}

void
ctlrequest_answer (struct diskset *set, char *line, size_t len,
                   const struct run *run, FILE *reply)
{
  struct request request = {.set = set, .args = line, .run = run};
  const char *name;

  if (!is_text (line, len)) {
    ctlrequest_refuse (EINVAL, "there are control characters in it", reply);
    return;
  }
  name = strsep (&request.args, " ");
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
    if (strcmp (name, requests[i].name) == 0) {
      if (request.args && !requests[i].has_arguments)
        refuse_word (EINVAL, "nothing may follow", name, reply);
      else
        requests[i].answer (&request, reply);
      if (request.disk)
        diskset_put (set, request.disk);
      return;
    }
  refuse_word (EINVAL,
               "give list, attributes, get, set, run, hot_add or hot_remove, "
               "not",
               name, reply);
}
