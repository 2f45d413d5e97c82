#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What nbdkit-zram-generator makes of nbdkit-zram.conf(5).

# shellcheck source=functions.sh.in
. ./functions.sh

generator=$top_builddir/generator/nbdkit-zram-generator
[ -x "$generator" ] || skip 'it was built without muParser'

export NBDKIT_ZRAM_ROOT=$dir
mkdir -p "$dir"/{etc,run,usr/lib}/systemd "$dir/proc"
echo 'MemTotal:        2048300 kB' >"$dir/proc/meminfo"     # 2000 megabytes
conf=$dir/etc/systemd/nbdkit-zram.conf

# generate: into $dir/out; what it says, in $dir/said.
generate ()
{
  rm -rf "$dir/out"
  mkdir "$dir/out"
  "$generator" "$dir/out" "$dir/out" "$dir/out" >"$dir/said" 2>&1
}

# must_write FILE: what is on standard input.
must_write ()
{
  diff - "$dir/out/$1" || die "$1 is otherwise"
}

# must_link FILE TEMPLATE
must_link ()
{
  case $(readlink "$dir/out/$1") in
    */systemd/system/"$2") ;;
    *) die "$1 is a link to $(readlink "$dir/out/$1")" ;;
  esac
}

# must_set PATTERN VALUE LINE...: that is what the server of [zram0] of LINEs has
# behind PATTERN, in Environment=.
must_set ()
{
  local pattern=$1 wanted=$2 got
  shift 2
  printf '%s\n' '[zram0]' "$@" >"$conf"
  generate || die "$*: refused: $(cat "$dir/said")"
  got=$(sed -n "s/^Environment=\"$pattern\(.*\)\"\$/\1/p" \
    "$dir/out/nbdkit-zram@nbd0.service.d/50-nbdkit-zram.conf")
  [ "$got" = "$wanted" ] || die "$*: $got"
}

must_have_parameters ()
{
  must_set 'PARAMETERS= swap=on *' "$@"
}

# In bytes.
must_have_size ()
{
  must_set 'DISKSIZE=' "$@"
}

# must_refuse LINE CONFIGURATION-LINE...: refused with that line and no other;
# nothing is made.
must_refuse ()
{
  local line=$1
  shift
  printf '%s\n' "$@" >"$conf"
  generate && die "$*: taken"
  [ "$(cat "$dir/said")" = "nbdkit-zram-generator: $line" ] ||
    die "$*: $(cat "$dir/said")"
  [ -z "$(ls "$dir/out")" ] || die "$*: it made $(ls "$dir/out")"
}

# must_not_read WHY: the configuration, which is no file.
must_not_read ()
{
  generate && die "$1: it was read"
  [ "$(cat "$dir/said")" = "nbdkit-zram-generator: $conf: $1" ] ||
    die "$1: $(cat "$dir/said")"
}

# Without a configuration there is nothing.
generate || die 'it fails without a configuration'
[ -z "$(ls "$dir/out")$(cat "$dir/said")" ] || die 'something comes of nothing'

cat >"$conf" <<'END'
[zram0]
zram-size = ram / 2
compression-algorithm = lzo-rle zstd(level=3,dict=/etc/a) lz4hc (type=idle)
zram-resident-limit = ram * 0.25
writeback-device = /dev/disk/by-id/a-b
swap-priority = 5
options = discard

[zram3]
connections = 2
parameters = stats=100% "a=b c"

