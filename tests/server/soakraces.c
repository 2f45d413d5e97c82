/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "preload.h"
#include "server.h"
#include "soakraces.h"

/* The server goes on, so that its log has all of a round's races; and ends as
 * usual, so that what else is wrong then is seen. */
void
races_preload (const char *runtime)
{
  CHECK (setenv ("TSAN_OPTIONS", "halt_on_error=0:exitcode=0", 1) == 0);
  preload (runtime);
}

static unsigned
count_reports (const struct server *server)
{
  return server_log_count (server, "WARNING: ThreadSanitizer: ");
}

void
races_check (const struct server *server)
{
  if (count_reports (server) > 0)
    fail ("ThreadSanitizer has found something");
}

/* A report's last line names the function. */
void
races_check_ended (const struct server *server)
{
  const unsigned made = server_log_count (server, " in race_on_purpose");

  if (made != 1)
    fail ("races were not looked for: the one that is made was not reported");
  if (count_reports (server) != made)
    fail ("ThreadSanitizer has found something as the server ended");
}
