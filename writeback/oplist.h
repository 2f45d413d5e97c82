/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that wait, the oldest first; they are linked by their own NEXT. */
#ifndef ZRAM_OPLIST_H
#define ZRAM_OPLIST_H

#include <stddef.h>

#include "store.h"

/* All-zero: none waits. */
struct op_list {
  struct store_op *oldest, *newest;
};

/* The list that begins with OPS, which may be NULL, comes after all others. */
static inline void
op_list_append (struct op_list *list, struct store_op *ops)
{
  if (!ops)
    return;
  if (list->oldest)
    list->newest->next = ops;
  else
    list->oldest = ops;
  while (ops->next)
    ops = ops->next;
  list->newest = ops;
}

/* Take the oldest; NULL: there is none. */
static inline struct store_op *
op_list_take (struct op_list *list)
{
  struct store_op *const op = list->oldest;

  if (op) {
    list->oldest = op->next;
    op->next = NULL;
  }
  return op;
}

/* Take all, as a list. */
static inline struct store_op *
op_list_take_all (struct op_list *list)
{
  struct store_op *const ops = list->oldest;

  list->oldest = NULL;
  return ops;
}

#endif /* ZRAM_OPLIST_H */
