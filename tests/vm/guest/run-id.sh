# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The server is killed, and another started in its place, under nbd-client
# -persist, which connects again by itself.  With run_id=auto it is refused, and
# there is nothing to read; without, it is not, and there are zeros.
#
# When this kernel loses a connection, it tells nbd-client of Debian 12 what it
# tells it after nbd-client -d; so that exits.  It connects again when it was
# interrupted: by a debugger; or by the freezer, when the machine goes to sleep,
# which is what is done to it here.  And only while nobody else has the device
# open.

disk=16

# However this ends: the machine is on while somebody may still say something.
trap 'killall -KILL nbd-client 2>/dev/null' EXIT

# attach_persistent EXPORT: by netlink, nbd-client would leave it to the kernel
# and exit, and -persist would mean nothing.
attach_persistent ()
{
  [ -e /sys/block/nbd0 ] || modprobe nbd nbds_max=1
  host nbd-client -unix /run/nbd.sock /dev/nbd0 -b 4096 -nonetlink -persist \
    -nofork -name "$1" >/run/client.log 2>&1 &
  until_true 60 nbd_has_size || die "/dev/nbd0 has no size for $1"
}

# direct ARGUMENT...: by no cache of the guest's.
direct ()
{
  host dd bs=64k count=1 "$@" 2>/run/dd.log
}

# look: what there is to read: $seen.
look ()
{
  seen=other
  if ! direct if=/dev/nbd0 of=/run/read iflag=direct || [ ! -s /run/read ]; then
    seen=nothing
  elif cmp -s /run/read /run/data; then
    seen=data
  elif cmp -s /run/read /run/zeros; then
    seen=zeros
  fi
}

looks_like ()
{
  look
  [ "$seen" = "$1" ]
}

# Store something, which is then in no memory but the server's.
store_data ()
{
  direct if=/run/data of=/dev/nbd0 oflag=direct || die 'it cannot be written'
  looks_like data || die "what was written reads as $seen"
}

# While nbd-client sleeps.
replace_server ()
{
  killall -STOP nbd-client
  kill -KILL "$server"
  until_true 60 [ ! -e "/proc/$server" ] || die 'the server survives SIGKILL'
  rm /run/nbd.sock /run/nbdkit.pid
  start_server 2>/run/start.log
  killall -CONT nbd-client
}

# The name of this run's export.
export_name ()
{
  sed -n 's/^zram: the exports of this run end in /zram0/p' /run/start.log
}

client_has_gone ()
{
  ! pidof nbd-client >/dev/null
}

# There never is, neither until the client has gone, nor then.
something_to_read ()
{
  reads=$((reads + 1))
  ! looks_like nothing
}

refused_or_reads ()
{
  client_has_gone || something_to_read
}

direct if=/dev/urandom of=/run/data
direct if=/dev/zero of=/run/zeros

# What happens without it: unless this can be seen, the rest shows nothing.
start_server
attach_persistent zram0
store_data
replace_server
until_true 60 looks_like zeros || die "nbd-client has not come back: $seen"
host nbd-client -nonetlink -d /dev/nbd0
until_true 60 client_has_gone || die 'nbd-client does not end'
stop_server

plugin_parameters="$plugin_parameters run_id=auto"
start_server 2>/run/start.log
attach_persistent "$(export_name)"
store_data
replace_server
reads=0
until_true 60 refused_or_reads || die 'nbd-client is still there'
cat /run/client.log
until_true 3 something_to_read && die "a server of another run reads as $seen"
grep -q Reconnecting /run/client.log || die 'nbd-client has not tried'
attach_persistent "$(export_name)"
looks_like zeros || die "the new run's disk reads as $seen"
host nbd-client -nonetlink -d /dev/nbd0
stop_server
result pass "zeros without run_id; with it nothing, in $reads reads"
