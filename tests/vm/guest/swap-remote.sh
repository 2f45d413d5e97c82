# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on a server at the other end of a link that delays and loses packets, and
# is cut for some seconds while the program needs its pages: it waits, and no
# request fails, no page is wrong.  With link=wireguard the kernel encrypts; with
# link=tls another process of nbd-client's does, which is not safe: there, the
# link is not cut, and what comes of it is only shown.
#
# When the link is mended, TCP sends again when its next time comes, which may
# be as much later as it was cut.

link=${link:-plain}             # or wireguard, or tls
delay=${delay:-1ms}             # each way
jitter=${jitter:-500us}
loss=${loss:-0.5}               # per cent, each way
cut=${cut:-20}                  # seconds
cut_by=${cut_by:-loss}          # of every packet; down: it is unplugged
cut_in=${cut_in:-reading}       # what was filled; filling: as soon as it swaps
transport=tcp
address=192.0.2.1
namespace=server

# shellcheck source=network.sh
. "/host$srcdir/tests/vm/guest/network.sh"

# What mends the link is of another machine, as it were: this script runs again,
# in a group whose pages stay in memory, lest it wait for a page itself.
stay_in_memory ()
{
  local group=/sys/fs/cgroup/test
  [ ! "${stays_in_memory:-}" ] || return 0
  echo +memory >/sys/fs/cgroup/cgroup.subtree_control
  mkdir "$group"
  echo 0 >"$group/memory.swap.max"
  echo 0 >"$group/cgroup.procs"
  export stays_in_memory=yes
  exec sh "/host$(sed 's/.*vm\.script=\([^ ]*\).*/\1/' /proc/cmdline)"
}

# spoil NETEM...: the link, both ways.
spoil ()
{
  must host tc qdisc replace dev alice root netem limit 10000 "$@"
  must within server tc qdisc replace dev alice root netem limit 10000 "$@"
}

as_ever ()
{
  spoil delay "$delay" "$jitter" loss "$loss%"
}

# Packets that were lost on their way to the server.
dropped ()
{
  host tc -s qdisc show dev alice | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p'
}

cut_link ()
{
  case $cut_by in
    loss) spoil loss 100% ;;
    down) must within server ip link set alice down ;;
    *) die "no link is cut by \"$cut_by\"" ;;
  esac
}

mend_link ()
{
  must within server ip link set alice up
  as_ever
}

# Requests that nbd0 has done, and those that are under way.
completed ()
{
  awk '{ print $1 + $5 }' /sys/block/nbd0/stat
}

in_flight ()
{
  awk '{ print $9 }' /sys/block/nbd0/stat
}

more_than ()
{
  [ "$(completed)" -gt "$1" ]
}

# The program is there, and needs its pages.
is_time ()
{
  if [ "$cut_in" = reading ]; then
    [ -e /run/phase.filled ] && more_than $(($(cat /run/phase.filled) + 200))
  else
    awk 'NR > 1 && $4 > 4096 { good = 1 } END { exit !good }' /proc/swaps
  fi
}

# What is answered in the first second has been sent before.
cut_for_a_while ()
{
  local before start
  until_true 300 is_time || die 'the program does not need its pages'
  cut_link
  sleep 1
  before=$(completed)
  sleep $((cut - 1))
  [ "$(completed)" -eq "$before" ] || die 'the link was not cut'
  waiting=$(in_flight)
  [ "$waiting" -gt 0 ] || die 'nobody waits'
  mend_link
  start=$(uptime_cs)
  until_true 120 more_than "$before" || die 'it does not go on'
  echo "$waiting $(($(uptime_cs) - start))" >/run/cut
}

# A key for each end; 198.51.100.1 is the server behind it.
set_up_wireguard ()
{
  local end
  modprobe wireguard
  for end in server alice; do
    (umask 077; host wg genkey >"/run/$end.key")
    host wg pubkey <"/run/$end.key" >"/run/$end.pub"
  done
  address=198.51.100.1
  must host ip link add wg0 type wireguard
  must host wg set wg0 private-key /run/alice.key \
    peer "$(cat /run/server.pub)" endpoint 192.0.2.1:51820 \
    allowed-ips 198.51.100.1/32
  must host ip address add 198.51.100.11/24 dev wg0
  must host ip link set wg0 up
  must within server ip link add wg0 type wireguard
  must within server wg set wg0 private-key /run/server.key \
    listen-port 51820 peer "$(cat /run/alice.pub)" allowed-ips 198.51.100.11/32
  must within server ip address add 198.51.100.1/24 dev wg0
  must within server ip link set wg0 up
}

set_up_tls ()
{
  must host "$srcdir/tests/server/make-certificates" /run/tls 192.0.2.1 \
    >/run/certtool.log 2>&1
  server_options="$server_options --tls=require --tls-verify-peer \
--tls-certificates=/run/tls/server"
  client_options="-cacertfile /run/tls/ca-cert.pem \
-certfile /run/tls/client-cert.pem -keyfile /run/tls/client-key.pem \
-tlshostname 192.0.2.1"
}

[ "$link" = tls ] || stay_in_memory
resident=${resident:-100000}    # a group of its own for the program
add_server_namespace
add_link alice
must host ip address add 192.0.2.11/24 dev alice
must host ip link set alice up
case $link in
  wireguard) set_up_wireguard ;;
  tls) set_up_tls ;;
esac
as_ever
start_swap
if [ "$link" = tls ]; then
  grep -E '^(Pid|VmLck|VmSwap)' "/proc/$(pidof nbd-client)/status"
  must swapfill "$size" "$kind"
  stop_swap
  result pass 'the process that encrypts has not been in the way'
  exit
fi
cut_for_a_while &
cutter=$!
must swapfill -x '
  awk "{ print \$1 + \$5 }" /sys/block/nbd0/stat >"/run/phase.$1"' \
  "$size" "$kind"
wait "$cutter" || exit
requests=$(completed)
[ "$(dropped)" -gt 0 ] || die 'the link has lost nothing'
dmesg | grep -E 'block nbd0: |dev nbd0' | grep -v 'Possible stuck request' &&
  die 'the kernel has lost a request'
read -r waiting late </run/cut
stop_swap
result pass "of $requests requests $waiting waited for ${cut}00 and $late cs"
