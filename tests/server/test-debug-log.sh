#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin logs nothing for a request, even under nbdkit -v: nbdkit_debug
# formats its arguments and takes a lock for each message.  (nbdkit's own
# messages for each request are switched off.)

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version

# log_lines COPIES: how many lines the log has after so many copies.
log_lines ()
{
  local i
  rm -f "$dir/pid" "$dir/socket"
  "$nbdkit" -f -v -D nbdkit.backend.datapath=0 -t 1 \
    -P "$dir/pid" -U "$dir/socket" "$plugin" 4M 2>"$dir/log" &
  pid=$!
  servers+=("$pid")
  wait_until is_not_empty "$dir/pid"
  nbdcopy --requests=1 --request-size=65536 --connections=1 \
    "$1" "nbd+unix:///?socket=$dir/socket"
  kill -TERM "$pid"
  wait "$pid" || die "exit status $?"
  wc -l <"$dir/log"
}

# One request, then 64 of them.
head -c $((16 * page)) /dev/urandom >"$dir/short"
head -c $((1024 * page)) /dev/urandom >"$dir/long"
few=$(log_lines "$dir/short")
many=$(log_lines "$dir/long")
echo "$few lines for 1 request, $many for 64"
[ "$few" -gt 0 ] || die 'there is no log'
[ $((many - few)) -lt 16 ] || die 'requests are logged'

# A build that checks the order of locks can say how long they are held.
if "$nbdkit" "$plugin" --dump-plugin | grep -qx zram_debug=yes; then
  ZRAM_LOCK_TIMES=1 "$nbdkit" -U - "$plugin" 16M \
    --run 'nbdcopy /bin/sh "$uri"' 2>"$dir/times"
  grep -qE '^lockdep: slot: at most [1-9][0-9]* us$' "$dir/times" ||
    die "it said: $(cat "$dir/times")"
fi
