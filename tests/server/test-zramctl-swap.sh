#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl swap: what it would do, and what it does not understand.  (What
# it does, a guest shows: tests/vm/guest/swap-command.sh.)

# shellcheck source=functions.sh.in
. ./functions.sh

export NBDKIT_ZRAM_RUNDIR=$dir/run

# must_not_do LINE ARGUMENT...: refused with this line and no other.
must_not_do ()
{
  local line=$1
  shift
  must_fail "nbdkit-zramctl: $line" "$@"
}

# must_not_understand LINE ARGUMENT...
must_not_understand ()
{
  local line=$1
  shift
  must_fail "nbdkit-zramctl: $line
Try 'nbdkit-zramctl --help' for more information." "$@"
}

# A dry run has no need of a root, a module or a directory, and makes none.  The
# module may be loaded here, and its devices be in use.
"$zramctl" --dry-run -p 5 --connections 3 swap on 4G comp_algorithm=zstd \
  'algorithm_params=level=3 algo=zstd' >"$dir/shown"
device=$(sed -n 's/^mkswap //p' "$dir/shown")
name=${device#/dev/}
case $name in
  nbd[0-9]*) ;;
  *) die "no device: $(cat "$dir/shown")" ;;
esac
diff <(grep -v '^modprobe nbd$' "$dir/shown") - <<END || die 'other commands'
mkdir -m 0755 -p $dir/run
nbdkit -t 1 -U $dir/run/.$name.socket -P $dir/run/.$name.pid zram disksize=4G swap=on control=$dir/run/$name comp_algorithm=zstd 'algorithm_params=level=3 algo=zstd'
nbd-client -unix $dir/run/.$name.socket $device -b 4096 -C 3 -swap
sh -c 'echo none >/sys/block/$name/queue/scheduler'
mkswap $device
swapon --discard --priority 5 $device
END
[ ! -e "$dir/run" ] || die 'a dry run has made the directory'
[ -e /sys/block/nbd0 ] || grep -qx 'modprobe nbd' "$dir/shown" ||
  die 'the module is not loaded'

# Half of the memory, a connection for each CPU as far as it goes.
half=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 2 / 1024))
"$zramctl" --dry-run swap on >"$dir/shown"
grep -q " disksize=${half}M " "$dir/shown" || die 'not half of the memory'
grep -q -- ' --priority 100 ' "$dir/shown" || die 'not priority 100'
grep -qE -- ' -C [1-4] ' "$dir/shown" || die 'not one to four connections'

must_not_understand 'swap: say "on", "off" or "attach"' swap
must_not_understand 'swap: say "on", "off" or "attach"' swap over
must_not_understand "swap: --priority: '32768' is wrong: give 0 to 32767" \
  --dry-run --priority 32768 swap on
must_not_understand "swap: --priority: 'x' is wrong: give 0 to 32767" \
  --dry-run -p x swap on
must_not_understand "swap: --connections: '0' is wrong: give 1 to 64" \
  --dry-run --connections 0 swap on
must_not_understand \
  "swap on: '2G' is no parameter: give SIZE first, then PARAMETER=VALUE" \
  --dry-run swap on 1G 2G
must_not_understand 'swap off: --priority means nothing to it' -p 1 swap off
must_not_understand 'swap off: --connections means nothing to it' \
  --connections 1 swap off
must_not_understand 'swap off: one device at a time' --dry-run swap off nbd0 nbd1
must_not_understand 'swap: --json means nothing to it' -J swap on
must_not_understand 'get: --dry-run means nothing to it' --dry-run get

must_not_do 'swap off: "swap on" has made none' --dry-run swap off
must_not_do 'swap off: /dev/nbd0: "swap on" has not made it' \
  --dry-run swap off /dev/nbd0
must_not_do 'swap off: zram0: "swap on" has not made it' --dry-run swap off zram0

# What a server that was killed has left is cleared away.
mkdir "$dir/run"
echo $$ >"$dir/run/.$name.pid"  # somebody else's by now
"$zramctl" --dry-run swap off >"$dir/shown"
diff - "$dir/shown" <<END || die 'not what is left of a killed one'
rm -f $dir/run/.$name.socket $dir/run/.$name.pid
END
"$zramctl" --dry-run swap on >"$dir/shown"
grep -qx "rm -f $dir/run/.$name.socket $dir/run/.$name.pid" "$dir/shown" ||
  die 'what is in the way is not cleared away'

# A service manager's server, whose socket is the manager's.
rm "$dir/run/.$name.pid"
must_not_understand 'swap attach: give the device, as /dev/nbd0' \
  --dry-run swap attach
must_not_understand 'swap attach: give the device, as /dev/nbd0' \
  --dry-run swap attach zram0
must_not_do "swap attach: $device: nobody listens on $dir/run/.$name.socket: \
\"swap on\" starts a server of its own" --dry-run swap attach "$device"
socat "UNIX-LISTEN:$dir/run/.$name.socket" /dev/null &
manager=$!
until grep -q "$dir/run/.$name.socket" /proc/net/unix; do
  kill -0 "$manager" || die 'no socat'
  sleep 0.05
done
"$zramctl" --dry-run --connections 1 -p 3 swap attach "$device" >"$dir/shown"
diff <(grep -v '^modprobe nbd$' "$dir/shown") - <<END || die 'attaches otherwise'
nbd-client -unix $dir/run/.$name.socket $device -b 4096 -C 1 -swap
sh -c 'echo none >/sys/block/$name/queue/scheduler'
mkswap $device
swapon --discard --priority 3 $device
END
echo $$ >"$dir/run/.$name.pid"
"$zramctl" --dry-run swap off "$device" >"$dir/shown"
echo "rm -f $dir/run/.$name.pid" | diff - "$dir/shown" ||
  die "swap off takes a manager's socket"
rm "$dir/run/.$name.pid"
"$zramctl" --dry-run swap on >"$dir/shown"
! grep -q "mkswap $device\$" "$dir/shown" || die "swap on takes a manager's device"
kill "$manager"
wait "$manager" || :

# The lock is not made where a link leads.
if [ "$(id -u)" -eq 0 ]; then
  echo 1 >"$dir/run/.$name.pid"
  ln -s "$dir/nothing" "$dir/run/.swap.lock"
  must_not_do "$dir/run/.swap.lock: Too many levels of symbolic links" \
    swap off "$device"
  [ ! -e "$dir/nothing" ] || die 'the lock was made where a link leads'
  rm "$dir/run/.$name.pid" "$dir/run/.swap.lock"
fi

if [ "$(id -u)" -eq 0 ] && setpriv --help >/dev/null 2>&1; then
  chmod 755 "$dir"
  for what in on off 'attach nbd0'; do
    # shellcheck disable=SC2086    # words
    setpriv --reuid 1 --clear-groups "$zramctl" swap $what 2>"$dir/said" &&
      die "swap $what: anybody may"
    grep -qx "nbdkit-zramctl: swap ${what% *}: only root may do that" "$dir/said" ||
      die "swap $what: $(cat "$dir/said")"
  done
fi
