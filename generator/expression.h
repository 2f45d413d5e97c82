/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes that are computed from the machine's memory, in zram-generator's
 * manner: "min(ram / 2, 4096)".
 *
 * The library is muParser.  What zram-generator's expressions have beside what
 * that has, is added: %, int, ceil, floor, round, log to any base, pi and e,
 * K, M, G behind a number.
 */
#ifndef ZRAM_EXPRESSION_H
#define ZRAM_EXPRESSION_H

#define EXPRESSION_WHY_MAX 160

/* What TEXT comes to, in megabytes, where "ram" is RAM of them.  -1: it is no
 * such expression, or comes to what is no size; WHY says so. */
extern int expression_size (const char *text, double ram, double *size,
                            char why[EXPRESSION_WHY_MAX]);

#endif /* ZRAM_EXPRESSION_H */
