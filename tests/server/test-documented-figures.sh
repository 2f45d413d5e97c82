#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What "enginebench levels" has found stands in README.md and in the manual, and
# is the same in both; and README.md's instructions are those on record.

# shellcheck source=functions.sh.in
. ./functions.sh

readme=$top_srcdir/README.md

# "ALGORITHM LEVEL STORED IN OUT" of each row.
levels_in_readme ()
{
  awk -F '|' '/^### / { there = /Compression/ }
    there && $3 ~ /[0-9]/ { gsub (/,/, "", $2); print $2, $3, $4, $5 }' \
    "$readme" | tr -s ' ' | sed 's/^ //; s/ $//'
}

levels_in_manual ()
{
  awk '/^=head2 / { there = /Compression/ }
    there && /^ / && NF == 5 && $5 ~ /^[0-9.]+$/ { print $1, $2, $3, $4, $5 }' \
    "$top_srcdir/man/nbdkit-zram-plugin.pod"
}

# "KIND FILL WRITE READ TRIM EMPTY", by the names that hotpaths.c has for them.
counts_in_readme ()
{
  awk -F '|' '/^### / { there = /request.s time/ }
    there && NF == 8 && $4 ~ /\(/ {
      sub (/^ *same-filled/, "same", $2)
      sub (/^ *stored raw/, "huge", $2)
      for (i = 3; i <= 7; i++) sub (/\(.*/, "", $i)
      print $2, $3, $4, $5, $6, $7 }' "$readme" |
    tr -s ' ' | sed 's/^ //; s/ $//'
}

recorded ()
{
  awk '/^[a-z0-9]*_/ { split ($1, name, "_"); n[name[1], name[2]] = $2 }
    END {
      split ("same lz4 zstd huge", kinds)
      split ("fill write read trim empty", paths)
      for (k = 1; k <= 4; k++) {
        printf "%s", kinds[k]
        for (p = 1; p <= 5; p++) printf " %.0f", n[kinds[k], paths[p]]
        print "" } }' "$top_srcdir/tests/instructions/recorded"
}

levels_in_readme >"$dir/readme"
levels_in_manual >"$dir/manual"
[ "$(wc -l <"$dir/readme")" -ge 9 ] || die "README: $(<"$dir/readme")"
diff "$dir/readme" "$dir/manual" || die 'README.md and the manual differ'

counts_in_readme >"$dir/readme"
recorded >"$dir/recorded"
diff "$dir/readme" "$dir/recorded" || die 'README.md and the record differ'
