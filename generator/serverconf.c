/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms.h"
#include "complain.h"
#include "expression.h"
#include "nbddevice.h"
#include "newtext.h"
#include "serverconf.h"
#include "swapdisk.h"

/* zram-generator's. */
#define DEFAULT_SIZE     "min(ram / 2, 4096)"
#define DEFAULT_MAX_SIZE 4096.0
#define DEFAULT_FRACTION 0.5

/* A disk may have so many megabytes, as the plugin has it, and is in blocks of
 * so many bytes. */
#define MOST_SIZE 0x1p24
#define BLOCK     4096

/* zram-generator's, then those that are only ours. */
static const char *const known[] = {
    "zram-size",     "compression-algorithm",
    "swap-priority", "zram-resident-limit",
    "options",       "host-memory-limit",
    "fs-type",       "mount-point",
    "memory-limit",  "writeback-device",
    "zram-fraction", "max-zram-size",
    "listen",        "nbdkit-options",
    "parameters",    "connections",
};

static void
complain_of_unknown (const struct conf_section *section)
{
  for (size_t i = 0; i < section->nr_keys; i++) {
    size_t j = 0;

    while (j < sizeof known / sizeof *known &&
           strcmp (known[j], section->keys[i].name) != 0)
      j++;
    if (j == sizeof known / sizeof *known)
      complain ("[%s] %s: there is no such key, and it is passed over",
                section->name, section->keys[i].name);
  }
}

/* The number of a device in TEXT, which is all of it; -1: it is none. */
static int
device_number (const char *text)
{
  const size_t digits = strspn (text, "0123456789");

  if (digits == 0 || digits > 4 || text[digits] != '\0' ||
      (digits > 1 && *text == '0'))
    return -1;
  return (int) strtol (text, NULL, 10);
}

/* What systemd takes for an instance, without having to be escaped, and is not
 * that of swap of this machine's. */
static bool
is_instance (const char *name)
{
  if (nbd_device_number (name) >= 0)
    return false;
  for (const char *c = name; *c; c++)
    if (!isalnum ((unsigned char) *c) && *c != '_' && *c != '-')
      return false;
  return *name != '\0' && strlen (name) < 32;
}

static int
take_name (struct server_conf *server, const struct conf_section *section)
{
  const int number = strncmp (section->name, "zram", 4) == 0
                         ? device_number (section->name + 4)
                         : -1;

  server->listen = conf_value (section, "listen");
  server->swap = !server->listen;
  if (server->listen &&
      (!*server->listen || strpbrk (server->listen, "\"\\"))) {
    complain ("[%s] listen: '%s' is wrong: give a port, ADDRESS:PORT, or the "
              "path of a socket",
              section->name, server->listen);
    return -1;
  }
  if (server->listen && is_instance (section->name)) {
    server->name = complain_unless (strdup (section->name));
    return 0;
  }
  if (!server->listen && number >= 0) {
    server->name = newtext ("nbd%d", number);
    return 0;
  }
  if (server->listen)
    complain ("[%s]: with listen= a section's name is of letters, digits, _ "
              "and -, at most 31, and not as nbd0",
              section->name);
  else
    complain ("[%s]: give listen= for a server of others, or call it zram0, "
              "zram1 ... for swap of this machine",
              section->name);
  return -1;
}

/* A key that is an expression; USUAL if it is not given, NULL: *SIZE stays. */
static int
take_expression (const struct conf_section *section, const char *key,
                 const char *usual, uint64_t ram, double *size)
{
  const char *const given = conf_value (section, key);
  const char *const text = given ? given : usual;
  char why[EXPRESSION_WHY_MAX];

  if (!text || expression_size (text, (double) ram, size, why) == 0)
    return 0;
  complain ("[%s] %s: '%s' is wrong: %s: give megabytes, as 4096 or ram / 2",
            section->name, key, text, why);
  return -1;
}

/* A key that is a number, or "none" for HUGE_VAL. */
static int
take_limit (const struct conf_section *section, const char *key, double *limit)
{
  const char *const text = conf_value (section, key);
  char *end;

  if (!text)
    return 0;
  *limit = strtod (text, &end);
  if (strcmp (text, "none") == 0)
    *limit = HUGE_VAL;
  else if (end == text || *end != '\0' || !isfinite (*limit) || *limit < 0) {
    complain ("[%s] %s: '%s' is wrong: give a number, or none", section->name,
              key, text);
    return -1;
  }
  return 0;
}

/* A key that is an integer. */
static int
take_integer (const struct conf_section *section, const char *key, int least,
              int most, unsigned *number)
{
  const char *const text = conf_value (section, key);
  long n;
  char *end;

  if (!text)
    return 0;
  n = strtol (text, &end, 10);
  if (end == text || *end != '\0' || n < least || n > most) {
    complain ("[%s] %s: '%s' is wrong: give %d to %d", section->name, key, text,
              least, most);
    return -1;
  }
  *number = (unsigned) n;
  return 0;
}

/* What zram-generator has had before zram-size, which it still goes before. */
static int
take_fraction (const struct conf_section *section, uint64_t ram, double *size)
{
  double fraction = DEFAULT_FRACTION, most = DEFAULT_MAX_SIZE;

  if (!conf_value (section, "zram-fraction") &&
      !conf_value (section, "max-zram-size"))
    return 0;
  if (take_limit (section, "zram-fraction", &fraction) < 0 ||
      take_limit (section, "max-zram-size", &most) < 0)
    return -1;
  *size = fmin (fraction * (double) ram, most);
  return 0;
}

