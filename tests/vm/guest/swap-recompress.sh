# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Pages are marked as idle and recompressed again and again while memory fills
# and is full, and all of them when it has been filled: what the program reads
# back, be it the old form or the new, is what it has written.

plugin_parameters="$plugin_parameters recomp_algorithm=algo=zstd \
control=/run/control"
ordinary=2

# What it says goes into a file when it is complete.
cat >/run/recompress <<'END'
printf '%s\n' 'run zram0 idle all' "run zram0 recompress $1" \
  'get zram0 recomp_stat' |
  chroot /host /usr/bin/socat -t 3600 - UNIX:/run/control \
    >"/run/new.answer.$2" 2>&1
mv "/run/new.answer.$2" "/run/answer.$2"
END

recompress_again_and_again ()
{
  while [ -e /run/beside ]; do
    sh /run/recompress 'type=idle max_pages=200' beside
    usleep 500000
  done
}

start_swap
: >/run/beside
recompress_again_and_again &
beside=$!
must swapfill -x '[ "$1" != filled ] || sh /run/recompress type=idle all' \
  "$size" "$kind"
rm /run/beside
wait "$beside"
for answer in /run/answer.beside /run/answer.all; do
  grep -v '^progress' "$answer"
  [ "$(grep -c '^ok$' "$answer")" -eq 3 ] || die 'the control socket failed'
done
gained=$(sed -nE 's/^ [0-9]+ ([0-9]+) [0-9]+$/\1/p' /run/answer.all)
[ "${gained:-0}" -gt $((size * 16)) ] || die "only $gained pages have gained"
stop_swap
result pass "$gained pages were recompressed meanwhile"
