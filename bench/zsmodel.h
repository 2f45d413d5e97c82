/* SPDX-License-Identifier: BSD-3-Clause */
/* zsmodel: how much memory the kernel's zsmalloc would take, reckoned.
 *
 * Pages of 4 KiB, zspages of up to 8 of them (the kernel's default).  It has
 * the kernel's size classes, fullness groups and choice of zspage, and no
 * bytes: where in its zspage an object lies does not matter, since all places
 * of a class are of one size.
 *
 * Objects belong to slots 0, 1, 2 ...; each slot has one or none.
 */
#ifndef BENCH_ZSMODEL_H
#define BENCH_ZSMODEL_H

#include <stddef.h>
#include <stdint.h>

struct zsmodel;

/* A pool for NR_SLOTS slots. */
extern struct zsmodel *zsmodel_create (uint32_t nr_slots);
extern void zsmodel_destroy (struct zsmodel *model);

/* Give SLOT an object of LEN bytes, at most a page; only then free the one
 * that it had, as zram does. */
extern void zsmodel_store (struct zsmodel *model, uint32_t slot, size_t len);

/* Free SLOT's object, if it has one. */
extern void zsmodel_free (struct zsmodel *model, uint32_t slot);

/* Move objects together within their classes; returns the pages freed. */
extern uint64_t zsmodel_compact (struct zsmodel *model);

/* What the pool takes, in bytes (mem_used_total). */
extern uint64_t zsmodel_used (const struct zsmodel *model);

/* From this length on zram stores a page as it is. */
extern size_t zsmodel_huge_size (const struct zsmodel *model);

#endif /* BENCH_ZSMODEL_H */
