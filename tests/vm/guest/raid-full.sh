# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Servers that refuse a write since they are full.  RAID 0 hands that on, and
# works on when there is room; RAID 1 gives up one server, and when the last one
# is full, too, takes no write any more, though what it has can be read.

# shellcheck source=members.sh
. "/host$srcdir/tests/vm/guest/members.sh"

each=16
swap=off
plugin_parameters="$plugin_parameters mem_limit=256K"

# write_from FILE COUNT: pages, around the cache.
write_from ()
{
  host dd "if=$1" of=/dev/md0 oflag=direct bs=4k "count=$2" 2>/run/dd.log
}

begin ()
{
  local number
  modprobe "raid$1"
  for number in 0 1; do
    start_member "$number" first
    attach_member "$number" first
  done
  must host mdadm --build /dev/md0 --level="$1" --raid-devices=2 \
    --assume-clean /dev/nbd0 /dev/nbd1
  write_from /run/noise 16 || die "RAID $1: it takes nothing"
  write_from /run/noise 1024 && die "RAID $1: it is never full"
  cat /proc/mdstat
  [ "$1" -eq 0 ] || grep -q '^md0 : broken ' /proc/mdstat ||
    die "RAID $1: it is not broken"
  host dd if=/dev/md0 iflag=direct bs=4k count=16 of=/run/read
  cmp /run/read /run/noise.16 || die "RAID $1: what it had is lost"
}

end ()
{
  local number
  must host mdadm --stop /dev/md0
  for number in 0 1; do
    must host nbd-client -d "/dev/nbd$number"
    end_member "$number" TERM
  done
}

host dd if=/dev/urandom of=/run/noise bs=4k count=1024
host dd if=/run/noise of=/run/noise.16 bs=4k count=16
begin 0
write_from /dev/zero 1024 || die 'RAID 0: it does not work on'
end
begin 1
[ "$(cat /sys/block/md0/md/degraded)" -eq 1 ] || die 'RAID 1: it has both still'
write_from /dev/zero 1024 && die 'RAID 1: it takes writes again'
end
result pass 'RAID 0 works on, RAID 1 can be read'