/* Bytes, of whole blocks. */
static int
to_bytes (const struct conf_section *section, const char *key, double megabytes,
          uint64_t *bytes)
{
  if (megabytes > MOST_SIZE) {
    complain ("[%s] %s: it comes to %g megabytes, and %.0f (16 TiB) are the "
              "most: K, M and G are thousands and more of megabytes",
              section->name, key, megabytes, MOST_SIZE);
    return -1;
  }
  *bytes = (uint64_t) (megabytes * 0x1p20) / BLOCK * BLOCK;
  return 0;
}

static int
take_size (struct server_conf *server, const struct conf_section *section,
           uint64_t ram)
{
  double limit = HUGE_VAL, size = 0;

  if (take_limit (section, "memory-limit", &limit) < 0 ||
      take_limit (section, "host-memory-limit", &limit) < 0 ||
      take_expression (section, "zram-size", DEFAULT_SIZE, ram, &size) < 0 ||
      take_fraction (section, ram, &size) < 0 ||
      to_bytes (section, "zram-size", size, &server->size) < 0)
    return -1;
  if ((double) ram > limit)
    server->size = 0;
  return 0;
}

/* What zram-generator can have besides swap with discard, which is all that
 * there is here. */
static int
check_use (const struct conf_section *section)
{
  const char *const type = conf_value (section, "fs-type");
  const char *const options = conf_value (section, "options");

  if (conf_value (section, "mount-point") ||
      (type && strcmp (type, "swap") != 0)) {
    complain ("[%s] %s: only swap is made: nbdkit-zram-plugin(1) says how to "
              "have a file system",
              section->name, type ? "fs-type" : "mount-point");
    return -1;
  }
  if (options && strcmp (options, "discard") != 0) {
    complain ("[%s] options: '%s' is wrong: give discard, without which the "
              "memory of what is freed would stay taken",
              section->name, options);
    return -1;
  }
  return 0;
}

static int
print_resident_limit (FILE *fp, const struct conf_section *section,
                      uint64_t ram)
{
  static const char key[] = "zram-resident-limit";
  double limit = 0;
  uint64_t bytes;

  if (take_expression (section, key, NULL, ram, &limit) < 0 ||
      to_bytes (section, key, limit, &bytes) < 0)
    return -1;
  if (bytes > 0)
    fprintf (fp, " mem_limit=%" PRIu64, bytes);
  return 0;
}

/* Systemd's names of devices follow from it, and the sandbox lets it in. */
static bool
is_plain_path (const char *path)
{
  return *path == '/' && path[strlen (path) - 1] != '/' &&
         !strstr (path, "//") && !strstr (path, "/.") &&
         !strpbrk (path, " \t'\"\\") && strncmp (path, "/home/", 6) != 0 &&
         strncmp (path, "/root/", 6) != 0;
}

static int
print_writeback (FILE *fp, struct server_conf *server,
                 const struct conf_section *section)
{
  const char *const device = conf_value (section, "writeback-device");

  if (!device)
    return 0;
  if (!is_plain_path (device)) {
    complain ("[%s] writeback-device: '%s' is wrong: give the path of a block "
              "device or file, from / on, without blanks, quotes or a / too "
              "many, and not in /home or /root",
              section->name, device);
    return -1;
  }
  server->writeback_device = device;
  fprintf (fp, " backing_dev=%s", device);
  return 0;
}

/* Those that are the plugin's. */
static int
print_parameters (FILE *fp, struct server_conf *server,
                  const struct conf_section *section, uint64_t ram)
{
  const char *const algorithms = conf_value (section, "compression-algorithm");
  const char *const parameters = conf_value (section, "parameters");
  int r = 0;

  if (server->swap)
    fputs (" swap=on", fp);
  if (algorithms && *algorithms &&
      algorithms_print (fp, algorithms, section->name) < 0)
    r = -1;
  if (print_resident_limit (fp, section, ram) < 0 ||
      print_writeback (fp, server, section) < 0)
    r = -1;
  if (parameters)
    fprintf (fp, " %s", parameters);
  return r;
}

static int
take_parameters (struct server_conf *server, const struct conf_section *section,
                 uint64_t ram)
{
  size_t size;
  FILE *const fp = open_memstream (&server->parameters, &size);
  int r;

  if (!fp)
    complain_of_memory ();
  r = print_parameters (fp, server, section, ram);
  if (fclose (fp) != 0)
    complain_of_memory ();
  return r;
}

int
server_conf_take (struct server_conf *server,
                  const struct conf_section *section, uint64_t ram)
{
  const char *const options = conf_value (section, "nbdkit-options");
  int r = 0;

  *server = (struct server_conf){.options = options ? options : "",
                                 .priority = SWAP_DISK_PRIORITY};
  complain_of_unknown (section);
  if (take_name (server, section) < 0 || check_use (section) < 0)
    r = -1;
  if (take_size (server, section, ram) < 0)
    r = -1;
  if (take_parameters (server, section, ram) < 0)
    r = -1;
  if (take_integer (section, "swap-priority", 0, SWAP_DISK_MOST_PRIORITY,
                    &server->priority) < 0 ||
      take_integer (section, "connections", 1, SWAP_DISK_MOST_CONNECTIONS,
                    &server->connections) < 0)
    r = -1;
  return r;
}

void
server_conf_free (struct server_conf *server)
{
  free (server->name);
  free (server->parameters);
}
