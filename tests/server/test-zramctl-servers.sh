#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl with several servers, or none: where it finds them, and that
# one that is dead, or is something else, hides none of the others.

# shellcheck source=functions.sh.in
. ./functions.sh

requires socat -V
rundir=$dir/run
mkdir "$rundir"
export NBDKIT_ZRAM_RUNDIR=$rundir

# must_end STATUS OUT ERROR ARGUMENT...: with exactly that on standard output, but
# for blanks at the ends of lines, and on standard error.
must_end ()
{
  local want=$1 out=$2 error=$3 status=0
  shift 3
  "$zramctl" "$@" >"$dir/out" 2>"$dir/error" || status=$?
  [ "$status" -eq "$want" ] || die "$*: exit status $status"
  sed -i 's/ *$//' "$dir/out"
  [ "$(cat "$dir/out")" = "$out" ] ||
    die "$*: printed '$(cat "$dir/out")' and not '$out'"
  [ "$(cat "$dir/error")" = "$error" ] ||
    die "$*: said '$(cat "$dir/error")' and not '$error'"
}

# start_fake SOCKET LINE...: a server in the background that has one answer, as
# printf has it, for each line that it is sent.
start_fake ()
{
  local name=$1
  shift
  printf 'read -r request; printf "%%b" %q\n' "$@" >"$name.sh"
  socat "UNIX-LISTEN:$name,fork" "EXEC:bash $name.sh" </dev/null >/dev/null 2>&1 &
  servers+=("$!")
  wait_until test -S "$name"
}

# No directory, no servers.
NBDKIT_ZRAM_RUNDIR=$dir/none must_end 0 '' ''
must_end 0 '' ''
must_end 0 $'{\n   "disks": [\n\n   ]\n}' '' --json
touch "$dir/file"
NBDKIT_ZRAM_RUNDIR=$dir/file must_end 1 '' \
  "nbdkit-zramctl: $dir/file: Not a directory"

# One: no need to tell which.
start_nbdkit 1M "control=$rundir/a"
touch "$rundir/file"
start_nbdkit 3M "control=$rundir/.hidden"
streams=$("$zramctl" get streams)
must_end 0 "zram0 lz4 1M 0B 0B 0B $streams" '' -rn

# Two, by name; then each says where it is.
start_nbdkit 2M "control=$rundir/b" comp_algorithm=zstd
b=$pid
must_end 0 "zram0 lz4 1M 0B 0B 0B $streams  $rundir/a
zram0 zstd 2M 0B 0B 0B $streams  $rundir/b" '' -rn
must_end 0 "zram0 zstd 2M 0B 0B 0B $streams" '' -rn -s "$rundir/b"
must_end 0 "$rundir/b
$rundir/.hidden
$rundir/b" '' -rn -o SOCKET -s "$rundir/b" --socket="$rundir/.hidden" \
  -s "$rundir/b"

# Those of a user's own.
mkdir -p "$dir/xdg/nbdkit-zram"
ln -s "$rundir/b" "$dir/xdg/nbdkit-zram/mine"
(unset NBDKIT_ZRAM_RUNDIR
 XDG_RUNTIME_DIR=$dir/xdg "$zramctl" -rn -o SOCKET,DISKSIZE >"$dir/out") || :
grep -qx "$dir/xdg/nbdkit-zram/mine 2M" "$dir/out" ||
  die "the user's servers are not among $(cat "$dir/out")"

# A dead one is told, and the others are shown.
kill -KILL "$b"
wait_until is_gone "$b"
must_end 1 "zram0 lz4 1M 0B 0B 0B $streams  $rundir/a" \
  "nbdkit-zramctl: $rundir/b: no server answers there: it has died" -rn
must_end 1 '' "nbdkit-zramctl: $dir/none: No such file or directory" \
  -s "$dir/none"
rm "$rundir/b"

