/* SPDX-License-Identifier: BSD-3-Clause */
/* Files are read whole, whatever their length and content, and in however small
 * parts they come.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "procfile.h"
#include "unit.h"

/* The name by which a descriptor of this process can be opened. */
static const char *
name_of (int fd)
{
  static char name[64];

  snprintf (name, sizeof name, "/proc/self/fd/%d", fd);
  return name;
}

/* Around the sizes that memory is made larger at. */
static const size_t lengths[] = {0,    1,    4094, 4095,  4096,
                                 4097, 8190, 8191, 16384, 3000001};

#define NR_LENGTHS ((int) (sizeof lengths / sizeof lengths[0]))

START_TEST (a_file_of_any_length_is_read_whole)
{
  const size_t want = lengths[_i];
  char *content = malloc (want + 1), *text;
  FILE *fp = tmpfile ();
  size_t len = 7;

  ck_assert_ptr_nonnull (fp);
  content_fill (content, want, CONTENT_NOISE, want);
  ck_assert_uint_eq (fwrite (content, 1, want, fp), want);
  ck_assert_int_eq (fflush (fp), 0);
  text = procfile_read (name_of (fileno (fp)), &len);
  ck_assert_ptr_nonnull (text);
  ck_assert_uint_eq (len, want);
  ck_assert (memcmp (text, content, want) == 0);
  ck_assert_int_eq (text[want], '\0');
  free (text);
  free (content);
  fclose (fp);
}

/* A pipe gives no more at a time than was written to it. */
START_TEST (what_comes_in_parts_is_read_whole)
{
  char *text;
  int fds[2];

  ck_assert_int_eq (pipe (fds), 0);
  if (fork () == 0) {
    close (fds[0]);
    for (int i = 0; i < 3; i++) {
      must (write (fds[1], "part ", 5) == 5);
      usleep (1000);
    }
    _exit (EXIT_SUCCESS);
  }
  close (fds[1]);
  text = procfile_read (name_of (fds[0]), NULL);
  ck_assert_str_eq (text, "part part part ");
  free (text);
}

START_TEST (a_file_of_proc_is_read)
{
  char *text;

  ck_assert_int_eq (prctl (PR_SET_NAME, "a name"), 0);
  text = procfile_read ("/proc/thread-self/comm", NULL);
  ck_assert_str_eq (text, "a name\n");
  free (text);
}

START_TEST (what_cannot_be_read_is_nothing)
{
  ck_assert_ptr_null (procfile_read ("/proc/self/no-such-file", NULL));
  ck_assert_ptr_null (procfile_read ("/proc/self", NULL));
}

int
main (void)
{
  Suite *suite = suite_create ("procfile");
  TCase *tc = suite_case (suite, "files");

  tcase_add_loop_test (tc, a_file_of_any_length_is_read_whole, 0, NR_LENGTHS);
  tcase_add_test (tc, what_comes_in_parts_is_read_whole);
  tcase_add_test (tc, a_file_of_proc_is_read);
  tcase_add_test (tc, what_cannot_be_read_is_nothing);
  return suite_run (suite);
}
