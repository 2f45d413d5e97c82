/* SPDX-License-Identifier: BSD-3-Clause */
/* The idea of zsmalloc, as its documentation gives it: an object goes to the
 * smallest class that holds it and eight bytes more (by which the kernel finds
 * its handle).  A class has zspages of as many pages as leave least over, and
 * lists of them by fullness in tenths; an object goes to the first zspage of
 * the fullest list, and a zspage that becomes empty is given back.
 */
#include <config.h>

#include <stdbool.h>
#include <stdlib.h>

#include "util.h"
#include "zsmodel.h"

#define PAGE      4096U
#define MAX_PAGES 8U /* of a zspage */
#define MIN_SIZE  32U
#define STEP      16U
#define NR_SIZES  ((PAGE - MIN_SIZE) / STEP + 1)
#define HEADER    8U

/* Fullness: group 0 has no zspages (they are freed), 1 to 10 are tenths, and
 * the last is full. */
#define NR_GROUPS  12U
#define GROUP_FULL (NR_GROUPS - 1)

struct zspage {
  struct zspage *next, *prev;
  uint32_t nr_used;
  uint32_t slots[]; /* whose objects they are; room for the class's number */
};

struct class {
  uint32_t size;
  uint32_t nr_pages, nr_objects; /* of each zspage */
  uint32_t nr_zspages, nr_used;  /* objects */
  struct zspage *groups[NR_GROUPS];
};

/* Where a slot's object is. */
struct place {
  struct class *class;
  struct zspage *zspage; /* NULL: the slot has none */
  uint32_t index;
};

struct zsmodel {
  struct class classes[NR_SIZES];
  struct class *of_size[NR_SIZES]; /* the largest of each run of like ones */
  uint32_t huge_size;
  uint64_t nr_pages;
  struct place *places; /* by slot */
};

static void
class_init (struct class *class, uint32_t size)
{
  uint32_t least = UINT32_MAX;

  class->size = size;
  for (uint32_t n = 1; n <= MAX_PAGES; n++) {
    const uint32_t waste = n * PAGE % size;

    if (waste < least) {
      least = waste;
      class->nr_pages = n;
    }
  }
  class->nr_objects = class->nr_pages * PAGE / size;
}

static bool
class_huge (const struct class *class)
{
  return class->nr_pages == 1 && class->nr_objects == 1;
}

struct zsmodel *
zsmodel_create (uint32_t nr_slots)
{
  struct zsmodel *model = new_array (1, sizeof *model);
  unsigned nr_classes = 0;

  model->places = new_array (nr_slots, sizeof *model->places);
  for (unsigned i = NR_SIZES; i-- > 0;) {
    struct class *class = &model->classes[i];
    struct class *larger = i + 1 < NR_SIZES ? model->of_size[i + 1] : NULL;

    class_init (class, MIN_SIZE + i * STEP);
    if (larger != NULL && larger->nr_pages == class->nr_pages &&
        larger->nr_objects == class->nr_objects)
      class = larger;
    else
      nr_classes++;
    model->of_size[i] = class;
    if (model->huge_size == 0 && !class_huge (class))
      model->huge_size = class->size - HEADER + 1;
  }
  if (nr_classes != 119 || model->huge_size != 3625)
    fail ("zsmodel: %u classes, huge from %u bytes on: not the kernel's",
          nr_classes, model->huge_size);
  return model;
}

void
zsmodel_destroy (struct zsmodel *model)
{
  for (unsigned i = 0; i < NR_SIZES; i++)
    for (unsigned group = 0; group < NR_GROUPS; group++)
      while (model->classes[i].groups[group] != NULL) {
        struct zspage *zspage = model->classes[i].groups[group];

        model->classes[i].groups[group] = zspage->next;
        free (zspage);
      }
  free (model->places);
  free (model);
}

static struct class *
find_class (const struct zsmodel *model, size_t len)
{
  const size_t size = len < model->huge_size ? len + HEADER : PAGE;

  return model
      ->of_size[size <= MIN_SIZE ? 0 : (size - MIN_SIZE + STEP - 1) / STEP];
}

/* Lists. */

static unsigned
group_of (const struct class *class, const struct zspage *zspage)
{
  if (zspage->nr_used == class->nr_objects)
    return GROUP_FULL;
  return zspage->nr_used == 0
             ? 0
             : 100 * zspage->nr_used / class->nr_objects / 10 + 1;
}

static void
list_add (struct class *class, struct zspage *zspage)
{
  struct zspage **head = &class->groups[group_of (class, zspage)];

  zspage->prev = NULL;
  zspage->next = *head;
  if (*head != NULL)
    (*head)->prev = zspage;
  *head = zspage;
}

