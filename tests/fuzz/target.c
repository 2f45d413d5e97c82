/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "target.h"
#include "zcompdict.h"

static const struct zcomp_backend *
choose_backend (void)
{
  const char *const name = getenv ("FUZZ_ALGORITHM");
  const struct zcomp_backend *const backend =
      name ? zcomp_backend_find (name) : NULL;

  if (!backend) {
    fprintf (stderr, "FUZZ_ALGORITHM names none\n");
    exit (EXIT_FAILURE);
  }
  return backend;
}

struct zcomp *
target_make (void)
{
  static const char device;
  const char *const file = getenv ("FUZZ_DICT");
  struct zcomp_params params = {0};
  struct zcomp *comp;

  if ((file && zcomp_dict_read (&params.dict, file) < 0) ||
      zcomp_create (&comp, choose_backend (), &params, 1, &device) < 0 ||
      zcomp_prepare (comp) < 0) {
    fprintf (stderr, "cannot make it\n");
    exit (EXIT_FAILURE);
  }
  zcomp_dict_put (params.dict);
  return comp;
}

int
target_compress (struct zcomp *comp, const void *page, void *dst,
                 size_t capacity, size_t *len)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  const int r = zcomp_compress (stream, page, dst, capacity, len);

  zcomp_stream_put (stream);
  return r;
}

int
target_decompress (struct zcomp *comp, const void *src, size_t len, void *page)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  const int r = zcomp_decompress (stream, src, len, page);

  zcomp_stream_put (stream);
  return r;
}
