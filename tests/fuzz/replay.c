/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzzed program without the fuzzer: it takes the inputs that it is given, so
 * that any compiler's build tries the corpus.
 *
 *     replay-NAME FILE ...
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

/* Longer than any in the tree. */
#define LONGEST (64U << 10)

static int
replay (const char *file)
{
  static uint8_t bytes[LONGEST];
  FILE *const fp = fopen (file, "r");
  size_t len;
  uint8_t *input;

  if (!fp) {
    perror (file);
    return -1;
  }
  len = fread (bytes, 1, sizeof bytes, fp);
  fclose (fp);
  input = malloc (len > 0 ? len : 1); /* so that a sanitizer knows its end */
  must (input);
  for (size_t i = 0; i < len; i++)
    input[i] = bytes[i];
  printf ("%s\n", file);
  fflush (stdout);
  LLVMFuzzerTestOneInput (input, len);
  free (input);
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc < 2) {
    fprintf (stderr, "Usage: %s FILE ...\n", argv[0]);
    return EXIT_FAILURE;
  }
  if (LLVMFuzzerInitialize)
    LLVMFuzzerInitialize (&argc, &argv);
  for (int i = 1; i < argc; i++)
    if (replay (argv[i]) < 0)
      return EXIT_FAILURE;
  printf ("%d inputs\n", argc - 1);
  return EXIT_SUCCESS;
}
