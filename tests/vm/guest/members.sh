# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154          # functions.sh and the test set them
# Sourced by the tests of several servers, which stand for machines of a rack:
# each has $each MiB and a device of its own, number 0 is /dev/nbd0.  A server
# that is started again has a run of another name: whoever had the old one does
# not take it for that.

# Without the time-out, this kernel waits for ever for what a server was asked
# before it died.
client_options=${client_options:--timeout 3}

# start_member NUMBER RUN
start_member ()
{
  # shellcheck disable=SC2086
  must host nbdkit -U "/run/member$1.sock" -P "/run/member$1.pid" \
    $server_options "$builddir/zram.so" "size=${each}M" "swap=$swap" \
    "comp_algorithm=$algorithm" "run_id=$2" "control=/run/control$1" \
    $plugin_parameters
  until_true 60 [ -s "/run/member$1.pid" ] || die "there is no server $1"
}

member_has_size ()
{
  [ "$(cat "/sys/block/nbd$1/size")" -gt 0 ]
}

# connect_member NUMBER RUN
connect_member ()
{
  [ -e "/sys/block/nbd$1" ] || modprobe nbd nbds_max=2
  # shellcheck disable=SC2086
  host nbd-client -unix "/run/member$1.sock" "/dev/nbd$1" -b 4096 -swap \
    -N "zram0@$2" $client_options
}

# attach_member NUMBER RUN
attach_member ()
{
  must connect_member "$1" "$2"
  until_true 60 member_has_size "$1" || die "/dev/nbd$1 has no size"
  echo "$scheduler" >"/sys/block/nbd$1/queue/scheduler"
}

signal_member ()
{
  kill "-$2" "$(cat "/run/member$1.pid")"
}

member_is_gone ()
{
  [ ! -e "/proc/$(cat "/run/member$1.pid")" ]
}

# end_member NUMBER SIGNAL: nothing of it is left.
end_member ()
{
  signal_member "$1" "$2"
  until_true 60 member_is_gone "$1" || die "server $1 survives SIG$2"
  rm "/run/member$1.sock" "/run/member$1.pid"
}

# member_stores NUMBER: MiB.
member_stores ()
{
  host "$builddir/zramctl/nbdkit-zramctl" -s "/run/control$1" -bnr -o DATA |
    awk '{ print int ($1 / 1048576) }'
}
