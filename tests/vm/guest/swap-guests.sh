# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Several machines on one server, by the commands of nbdkit-zram-remote(7): each
# has its own disk and swaps to it, or fills it, and one is greedy.  The others
# keep what they are sure of, mem_min; and the limits hold.
#
# So does the ip filter, if it takes addresses: that of nbdkit 1.32 does not.

# shellcheck source=network.sh
. "/host$srcdir/tests/vm/guest/network.sh"

# run_block NAME NAMESPACE: the manual's commands under "=for guest NAME".
run_block ()
{
  {
    echo 'set -e'
    awk -v start="=for guest $1" '
      $0 == start { on = 1; next }
      on && /^[^ ]/ { exit }
      on && /^ / { sub (/^ /, ""); print }' \
      "/host$srcdir/man/nbdkit-zram-remote.pod"
  } >/run/lines
  [ "$(wc -l </run/lines)" -gt 1 ] || die "the manual has no block \"$1\""
  must within "$2" env "PATH=$bin:$host_path" bash -x /run/lines
}

# must_fail PATTERN COMMAND...: and says so.
must_fail ()
{
  local pattern=$1
  shift
  "$@" >/run/out 2>&1 && die "$*: it succeeded"
  grep -q "$pattern" /run/out || die "$*: it says $(cat /run/out)"
}

uri=nbd://192.0.2.1

# put NAME FILE: by that machine into its disk, by one connection.
put ()
{
  within "$1" nbdcopy --connections=1 --synchronous "$2" "$uri/$1"
}

# must_hold NAME FILE: the disk begins with that.
must_hold ()
{
  within "$1" nbdcopy --connections=1 --synchronous "$uri/$1" - |
    head -c "$(stat -c %s "$2")" | cmp - "$2" || die "$1's disk holds other data"
}

bob_has_three ()
{
  [ "$(within server env "PATH=$bin:$host_path" nbdkit-zramctl \
    -s /run/zram.control get bob clients)" -eq 3 ]
}

install_programs
modprobe nbd nbds_max=1
add_server_namespace
add_client alice 192.0.2.11
add_client bob 192.0.2.12
add_client carol 192.0.2.13
add_client mallory 192.0.2.66
if host nbdkit -U /run/try --filter=ip null 1M allow=192.0.2.1 deny=all \
  --run true 2>/run/out; then
  run_block 'server with ip filter' server
  must_fail 'nbdinfo: ' within mallory timeout 20 nbdinfo --size "$uri/alice"
  filter='who was not to connect could not'
else
  grep -q "don't know how to parse rule" /run/out || die "$(cat /run/out)"
  run_block server server
  must within mallory nbdinfo --size "$uri/alice"
  filter="this nbdkit's ip filter takes no address"
fi
run_block guest alice

# Bob takes what is nobody's, of 48 MiB all but two times 12.
dd if=/dev/urandom of=/run/noise bs=1M count=32 2>/dev/null
must_fail 'No space left on device' put bob /run/noise

# Alice swaps as if there were no bob, and carol writes all but a little of what
# she is sure of, twice; then there is no more for her.
must swapfill "$size" "$kind"
dd if=/run/noise of=/run/hers bs=1M skip=20 count=11 2>/dev/null
put carol /run/hers || die 'carol has not got what she is sure of'
must_hold carol /run/hers
dd if=/run/noise of=/run/hers bs=1M skip=8 count=11 2>/dev/null
put carol /run/hers || die 'carol cannot write it anew'
must_hold carol /run/hers
must_fail 'No space left on device' put carol /run/noise

# A disk that there is not, and one connection too many.
must_fail 'No such file' within bob nbdinfo --size "$uri/dave"
must within bob nbdinfo --size "$uri/bob"
for n in 1 2 3; do
  sleep 60 | within bob nbdcopy - "$uri/bob" &
done
until_true 30 bob_has_three || die 'bob cannot connect three times'
must_fail 'nbdinfo: ' within carol nbdinfo --size "$uri/carol"
killall sleep
wait
must within carol nbdinfo --size "$uri/carol"

dmesg | grep -E 'Write-error|block nbd0: |dev nbd0' &&
  die 'alice has lost a request'
server=$(cat /run/zram.pid)
run_block 'guest off' alice
run_block 'server off' server
until_true 60 [ ! -e "/proc/$server" ] || die 'the server is still there'
result pass "the greedy one was refused, the others had what is theirs; $filter"
