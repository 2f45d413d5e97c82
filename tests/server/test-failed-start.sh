#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A start that nbdkit itself ends, when the plugin has made its files, takes
# away those that were not there before and leaves the others as they were: in
# the foreground, in the background, where the parent may have ended well by
# then, and with a command to run.  So does one that ends since there can be no
# other process, or no thread.  A start that succeeds keeps them.

# shellcheck source=functions.sh.in
. ./functions.sh

files=("backing_dev=$dir/store" backing_size=4M "statsfile=$dir/stats"
       "control=$control")

nothing_is_left ()
{
  ! [ -e "$dir/store" ] && ! [ -e "$dir/stats" ] && ! [ -e "$control" ]
}

all_is_as_before ()
{
  [ "$(stat -c %s "$dir/store")" -eq 65536 ] &&
    [ "$(cat "$dir/stats")" = before ] && ! [ -e "$control" ]
}

# fail STATUS ARGUMENT...: a server with these ends so, and not by the plugin.
fail ()
{
  local want=$1 status=0
  shift
  timeout 60 "$nbdkit" "$@" "$plugin" 1M "${files[@]}" \
    2>"$dir/error" </dev/null || status=$?
  [ "$status" -eq "$want" ] ||
    die "$*: exit status $status: $(cat "$dir/error")"
  ! grep -q 'zram: error' "$dir/error" || die "$*: said $(cat "$dir/error")"
  rm -f "$dir/socket"
}

# must_undo STATUS ARGUMENT...: with no files there, and with some.  A server in
# the background may still be at it when its parent has ended.
must_undo ()
{
  fail "$@"
  wait_until nothing_is_left
  truncate -s 64K "$dir/store"
  chmod 600 "$dir/store"
  echo before >"$dir/stats"
  fail "$@"
  wait_until all_is_as_before
  rm "$dir/store" "$dir/stats"
}

# without_more_processes ERROR ARGUMENT...: a server that can neither fork nor
# start a thread says that, and nothing of it is left.
without_more_processes ()
{
  local want=$1 status=0
  shift
  # shellcheck disable=SC2016
  timeout 60 "${unprivileged[@]}" bash -c 'ulimit -u 1; exec "$@"' bash \
    "$nbdkit" -U "$dir/socket" "$@" "$plugin" 1M "${files[@]}" \
    2>"$dir/error" </dev/null || status=$?
  [ "$status" -eq 1 ] || die "$*: exit status $status: $(cat "$dir/error")"
  grep -q "$want.*: Resource temporarily unavailable" "$dir/error" ||
    die "$*: said $(cat "$dir/error")"
  nothing_is_left || die "$*: left $(ls "$dir")"
  rm -f "$dir/socket"
}

# Is the limit one?  timeout forks.
processes_are_limited ()
{
  ! "${unprivileged[@]}" bash -c 'ulimit -u 1; exec timeout 60 true'
}

# Before the fork, then after it.
serve_tcp "$plugin" 1M
for mode in '' -f; do
  must_undo 1 ${mode:+"$mode"} -U "$dir/nowhere/socket"
  must_undo 1 ${mode:+"$mode"} -p "$port"
  must_undo 1 ${mode:+"$mode"} -U "$dir/socket" --user nobody-of-this-name
done
stop_tcp
must_undo 0 -U "$dir/socket" -P "$dir/nowhere/pid"
must_undo 1 -f -U "$dir/socket" -P "$dir/nowhere/pid"
must_undo 1 -U - -P "$dir/nowhere/pid" --run false

# The parent has ended, and the server has its files, until it ends and after.
start_nbdkit 1M "${files[@]}"
[ "$(zramctl get disksize)" -eq 1048576 ] || die 'no control socket'
[ "$(stat -c %s "$dir/store")" -eq 4194304 ] || die 'no store'
[ -e "$dir/stats" ] || die 'no statsfile'
stop_nbdkit "$pid"
[ -e "$dir/store" ] || die 'the end of a server took its store away'
is_not_empty "$dir/stats" || die 'the end of a server took its statistics away'

# The limit is not root's.
unprivileged=(env)
if [ "$(id -u)" -eq 0 ]; then
  unprivileged=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  requires "${unprivileged[@]}" test -r "$plugin"
  chmod 777 "$dir"
fi
requires processes_are_limited
rm "$dir/store" "$dir/stats"
without_more_processes fork
without_more_processes 'start a thread' -f
