# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# How long the same program takes with swap on one server, on two by equal
# priority, and on two below RAID 0 and RAID 1: in turns, $turns times, each
# time with new servers.  With delay=MS a server takes so long for each request,
# so that what there is too little of is servers, and not this machine's CPU.

# shellcheck source=members.sh
. "/host$srcdir/tests/vm/guest/members.sh"

turns=${turns:-3}
delay=${delay:-0}
arrangements='one priority raid0 raid1'
each=$disk
[ "$delay" -eq 0 ] || server_options="$server_options --filter=delay"
[ "$delay" -eq 0 ] || plugin_parameters="$plugin_parameters \
delay-read=${delay}ms delay-write=${delay}ms"

build_array ()
{
  modprobe "raid$1"
  must host mdadm --build /dev/md0 --run --level="$1" --raid-devices=2 \
    --assume-clean /dev/nbd0 /dev/nbd1
}

# begin ARRANGEMENT: sets $devices.
begin ()
{
  local number device
  for number in 0 1; do
    start_member "$number" first
    attach_member "$number" first
  done
  devices=/dev/md0
  case $1 in
    one) devices=/dev/nbd0 ;;
    priority) devices='/dev/nbd0 /dev/nbd1' ;;
    raid0 | raid1) build_array "${1#raid}" ;;
  esac
  for device in $devices; do
    swap_on "$device" --priority 10
  done
}

end ()
{
  local number device
  for device in $devices; do
    must host swapoff "$device"
  done
  [ "$devices" != /dev/md0 ] || must host mdadm --stop /dev/md0
  for number in 0 1; do
    must host nbd-client -d "/dev/nbd$number"
    end_member "$number" TERM
  done
}

# measure ARRANGEMENT: what each phase took, in units of 10 ms, into files.  (A
# number that begins with 0 is octal to the shell.)
measure ()
{
  begin "$1"
  must swapfill "$size" "$kind"
  sed -nE 's/.*phase=(filled|read) seconds=([0-9]+)\.([0-9]+) .*/\1 \2\3/p' \
    /run/swapfill.log | while read -r phase time; do
    time=${time#0}
    echo "${time#0}" >>"/run/$1.$phase"
  done
  end
}

median ()
{
  sort -n "$1" | sed -n "$(((turns + 1) / 2))p"
}

turn=0
while [ "$turn" -lt "$turns" ]; do
  for arrangement in $arrangements; do
    measure "$arrangement"
  done
  turn=$((turn + 1))
done
for phase in filled read; do
  one=$(median "/run/one.$phase")
  for arrangement in $arrangements; do
    time=$(median "/run/$arrangement.$phase")
    figure "$arrangement-$phase" "$((time * 10))" ms
    figure "$arrangement-$phase-rate" "$((one * 100 / time))" %
  done
done
result pass "each arrangement $turns times"
