#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Where the script says that plugin and kernel differ by design, the manual says
# so, and the other way round: what the manual marks as such a difference, by
# X<differs: REASON>, is a difference that is tested.

# shellcheck source=../server/functions.sh.in
. ../server/functions.sh

./conformance -l "$top_srcdir"/tests/conformance/*.ops | sort >"$dir/tested"
grep -o 'X<differs: [^>]*>' "$top_srcdir/man/nbdkit-zram-plugin.pod" |
  sed 's/^X<differs: //; s/>$//' | sort >"$dir/told"
[ -s "$dir/tested" ] || die 'the script has no differences'
diff "$dir/tested" "$dir/told" ||
  die 'the script (<) and the manual (>) have other differences'
