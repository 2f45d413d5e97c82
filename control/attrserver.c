/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "attr.h"
#include "cpu.h"
#include "workpool.h"
#include "zsmalloc.h"

int
num_devices_store (struct attr_config *config, const char *value,
                   struct attr_error *error)
{
  return attr_parse_number ("num_devices", value, ATTR_MAX_DEVICES,
                            &config->server.num_devices, error);
}

int
max_devices_store (struct attr_config *config, const char *value,
                   struct attr_error *error)
{
  unsigned n = 0;

  if (attr_parse_number ("max_devices", value, ATTR_MAX_DEVICES, &n, error) < 0)
    return -1;
  if (n == 0)
    return attr_fail (error,
                      "max_devices: 0 would be no disk at all: give 1 "
                      "to %u",
                      ATTR_MAX_DEVICES);
  config->server.max_devices = n;
  return 0;
}

int
on_demand_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  return attr_parse_size_in ("on_demand", value, 1, ZRAM_MAX_DISKSIZE,
                             "1 byte to 16T", &config->server.on_demand, error);
}

int
on_demand_close_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  const bool drop = strcmp (value, "drop") == 0;

  if (!drop && strcmp (value, "keep") != 0)
    return attr_fail (error,
                      "on_demand_close: '%s' is unknown: choose from keep and "
                      "drop",
                      value);
  config->server.drop_when_closed = drop;
  return 0;
}

int
mem_total_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  return attr_parse_size_in ("mem_total", value, 0, INT64_MAX,
                             "0 (no limit) to 8E - 1",
                             &config->server.mem_total, error);
}

int
workers_store (struct attr_config *config, const char *value,
               struct attr_error *error)
{
  return attr_parse_number ("workers", value, WORKPOOL_MAX_THREADS,
                            &config->server.workers, error);
}

/* 64 bits that no run had before. */
static int
make_run_id (char *run_id, size_t size, struct attr_error *error)
{
  uint64_t bits;

  if (getrandom (&bits, sizeof bits, 0) != sizeof bits)
    return attr_fail_as (error, errno, "run_id: no random number: %s",
                         strerrordesc_np (errno));
  snprintf (run_id, size, "%016" PRIx64, bits);
  return 0;
}

int
run_id_store (struct attr_config *config, const char *value,
              struct attr_error *error)
{
  char *const run_id = config->server.run_id;

  if (strcmp (value, "auto") == 0)
    return make_run_id (run_id, sizeof config->server.run_id, error);
  if (!exportname_ok (value, EXPORTNAME_RUN_LEN))
    return attr_fail (error,
                      "run_id: '%s' is no name: give auto, or at most %d "
                      "letters, digits, and . _ - after the first",
                      value, EXPORTNAME_RUN_LEN);
  snprintf (run_id, sizeof config->server.run_id, "%s", value);
  return 0;
}

/* Completion. */

/* CPUs that this process may use now. */
static unsigned
count_cpus (void)
{
  cpu_set_t set;

  return sched_getaffinity (0, sizeof set, &set) == 0
             ? (unsigned) CPU_COUNT (&set)
             : cpu_count ();
}

static void
complete_workers (struct attr_config *config)
{
  const unsigned cpus = count_cpus ();

  if (!attr_is_given (config, "workers"))
    config->server.workers =
        cpus < WORKPOOL_MAX_THREADS ? cpus : WORKPOOL_MAX_THREADS;
}

static int
complete_numbers (struct attr_config *config, struct attr_error *error)
{
  struct attr_server *const server = &config->server;
  const bool sized = attr_is_given (config, "disksize");

  if (!attr_is_given (config, "num_devices"))
    server->num_devices = sized || server->on_demand == 0;
  if (server->num_devices == 0 && sized)
    return attr_fail (error, "disksize: is for the disks that there are at the "
                             "start, and num_devices=0 says none: give one of "
                             "the two");
  if (attr_is_given (config, "max_devices")) {
    if (server->max_devices < server->num_devices)
      return attr_fail (error,
                        "max_devices: is less than num_devices: give at "
                        "least %u",
                        server->num_devices);
    return 0;
  }
  if (server->on_demand > 0)
    return attr_fail (error, "on_demand: any client can make disks: say how "
                             "many there may be, by max_devices");
  server->max_devices =
      server->mem_total > 0 ? server->num_devices : ATTR_MAX_DEVICES;
  return 0;
}

/* Every disk that there may be is sure of its part, and what is left over is
 * whose comes first. */
static int
complete_memory (struct attr_config *config, struct attr_error *error)
{
  const struct attr_server *const server = &config->server;

  if (server->mem_total == 0)
    return 0;
  if (server->max_devices == 0)
    return attr_fail (error, "mem_total: is for no disk: give max_devices, or "
                             "num_devices");
  const uint64_t share = server->mem_total / server->max_devices;
  if (share < ZS_GROWTH)
    return attr_fail (error,
                      "mem_total: is too little for %u disks (max_devices): "
                      "give at least %" PRIu64,
                      server->max_devices, server->max_devices * ZS_GROWTH);
  if (!attr_is_given (config, "mem_min"))
    config->zram.mem_min = share & ~(ZS_GROWTH - 1);
  if (config->zram.mem_min > share)
    return attr_fail (error,
                      "mem_min: mem_total has not so much for each of %u disks "
                      "(max_devices): give at most %" PRIu64,
                      server->max_devices, share & ~(ZS_GROWTH - 1));
  return 0;
}

static int
complete_on_demand (const struct attr_config *config, struct attr_error *error)
{
  if (config->server.on_demand == 0 &&
      attr_is_given (config, "on_demand_close"))
    return attr_fail (error, "on_demand_close: there are no such disks: give "
                             "on_demand, too");
  return 0;
}

/* A store has one user. */
static int
check_backing (const struct attr_config *config, struct attr_error *error)
{
  if (config->zram.backing.dev[0] &&
      (config->server.num_devices > 1 || config->server.on_demand > 0))
    return attr_fail (error, "backing_dev: can be one disk's only: give each "
                             "its own by hot_add");
  return 0;
}

int
attr_complete_server (struct attr_config *config, struct attr_error *error)
{
  if (complete_on_demand (config, error) < 0 ||
      complete_numbers (config, error) < 0 || check_backing (config, error) < 0)
    return -1;
  complete_workers (config);
  return complete_memory (config, error);
}
