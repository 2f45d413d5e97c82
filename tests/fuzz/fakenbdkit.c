/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "compiler.h"
#include "fakenbdkit.h"
#include "fuzz.h"

extern struct nbdkit_plugin *plugin_init (void);

static const struct nbdkit_plugin *plugin;

/* Of the client that comes; of the request that is under way. */
static const char *export_name;
static int error;

/* What the plugin calls. */

ZRAM_PRINTF (1, 2)
void
nbdkit_error (const char *format, ...)
{
  char text[512];
  va_list args;

  va_start (args, format);
  must (vsnprintf (text, sizeof text, format, args) > 0);
  va_end (args);
  must (is_one_line (text));
}

void
nbdkit_set_error (int code)
{
  error = code;
}

char *
nbdkit_absolute_path (const char *path)
{
  must (*path == '/');
  return (char *) (uintptr_t) path;
}

const char *
nbdkit_export_name (void)
{
  return export_name;
}

ZRAM_PRINTF (1, 2)
const char *
nbdkit_printf_intern (const char *format, ...)
{
  static char text[512];
  va_list args;

  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  return text;
}

int
nbdkit_add_export (struct nbdkit_exports *exports, const char *name,
                   const char *description)
{
  (void) exports;
  must (is_one_line (name) && is_one_line (description));
  return 0;
}

/* What extents have been told of a request. */
struct nbdkit_extents {
  const struct request *request;
  uint64_t at; /* where they end so far */
};

/* nbdkit takes more than that; the plugin has said that it does not. */
int
nbdkit_add_extent (struct nbdkit_extents *extents, uint64_t offset,
                   uint64_t length, uint32_t type)
{
  const struct request *const request = extents->request;

  must (offset == extents->at && length > 0);
  must (length <= request->offset + request->count - offset);
  must (type == 0 || type == (NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO));
  extents->at += length;
  if (request->extent)
    request->extent (request->arg, offset, length, type != 0);
  return 0;
}

/* A server's life. */

static void
stop (void)
{
  plugin->cleanup ();
  plugin->unload ();
}

void
fake_nbdkit_start (const char *const *parameters)
{
  plugin = plugin_init ();
  plugin->load ();
  for (; *parameters; parameters++) {
    char *const key = strdup (*parameters);
    char *const equals = key ? strchr (key, '=') : NULL;

    must (equals);
    *equals = '\0';
    must (plugin->config (key, strchr (*parameters, '=') + 1) == 0);
    free (key);
  }
  must (plugin->config_complete () == 0);
  must (plugin->get_ready () == 0);
  must (plugin->after_fork () == 0);
  atexit (stop);
}

void *
fake_nbdkit_open (const char *export)
{
  export_name = export;
  return plugin->open (false);
}

void
fake_nbdkit_close (void *handle)
{
  plugin->close (handle);
}

uint64_t
fake_nbdkit_size (void *handle)
{
  return (uint64_t) plugin->get_size (handle);
}

/* Requests. */

/* As its protocol.c does before it calls a plugin.  (A flush has no range; the
 * others are not empty.) */
static int
validate (void *handle, const struct request *request)
{
  const uint64_t size = fake_nbdkit_size (handle);
  const bool writes = request->command == COMMAND_WRITE ||
                      request->command == COMMAND_TRIM ||
                      request->command == COMMAND_ZERO;

  if (request->command == COMMAND_FLUSH)
    return request->offset || request->count ? EINVAL : 0;
  if (request->count == 0 || request->offset > size ||
      request->count > size - request->offset)
    return writes && request->command != COMMAND_TRIM ? ENOSPC : EINVAL;
  if ((request->flags & REQUEST_NO_HOLE ||
       request->flags & REQUEST_FAST_ZERO) &&
      request->command != COMMAND_ZERO)
    return EINVAL;
  if (request->flags & REQUEST_ONE && request->command != COMMAND_EXTENTS)
    return EINVAL;
  return 0;
}

/* In the plugin's flags. */
static uint32_t
plugin_flags (const struct request *request)
{
  uint32_t flags = 0;

  if (request->flags & REQUEST_FUA && request->command != COMMAND_READ)
    flags |= NBDKIT_FLAG_FUA;
  if (request->command == COMMAND_ZERO && !(request->flags & REQUEST_NO_HOLE))
    flags |= NBDKIT_FLAG_MAY_TRIM;
  if (request->flags & REQUEST_FAST_ZERO)
    flags |= NBDKIT_FLAG_FAST_ZERO;
  if (request->flags & REQUEST_ONE)
    flags |= NBDKIT_FLAG_REQ_ONE;
  return flags;
}

static int
call_extents (void *handle, const struct request *request, uint32_t flags)
{
  struct nbdkit_extents extents = {.request = request, .at = request->offset};
  const int r = plugin->extents (handle, request->count, request->offset, flags,
                                 &extents);

  must (r < 0 || extents.at > request->offset);
  must (r < 0 || flags & NBDKIT_FLAG_REQ_ONE ||
        extents.at == request->offset + request->count);
  return r;
}

static int
call (void *handle, const struct request *request)
{
  const uint32_t flags = plugin_flags (request), count = request->count;
  const uint64_t offset = request->offset;

  switch (request->command) {
  case COMMAND_READ:
    return plugin->pread (handle, request->data, count, offset, 0);
  case COMMAND_WRITE:
    return plugin->pwrite (handle, request->data, count, offset, flags);
  case COMMAND_FLUSH:
    return plugin->flush (handle, 0);
  case COMMAND_TRIM:
    return plugin->trim (handle, count, offset, flags);
  case COMMAND_ZERO:
    return plugin->zero (handle, count, offset, flags);
  case COMMAND_EXTENTS:
    return call_extents (handle, request, flags);
  default: /* the plugin has no .cache: nbdkit does nothing */
    must (!plugin->cache);
    return 0;
  }
}

int
fake_nbdkit_request (void *handle, const struct request *request)
{
  const int refused = validate (handle, request);

  if (refused)
    return refused;
  error = 0;
  if (call (handle, request) == 0)
    return 0;
  must (error > 0);
  return error;
}
