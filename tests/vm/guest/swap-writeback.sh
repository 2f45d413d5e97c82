# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Pages of swap are written back to a disk, again and again while memory fills
# and is full, and all of them when it has been filled: what the program reads
# back, from there or from memory, is what it has written.
#
# behind=nbd: qemu-nbd serves the disk, and the server, which is without swap=on
# as another machine's is, has it by an URI; while pages are read, qemu-nbd is
# killed, and started again.  behind=device: it has it as a device of the
# kernel's, which swap=on may have.

behind=${behind:-}

start_store ()
{
  must host qemu-nbd --persistent --fork --format=raw --cache=none --shared=4 \
    --socket=/run/store.sock --pid-file=/run/store.pid /dev/vda
}

# Once all that is in swap is there.
restart_store ()
{
  until_true 300 [ -e /run/answer.all ] || return
  usleep 500000
  kill -KILL "$(cat /run/store.pid)"
  sleep 2
  start_store
  [ -e /run/beside ] && : >/run/restarted
}

# With swap=on, a URI is refused.
use_uri ()
{
  local uri='nbd+unix:///?socket=/run/store.sock'
  host nbdkit -U /run/nbd.sock "$builddir/zram.so" 16M swap=on \
    "backing_dev=$uri" --run true 2>/run/refusal && die 'swap=on takes a URI'
  cat /run/refusal
  swap=off
  plugin_parameters="$plugin_parameters backing_dev=$uri"
}

# /dev/nbd1
use_device ()
{
  modprobe nbd nbds_max=2
  must host nbd-client -unix /run/store.sock /dev/nbd1 -b 4096 -swap
  plugin_parameters="$plugin_parameters backing_dev=/dev/nbd1"
}

modprobe virtio_blk
until_true 60 [ -e /dev/vda ] || die 'there is no disk to write back to'
case $behind in
  '') plugin_parameters="$plugin_parameters backing_dev=/dev/vda" ;;
  nbd) start_store; use_uri ;;
  device) start_store; use_device ;;
esac
plugin_parameters="$plugin_parameters control=/run/control"
ordinary=2

# What it says goes into a file when it is complete.
cat >/run/writeback <<'END'
printf '%s\n' 'run zram0 idle all' "run zram0 writeback $1" \
  'get zram0 bd_stat' 'get zram0 backing_stat' 'get zram0 backing_engine' |
  chroot /host /usr/bin/socat -t 3600 - UNIX:/run/control \
    >"/run/new.answer.$2" 2>&1
mv "/run/new.answer.$2" "/run/answer.$2"
END

write_back_again_and_again ()
{
  local first=0
  while [ -e /run/beside ]; do
    sh /run/writeback "page_indexes=$first-$((first + 1999))" beside
    first=$(((first + 2000) % (disk * 256 - 2000)))
    usleep 500000
  done
}

start_swap
: >/run/beside
write_back_again_and_again &
[ "$behind" != nbd ] || restart_store &
must swapfill -x '[ "$1" != filled ] || sh /run/writeback type=idle all' \
  "$size" "$kind"
rm /run/beside
wait
for answer in /run/answer.beside /run/answer.all; do
  grep -v '^progress' "$answer"
  [ "$(grep -c '^ok$' "$answer")" -eq 5 ] || die 'the control socket failed'
done
# number N ANSWER: of bd_stat: pages that were there, that have come back.
number ()
{
  sed -nE 's/^ ([0-9]+ [0-9]+ [0-9]+)$/\1/p' "/run/answer.$2" |
    cut -d ' ' -f "$1"
}

# Those that were there when it was filled, and what came back until its end.
there=$(number 1 all) back=$(number 2 beside)
[ "${there:-0}" -gt $((size * 16)) ] || die "only $there pages are on the disk"
[ "${back:-0}" -gt $((size * 16)) ] || die "only $back pages came back"
[ "$behind" != nbd ] || [ -e /run/restarted ] ||
  die 'the store was not away while pages were read'
stop_swap
result pass "$back pages came back from the disk"
