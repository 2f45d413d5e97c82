/* SPDX-License-Identifier: BSD-3-Clause */
/* There is one export, zram0, which who gives no name gets, too: it is listed
 * and described, and any other name is refused, so that a client that expects
 * another device does not get this one.
 */
#include <config.h>

#include <string.h>

#include "server.h"

struct listing {
  unsigned count;
  char name[64];
  char description[64];
};

static int
export_listed (void *user_data, const char *name, const char *description)
{
  struct listing *listing = user_data;

  listing->count++;
  snprintf (listing->name, sizeof listing->name, "%s", name);
  snprintf (listing->description, sizeof listing->description, "%s",
            description);
  return 0;
}

static void
test_listed (const struct server *server, const char *description)
{
  struct nbd_handle *nbd = server_negotiate (server);
  struct listing listing = {0};

  NBD_OK (nbd_opt_list (nbd, (nbd_list_callback){.callback = export_listed,
                                                 .user_data = &listing}));
  CHECK (listing.count == 1);
  CHECK (strcmp (listing.name, "zram0") == 0);
  CHECK (strcmp (listing.description, description) == 0);
  NBD_OK (nbd_opt_abort (nbd));
  nbd_close (nbd);
}

static void
test_described (const struct server *server, const char *name,
                const char *description)
{
  struct nbd_handle *nbd = server_negotiate (server);
  char *actual;

  NBD_OK (nbd_set_export_name (nbd, name));
  NBD_OK (nbd_opt_info (nbd));
  actual = nbd_get_export_description (nbd);
  if (actual == NULL)
    fail ("no description: %s", nbd_get_error ());
  if (strcmp (actual, description) != 0)
    fail ("description is \"%s\", not \"%s\"", actual, description);
  free (actual);
  NBD_OK (nbd_opt_abort (nbd));
  nbd_close (nbd);
}

static void
test_unknown_refused (const struct server *server, const char *name)
{
  struct nbd_handle *nbd = server_negotiate (server);

  NBD_OK (nbd_set_export_name (nbd, name));
  CHECK (nbd_opt_go (nbd) == -1);
  if (nbd_aio_is_negotiating (nbd)) {
    /* The right one may still be chosen on this connection. */
    NBD_OK (nbd_set_export_name (nbd, ""));
    NBD_OK (nbd_opt_go (nbd));
    NBD_OK (nbd_shutdown (nbd, 0));
  }
  nbd_close (nbd);
}

static void
test_server (const char *disksize, const char *algorithm,
             const char *description)
{
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, disksize, algorithm, NULL);
  test_listed (&server, description);
  test_described (&server, "", description);
  test_described (&server, "zram0", description);
  test_unknown_refused (&server, "other");
  test_unknown_refused (&server, "zram");
  test_unknown_refused (&server, "zram1");
  test_unknown_refused (&server, "zram0@run");
  test_unknown_refused (&server, " ");

  /* None of this harmed the server. */
  nbd = server_connect (&server);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_server ("1G", "comp_algorithm=lz4", "zram, lz4, 1 GiB");
  test_server ("256M", "comp_algorithm=zstd", "zram, zstd, 256 MiB");
  return EXIT_SUCCESS;
}