[rack]
zram-size = 64
listen = 192.0.2.1:10809
nbdkit-options = --filter=ip --tls=require
parameters = allow=192.0.2.0/24 deny=all
END
generate || die "refused: $(cat "$dir/said")"
diff - "$dir/said" <<'END' || die 'it says otherwise'
nbdkit-zram-generator: [zram0] compression-algorithm: '(type=idle)' is left out: the attribute recompress takes it when pages are to be recompressed
END
must_write nbdkit-zram@nbd0.service.d/50-nbdkit-zram.conf <<'END'
[Service]
Environment="DISKSIZE=1048576000"
Environment="PARAMETERS= swap=on comp_algorithm=lzo 'recomp_algorithm=algo=zstd priority=1' 'algorithm_params=priority=1 level=3 dict=/etc/a' 'recomp_algorithm=algo=lz4hc priority=2' mem_limit=524288000 backing_dev=/dev/disk/by-id/a-b"
Environment="NBDKIT_OPTIONS="
DeviceAllow="/dev/disk/by-id/a-b" rw
[Unit]
Requires=dev-disk-by\x2did-a\x2db.device
After=dev-disk-by\x2did-a\x2db.device
END
must_write nbdkit-zram-swap@nbd0.service.d/50-nbdkit-zram.conf <<'END'
[Service]
Environment="SWAP_OPTIONS=--priority=5"
END
must_write dev-nbd0.swap.d/50-nbdkit-zram.conf <<'END'
[Unit]
After=nbdkit-zram-swap@nbd0.service
[Swap]
TimeoutSec=infinity
END
must_link swap.target.wants/nbdkit-zram-swap@nbd0.service \
  nbdkit-zram-swap@.service
must_write nbdkit-zram@nbd3.service.d/50-nbdkit-zram.conf <<'END'
[Service]
Environment="DISKSIZE=1048576000"
Environment="PARAMETERS= swap=on stats=100%% \"a=b c\""
Environment="NBDKIT_OPTIONS="
END
must_write nbdkit-zram-swap@nbd3.service.d/50-nbdkit-zram.conf <<'END'
[Service]
Environment="SWAP_OPTIONS=--priority=100 --connections=2"
END
must_write nbdkit-zram@rack.service.d/50-nbdkit-zram.conf <<'END'
[Service]
Environment="DISKSIZE=67108864"
Environment="PARAMETERS= allow=192.0.2.0/24 deny=all"
Environment="NBDKIT_OPTIONS=--filter=ip --tls=require"
END
must_write nbdkit-zram@rack.socket.d/50-nbdkit-zram.conf <<'END'
[Socket]
ListenStream=
ListenStream=192.0.2.1:10809
END
must_link sockets.target.wants/nbdkit-zram@rack.socket nbdkit-zram@.socket
[ "$(find "$dir/out" -type f -o -type l | wc -l)" -eq 11 ] ||
  die "there is more: $(find "$dir/out")"

# The manual's and the example, without a word; the latter with all in it, too.
# manual_block MARK NUMBER
manual_block ()
{
  awk -v mark="=for $1" -v number="$2" '
    $0 == mark { on = ++n == number; next }
    on && /^[^ ]/ { exit }
    on && /^ / { sub (/^ /, ""); print }' "$top_srcdir/man/nbdkit-zram.conf.pod"
}
example=$top_srcdir/contrib/systemd/nbdkit-zram.conf.example
for number in 1 2; do
  manual_block config "$number" >"$conf"
  generate || die "the manual's: $(cat "$dir/said")"
  [ ! -s "$dir/said" ] || die "the manual's: $(cat "$dir/said")"
  [ -e "$dir/out/nbdkit-zram@nbd0.service.d" ] || die "the manual's is nothing"
done
for edit in '' 's/^#\([^ ]\)/\1/'; do
  sed -e "$edit" "$example" >"$conf"
  generate || die "the example: $(cat "$dir/said")"
  [ ! -s "$dir/said" ] || die "the example: $(cat "$dir/said")"
  [ -e "$dir/out/nbdkit-zram@nbd0.service.d" ] || die 'the example is nothing'
done
[ -e "$dir/out/nbdkit-zram@rack.service.d" ] || die 'the example has no rack'
manual_block generator 1 | sed "s:/usr/lib/.*/:${generator%/*}/:" >"$dir/commands"
(cd "$dir" && bash -e commands) || die 'the command of the manual'
diff -r --no-dereference "$dir/out" "$dir/units" || die 'it shows something else'

