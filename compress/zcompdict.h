/* SPDX-License-Identifier: BSD-3-Clause */
/* A dictionary's bytes, as they were read: what pages have in common.
 *
 * Immutable once it is made, and counted: whoever keeps a pointer to one has a
 * reference.  It is what an algorithm is told to use (zcomp.h), for any number
 * of devices; what the algorithm makes of it is the zcomp's own.
 */
#ifndef ZRAM_ZCOMPDICT_H
#define ZRAM_ZCOMPDICT_H

#include <stddef.h>

struct zcomp_dict;

/* Longer files are no dictionaries, in bytes: lz4 uses 64 KiB of one, and
 * zstd's trainer makes 110 unless it is told otherwise.  zstd takes all that it
 * gets: its highest levels need minutes, and hundreds of megabytes, to digest
 * 64 MiB, and others would wait for that; 1 MiB takes half a second. */
#define ZCOMP_DICT_MAX ((size_t) 1 << 20)

/* Read the file PATH whole; the caller has one reference.  Negative errno of
 * what failed: -EINVAL: it is empty; -EFBIG: it is longer than ZCOMP_DICT_MAX;
 * -EISDIR and others as the system has them. */
extern int zcomp_dict_read (struct zcomp_dict **dict, const char *path);

/* The same from LEN bytes at BYTES, which are copied.  -EINVAL: LEN is 0;
 * -ENOMEM. */
extern int
zcomp_dict_create (struct zcomp_dict **dict, const void *bytes, size_t len);

/* Another reference, and one less; the last frees it.  Any thread; DICT may be
 * NULL. */
extern struct zcomp_dict *zcomp_dict_get (struct zcomp_dict *dict);
extern void zcomp_dict_put (struct zcomp_dict *dict);

extern const void *zcomp_dict_bytes (const struct zcomp_dict *dict);
extern size_t zcomp_dict_len (const struct zcomp_dict *dict);

#endif /* ZRAM_ZCOMPDICT_H */
