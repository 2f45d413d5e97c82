/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "newtext.h"
#include "unitdir.h"

/* Of each unit's drop-in.  An administrator's, of a later name, goes before. */
#define DROP_IN "50-nbdkit-zram.conf"

static int
fail (const char *path)
{
  complain ("%s: %s", path, strerrordesc_np (errno));
  return -1;
}

static int
make_directory (const char *path)
{
  return mkdir (path, 0755) == 0 || errno == EEXIST ? 0 : fail (path);
}

/* DIR/UNIT.d/DROP_IN, of CONTENT, which is freed. */
static int
write_drop_in (const char *dir, const char *unit, char *content)
{
  char *const where = newtext ("%s/%s.d", dir, unit);
  char *const path = newtext ("%s/" DROP_IN, where);
  int r = make_directory (where);
  FILE *const fp = r == 0 ? fopen (path, "we") : NULL;

  if (fp) {
    fputs (content, fp);
    r = ferror (fp) ? -1 : 0;
    if (fclose (fp) != 0 || r < 0)
      r = fail (path);
  }
  else if (r == 0)
    r = fail (path);
  free (content);
  free (path);
  free (where);
  return r;
}

/* Have TARGET want UNIT, an instance of TEMPLATE. */
static int
want (const char *dir, const char *target, const char *unit,
      const char *template)
{
  char *const where = newtext ("%s/%s.wants", dir, target);
  char *const path = newtext ("%s/%s", where, unit);
  char *const to = newtext ("%s/%s", SYSTEMD_UNIT_DIR, template);
  int r = make_directory (where);

  if (r == 0 && symlink (to, path) < 0 && errno != EEXIST)
    r = fail (path);
  free (to);
  free (path);
  free (where);
  return r;
}

/* VALUE as it stands between the quotes of Environment=; to be freed. */
static char *
quoted (const char *value)
{
  char *const result = complain_unless (malloc (2 * strlen (value) + 1));
  char *to = result;

  for (; *value; value++) {
    if (*value == '"' || *value == '\\')
      *to++ = '\\';
    else if (*value == '%')
      *to++ = '%';
    *to++ = *value;
  }
  *to = '\0';
  return result;
}

/* PATH as the name of a device's unit, as systemd-escape --path makes it, ready
 * for a unit file; to be freed. */
static char *
device_unit (const char *path)
{
  char *name;
  size_t size;
  FILE *const fp = open_memstream (&name, &size);

  if (!fp)
    complain_of_memory ();
  for (path++; *path; path++)
    if (*path == '/')
      putc ('-', fp);
    else if (isalnum ((unsigned char) *path) || strchr ("_:.", *path))
      putc (*path, fp);
    else
      fprintf (fp, "\\x%02x", (unsigned char) *path);
  fputs (".device", fp);
  if (fclose (fp) != 0)
    complain_of_memory ();
  return name;
}

/* What has it wait for its backing device, or for where a file is, and lets it
 * in there; to be freed. */
static char *
writeback_lines (const struct server_conf *server)
{
  const char *const path = server->writeback_device;
  char *unit, *in_quotes, *lines;

  if (!path)
    return newtext ("%s", "");
  unit = device_unit (path);
  in_quotes = quoted (path);
  lines = strncmp (path, "/dev/", 5) == 0
              ? newtext ("DeviceAllow=\"%s\" rw\n"
                         "[Unit]\nRequires=%s\nAfter=%s\n",
                         in_quotes, unit, unit)
              : newtext ("ReadWritePaths=\"%s\"\n"
                         "[Unit]\nRequiresMountsFor=\"%s\"\n",
                         in_quotes, in_quotes);
  free (in_quotes);
  free (unit);
  return lines;
}

static int
write_service (const char *dir, const struct server_conf *server)
{
  char *const unit = newtext ("nbdkit-zram@%s.service", server->name);
  char *const parameters = quoted (server->parameters);
  char *const options = quoted (server->options);
  char *const writeback = writeback_lines (server);
  const int r =
      write_drop_in (dir, unit,
                     newtext ("[Service]\n"
                              "Environment=\"DISKSIZE=%" PRIu64 "\"\n"
                              "Environment=\"PARAMETERS=%s\"\n"
                              "Environment=\"NBDKIT_OPTIONS=%s\"\n"
                              "%s",
                              server->size, parameters, options, writeback));

  free (writeback);
  free (options);
  free (parameters);
  free (unit);
  return r;
}

/* The drop-in of UNIT, CONTENT, which is freed; and TARGET wants it, as an
 * instance of TEMPLATE. */
static int
write_wanted (const char *dir, const char *unit, char *content,
              const char *target, const char *template)
{
  if (write_drop_in (dir, unit, content) < 0)
    return -1;
  return want (dir, target, unit, template);
}

/* systemd takes off at shutdown what swap it sees, once all that has memory
 * there has ended, and has as long as it takes: then the unit of ours does what
 * is left.  (If that named this one, which systemd makes when it sees swap, it
 * would be there before that, and have no order of its own: it would go first
 * of all, since it has other names, by udev's links, that are to go.) */
static int
write_systemds_swap (const char *dir, const struct server_conf *server)
{
  char *const unit = newtext ("dev-%s.swap", server->name);
  const int r =
      write_drop_in (dir, unit,
                     newtext ("[Unit]\nAfter=nbdkit-zram-swap@%s.service\n"
                              "[Swap]\nTimeoutSec=infinity\n",
                              server->name));

  free (unit);
  return r;
}

static int
write_swap (const char *dir, const struct server_conf *server)
{
  char *const unit = newtext ("nbdkit-zram-swap@%s.service", server->name);
  char *const connections =
      server->connections > 0
          ? newtext (" --connections=%u", server->connections)
          : newtext ("%s", "");
  const int r =
      write_wanted (dir, unit,
                    newtext ("[Service]\n"
                             "Environment=\"SWAP_OPTIONS=--priority=%u%s\"\n",
                             server->priority, connections),
                    "swap.target", "nbdkit-zram-swap@.service");

  free (connections);
  free (unit);
  return r;
}

/* It listens there and nowhere else. */
static int
write_socket (const char *dir, const struct server_conf *server)
{
  char *const unit = newtext ("nbdkit-zram@%s.socket", server->name);
  char *const listen = quoted (server->listen);
  const int r = write_wanted (
      dir, unit, newtext ("[Socket]\nListenStream=\nListenStream=%s\n", listen),
      "sockets.target", "nbdkit-zram@.socket");

  free (listen);
  free (unit);
  return r;
}

int
unitdir_write (const char *dir, const struct server_conf *server)
{
  if (write_service (dir, server) < 0)
    return -1;
  if (!server->swap)
    return write_socket (dir, server);
  return write_systemds_swap (dir, server) < 0 ? -1 : write_swap (dir, server);
}
