#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The ip filter as the manuals have it: who comes from an address that is named
# is served, and everybody else is refused.  Clients come from addresses of the
# loopback interface.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version
requires socat -V
requires "$nbdkit" --filter=ip null --dump-plugin

# serve_rules ARGUMENT...: on all addresses, with the filter that they are for.
serve_rules ()
{
  serve_tcp --filter=ip "$plugin" 1M "$@"
}

# connect_from FROM TO: a client of address FROM asks the server at TO.
connect_from ()
{
  local way=$dir/way relay status=0
  rm -f "$way"
  socat "UNIX-LISTEN:$way" "TCP:$2:$port,bind=$1" 2>"$dir/socat.log" &
  relay=$!
  wait_until test -S "$way"
  timeout 60 nbdinfo --size "nbd+unix:///?socket=$way" \
    >"$dir/size" 2>"$dir/error" || status=$?
  kill "$relay" 2>/dev/null || :
  wait "$relay" || :
  # Not a client that has not got there.
  ! grep -q 'bind\|connect(' "$dir/socat.log" ||
    die "$1: $(cat "$dir/socat.log")"
  return "$status"
}

must_be_served ()
{
  connect_from "$@" || die "$1 was refused: $(cat "$dir/error")"
  [ "$(cat "$dir/size")" -eq 1048576 ] || die "$1: $(cat "$dir/size")"
}

must_not_be_served ()
{
  ! connect_from "$@" || die "$1 was served"
  grep -q 'disconnected\|end of file\|reset' "$dir/error" ||
    die "$1: $(cat "$dir/error")"
}

serve_rules deny=all
must_not_be_served 127.0.0.1 127.0.0.1
stop_tcp
serve_rules allow=anyipv4 deny=all
must_be_served 127.0.0.1 127.0.0.1
must_be_served 127.0.0.2 127.0.0.1
stop_tcp
serve_rules allow=anyipv6 deny=all
must_not_be_served 127.0.0.1 127.0.0.1
if grep -qs '^0*1 ' /proc/net/if_inet6; then
  must_be_served '[::1]' '[::1]'
fi
stop_tcp

# takes ADDRESSES: or says, in words that nbdkit-zram-remote(7) has, that it
# does not.
takes ()
{
  ! "$nbdkit" -U - --filter=ip null "allow=$1" deny=all --run true \
    2>"$dir/error" || return 0
  grep -q -e "don't know how to parse rule" -e 'cannot parse address' \
    "$dir/error" || die "$1: $(cat "$dir/error")"
  return 1
}

# An nbdkit that takes none refuses all of those that the manuals have, and
# serves nobody by mistake.
takes 127.0.0.1 || {
  for addresses in 192.0.2.11,192.0.2.12,192.0.2.13 192.0.2.0/24; do
    ! takes "$addresses" || die "$addresses was taken, and 127.0.0.1 not"
  done
  skip "the rest: this nbdkit's ip filter takes no addresses, only families"
}

# As in nbdkit-zram-remote(7).
serve_rules allow=127.0.0.11,127.0.0.12,127.0.0.13 deny=all
for address in 127.0.0.11 127.0.0.12 127.0.0.13; do
  must_be_served "$address" 127.0.0.1
done
for address in 127.0.0.1 127.0.0.14 127.0.1.11; do
  must_not_be_served "$address" 127.0.0.1
done
stop_tcp

# As in nbdkit-zram.conf(5).
serve_rules allow=127.0.2.0/24 deny=all
must_be_served 127.0.2.1 127.0.0.1
must_be_served 127.0.2.254 127.0.0.1
must_not_be_served 127.0.3.1 127.0.0.1
must_not_be_served 127.0.0.2 127.0.0.1
stop_tcp
