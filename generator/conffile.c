/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "complain.h"
#include "conffile.h"
#include "newtext.h"

#define FILE_NAME "nbdkit-zram.conf"

/* Those that come first count. */
static const char *const dirs[] = {"/etc", "/run", "/usr/local/lib",
                                   "/usr/lib"};

#define NR_DIRS (sizeof dirs / sizeof *dirs)

static char *
copy (const char *text)
{
  return complain_unless (strdup (text));
}

static int
fail (const char *path)
{
  complain ("%s: %s", path, strerrordesc_np (errno));
  return -1;
}

/* TEXT without the blanks around it. */
static char *
trimmed (char *text)
{
  char *end;

  while (isspace ((unsigned char) *text))
    text++;
  end = text + strlen (text);
  while (end > text && isspace ((unsigned char) end[-1]))
    end--;
  *end = '\0';
  return text;
}

/* The number of the section of that name, which is made if there is none. */
static size_t
find_section (struct conf *conf, const char *name)
{
  size_t i = 0;

  while (i < conf->nr_sections && strcmp (conf->sections[i].name, name) != 0)
    i++;
  if (i < conf->nr_sections)
    return i;
  conf->sections = complain_unless (
      reallocarray (conf->sections, i + 1, sizeof *conf->sections));
  conf->sections[i] = (struct conf_section){.name = copy (name)};
  conf->nr_sections++;
  return i;
}

static void
set_key (struct conf_section *section, const char *name, const char *value)
{
  size_t i = 0;

  while (i < section->nr_keys && strcmp (section->keys[i].name, name) != 0)
    i++;
  if (i == section->nr_keys) {
    section->keys = complain_unless (
        reallocarray (section->keys, i + 1, sizeof *section->keys));
    section->keys[i] = (struct conf_key){.name = copy (name)};
    section->nr_keys++;
  }
  free (section->keys[i].value);
  section->keys[i].value = copy (value);
}

/* Some end a line in a unit file. */
static bool
has_control (const char *text)
{
  for (; *text; text++)
    if (iscntrl ((unsigned char) *text) && *text != '\t')
      return true;
  return false;
}

/* Where a file has been read to. */
struct place {
  const char *path;
  unsigned line;
  bool in_section;
  size_t section;
};

static int
take_heading (struct conf *conf, struct place *place, char *text)
{
  char *const end = text + strlen (text) - 1;

  if (end == text || *end != ']') {
    complain ("%s:%u: '%s': a section is [NAME]", place->path, place->line,
              text);
    place->in_section = false;
    return -1;
  }
  *end = '\0';
  place->section = find_section (conf, trimmed (text + 1));
  place->in_section = true;
  return 0;
}

static int
take_line (struct conf *conf, struct place *place, char *text)
{
  char *equals;

  if (*text == '\0' || *text == '#' || *text == ';')
    return 0;
  if (has_control (text)) {
    complain ("%s:%u: '%s': it has control characters", place->path,
              place->line, text);
    return -1;
  }
  if (*text == '[')
    return take_heading (conf, place, text);
  equals = strchr (text, '=');
  if (!equals || !place->in_section) {
    complain ("%s:%u: '%s': give KEY = VALUE, below a [SECTION]", place->path,
              place->line, text);
    return -1;
  }
  *equals = '\0';
  set_key (&conf->sections[place->section], trimmed (text),
           trimmed (equals + 1));
  return 0;
}

int
conf_read (struct conf *conf, FILE *fp, const char *path)
{
  struct place place = {.path = path};
  char *line = NULL;
  size_t size = 0;
  ssize_t len;
  int r = 0;

  while ((len = getline (&line, &size, fp)) >= 0) {
    place.line++;
    if (strlen (line) < (size_t) len) {
      complain ("%s:%u: there is a NUL in it", path, place.line);
      r = -1;
    }
    else if (take_line (conf, &place, trimmed (line)) < 0)
      r = -1;
  }
  if (ferror (fp))
    r = fail (path);
  free (line);
  return r;
}

/* For reading; NULL: it is not there, or cannot be read, which errno says.  A
 * file, or /dev/null, that is: at boot nobody can wait for what else there
 * may be. */
static FILE *
open_file (const char *path)
{
  const int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    return NULL;
  if (fstat (fd, &st) == 0 &&
      (S_ISREG (st.st_mode) ||
       (S_ISCHR (st.st_mode) && st.st_rdev == makedev (1, 3))))
    return complain_unless (fdopen (fd, "r"));
  close (fd);
  errno = S_ISDIR (st.st_mode) ? EISDIR : EINVAL;
  return NULL;
}

/* To be freed. */
static char *
path_of (const char *root, size_t dir, const char *name)
{
  return newtext ("%s%s/systemd/%s", root, dirs[dir], name);
}

/* The first of that NAME, and if it cannot be read, no other. */
static int
read_first (struct conf *conf, const char *root, const char *name)
{
  int r = 0;

  for (size_t i = 0, found = 0; i < NR_DIRS && !found; i++) {
    char *const path = path_of (root, i, name);
    FILE *const fp = open_file (path);

    found = fp || (errno != ENOENT && errno != ENOTDIR);
    if (fp) {
      r = conf_read (conf, fp, path);
      fclose (fp);
    }
    else if (found)
      r = fail (path);
    free (path);
  }
  return r;
}

/* Names of files in conf.d, each once, in order. */
struct names {
  char **names;
  size_t n;
};

static void
add_name (struct names *names, const char *name)
{
  const size_t len = strlen (name);

  if (len <= 5 || name[0] == '.' || strcmp (name + len - 5, ".conf") != 0)
    return;
  for (size_t i = 0; i < names->n; i++)
    if (strcmp (names->names[i], name) == 0)
      return;
  names->names = complain_unless (
      reallocarray (names->names, names->n + 1, sizeof *names->names));
  names->names[names->n++] = copy (name);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static struct names
list_names (const char *root)
{
  struct names names = {.n = 0};

  for (size_t i = 0; i < NR_DIRS; i++) {
    char *const path = path_of (root, i, FILE_NAME ".d");
    DIR *const dir = opendir (path);
    struct dirent *entry;

    while (dir && (entry = readdir (dir)) != NULL)
      add_name (&names, entry->d_name);
    if (dir)
      closedir (dir);
    free (path);
  }
  if (names.n > 0)
    qsort (names.names, names.n, sizeof *names.names, compare_names);
  return names;
}

int
conf_read_system (struct conf *conf, const char *root)
{
  struct names names = list_names (root);
  int r = read_first (conf, root, FILE_NAME);

  for (size_t i = 0; i < names.n; i++) {
    char *const name = newtext (FILE_NAME ".d/%s", names.names[i]);

    if (read_first (conf, root, name) < 0)
      r = -1;
    free (name);
    free (names.names[i]);
  }
  free (names.names);
  return r;
}

const char *
conf_value (const struct conf_section *section, const char *name)
{
  for (size_t i = 0; i < section->nr_keys; i++)
    if (strcmp (section->keys[i].name, name) == 0)
      return section->keys[i].value;
  return NULL;
}

void
conf_free (struct conf *conf)
{
  for (size_t i = 0; i < conf->nr_sections; i++) {
    struct conf_section *const section = &conf->sections[i];

    for (size_t j = 0; j < section->nr_keys; j++) {
      free (section->keys[j].name);
      free (section->keys[j].value);
    }
    free (section->keys);
    free (section->name);
  }
  free (conf->sections);
  *conf = (struct conf){.nr_sections = 0};
}
