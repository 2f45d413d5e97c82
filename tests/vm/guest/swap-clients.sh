# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# While memory is full, other clients connect and go, statistics are asked for,
# and the control socket is told what can be told.  A client may be refused;
# nothing else may happen.

clients=${clients:-3}
plugin_parameters="$plugin_parameters control=/run/control"
ordinary=2

# Each is a run, or takes a lock.
control ()
{
  printf 'set zram0 %s\n' 'mem_limit 1G' 'compact 1' 'compact_threshold 5' \
    'reset 1' 'mem_used_max 0' | host socat -t 30 - UNIX:/run/control
  printf 'get zram0 %s\n' mm_stat swap_stat slot_stat frag_stat |
    host socat -t 30 - UNIX:/run/control
}

# Ask again and again, as a monitor would.
client ()
{
  local answers=0
  while [ -e /run/clients ]; do
    kill -USR1 "$server"
    host nbdinfo --size 'nbd+unix:///?socket=/run/nbd.sock' >/dev/null 2>&1 &&
      answers=$((answers + 1))
    echo "$answers" >"/run/answers.$1"
    control >"/run/control.$1.new" 2>&1 &&
      mv "/run/control.$1.new" "/run/control.$1"
    sleep 1
  done
}

start_swap
: >/run/clients
i=0
while [ "$i" -lt "$clients" ]; do
  client "$i" &
  i=$((i + 1))
done
must swapfill "$size" "$kind"
rm /run/clients
server_stat
# As it should, when it was answered last: a disk in use cannot be reset.
if [ "$(cat /run/control.? | grep -c "^ok\$")" -lt 8 ] ||
  ! grep -q "^error EBUSY reset: " /run/control.?; then
  die "the control socket said: $(cat /run/control.*)"
fi
answers=$(cat /run/answers.* | awk '{ sum += $1 } END { print sum }')
stop_swap
result pass "$answers clients were answered meanwhile"