# Sizes, as zram-generator has them; 0 is no device.
must_have_size 1048576000
must_have_size 99999744 'zram-size = 95.3674316406251'       # whole blocks
must_have_size 209715200 'zram-fraction = 0.1'
must_have_size 104857600 'zram-size = 7' 'max-zram-size = 100'
must_have_size 2097152000 'zram-fraction = 1' 'max-zram-size = none'
must_have_size 1048576000 'host-memory-limit = 2000'
must_have_size 1048576000 'host-memory-limit = none'
must_have_size 1048576000 'memory-limit = 1' 'host-memory-limit = none'
for line in 'zram-size = 0' 'host-memory-limit = 1999' 'memory-limit = 1999'; do
  printf '%s\n' '[zram0]' "$line" >"$conf"
  generate || die "$line: refused"
  [ -z "$(ls "$dir/out")" ] || die "$line: it made $(ls "$dir/out")"
done

must_have_parameters ''
must_have_parameters comp_algorithm=zstd 'compression-algorithm = zstd'
must_have_parameters '' 'compression-algorithm ='
must_have_parameters "comp_algorithm=zstd 'algorithm_params=priority=0 level=2'" \
  'compression-algorithm = zstd(level=2)'
must_have_parameters "comp_algorithm=lz4 'recomp_algorithm=algo=zstd priority=1'" \
  'compression-algorithm = lz4, zstd'
must_have_parameters 'backing_dev=/var/store' 'writeback-device = /var/store'
must_have_parameters 'a=1' 'parameters = a=1' 'fs-type = swap'

# must_count MEGABYTES WHY: of what the files say.
must_count ()
{
  generate || die "$2: $(cat "$dir/said")"
  grep -qx "Environment=\"DISKSIZE=$(($1 << 20))\"" \
    "$dir/out/nbdkit-zram@nbd0.service.d/50-nbdkit-zram.conf" || die "not $2"
}

# What is later counts: of files by their names, of the same name the first.
rm "$conf"
mkdir "$dir"/{etc,usr/lib}/systemd/nbdkit-zram.conf.d
printf '%s\n' '[zram0]' 'zram-size = 1' \
  >"$dir/usr/lib/systemd/nbdkit-zram.conf"
must_count 1 "the vendor's"
printf '%s\n' '[zram0]' 'zram-size = 2' >"$conf"
must_count 2 "the administrator's"
printf '%s\n' '[zram0]' 'zram-size = 3' \
  >"$dir/usr/lib/systemd/nbdkit-zram.conf.d/10-a.conf"
must_count 3 'the drop-in'
ln -s /dev/null "$dir/etc/systemd/nbdkit-zram.conf.d/10-a.conf"
must_count 2 'what is masked'

printf '%s\n' '[zram0]' 'zram-size = ram /' >"$conf"
generate && die 'half an expression is taken'
grep -q "^nbdkit-zram-generator: \[zram0\] zram-size: 'ram /' is wrong: .*: give megabytes, as 4096 or ram / 2\$" "$dir/said" || die "$(cat "$dir/said")"
must_refuse "[zram0] zram-size: 'ram - 2001' is wrong: it comes to -1: give \
megabytes, as 4096 or ram / 2" '[zram0]' 'zram-size = ram - 2001'
must_refuse "[zram0] zram-size: it comes to 4.096e+09 megabytes, and 16777216 \
(16 TiB) are the most: K, M and G are thousands and more of megabytes" \
  '[zram0]' 'zram-size = 4096M'
must_refuse "[zram0] zram-size: 'ram / 2, 3' is wrong: it comes to 2 numbers: \
give megabytes, as 4096 or ram / 2" '[zram0]' 'zram-size = ram / 2, 3'
must_refuse "[zram0] zram-size: 'round(1, 2, 3)' is wrong: it comes to nan: \
give megabytes, as 4096 or ram / 2" '[zram0]' 'zram-size = round(1, 2, 3)'
must_refuse "[zram0] zram-fraction: 'x' is wrong: give a number, or none" \
  '[zram0]' 'zram-fraction = x'
must_refuse "[zram0] host-memory-limit: '-1' is wrong: give a number, or none" \
  '[zram0]' 'host-memory-limit = -1'
must_refuse "[zram0] swap-priority: '32768' is wrong: give 0 to 32767" \
  '[zram0]' 'swap-priority = 32768'
