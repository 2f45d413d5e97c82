/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit-zram.conf: any bytes as a file.  What is wrong is complained of, each,
 * in one line; what is taken comes to what systemd can be given, and a file
 * that says the same is read as the same.
 */
#include <config.h>

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "complain.h"
#include "conffile.h"
#include "expression.h"
#include "fuzz.h"
#include "serverconf.h"

#define RAM       4096U
#define MOST_SIZE (UINT64_C (1) << 44)

static unsigned complaints;

/* What a person would be told. */
extern void __wrap_complain (const char *format, ...);

ZRAM_PRINTF (1, 2)
void
__wrap_complain (const char *format, ...)
{
  char text[64];
  va_list args;

  va_start (args, format);
  must (vsnprintf (text, sizeof text, format, args) > 0);
  va_end (args);
  complaints++;
}

static int
read_conf (struct conf *conf, const void *bytes, size_t size)
{
  FILE *const fp = fmemopen ((void *) (uintptr_t) bytes, size, "r");
  int r;

  must (fp);
  complaints = 0;
  r = conf_read (conf, fp, "file");
  fclose (fp);
  must ((r < 0) == (complaints > 0));
  return r;
}

/* No control characters but tabs, and no blanks around it. */
static void
check_text (const char *text)
{
  const size_t len = strlen (text);

  for (size_t i = 0; i < len; i++)
    must (!iscntrl ((unsigned char) text[i]) || text[i] == '\t');
  must (len == 0 || (!isspace ((unsigned char) text[0]) &&
                     !isspace ((unsigned char) text[len - 1])));
}

static void
check_section (const struct conf_section *section)
{
  check_text (section->name);
  for (size_t i = 0; i < section->nr_keys; i++) {
    const struct conf_key *const key = &section->keys[i];

    check_text (key->name);
    check_text (key->value);
    must (!strchr (key->name, '='));
    must (conf_value (section, key->name) == key->value);
  }
}

static void
write_conf (const struct conf *conf, FILE *fp)
{
  for (size_t i = 0; i < conf->nr_sections; i++) {
    const struct conf_section *const section = &conf->sections[i];

    fprintf (fp, "[%s]\n", section->name);
    for (size_t j = 0; j < section->nr_keys; j++)
      fprintf (fp, "\t%s = %s \n", section->keys[j].name,
               section->keys[j].value);
  }
}

static void
must_be_alike (const struct conf *a, const struct conf *b)
{
  must (a->nr_sections == b->nr_sections);
  for (size_t i = 0; i < a->nr_sections; i++) {
    const struct conf_section *const s = &a->sections[i];
    const struct conf_section *const t = &b->sections[i];

    must (strcmp (s->name, t->name) == 0 && s->nr_keys == t->nr_keys);
    for (size_t j = 0; j < s->nr_keys; j++)
      must (strcmp (s->keys[j].name, t->keys[j].name) == 0 &&
            strcmp (s->keys[j].value, t->keys[j].value) == 0);
  }
}

static void
read_again (const struct conf *conf)
{
  struct conf again = {.nr_sections = 0};
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);

  must (fp);
  write_conf (conf, fp);
  must (fclose (fp) == 0);
  if (size > 0)
    must (read_conf (&again, text, size) == 0);
  must_be_alike (conf, &again);
  conf_free (&again);
  free (text);
}

/* What becomes an argument, or several, of a line in a unit. */
static void
check_argument (const char *text)
{
  for (; text && *text; text++)
    must (!iscntrl ((unsigned char) *text) || *text == '\t');
}

static void
take_server (const struct conf_section *section)
{
  struct server_conf server;
  int r;

  complaints = 0;
  r = server_conf_take (&server, section, RAM);
  must (r == 0 || complaints > 0);
  if (r == 0) {
    must (server.name && *server.name && !strpbrk (server.name, " /%\\\"'"));
    must (server.size <= MOST_SIZE && server.size % 4096 == 0);
    check_argument (server.parameters);
    check_argument (server.options);
    check_argument (server.listen);
    check_argument (server.writeback_device);
  }
  server_conf_free (&server);
}

/* Each value is an expression, or none; and no other the next time. */
static void
evaluate (const struct conf_section *section)
{
  char why[EXPRESSION_WHY_MAX];

  for (size_t i = 0; i < section->nr_keys; i++) {
    double size = -1, again = -1;
    const char *const text = section->keys[i].value;

    if (expression_size (text, RAM, &size, why) < 0)
      must (memchr (why, '\0', sizeof why) && why[0] != '\0');
    else {
      must (isfinite (size) && size >= 0);
      must (expression_size (text, RAM, &again, why) == 0 && size >= again &&
            size <= again);
    }
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct conf conf = {.nr_sections = 0};

  if (size > 0)
    read_conf (&conf, data, size);
  for (size_t i = 0; i < conf.nr_sections; i++) {
    check_section (&conf.sections[i]);
    take_server (&conf.sections[i]);
    evaluate (&conf.sections[i]);
  }
  read_again (&conf);
  conf_free (&conf);
  return 0;
}
