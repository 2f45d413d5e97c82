/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzzed code is kept from: files of this machine, which it would open
 * as backing stores; more memory than there is; and threads that compact by
 * themselves, so that the same input does the same, and more of them in a
 * second.  The linker puts these functions before the real ones.
 */
#ifndef ZRAM_FUZZ_SURROUNDINGS_H
#define ZRAM_FUZZ_SURROUNDINGS_H

struct background;
struct store;
struct store_config;
struct zram;
struct zram_config;
struct zs_pool;

/* Whatever it is called, a store is in memory, of the size that is asked for,
 * if that is one; -EINVAL otherwise. */
extern int __wrap_store_open (struct store **store,
                              const struct store_config *config, char **why);

/* Who asks for more than a small machine has, is told so: -ENOMEM. */
extern int
__wrap_zram_create (struct zram **zram, const struct zram_config *config);
extern int
__real_zram_create (struct zram **zram, const struct zram_config *config);

/* There is none. */
extern int
__wrap_background_start (struct background *background, struct zs_pool *pool,
                         struct slot_table *table);

#endif /* ZRAM_FUZZ_SURROUNDINGS_H */
