/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenMetrics text: the format that Prometheus reads.
 *
 * A family is begun, then come its samples, all of them; openmetrics_end ends
 * the text.  What is written is UTF-8, whatever help and labels hold.
 *
 * There are gauges and counters only.  node_exporter's textfile collector reads
 * the older format, where the rest of this one is comments, and refuses a file
 * with a type that is not in both.
 */
#ifndef ZRAM_OPENMETRICS_H
#define ZRAM_OPENMETRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum openmetrics_type {
  OPENMETRICS_GAUGE,
  OPENMETRICS_COUNTER
};

struct openmetrics_family {
  const char *name; /* ends with the unit, and not with "_total" */
  enum openmetrics_type type;
  const char *unit; /* NULL: none */
  const char *help;
};

struct openmetrics_label {
  const char *name;
  const char *value;
};

/* Of one thing: "n" of them. */
struct openmetrics_labels {
  const struct openmetrics_label *labels;
  size_t n;
};

extern void
openmetrics_begin (FILE *fp, const struct openmetrics_family *family);

/* A sample, of what LABELS say. */
extern void
openmetrics_sample (FILE *fp, const struct openmetrics_family *family,
                    const struct openmetrics_labels *labels, int64_t number);

extern void openmetrics_end (FILE *fp);

#endif /* ZRAM_OPENMETRICS_H */
