#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin and this machine's zram do the same, operation by operation; and no
# device is removed but those that were added for it, or written to but a disk
# that is what the script needs.

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

if ./conformance -s kernel -b /dev/null \
  "$top_srcdir/tests/conformance/attributes.ops" 2>"$dir/said"; then
  die '/dev/null was taken for a disk'
fi
grep -q '/dev/null is no block device of 2097152 bytes' "$dir/said" ||
  die "it said '$(cat "$dir/said")'"
