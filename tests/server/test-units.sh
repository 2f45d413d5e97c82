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

# What a machine depends on, and nothing else would show: who may connect;
# memory that is there when there is none, and neither swapped nor killed for;
# a server that is not killed, and a swapoff that is not, while pages are there.
while read -r unit setting; do
  grep -qxF "$setting" "$dir/units/$unit" || die "$unit has no $setting"
done <<'END'
nbdkit-zram@.socket SocketMode=0600
nbdkit-zram@.service UMask=0077
nbdkit-zram@.service NoNewPrivileges=yes
nbdkit-zram@.service LimitMEMLOCK=infinity
nbdkit-zram@.service MemorySwapMax=0
nbdkit-zram@.service OOMScoreAdjust=-1000
nbdkit-zram@.service OOMPolicy=continue
nbdkit-zram@.service ManagedOOMPreference=omit
nbdkit-zram@.service KillSignal=SIGCONT
nbdkit-zram@.service SendSIGKILL=no
nbdkit-zram-swap@.service TimeoutStopSec=infinity
nbdkit-zram-swap@.service OOMScoreAdjust=-1000
END
