/* SPDX-License-Identifier: BSD-3-Clause */
/* A page in the hands of post-processing: its object is taken out, something is
 * made of it with nothing locked, and that is put in its place, unless somebody
 * has used the page meanwhile.
 *
 * SLOT_PP says that nobody has.  (zram marks in a first pass all that it will
 * process; here the mark stands only as long as the page is in hand, so a run
 * that ends leaves none.)  A page in hand is put back exactly once, by one of
 * the functions below.  One run at a time has pages of a device in
 * hand.
 */
#ifndef ZRAM_POSTPROCESS_H
#define ZRAM_POSTPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "page.h"

struct run;
struct zram;

/* Begin a run: others that want one wait until it ends.  -EINTR: RUN, which may
 * be NULL, was stopped meanwhile. */
extern int run_begin (struct zram *zram, const struct run *run);
extern void run_end (struct zram *zram);

/* Whether a run wants a page with these flags of its slot, which is allocated.
 */
typedef bool (*page_wanted_fn) (const void *arg, uint32_t flags);

/* Take page INDEX in hand if it is stored in the pool and WANTED (ARG) still
 * says so: its object is copied to OBJECT, and *FLAGS are its slot's.  False:
 * it is not in hand. */
extern bool
page_take (struct zram *zram, uint64_t index, page_wanted_fn wanted,
           const void *arg, char object[ZRAM_PAGE_SIZE], uint32_t *flags);

/* Put page INDEX back: unless it was used meanwhile, its object becomes HANDLE,
 * of LEN bytes, made by the algorithm of PRIORITY, and the old one is freed.
 * When it was last used stays; it is idle no more.  False: it was used, and
 * HANDLE is still the caller's. */
extern bool page_replace (struct zram *zram, uint64_t index, uint64_t handle,
                          uint32_t len, unsigned priority);

/* Put page INDEX back: unless it was used meanwhile, its object is now where
 * WORD says (slot.h), and is freed in the pool.  All else that is known of the
 * page stays, but that it is idle.  False: it was used. */
extern bool page_write_back (struct zram *zram, uint64_t index, uint64_t word);

/* Put page INDEX back as it was. */
extern void page_let_be (struct zram *zram, uint64_t index);

/* The same, but it was tried: unless it was used meanwhile it is idle no more,
 * as in zram, and INCOMPRESSIBLE says how it is marked. */
extern void page_tried (struct zram *zram, uint64_t index, bool incompressible);

#endif /* ZRAM_POSTPROCESS_H */