must_refuse "[zram0] connections: '0' is wrong: give 1 to 64" \
  '[zram0]' 'connections = 0'
must_refuse "[zram0] options: 'nofail' is wrong: give discard, without which \
the memory of what is freed would stay taken" '[zram0]' 'options = nofail'
must_refuse "[zram0] mount-point: only swap is made: nbdkit-zram-plugin(1) says \
how to have a file system" '[zram0]' 'mount-point = /tmp'
for path in sda /dev//sda /dev/sda/ /home/a/store "/a'b" /a/.b; do
  must_refuse "[zram0] writeback-device: '$path' is wrong: give the path of a \
block device or file, from / on, without blanks, quotes or a / too many, and \
not in /home or /root" '[zram0]' "writeback-device = $path"
done
must_refuse "[zram0] compression-algorithm: 'lz4(' is wrong: give ALGORITHM or \
ALGORITHM(PARAMETER=VALUE,...), and behind it those that recompress" \
  '[zram0]' 'compression-algorithm = lz4('
must_refuse "[zram0] compression-algorithm: '\"lz4\"': it has no quotes" \
  '[zram0]' 'compression-algorithm = "lz4"'
must_refuse "[disk]: give listen= for a server of others, or call it zram0, \
zram1 ... for swap of this machine" '[disk]' 'zram-size = 1'
must_refuse "[zram01]: give listen= for a server of others, or call it zram0, \
zram1 ... for swap of this machine" '[zram01]'
for name in 'a b' nbd0; do
  must_refuse "[$name]: with listen= a section's name is of letters, digits, _ \
and -, at most 31, and not as nbd0" "[$name]" 'listen = 1'
done
for listen in '' 'a"b'; do
  must_refuse "[a] listen: '$listen' is wrong: give a port, ADDRESS:PORT, or \
the path of a socket" '[a]' "listen = $listen"
done
must_refuse "[zram0] compression-algorithm: 'a b c d e': one and three to \
recompress are the most" '[zram0]' 'compression-algorithm = a b c d e'
must_refuse "$conf:2: 'parameters = a?b': it has control characters" \
  '[zram0]' $'parameters = a\rb' 'zram-size = 0'
must_refuse "$conf:1: 'zram-size = 1': give KEY = VALUE, below a [SECTION]" \
  'zram-size = 1'
must_refuse "$conf:2: 'zram-size': give KEY = VALUE, below a [SECTION]" \
  '[zram0]' 'zram-size' 'zram-size = 0'

# Of what is no file nobody waits for anything.
printf '[zram0]\nzram-size = 64\0junk\n' >"$conf"
generate && die 'a NUL is taken'
grep -qxF "nbdkit-zram-generator: $conf:2: there is a NUL in it" "$dir/said" ||
  die "$(cat "$dir/said")"
rm "$conf"
mkfifo "$conf"
must_not_read 'Invalid argument'
rm "$conf"
mkdir "$conf"
must_not_read 'Is a directory'
rmdir "$conf"
# The kernel's log would not take all of it.
printf '[zram0]\nzram-size = %05000dx\n' 1 >"$conf"
generate && die 'a long one is taken'
[ "$(wc -c <"$dir/said")" -lt 976 ] || die 'it says too much'

# One that is wrong does not keep the others from being there; a key that is
# not known is no error.
printf '%s\n' '[zram0]' 'zram-size = x' '[zram1]' 'new-key = 1' >"$conf"
generate && die 'taken'
[ -L "$dir/out/swap.target.wants/nbdkit-zram-swap@nbd1.service" ] ||
  die 'the other is not there'
[ ! -L "$dir/out/swap.target.wants/nbdkit-zram-swap@nbd0.service" ] ||
  die 'it is there'
grep -qx 'nbdkit-zram-generator: \[zram1\] new-key: there is no such key.*' \
  "$dir/said" || die "$(cat "$dir/said")"

rm "$dir/proc/meminfo"
must_refuse "$dir/proc/meminfo: has no MemTotal" '[zram0]'
