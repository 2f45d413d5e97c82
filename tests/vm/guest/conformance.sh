# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The plugin and the guest's zram do the same, operation by operation: the suite
# in tests/conformance, with a kernel that has writeback, zstd, access times, and
# with store=2 a disk to write back to.

part=${part:-all}               # of its script; short: what is done every day
case $part in
  all) tables='*.ops' ;;
  short) tables='-p attributes.ops lifecycle.ops access.ops limits.ops' ;;
  *) die "part=$part: give all or short" ;;
esac
modprobe zram
backing=
if [ "$store" ]; then
  modprobe virtio_blk
  until_true 60 [ -e /dev/vda ] || die 'there is no disk to write back to'
  backing='-b /dev/vda'
fi
mount -t debugfs debugfs /sys/kernel/debug
host ZRAM_TMP=/run/tmp sh -c "cd '$srcdir/tests/conformance' &&
  exec '$builddir/tests/conformance/conformance' $backing -k $tables" \
  >/run/conformance 2>&1
status=$?
cat /run/conformance
[ "$status" -eq 0 ] || die "exit status $status"
result pass "$(sed -n '/^compared/p; /^deviations/p' /run/conformance |
  paste -s -d ' ')"
