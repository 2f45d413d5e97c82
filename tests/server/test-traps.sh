#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The README's table of traps has each of the 23, and the tests that it names
# are there and are run.

# shellcheck source=functions.sh.in
. ./functions.sh

here=$top_srcdir/tests/server
for ((i = 1; i <= 23; i++)); do
  grep -q "^| $i | [^|]* | [^|]* |$" "$here/README.md" || die "no trap $i"
done
grep -oE 'test-[a-z0-9-]+\.(c|sh)' "$here/README.md" | sort -u >"$dir/named"
[ -s "$dir/named" ] || die 'no test is named'
while read -r test; do
  [ -e "$here/$test" ] || die "there is no $test"
  grep -qE "(^|[[:space:]])${test%.c}([[:space:]]|$)" "$here/Makefile.am" ||
    die "$test is not run"
done <"$dir/named"
