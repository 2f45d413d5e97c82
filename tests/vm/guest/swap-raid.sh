# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on MD RAID 0 or 1 over the devices of two servers, both of which have to
# be used, and have to be told what is freed.
#
# With level=1, while the program reads what it has there, one server is killed;
# a new one, which is empty, is refused as the old one, is added by hand, and
# gets all of it; then the other falls silent, as a machine without power does,
# so that all that is read from then on comes from the new one.

# shellcheck source=members.sh
. "/host$srcdir/tests/vm/guest/members.sh"

level=${level:-1}
copies=$((level + 1))           # of each page; and rounds of the program
each=$((disk * copies / 2))
servers='0 1'
array=/sys/block/md0/md

# After each phase the program says where it is, and waits while it is told to.
cat >/run/hook <<'END'
round=$(cat /run/round)
[ "$1" != read ] || echo $((round + 1)) >/run/round
echo "$1 $round" >/run/phase
while [ -e "/run/wait.$1.$round" ]; do usleep 100000; done
END
echo 1 >/run/round
: >"/run/wait.read.$copies"

is_after ()
{
  [ "$(cat /run/phase 2>/dev/null)" = "$1" ]
}

# until_after PHASE ROUND
until_after ()
{
  until_true 120 is_after "$1 $2" || die "round $2: it is never $1"
}

is_degraded ()
{
  [ "$(cat $array/degraded)" -eq 1 ]
}

is_rebuilt ()
{
  [ "$(cat $array/degraded)" -eq 0 ] && [ "$(cat $array/sync_action)" = idle ]
}

# lose_server NUMBER SIGNAL ROUND: while the program reads; MD has to notice.
lose_server ()
{
  local start
  until_after filled "$3"
  usleep 500000
  start=$(uptime_cs)
  signal_member "$1" "$2"
  until_true 60 is_degraded || die "MD does not notice that server $1 is away"
  figure "noticed-SIG$2" "$(($(uptime_cs) - start))" cs
  is_after "filled $3" || die 'the program was not reading'
}

# In place of number 0, which is dead.
replace_server ()
{
  rm /run/member0.sock /run/member0.pid
  must host mdadm /dev/md0 --remove /dev/nbd0
  must host nbd-client -d /dev/nbd0
  start_member 0 second
  connect_member 0 first && die 'who had the old server is let into the new one'
  attach_member 0 second
  is_degraded || die 'it has come back by itself'
  must host mdadm /dev/md0 --add /dev/nbd0
}

lose_one_after_the_other ()
{
  local start
  : >/run/wait.filled.2
  lose_server 0 KILL 1
  replace_server
  start=$(uptime_cs)
  until_true 120 is_rebuilt || die 'it is not rebuilt'
  figure rebuilt "$(($(uptime_cs) - start))" cs
  until_after filled 2
  rm /run/wait.filled.2
  lose_server 1 STOP 2
  servers=0
}

build_array ()
{
  local number options=
  [ "$level" = 0 ] || options=--assume-clean # both are all zeroes
  modprobe "raid$level"
  for number in 0 1; do
    start_member "$number" first
    attach_member "$number" first
  done
  # shellcheck disable=SC2086
  must host mdadm --build /dev/md0 --level="$level" --raid-devices=2 \
    $options /dev/nbd0 /dev/nbd1
}

# Both servers have their share of what does not fit into memory.
note_what_is_stored ()
{
  local number stored
  until_after read $copies
  cat /proc/mdstat /proc/swaps
  for number in $servers; do
    stored=$(member_stores "$number")
    echo "$stored" >"/run/stored.$number"
    [ "$stored" -ge $((size * copies / 4)) ] ||
      die "server $number stores $stored MiB only"
  done
}

# Now that the program has gone.
must_be_trimmed ()
{
  local number before now
  for number in $servers; do
    before=$(cat "/run/stored.$number") now=$(member_stores "$number")
    echo "server $number stored $before MiB, and $now when all was freed"
    [ "$now" -lt $((before / 2)) ] || die "server $number still stores $now MiB"
  done
}

tear_down ()
{
  local number
  must host swapoff /dev/md0
  must host mdadm --stop /dev/md0
  for number in 0 1; do
    must host nbd-client -d "/dev/nbd$number"
  done
  for number in $servers; do
    end_member "$number" TERM
  done
}

build_array
swap_on /dev/md0
swapfill -r "$copies" -x 'sh /run/hook "$1"' "$size" "$kind" &
program=$!
[ "$level" = 0 ] || lose_one_after_the_other
note_what_is_stored
rm "/run/wait.read.$copies"
wait "$program" || die 'the program failed'
sleep 1
must_be_trimmed
tear_down
result pass "server 0 stored $(cat /run/stored.0) MiB of RAID $level"
