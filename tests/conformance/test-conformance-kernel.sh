#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin and this machine's zram do the same, operation by operation; and no
# device is removed but those that were added for it.

# shellcheck source=../server/functions.sh.in
. ../server/functions.sh

./conformance -k "$top_srcdir"/tests/conformance/*.ops

remove="set hot_remove \$first -> ok"
printf '%s\n' 'section test' "$remove" "$remove" >"$dir/script"
if ./conformance -s kernel "$top_srcdir/tests/conformance/attributes.ops" \
  "$dir/script" 2>"$dir/said"; then
  die 'a device was removed twice'
fi
grep -q 'would be removed, which was not added here' "$dir/said" ||
  die "it said '$(cat "$dir/said")'"
