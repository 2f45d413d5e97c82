/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients call a disk: which names can be one's, and that a name of
 * another run is none.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "exportname.h"
#include "unit.h"

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A32 A32

static const struct {
  const char *export;
  const char *run_id;
  int result;
  const char *disk;
} names[] = {
    {"zram0", "", 0, "zram0"},
    {"", "", 0, "zram0"},
    {"a.b_c-9", "", 0, "a.b_c-9"},
    {A64, "", 0, A64},
    {A64 "a", "", -EINVAL, NULL},
    {"-a", "", -EINVAL, NULL},
    {".a", "", -EINVAL, NULL},
    {"_a", "", -EINVAL, NULL},
    {"a b", "", -EINVAL, NULL},
    {" ", "", -EINVAL, NULL},
    {"a/b", "", -EINVAL, NULL},
    {"a\n", "", -EINVAL, NULL},
    {"\xc3\xa9", "", -EINVAL, NULL},
    {"zram0@run", "", -EINVAL, NULL},
    {"zram0@", "", -EINVAL, NULL},

    {"zram0@run", "run", 0, "zram0"},
    {A64 "@" A32, A32, 0, A64},
    {A64 "a@" A32, A32, -EINVAL, NULL},
    {"zram0", "run", -ESTALE, NULL},
    {"", "run", -ESTALE, NULL},
    {"@run", "run", -EINVAL, NULL},
    {"@", "run", -ESTALE, NULL},
    {"zram0@", "run", -ESTALE, NULL},
    {"zram0@ru", "run", -ESTALE, NULL},
    {"zram0@runs", "run", -ESTALE, NULL},
    {"zram0@RUN", "run", -ESTALE, NULL},
    {"zram0@run@old", "run", -ESTALE, NULL},
    {"zram0@old@run", "run", -EINVAL, NULL},
};

#define NR_NAMES ((int) (sizeof names / sizeof names[0]))

START_TEST (a_name_is_of_a_disk_and_of_this_run)
{
  char disk[EXPORTNAME_DISK_LEN + 1];
  const int r = exportname_disk (names[_i].export, names[_i].run_id, disk);

  ck_assert_msg (r == names[_i].result, "'%s' in '%s': %d", names[_i].export,
                 names[_i].run_id, r);
  if (r == 0)
    ck_assert_str_eq (disk, names[_i].disk);
}

/* What is made of the longest names is theirs again. */
START_TEST (what_is_made_can_be_read)
{
  static const char *const run_ids[] = {"", "r", A32};
  static const char *const disks[] = {"zram0", "z", A64};

  for (size_t i = 0; i < sizeof run_ids / sizeof *run_ids; i++)
    for (size_t j = 0; j < sizeof disks / sizeof *disks; j++) {
      char export[EXPORTNAME_SIZE], disk[EXPORTNAME_DISK_LEN + 1];

      exportname_make (export, disks[j], run_ids[i]);
      ck_assert_int_eq (exportname_disk (export, run_ids[i], disk), 0);
      ck_assert_str_eq (disk, disks[j]);
    }
}

START_TEST (a_name_has_a_length)
{
  ck_assert (exportname_ok ("a", 1));
  ck_assert (!exportname_ok ("ab", 1));
  ck_assert (!exportname_ok ("", 1));
}

int
main (void)
{
  Suite *const suite = suite_create ("exportname");
  TCase *const tcase = suite_case (suite, "names");

  tcase_add_loop_test (tcase, a_name_is_of_a_disk_and_of_this_run, 0, NR_NAMES);
  tcase_add_test (tcase, what_is_made_can_be_read);
  tcase_add_test (tcase, a_name_has_a_length);
  return suite_run (suite);
}
