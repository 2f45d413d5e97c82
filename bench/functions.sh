# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# What "run" and "poolrun" have in common.  They set: here, this directory;
# programs, where the built ones are; mib, the corpus's size if it is to be
# made; synthetic=yes, if it is to be of no program's; corpus, its file; work, a
# directory that goes when they end.

say ()
{
  echo "$@" >&2
}

# Where the corpus and the results are if nobody says: memory of this user's
# programs, and not in the source tree.
private_directory ()
{
  local directory=${TMPDIR:-/tmp}/nbdkit-zram-bench-$UID
  [ -d "$directory" ] || mkdir -m 700 "$directory"
  if [ ! -O "$directory" ]; then
    say "$directory is not yours: use -c"
    exit 1
  fi
  corpus=$directory/${synthetic:+synthetic-}corpus-$mib
}

# Is it of no program's?  What made it says so beside it.
is_synthetic ()
{
  [ "$synthetic" ] || grep -qs '^synthetic' "$corpus.txt"
}

# Make it, unless it is there.
make_corpus ()
{
  local kinds
  [ ! "$synthetic" ] || say 'THE PAGES ARE SYNTHETIC, not those of programs'
  if [ -e "$corpus" ]; then return; fi
  if [ "$synthetic" ]; then
    "$programs/corpus" -S -m "$mib" -o "$corpus" >"$corpus.txt"
    return
  fi
  mapfile -t kinds < <("$here/workloads")
  say "corpus: $mib MiB from ${kinds[*]}, into $corpus"
  "$programs/corpus" -m "$mib" -o "$corpus" "$here/workloads" "${kinds[@]}" \
    >"$work/corpus.txt"
  mv "$work/corpus.txt" "$corpus.txt"
}

# The median of the numbers that it reads, one in a line.
median ()
{
  sort -n | awk '
    { v[NR] = $1 }
    END { print (v[int ((NR + 1) / 2)] + v[int (NR / 2) + 1]) / 2 }'
}
