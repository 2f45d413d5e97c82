/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serving.h"

struct diskset set;
_Thread_local enum refused refused;
void (*meanwhile) (void);

extern void *__real_malloc (size_t size);
extern void *__wrap_malloc (size_t size);
extern void *__real_calloc (size_t n, size_t size);
extern void *__wrap_calloc (size_t n, size_t size);

void *
__wrap_malloc (size_t size)
{
  return refused == DISKS && size == sizeof (struct disk)
             ? NULL
             : __real_malloc (size);
}

void *
__wrap_calloc (size_t n, size_t size)
{
  return refused == DEVICES ? NULL : __real_calloc (n, size);
}

void
let_others (void)
{
  void (*const act) (void) = meanwhile;

  meanwhile = NULL;
  if (act)
    act ();
}

int
configure (struct attr_config *config, const struct parameters *parameters,
           struct attr_error *error)
{
  static char words[8][64]; /* attr_store wants the values to stay */

  *config = (struct attr_config) ATTR_CONFIG_DEFAULT;
  for (size_t i = 0; parameters->words[i]; i++) {
    char *value = words[i];

    snprintf (words[i], sizeof words[i], "%s", parameters->words[i]);
    const char *const key = strsep (&value, "=");
    if (attr_store (config, key, value, error) < 0)
      return -1;
  }
  return attr_complete (config, error);
}

void
serve (const struct parameters *parameters)
{
  struct attr_error error = {0};
  struct attr_config config;

  if (configure (&config, parameters, &error) < 0)
    ck_abort_msg ("%s", error.message);
  diskset_init (&set, &config);
  if (diskset_create (&set, &error) < 0 || diskset_start (&set, &error) < 0)
    ck_abort_msg ("%s", error.message);
}

void
must_be_at_rest (void)
{
  unsigned disks = 0;

  ck_assert_int_eq (pthread_mutex_trylock (&set.lock), 0);
  for (const struct disk *disk = set.disks; disk; disk = disk->next)
    disks++;
  ck_assert_uint_eq (set.places, disks);
  ck_assert_uint_eq (set.leaving, 0);
  pthread_mutex_unlock (&set.lock);
}

void
end (void)
{
  must_be_at_rest ();
  diskset_stop (&set);
  diskset_destroy (&set);
}

const char *
names (void)
{
  static char text[256];
  size_t len = 0;

  text[0] = '\0';
  for (struct disk *disk = diskset_next (&set, NULL); disk;
       disk = diskset_next (&set, disk)) {
    len += (size_t) snprintf (text + len, sizeof text - len, "%s ", disk->name);
    ck_assert_uint_lt (len, sizeof text);
  }
  return text;
}

struct disk *
connect_as (const char *export, int code)
{
  struct attr_error error = {0};
  struct disk *disk = NULL;
  const int r = diskset_open (&set, export, &disk, &error);

  ck_assert_msg (error.code == code, "'%s': %s: %s", export,
                 strerrorname_np (error.code), error.message);
  ck_assert_int_eq (r < 0, code != 0);
  must_be_at_rest ();
  return disk;
}

struct disk *
connect_to (const char *export)
{
  return connect_as (export, 0);
}

int
add_code (const char *text)
{
  struct attr_error error = {0};
  struct disk *disk;
  char words[256];

  snprintf (words, sizeof words, "%s", text);
  if (diskset_add (&set, words, &disk, &error) == 0)
    diskset_put (&set, disk);
  return error.code;
}

int
remove_code (const char *name)
{
  struct attr_error error = {0};

  diskset_remove (&set, name, &error);
  return error.code;
}

int
write_page (struct disk *disk, uint64_t index)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_NOISE, index);
  return zram_write (disk->zram, page, sizeof page, index * sizeof page);
}
