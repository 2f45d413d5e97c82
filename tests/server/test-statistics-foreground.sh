#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# In the foreground, statistics go to standard error: at every SIGUSR1, and at
# exit; with statsfile=, to that file instead, after what is in it.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version

# serve STDERR PARAMETER...: a server in the foreground of a background job.
serve ()
{
  local error=$1
  shift
  rm -f "$dir/pid" "$dir/socket"
  "$nbdkit" -f -P "$dir/pid" -U "$dir/socket" "$plugin" "$@" 2>"$error" &
  pid=$!
  servers+=("$pid")
  wait_until is_not_empty "$dir/pid"
}

# has_reports FILE N: two lines of mm_stat for each report.
has_reports ()
{
  [ "$(grep -c 'frag_stat: ' "$1")" -eq $((2 * $2)) ]
}

# Eight pages of nothing that is alike, then one of zeros.
head -c $((8 * page)) /dev/urandom >"$dir/data"
truncate -s $((9 * page)) "$dir/data"

check_reports ()
{
  local file=$1 i
  for i in 1 2 3; do
    kill -USR1 "$pid"
    wait_until has_reports "$file" "$i"
  done
  nbdcopy "$dir/data" "nbd+unix:///?socket=$dir/socket"
  kill -TERM "$pid"
  wait "$pid" || die "exit status $?"
  has_reports "$file" 4 || die 'no report at exit'
  grep 'mm_stat: ' "$file" | tail -n 1 | grep -q ": $((8 * page)) " ||
    grep 'mm_stat: ' "$file" | tail -n 1 | grep -q ": $((9 * page)) " ||
    die "wrong statistics at exit: $(tail -n 4 "$file")"
  # A value is one line; where there is none, no name stands before the next.
  grep -q '^mem_min: 0$' "$file" || die 'a line has more than one name'
}

serve "$dir/error" 1M
check_reports "$dir/error"

serve "$dir/error" 1M recomp_algorithm=algo=zstd \
  recomp_algorithm='algo=lz4hc priority=2'
check_reports "$dir/error"
grep -q '^recomp_algorithm: #1: .* #2: ' "$dir/error" ||
  die 'a value has more than one line'

echo 'what was here before' >"$dir/stats"
serve "$dir/error" 1M "statsfile=$dir/stats"
check_reports "$dir/stats"
head -n 1 "$dir/stats" | grep -qx 'what was here before' ||
  die 'the file was not appended to'
! grep -q mm_stat "$dir/error" || die 'statistics on standard error as well'
