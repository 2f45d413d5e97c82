/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of disks, as zramctl(8) prints it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "command.h"
#include "complain.h"
#include "ctlclient.h"
#include "disks.h"

struct table {
  struct libscols_table *table;
  struct column_list list;
  bool bytes;
  const char *server; /* that is being asked */
};

static void
add_disk (void *arg, const struct disks_entry *disk,
          const struct sample *sample)
{
  struct table *const table = arg;
  const struct column_row row = {.name = disk->name,
                                 .export = disk->export,
                                 .server = table->server,
                                 .sample = *sample};
  char *values[COLUMN_LIST_MAX];

  for (size_t i = 0; i < table->list.n; i++)
    values[i] = column_value (table->list.columns[i], &row, table->bytes);
  output_add_line (table->table, (const char *const *) values,
                   (unsigned) table->list.n);
  for (size_t i = 0; i < table->list.n; i++)
    free (values[i]);
}

static int
add_server (struct table *table, const char *server)
{
  struct ctlclient client;
  int r = ctlclient_open (&client, server, COMMAND_PATIENCE);

  table->server = server;
  if (r == 0)
    r = disks_sample (&client, SAMPLE_TABLE, add_disk, table);
  if (r < 0)
    complain ("%s: %s", server, client.message);
  ctlclient_close (&client);
  return r;
}

static enum output_kind
output_kind (const struct column *column, bool bytes)
{
  switch (column->kind) {
  case COLUMN_NAME:
  case COLUMN_EXPORT:
  case COLUMN_ALGORITHM:
  case COLUMN_SERVER:
    return OUTPUT_TEXT;
  case COLUMN_BYTES:
    return bytes ? OUTPUT_NUMBER : OUTPUT_SIZE;
  default:
    return OUTPUT_NUMBER;
  }
}

static int
choose_columns (struct column_list *list, const struct command_line *line)
{
  if (line->all_columns)
    column_list_all (list);
  else
    column_list_default (list, line->servers.n > 1);
  return line->columns ? column_list_parse (list, line->columns) : 0;
}

int
command_table (struct command_line *line)
{
  struct table table = {.bytes = line->bytes};
  int r = 0;

  if (line->servers.n == 0)
    r = servers_find (&line->servers);
  if (choose_columns (&table.list, line) < 0)
    return EXIT_FAILURE;
  table.table = output_table (&line->output, "disks");
  for (size_t i = 0; i < table.list.n; i++)
    output_add_column (table.table, table.list.columns[i]->name,
                       output_kind (table.list.columns[i], line->bytes));
  for (size_t i = 0; i < line->servers.n; i++)
    if (add_server (&table, line->servers.paths[i]) < 0)
      r = -1;
  output_print (table.table);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
