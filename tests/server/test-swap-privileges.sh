#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# swap=on does not start without a privilege that it needs, and says which one
# and what to do, while somebody reads it.  swap=try says so for each, starts
# and serves; and what it does not warn of, it has.
#
# Root is deprived of them, others do not have them.  All limits are none.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires pgrep --version
requires prlimit --version

flusher='PR_SET_IO_FLUSHER: .*CAP_SYS_RESOURCE'
realtime='SCHED_RR: .*CAP_SYS_NICE.*RLIMIT_RTPRIO'
oom='oom_score_adj: .*CAP_SYS_RESOURCE'
locking='locking memory: .*CAP_IPC_LOCK.*RLIMIT_MEMLOCK'

# The most that may be locked without a privilege, at most 1 GiB: more than
# nbdkit itself comes to, less than a pool.
limit=$(ulimit -H -l)
[ "$limit" != unlimited ] && [ "$limit" -lt 1048576 ] || limit=1048576

taken=()
if [ "$(id -u)" -eq 0 ]; then
  taken=(setpriv "--bounding-set=-sys_resource,-sys_nice,-ipc_lock")
  requires "${taken[@]}" true
fi

# deprive KIB: let "${deprived[@]}" run a command without all that, and with so
# much that may be locked.
deprive ()
{
  local bytes=$(($1 * 1024))
  deprived=(prlimit --rtprio=0:0 --memlock="$bytes:$bytes" --
            ${taken[@]+"${taken[@]}"})
}

# must_warn WHAT...: a line for each in "$dir/error", in this order, and no other.
must_warn ()
{
  local what i=0
  while read -r line; do
    what=${1-no more lines}
    shift || :
    i=$((i + 1))
    [[ $line =~ ^nbdkit:\ .*warning:\ swap=try:\ $what ]] ||
      die "line $i does not match \"$what\": $line"
  done <"$dir/error"
  [ $# -eq 0 ] || die "there is no warning of: $*"
}

# must_not_start PATTERN COMMAND...: with swap=on: an error in one line, and
# nothing is left.
must_not_start ()
{
  local pattern=$1 status=0
  shift
  timeout 60 "$@" -P "$dir/pid" -U "$dir/socket" "$plugin" 64M swap=on \
    statsfile="$dir/stats" 2>"$dir/error" </dev/null || status=$?
  cat "$dir/error"
  [ "$status" -eq 1 ] || die "$*: exit status $status"
  [ "$(wc -l <"$dir/error")" -eq 1 ] || die "$*: not one line"
  grep -qE "^nbdkit: (zram: )?error: swap=on: $pattern" "$dir/error" ||
    die "$*: the line does not match \"$pattern\""
  [ ! -e "$dir/pid" ] || die "$*: there is a pidfile"
  [ ! -e "$dir/socket" ] || die "$*: there is a socket"
  ! pgrep -f -- "-U $dir/socket" || die "$*: a server runs"
}

deprive 0
must_not_start "$flusher" "${deprived[@]}" "$nbdkit"
must_not_start "$flusher" "${deprived[@]}" "$nbdkit" -f
must_not_start '.*--swap' "${deprived[@]}" "$nbdkit" --swap
must_not_start '.*--swap' "$nbdkit" --swap
must_not_start '.*--swap' "$nbdkit" -f --swa

# number NAME: what swap_stat has below that heading.
number ()
{
  awk -v name="$1" '
    $1 == "swap_stat:" && $2 !~ /^[0-9]/ {
      for (i = 2; i <= NF; i++)
        column[$i] = i
    }
    $1 == "swap_stat:" && $2 ~ /^[0-9]/ { print $column[name] }' "$dir/stats"
}

# Ask for statistics; set variables to what swap_stat says.
read_swap_stat ()
{
  kill -USR1 "$pid"
  wait_until grep -q '^swap_stat: [0-9]' "$dir/stats"
  cat "$dir/stats"
  [ "$(grep -cE '^swap_stat:( -?[0-9]+)+$' "$dir/stats")" -eq 1 ] ||
    die 'swap_stat has other things than numbers'
  refused=$(number reserve_refused)
  threads=$(number threads)
  flushers=$(number io_flushers)
  realtimes=$(number realtime)
  locked=$(number locked)
  adj=$(number oom_score_adj)
}

# try_swap COMMAND...: with swap=try it starts and serves.  Sets those variables.
try_swap ()
{
  local name=$dir/try.${#servers[@]}
  uri="nbd+unix:///?socket=$name.socket"
  rm -f "$dir/stats"
  "$@" -t 3 -P "$name.pid" -U "$name.socket" "$plugin" 64M swap=try \
    statsfile="$dir/stats" 2>"$dir/error" </dev/null
  wait_until is_not_empty "$name.pid"
  pid=$(cat "$name.pid")
  servers+=("$pid")
  cat "$dir/error"
  nbdcopy "$dir/data" "$uri"
  nbdcopy "$uri" "$dir/copy"
  cmp -n "$(stat -c %s "$dir/data")" "$dir/data" "$dir/copy"
  read_swap_stat
  [ "$refused" -eq 0 ] || die 'a write was refused'
  stop_nbdkit "$pid"
}

head -c 3000000 /dev/urandom >"$dir/data"

for lockable in 0 "$limit"; do
  deprive "$lockable"
  try_swap "${deprived[@]}" "$nbdkit"
  must_warn "$flusher" "$realtime" "$oom" "$locking"
  [ "$flushers $realtimes $locked" = '0 0 0' ] ||
    die "it has what it warned of: $flushers $realtimes $locked"
done

# As we are: what it does not warn of, it has.  One thread fills the reserve,
# and half of the workers, of whom there are two for each CPU, have time.
try_swap "$nbdkit"
grep -q "$flusher" "$dir/error" || [ "$flushers" -eq "$threads" ] ||
  die "$flushers of $threads threads have PR_SET_IO_FLUSHER"
grep -q "$realtime" "$dir/error" || [ "$realtimes" -eq $((threads - 1 - $(nproc))) ] ||
  die "$realtimes of $threads threads are SCHED_RR"
grep -q "$oom" "$dir/error" || [ "$adj" -eq -1000 ] ||
  die "oom_score_adj is $adj"
grep -q "$locking" "$dir/error" || [ "$locked" -gt 67108864 ] ||
  die "$locked bytes are locked"

# nbdkit itself may fail to lock, after that.
timeout 60 "$nbdkit" -f -U - --swap "$plugin" 64M swap=try --run true \
  2>"$dir/error" || :
grep -qE 'warning: swap=try: .*--swap .*leave it out$' "$dir/error" ||
  die "no warning of --swap: $(cat "$dir/error")"