# What is no such server, with its words made harmless.
start_fake "$rundir/b" '220 \033[2Jmail\n'
must_end 1 "zram0 lz4 1M 0B 0B 0B $streams  $rundir/a" "\
nbdkit-zramctl: $rundir/b: is no control socket of nbdkit-zram: \
it says '220 ?[2Jmail'" -rn
rm "$rundir/b"

start_fake "$rundir/b" ' zram0\nok\n' ' 1\nok\n' ' [lz4]\nok\n' ' 1 2 x\nok\n'
must_end 1 "zram0 lz4 1M 0B 0B 0B $streams  $rundir/a" "\
nbdkit-zramctl: $rundir/b: its answer to 'mm_stat' makes no sense" -rn
rm "$rundir/b"

start_fake "$rundir/b" ' zram0\nok\n' ' 1\n'
must_end 1 "zram0 lz4 1M 0B 0B 0B $streams  $rundir/a" "\
nbdkit-zramctl: $rundir/b: has hung up before it answered" -rn
rm "$rundir/b"

# What it is to print is made harmless, too; but text is text.
start_fake "$rundir/b" ' zram0\nok\n' ' \033[2J Gr\303\266\303\237e\nok\n'
must_end 0 '?[2J Gr????e' '' -s "$rundir/b" get disksize
LC_ALL=C.UTF-8 must_end 0 $'?[2J Gr\303\266\303\237e' '' -s "$rundir/b" get disksize
rm "$rundir/b"

# A server of more columns than there are now.  A disk that it has removed since
# it listed it is left out; any other error is told.
mm=' 4096 100 65536 0 65536 0 0 0 0 7 7\nok\n'
start_fake "$rundir/b" ' zram0 big\n zram1\n zram2\nok\n' \
  ' 4096\nok\n' ' [lz4] x\nok\n' "$mm" ' 4\nok\n' ' 1 2 3\nok\n' \
  ' 8192\nok\n' ' y [zstd]\nok\n' "$mm" 'error ENOENT there is none\n' \
  'error ENOENT there is none\n' \
  'error ENODEV there is no disk\n'
must_end 0 'zram0 lz4 4K 4K 100B 64K 4 0.06
zram1 zstd 8K 4K 100B 64K  0.06' '' -rn -s "$rundir/b"
kill -KILL "${servers[-1]}"
wait_until is_gone "${servers[-1]}"
rm "$rundir/b"
start_fake "$rundir/b" ' zram0 big\n zram1\nok\n' \
  ' 4096\nok\n' ' [lz4] x\nok\n' "$mm" ' 4\nok\n' ' 1 2 3\nok\n' \
  'error EIO it is broken\n'
must_end 1 'zram0 lz4 4K 4K 100B 64K 4 0.06' \
  "nbdkit-zramctl: $rundir/b: it is broken" -rn -s "$rundir/b"

# What is about one server must be told which; a dead one is in nobody's way.
must_end 1 '' "nbdkit-zramctl: there are several servers: choose one by --socket
nbdkit-zramctl: $rundir/a
nbdkit-zramctl: $rundir/b" get disksize
must_end 1 '' "nbdkit-zramctl: there are several servers: choose one by --socket
nbdkit-zramctl: x
nbdkit-zramctl: y" -s x -s y set reset 1
kill -KILL "${servers[-1]}"
wait_until is_gone "${servers[-1]}"
[ -S "$rundir/b" ] || die 'a killed server took its socket away'
must_end 0 1048576 '' get disksize
rm -f "$rundir/b"
must_end 0 1048576 '' get disksize

# Of several disks as well.
start_fake "$rundir/b" ' zram0\n zram1\nok\n'
must_end 1 '' "nbdkit-zramctl: $rundir/b: has several disks: name one
nbdkit-zramctl: zram0
nbdkit-zramctl: zram1" -s "$rundir/b" get disksize
rm "$rundir/b"
start_fake "$rundir/b" ' zram0\n zram1\nok\n' ' 5\nok\n'
must_end 0 5 '' -s "$rundir/b" get zram1 disksize
