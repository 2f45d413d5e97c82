# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# What the scripts have in common.  They set: here, this directory;
# programs, where the built ones are; mib, the corpus's size if it is to be
# made; synthetic=yes, if it is to be of no program's; corpus, its file; work, a
# directory that goes when they end.

say ()
{
  echo "$@" >&2
}

# number OPTION PATTERN WHAT VALUE: the value is of that pattern, or is not
# given.
number ()
{
  [[ ! $4 || $4 =~ ^$2$ ]] && return
  say "$1 $4: $3 is wanted"
  exit 1
}

# whole OPTION WHAT VALUE
whole ()
{
  number "$1" '[1-9][0-9]{0,8}' "a number of $2, 1 or more," "$3"
}

# seconds OPTION VALUE
seconds ()
{
  number "$1" '0*[.]?0*[1-9][0-9]*([.][0-9]+)?' 'a number of seconds above 0' \
    "$2"
}

# json TEXT: as JSON has it, in quotes.
json ()
{
  perl -MEncode -MJSON::PP -e '
    print JSON::PP->new->allow_nonref->ascii->encode (
      decode ("UTF-8", $ARGV[0]))' -- "$1"
}

# How busy the machine is.
load_now ()
{
  cut -d ' ' -f 1 /proc/loadavg
}

# needs PROGRAM...: all of them are there.
needs ()
{
  local program
  for program; do
    command -v "$program" >/dev/null && continue
    say "$program is needed, and not installed"
    exit 1
  done
}

# What reports are made with.
needs_perl ()
{
  needs perl
  perl -MJSON::PP -e 1 2>/dev/null && return
  say "perl's module JSON::PP is needed, and not installed"
  exit 1
}

# The results can be written to FILE, and beside it.
can_make ()
{
  local probe
  if [ ! -d "$1" ] && probe=$(mktemp "$1.XXXXXX" 2>/dev/null); then
    rm "$probe"
    return
  fi
  say "-o $1: a file in a directory that can be written to is wanted"
  exit 1
}

# Where the corpus and the results are if nobody says: memory of this user's
# programs, and not in the source tree.  Who has the directory locked is alone
# there: two at a time would disturb, and overwrite, each other.
private_directory ()
{
  local directory=${TMPDIR:-/tmp}/nbdkit-zram-bench-$UID
  [ -d "$directory" ] || mkdir -m 700 "$directory"
  if [ ! -O "$directory" ]; then
    say "$directory is not yours: use -c"
    exit 1
  fi
  exec {alone}<"$directory"
  if ! flock -n "$alone"; then
    say "another benchmark is running in $directory: wait for its end"
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
    END { if (!NR) exit 1
          print (v[int ((NR + 1) / 2)] + v[int (NR / 2) + 1]) / 2 }'
}

# median_ratio FILE N M: the median of the ratios of each line's Nth number to
# its Mth: a round is a line.
median_ratio ()
{
  local ratio
  ratio=$(awk -v n="$2" -v m="$3" '{ print $n / $m }' "$1" | median) || return
  printf '%.2f' "$ratio"
}
