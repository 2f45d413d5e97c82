/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a server, a line each, and their answers.
 *
 *     list                        the disks, and what clients call them
 *     attributes                  what they have: name, r, w or rw, what it is
 *     get DISK ATTRIBUTE          what sysfs shows
 *     set DISK ATTRIBUTE VALUE    what writing to sysfs does
 *     run DISK ATTRIBUTE VALUE    the same, and how far it is
 *     hot_add [KEY=VALUE ...]     another disk; the answer is its name
 *     hot_remove DISK             one less
 *
 * Words are separated by one blank; VALUE is the rest of the line.  An answer
 * is any number of lines that begin with a blank, which is not part of them,
 * and then one that does not:
 *
 *     ok
 *     error ERRNO MESSAGE         the name of an errno, and what is wrong
 *
 * So that who reads an answer need not know the question.  But to "run", and
 * only to that, there may come before it, while it is under way,
 *
 *     progress DONE TOTAL         two decimal numbers
 *
 * a few times a second, not less than the last time nor more than TOTAL, which
 * stays the same.
 */
#ifndef ZRAM_CTLREQUEST_H
#define ZRAM_CTLREQUEST_H

#include <stddef.h>
#include <stdio.h>

struct diskset;
struct run;

/* Answer the LEN bytes at LINE, which a NUL byte follows, on REPLY.  A run of
 * some time ends when RUN is stopped; if it was asked to, it tells RUN how far
 * it is, before anything is printed.  Takes the set's lock, and a disk's, but
 * not while it writes to REPLY, which may wait for the client. */
extern void ctlrequest_answer (struct diskset *set, char *line, size_t len,
                               const struct run *run, FILE *reply);

/* Answer what cannot be read as a line at all. */
extern void ctlrequest_refuse (int code, const char *message, FILE *reply);

#endif /* ZRAM_CTLREQUEST_H */