static void
list_remove (struct class *class, struct zspage *zspage)
{
  if (zspage->next != NULL)
    zspage->next->prev = zspage->prev;
  if (zspage->prev != NULL)
    zspage->prev->next = zspage->next;
  else
    class->groups[group_of (class, zspage)] = zspage->next;
}

static struct zspage *
fullest (const struct class *class)
{
  for (unsigned group = GROUP_FULL; group-- > 0;)
    if (class->groups[group] != NULL)
      return class->groups[group];
  return NULL;
}

static struct zspage *
emptiest (const struct class *class)
{
  for (unsigned group = 0; group < GROUP_FULL; group++)
    if (class->groups[group] != NULL)
      return class->groups[group];
  return NULL;
}

/* Zspages. */

static struct zspage *
zspage_new (struct zsmodel *model, struct class *class)
{
  struct zspage *zspage =
      new_array (1, sizeof *zspage + class->nr_objects * sizeof (uint32_t));

  class->nr_zspages++;
  model->nr_pages += class->nr_pages;
  return zspage;
}

/* ZSPAGE is in no list: free it if it is empty, or put it in its list. */
static void
zspage_put (struct zsmodel *model, struct class *class, struct zspage *zspage)
{
  if (zspage->nr_used > 0) {
    list_add (class, zspage);
    return;
  }
  class->nr_zspages--;
  model->nr_pages -= class->nr_pages;
  free (zspage);
}

/* Put an object of SLOT's in ZSPAGE, which has room and is in no list. */
static void
add_object (struct zsmodel *model, struct class *class, struct zspage *zspage,
            uint32_t slot)
{
  model->places[slot] = (struct place){
      .class = class, .zspage = zspage, .index = zspage->nr_used};
  zspage->slots[zspage->nr_used++] = slot;
  class->nr_used++;
}

/* Take the object at PLACE out of its zspage, which is in no list. */
static void
remove_object (struct zsmodel *model, const struct place *place)
{
  struct zspage *zspage = place->zspage;
  const uint32_t last = zspage->slots[--zspage->nr_used];

  place->class->nr_used--;
  if (place->index == zspage->nr_used)
    return;
  zspage->slots[place->index] = last;
  model->places[last].index = place->index;
}

/* The slot may have a newer object by now. */
static void
free_object (struct zsmodel *model, const struct place *place)
{
  list_remove (place->class, place->zspage);
  remove_object (model, place);
  zspage_put (model, place->class, place->zspage);
}

void
zsmodel_free (struct zsmodel *model, uint32_t slot)
{
  const struct place old = model->places[slot];

  if (old.zspage == NULL)
    return;
  free_object (model, &old);
  model->places[slot].zspage = NULL;
}

void
zsmodel_store (struct zsmodel *model, uint32_t slot, size_t len)
{
  struct class *class = find_class (model, len);
  struct zspage *zspage = fullest (class);
  const struct place old = model->places[slot];

  if (zspage != NULL)
    list_remove (class, zspage);
  else
    zspage = zspage_new (model, class);
  add_object (model, class, zspage, slot);
  list_add (class, zspage);
  if (old.zspage != NULL)
    free_object (model, &old);
}

/* Compaction. */

static void
move_objects (struct zsmodel *model, struct class *class, struct zspage *from,
              struct zspage *to)
{
  while (from->nr_used > 0 && to->nr_used < class->nr_objects) {
    const uint32_t slot = from->slots[--from->nr_used];

    class->nr_used--;
    add_object (model, class, to, slot);
  }
}

static void
compact_class (struct zsmodel *model, struct class *class)
{
  while (class->nr_zspages * class->nr_objects - class->nr_used >=
         class->nr_objects) {
    struct zspage *to = fullest (class), *from;

    list_remove (class, to);
    from = emptiest (class);
    if (from != NULL) {
      list_remove (class, from);
      move_objects (model, class, from, to);
      zspage_put (model, class, from);
    }
    zspage_put (model, class, to);
    if (from == NULL)
      break;
  }
}

uint64_t
zsmodel_compact (struct zsmodel *model)
{
  const uint64_t before = model->nr_pages;

  for (unsigned i = NR_SIZES; i-- > 0;)
    compact_class (model, &model->classes[i]);
  return before - model->nr_pages;
}

uint64_t
zsmodel_used (const struct zsmodel *model)
{
  return model->nr_pages * PAGE;
}

size_t
zsmodel_huge_size (const struct zsmodel *model)
{
  return model->huge_size;
}
