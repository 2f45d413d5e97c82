/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device is made of, as a thing that is copied and changed. */
#include <config.h>

#include "zcompdict.h"
#include "zram.h"

void
zram_config_copy (struct zram_config *copy, const struct zram_config *config)
{
  *copy = *config;
  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    zcomp_dict_get (copy->algorithms[i].params.dict);
}

void
zram_config_clear (struct zram_config *config)
{
  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    zram_config_set_algorithm (config, i, NULL);
}

const struct zcomp_backend *
zram_config_backend (const struct zram_config *config, unsigned priority)
{
  const struct zcomp_backend *const backend =
      config->algorithms[priority].backend;

  return backend || priority > 0 ? backend
                                 : zcomp_backend_find (ZRAM_DEFAULT_ALGORITHM);
}

void
zram_config_set_algorithm (struct zram_config *config, unsigned priority,
                           const struct zcomp_backend *backend)
{
  struct zram_algorithm *const algorithm = &config->algorithms[priority];

  zcomp_dict_put (algorithm->params.dict);
  *algorithm = (struct zram_algorithm){.backend = backend};
}

void
zram_config_set_params (struct zram_config *config, unsigned priority,
                        const struct zcomp_params *params)
{
  struct zram_algorithm *const algorithm = &config->algorithms[priority];

  zcomp_dict_get (params->dict);
  zcomp_dict_put (algorithm->params.dict);
  algorithm->params = *params;
}
