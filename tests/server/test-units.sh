#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The units, by systemd's own judgement.  (What they do, a guest shows:
# tests/vm/guest/swap-units.sh.)

# shellcheck source=functions.sh.in
. ./functions.sh

requires systemd-analyze --version

# The programs need not be installed where they say.
mkdir "$dir/units"
for unit in "$top_builddir"/contrib/systemd/*.{service,socket}; do
  sed 's:^\(Exec[A-Za-z]*=\)[^ ]*/nbdkit-zramctl:\1/bin/true:' "$unit" \
    >"$dir/units/${unit##*/}"
done
export SYSTEMD_UNIT_PATH=$dir/units:

for unit in nbdkit-zram@nbd0.socket nbdkit-zram@nbd0.service \
  nbdkit-zram-swap@nbd0.service; do
  said=$(systemd-analyze verify --man=no "$unit" 2>&1) || die "$unit: $said"
  [ -z "$said" ] || die "$unit: $said"
done

# Of 100, for what systemd takes for exposed; 27 when this was written, most of
# it for the network.
systemd-analyze security --offline=yes --threshold=30 nbdkit-zram@nbd0.service \
  >"$dir/said" || die "$(cat "$dir/said")"

# Who has pages there would read an empty disk.
! grep -h '^Restart=' "$dir"/units/*.service | grep -vx 'Restart=no' ||
  die 'a server is started again by itself'
