/* SPDX-License-Identifier: BSD-3-Clause */
/* What it costs to read memory that nobody has written.  Nothing, where one
 * page of zeros stands for all of it; but a kernel can be told to do without
 * (there are virtual machines whose kernel is), and then each page read is a
 * page taken.  A test that counts memory allows for what it reads.
 */
#ifndef ZRAM_ZEROPAGE_H
#define ZRAM_ZEROPAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Bytes of anonymous memory that this process has. */
static inline uint64_t
zeropage_anonymous_bytes (void)
{
  FILE *fp = fopen ("/proc/self/smaps_rollup", "r");
  unsigned long long kib;
  char line[256];

  if (fp == NULL)
    abort ();
  do
    if (fgets (line, sizeof line, fp) == NULL)
      abort ();
  while (sscanf (line, "Anonymous: %llu", &kib) != 1);
  fclose (fp);
  return kib << 10;
}

/* The bytes that it takes to have read so many such pages, of 4 KiB. */
static inline uint64_t
zeropage_read_cost (uint64_t pages)
{
  enum {
    TRIED = 256,
    SIZE = 4096
  };
  const uint64_t before = zeropage_anonymous_bytes ();
  volatile const char *const memory =
      mmap (NULL, TRIED * SIZE, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t after;

  if (memory == MAP_FAILED)
    abort ();
  for (size_t i = 0; i < TRIED; i++)
    (void) memory[i * SIZE];
  after = zeropage_anonymous_bytes ();
  munmap ((void *) memory, TRIED * SIZE);
  return after < before + TRIED * SIZE / 2 ? 0 : pages * SIZE;
}

#endif /* ZRAM_ZEROPAGE_H */
