/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of parameters share: to store one, which must be taken, or be
 * refused as it should.
 */
#ifndef ZRAM_STORING_H
#define ZRAM_STORING_H

#include "attr.h"

/* ERROR's message must name parameter NAME, or what that is another name of, in
 * one line that could be the only one. */
extern void must_be_one_line (const struct attr_error *error, const char *name);

/* Storing VALUE must fail with such a message, and change nothing. */
extern void
must_refuse (struct attr_config *config, const char *name, const char *value);

/* Storing VALUE must not fail. */
extern void
must_store (struct attr_config *config, const char *name, const char *value);

#endif /* ZRAM_STORING_H */
