# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# While memory is full, other clients connect and go, and statistics are asked
# for.  A client may be refused; nothing else may happen.

clients=${clients:-3}

# Ask again and again, as a monitor would.
client ()
{
  local answers=0
  while [ -e /run/clients ]; do
    kill -USR1 "$server"
    host nbdinfo --size 'nbd+unix:///?socket=/run/nbd.sock' >/dev/null 2>&1 &&
      answers=$((answers + 1))
    echo "$answers" >"/run/answers.$1"
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
answers=$(cat /run/answers.* | awk '{ sum += $1 } END { print sum }')
stop_swap
result pass "$answers clients were answered meanwhile"
