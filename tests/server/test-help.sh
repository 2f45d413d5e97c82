#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit --help names every parameter that the plugin takes, and none that it
# does not take; the manual page has the same ones.

# shellcheck source=functions.sh.in
. ./functions.sh

manual=$top_srcdir/man/nbdkit-zram-plugin.pod

# The plugin's part of the help starts with the line that names it.
"$nbdkit" "$plugin" --help | sed -n '/^plugin: /,$p' >"$dir/help"
cat "$dir/help"
sed -nE 's/^[^ ]*\<([a-z_]+)=<.*/\1/p' "$dir/help" | sort >"$dir/in-help"

# What the items of the manual's PARAMETERS are.
sed -n '/^=head1 PARAMETERS/,/^=head1 NOTES/p' "$manual" |
  sed -nE 's/^=item (\[?B<)([a-z_]+)=.*/\2/p' | sort >"$dir/in-manual"

[ -s "$dir/in-help" ] || die 'no parameter in the help'
diff "$dir/in-help" "$dir/in-manual" ||
  die 'the help (<) and the manual (>) disagree'

for name in disksize comp_algorithm mem_limit compact_threshold statsfile control; do
  grep -qx "$name" "$dir/in-help" || die "$name is not in the help"
done
grep -qw 'size=' "$dir/help" || die 'the alias size is not in the help'
grep -qw 'size=' "$manual" || die 'the alias size is not in the manual'

# What is said of a default is the default.
grep -A 1 '^compact_threshold=<PERCENT>$' "$dir/help" | tail -n 1 |
  grep -q 'default 10' || die "the help gives no default of compact_threshold"

# A parameter that is in the help is taken: if its value is nonsense, it is the
# value that is refused.
while read -r name; do
  ! "$nbdkit" -f -s "$plugin" "$name=" 2>"$dir/error" </dev/null ||
    die "$name= was accepted"
  ! grep -q 'unknown parameter' "$dir/error" || die "$name= is not known"
done <"$dir/in-help"
