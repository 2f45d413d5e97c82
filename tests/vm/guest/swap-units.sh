# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The units, under a systemd that boots and shuts down: this makes its root, and
# ../units has what is tested there.  The root is the host's, with a tmpfs over
# it that has what "make install" has installed.

root=/run/root
installed=/host$builddir/tests/vm/installed
units=$root/etc/systemd/system

[ -d "$installed" ] || die "nothing is installed in $installed"
modprobe overlay
modprobe nbd nbds_max=2
modprobe virtio_blk
modprobe ext4
modprobe crc32c_generic
mkdir -p /run/over $root
mount -t tmpfs -o size=80m over /run/over
mkdir /run/over/upper /run/over/work
mount -t overlay -o \
  lowerdir=/host,upperdir=/run/over/upper,workdir=/run/over/work \
  root $root || die 'no overlay'

# Of the host's, nothing is started that its administrator has chosen.
# (And it may be a container.)
rm -rf "$units" $root/.dockerenv
mkdir -p "$units" $root/usr/lib/systemd/system-shutdown
: >$root/etc/fstab
mount -t tmpfs tmp $root/tmp
cp -R "$installed/." $root
cp /swapfill $root/usr/local/bin/swapfill
cd "/host$srcdir/tests/vm/units" || die 'there are no units'
cp zram-test.target zram-*.service "$units"
cp check $root/usr/local/bin/zram-check
cp at-the-end $root/usr/lib/systemd/system-shutdown/zram-test
for unit in dbus.socket systemd-tmpfiles-setup.service \
  systemd-tmpfiles-setup-dev.service \
  systemd-tmpfiles-clean.timer systemd-sysusers.service modprobe@.service; do
  ln -s /dev/null "$units/$unit"
done
mkdir "$units/nbdkit-zram@.service.d"
printf '[Service]\nTimeoutStopSec=3\n' \
  >"$units/nbdkit-zram@.service.d/in-a-hurry.conf"
mkdir $root/etc/systemd/nbdkit-zram.conf.d
cat >$root/etc/systemd/nbdkit-zram.conf.d/50-rack.conf <<END2
[rack]
zram-size = 64
compression-algorithm = zstd(dict=/etc/zram.dict)
writeback-device = /dev/vda
listen = 10809
nbdkit-options = --tls=require --tls-psk=/etc/zram.psk
END2
cp $root/bin/sh $root/etc/zram.dict     # any content will do
echo rack:0123456789abcdef0123456789abcdef >$root/etc/zram.psk
chmod 600 $root/etc/zram.psk

# The administrator has come from zram-generator, as the manual says.
cat >$root/etc/systemd/zram-generator.conf <<END2
[zram0]
zram-size = min(ram / 2, 4096)
compression-algorithm = $algorithm
swap-priority = 7
END2
for page in nbdkit-zram.conf nbdkit-zram-tutorial; do
  awk -v to="$root/etc/$page-" '/^=for units$/ { on = 1; n++; next }
    on && /^[^ ]/ { on = 0 }
    on && /^ / { sub (/^ /, ""); print >(to n) }' "/host$srcdir/man/$page.pod"
done
must chroot $root /usr/bin/env "PATH=$host_path" \
  sh -c "$(grep '^cp ' $root/etc/nbdkit-zram.conf-3)"
printf '[Journal]\nForwardToKMsg=yes\nMaxLevelKMsg=info\n' >$root/etc/systemd/journald.conf
cat >$root/etc/zram-test <<END2
name='$name'
size='$size'
kind='$kind'
stuck='${stuck-}'
END2

echo '/lib/systemd/systemd --unit=zram-test.target --log-target=kmsg' \
  '--log-level=info --show-status=no' >/run/next-init
