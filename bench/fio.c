/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "fio.h"
#include "util.h"

#define MAX_ARGS 32

/* What fio is told. */
struct job {
  char *args[MAX_ARGS];
  unsigned nr;
};

static void add (struct job *job, const char *format, ...) ZRAM_PRINTF (2, 3);

static void
add (struct job *job, const char *format, ...)
{
  va_list args;
  int r;

  va_start (args, format);
  r = vasprintf (&job->args[job->nr++], format, args);
  va_end (args);
  if (r < 0 || job->nr == MAX_ARGS)
    fail ("out of memory");
}

/* Readers go all over the device; a writer has a part of it, as no two may
 * write what one of them verifies. */
static void
describe_job (struct job *job, const struct contestant *contestant,
              const struct phase *phase, uint64_t seed)
{
  const unsigned n = contestant->target->nr_threads;
  const uint64_t pages = contestant->data->nr_pages;
  const uint64_t part = pages / n / phase->block * phase->block;

  add (job, "fio");
  add (job, "--name=fio");
  add (job, "--ioengine=nbd");
  add (job, "--uri=%s", contestant->target->uri);
  add (job, "--bs=%u", phase->block * ZRAM_PAGE_SIZE);
  add (job, "--iodepth=%u", phase->depth);
  add (job, "--numjobs=%u", n);
  add (job, "--thread");
  add (job, "--group_reporting");
  add (job, "--unified_rw_reporting=both");
  add (job, "--time_based");
  add (job, "--runtime=%.0fms", phase->seconds * 1000);
  add (job, "--randseed=%" PRIu64, seed);
  add (job, "--lat_percentiles=1"); /* from the request's making on, as ours */
  add (job, "--percentile_list=50:90:99:99.9");
  add (job, "--output-format=json");
  if (phase->access == ACCESS_READ) {
    add (job, "--rw=randread");
    add (job, "--size=%" PRIu64, pages * ZRAM_PAGE_SIZE);
    return;
  }
  add (job, "--rw=randwrite");
  add (job, "--size=%" PRIu64, part * ZRAM_PAGE_SIZE);
  add (job, "--offset_increment=%" PRIu64, part * ZRAM_PAGE_SIZE);
  add (job, "--buffer_compress_percentage=66");
  add (job, "--verify=crc32c");
  add (job, "--verify_backlog=64");
  add (job, "--verify_fatal=1");
  add (job, "--verify_state_save=0"); /* a file, here */
}

/* Numbers of fio's REPORT, behind what its nbd engine has to say. */
static const char filter[] =
    "sed -n '/^{/,$p' %s | jq -r '.jobs[0] |"
    " [.error, .mixed.total_ios, .read.total_ios, .job_runtime,"
    " .usr_cpu + .sys_cpu,"
    " (.mixed.lat_ns | (.percentile[\"50.000000\", \"90.000000\","
    " \"99.000000\", \"99.900000\"]), .max)] | @tsv'";

#define NR_NUMBERS 10

static void
read_report (const char *report, double number[NR_NUMBERS])
{
  char *command, line[512] = "", *rest = line;
  FILE *fp;

  if (asprintf (&command, filter, report) < 0)
    fail ("out of memory");
  fp = popen (command, "re"); /* NOLINT(cert-env33-c): nobody else's words */
  if (fp == NULL || fgets (line, sizeof line, fp) == NULL || pclose (fp) != 0)
    fail ("fio's report cannot be read: is jq there?");
  free (command);
  for (unsigned i = 0; i < NR_NUMBERS; i++)
    number[i] = strtod (rest, &rest);
}

static void
take_report (const char *report, const struct phase *phase, unsigned n,
             struct done *done)
{
  double number[NR_NUMBERS];

  read_report (report, number);
  if (number[0] != 0)
    fail ("fio: %s", strerror ((int) number[0]));
  done->ops = (uint64_t) number[1];
  if (phase->access == ACCESS_WRITE)
    done->verified = (uint64_t) number[2] * phase->block;
  done->seconds = number[3] / 1e3 / n;
  done->client_cpu = number[4] / 100 * number[3] / 1e3;
  for (unsigned i = 0; i < NR_QUANTILES; i++)
    done->quantile[i] = number[5 + i] / 1e3;
  /* Those before it are the upper edges of fio's buckets. */
  for (unsigned i = 0; i < LONGEST; i++)
    if (done->quantile[i] > done->quantile[LONGEST])
      done->quantile[i] = done->quantile[LONGEST];
}

void
fio_run (const struct contestant *contestant, const struct phase *phase,
         uint64_t seed, struct done *done)
{
  char report[MEMORY_FILE_PATH];
  const int fd = memory_file (report);
  struct job job = {.nr = 0};

  describe_job (&job, contestant, phase, seed);
  add (&job, "--output=%s", report);
  run_command (job.args);
  take_report (report, phase, contestant->target->nr_threads, done);
  close (fd);
  for (unsigned i = 0; i < job.nr; i++)
    free (job.args[i]);
}
