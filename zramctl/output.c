/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <libsmartcols.h>

#include "complain.h"
#include "output.h"

/* libsmartcols fails when there is no memory, and says so by what is not 0. */
static void
must_do (int r)
{
  if (r != 0)
    complain_of_memory ();
}

struct libscols_table *
output_table (const struct output *output, const char *name)
{
  struct libscols_table *const table = complain_unless (scols_new_table ());

  scols_table_enable_json (table, output->json);
  scols_table_enable_raw (table, output->raw);
  scols_table_enable_noheadings (table, output->noheadings);
  must_do (scols_table_set_name (table, name));
  return table;
}

void
output_add_column (struct libscols_table *table, const char *name,
                   enum output_kind kind)
{
  struct libscols_column *const column =
      complain_unless (scols_table_new_column (
          table, name, 0, kind == OUTPUT_TEXT ? 0 : SCOLS_FL_RIGHT));

  if (kind == OUTPUT_NUMBER)
    must_do (scols_column_set_json_type (column, SCOLS_JSON_NUMBER));
}

void
output_add_line (struct libscols_table *table, const char *const *values,
                 unsigned n)
{
  struct libscols_line *const line =
      complain_unless (scols_table_new_line (table, NULL));

  for (unsigned i = 0; i < n; i++)
    must_do (scols_line_set_data (line, i, values[i]));
}

void
output_print (struct libscols_table *table)
{
  must_do (scols_print_table (table));
  scols_unref_table (table);
}
