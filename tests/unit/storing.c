/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters that are stored or refused; storing.h says what that takes. */
#include <config.h>

#include <string.h>

#include "storing.h"
#include "unit.h"

void
must_be_one_line (const struct attr_error *error, const char *name)
{
  const struct attr *attr = attr_find (name);
  const char *p;

  ck_assert_ptr_nonnull (memchr (error->message, '\0', sizeof error->message));
  ck_assert_msg (error->message[0], "there is no message");
  for (p = error->message; *p; ++p)
    ck_assert_msg ((unsigned char) *p >= ' ' && *p != 0x7f,
                   "byte 0x%02x is in: %s", (unsigned char) *p, error->message);
  if (strpbrk (name, "\n") == NULL)
    ck_assert_msg (strstr (error->message, name) ||
                       (attr && strstr (error->message, attr->name)),
                   "'%s' is not named: %s", name, error->message);
}

void
must_refuse (struct attr_config *config, const char *name, const char *value)
{
  struct attr_config before;
  struct attr_error error;

  memset (&error, 'x', sizeof error);
  memcpy (&before, config, sizeof before);
  if (attr_store (config, name, value, &error) != -1)
    ck_abort_msg ("%s='%s' was accepted", name, value);
  must_be_one_line (&error, name);
  ck_assert_msg (memcmp (&before, config, sizeof before) == 0,
                 "%s='%s' changed something", name, value);
}

void
must_store (struct attr_config *config, const char *name, const char *value)
{
  struct attr_error error = {0};

  if (attr_store (config, name, value, &error) != 0)
    ck_abort_msg ("%s=%s was refused: %s", name, value, error.message);
}
