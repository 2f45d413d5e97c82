#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl's commands on a running server: what they print and do, and
# each kind of error.

# shellcheck source=functions.sh.in
. ./functions.sh

requires jq --version
requires socat -V
requires nbdcopy --version
export NBDKIT_ZRAM_RUNDIR=$dir/none

# must_print WANT ARGUMENT...: exactly that, and success.
must_print ()
{
  local want=$1 got
  shift
  got=$("$zramctl" -s "$control" "$@") || die "$*: exit status $?"
  [ "$got" = "$want" ] || die "$*: printed '$got' and not '$want'"
}

# must_not_understand WHAT ARGUMENT...
must_not_understand ()
{
  local what=$1
  shift
  must_fail "nbdkit-zramctl: $what
Try 'nbdkit-zramctl --help' for more information." "$@"
}

start_nbdkit 1M "control=$control"
server=$pid

# One value is printed alone, several with their names.
must_print 1048576 get disksize
case $("$zramctl" -s "$control" get zram0 comp_algorithm) in
  '[lz4] '*zstd*) ;;
  *) die 'get comp_algorithm: not the list' ;;
esac
must_print 'disksize: 1048576
mm_stat: 0 0 0 0 0 0 0 0 0' get disksize mm_stat
must_print '1048576
1' get -n zram0 disksize initstate

must_print '' set mem_limit 1M
must_print '0 0 0 1048576 0 0 0 0 0' get mm_stat
must_print '' set zram0 mem_limit 2M
must_print '0 0 0 2097152 0 0 0 0 0' get mm_stat
must_print '' set mem_limit=3M compact_threshold=7
must_print 'mm_stat: 0 0 0 3145728 0 0 0 0 0
compact_threshold: 7' get zram0 mm_stat compact_threshold
must_print '' set zram0 compact=1
must_print '' set compact any=thing
must_print '' set compact ''

# The server's refusals, in its words.
must_fail 'nbdkit-zramctl: zram0: disksize: the disk is initialised: reset it first' \
  set disksize 2M
must_fail 'nbdkit-zramctl: zram0: mem_limit: cannot be read' get mem_limit
must_fail 'nbdkit-zramctl: zram0: mm_stat: cannot be set while the server runs' \
  set mm_stat 1
must_fail "nbdkit-zramctl: zram0: nothing: there is no attribute 'nothing'" \
  get nothing
must_fail "nbdkit-zramctl: zram0: zram1: there is no attribute 'zram1'" \
  set zram1 1
must_fail "nbdkit-zramctl: zram0: mem_limit: '-1' is not a size: give a number \
of bytes, with K, M, G or T after it if need be" set -- mem_limit -1
must_fail "nbdkit-zramctl: zram0: compact_threshold: '101' is out of range: \
give 0 to 100" set zram0 compact_threshold=101

# With the name of the errno, for scripts; what the program refuses has none.
must_fail 'nbdkit-zramctl: EBUSY: zram0: disksize: the disk is initialised: reset it first' \
  --errno set disksize 2M
must_fail "nbdkit-zramctl: ENOENT: zram0: nothing: there is no attribute \
'nothing'" -e get nothing
must_fail "nbdkit-zramctl: zram0: '' is no name of an attribute" -e get ''

# What is long comes as it is made, be it longer than an answer may be that is
# kept: 65536 lines are 2.3 MiB.
start_nbdkit 256M "control=$dir/large"
printf 'x%.0s' {1..4096} >"$dir/page"
for ((i = 0; i < 1024; i++)); do cat "$dir/page"; done >"$dir/data"
for ((i = 0; i < 64; i++)); do cat "$dir/data"; done >"$dir/large-data"
nbdcopy "$dir/large-data" "$uri"
"$zramctl" -s "$dir/large" get block_state >"$dir/out"
awk '$1 != NR - 1 || NF != 3 || $3 != "s....." { exit 1 }
     END { if (NR != 65536) exit 1 }' "$dir/out" ||
  die "there are $(wc -l <"$dir/out") lines, as $(head -n 1 "$dir/out")"

# Of several, those that can be read are; those before the first that cannot be
# set are.
status=0
"$zramctl" -s "$control" get initstate reset disksize >"$dir/out" \
  2>"$dir/error" || status=$?
[ "$status" -eq 1 ] || die "a failed get: exit status $status"
[ "$(cat "$dir/out" "$dir/error")" = 'initstate: 1
disksize: 1048576
nbdkit-zramctl: zram0: reset: cannot be read' ] ||
  die "it printed: $(cat "$dir/out" "$dir/error")"
must_fail 'nbdkit-zramctl: zram0: initstate: cannot be set while the server runs' \
  set compact_threshold=1 initstate=0 mem_limit=0
must_print 'compact_threshold: 1
mm_stat: 0 0 0 3145728 0 0 0 0 0' get compact_threshold mm_stat

# What would be another request is none.
must_fail 'nbdkit-zramctl: zram0: mem_limit: a request cannot have control characters in it' \
  set mem_limit $'1\nset zram0 reset 1'
must_fail "nbdkit-zramctl: zram0: 'mem_limit 1' is no name of an attribute" \
  set 'mem_limit 1' 5
must_fail "nbdkit-zramctl: zram0: '' is no name of an attribute" get ''
must_fail "nbdkit-zramctl: zram0: '' is no name of an attribute" set =1
must_fail 'nbdkit-zramctl: zram0: mem_limit: a request cannot have more than 4095 bytes' \
  set mem_limit "$(printf '%04095d' 1)"
must_print 'disksize: 1048576
mm_stat: 0 0 0 3145728 0 0 0 0 0' get disksize mm_stat

# zram's way to another algorithm.
# When the server has noticed that the last client has gone.
wait_until "$zramctl" -s "$control" set reset=1
must_print '' set reset=1 comp_algorithm=zstd disksize=2M
must_print 'initstate: 1
disksize: 2097152' get initstate disksize
case $("$zramctl" -s "$control" get comp_algorithm) in
  'lz4 '*'[zstd]'*) ;;
  *) die 'get comp_algorithm: zstd was not chosen' ;;
esac

# What cannot be meant.
for words in '' zram0; do
  # shellcheck disable=SC2086 # a word or none
  must_not_understand 'get: give an attribute' get $words
done
for words in '' zram0 mem_limit 'zram0 mem_limit' 'mem_limit 1 2' \
  'mem_limit=1 compact'; do
  # shellcheck disable=SC2086 # some words
  must_not_understand \
    'set: give an attribute and its value, or ATTRIBUTE=VALUE' set $words
done
must_not_understand 'attributes: unexpected argument: zram0' attributes zram0
must_not_understand 'attributes: --errno means nothing to it' -e attributes
must_not_understand 'set: --json means nothing to it' set -J mem_limit 1
must_not_understand 'get: --output means nothing to it' get -o NAME mm_stat
must_not_understand 'attributes: --bytes means nothing to it' -b attributes
must_not_understand "option '--socket' requires an argument" --socket

# The attributes are the server's, in all forms.
printf 'attributes\n' | socat -t 60 - "UNIX-CONNECT:$control" |
  sed -n 's/^ //p' >"$dir/attributes"
[ -s "$dir/attributes" ] || die 'the server has no attributes'
"$zramctl" -s "$control" attributes >"$dir/out"
head -n 1 "$dir/out" | grep -qE '^NAME +MODE DESCRIPTION$' ||
  die "the headings are $(head -n 1 "$dir/out")"
sed -E '1d; s/  +/ /; s/^([^ ]+ [^ ]+) +/\1 /' "$dir/out" |
  diff "$dir/attributes" - || die 'attributes: differ from the server (<)'
"$zramctl" -s "$control" attributes -nJ |
  jq -r '.attributes[] | "\(.name) \(.mode) \(.description)"' |
  diff "$dir/attributes" - || die 'attributes --json: differ (<)'
"$zramctl" -s "$control" attributes -nr | sed 's/\\x20/ /g' |
  diff "$dir/attributes" - || die 'attributes --raw: differ (<)'

# Without a server.
stop_nbdkit "$server"
for words in 'get disksize' 'set mem_limit 1' attributes; do
  # shellcheck disable=SC2086 # some words
  must_fail "nbdkit-zramctl: $control: No such file or directory" $words
  status=0
  # shellcheck disable=SC2086 # some words
  "$zramctl" $words 2>"$dir/error" || status=$?
  [ "$status" -eq 1 ] || die "$words: exit status $status without a server"
  [ "$(cat "$dir/error")" = "nbdkit-zramctl: there is no server: give its \
control socket by --socket" ] || die "it said: $(cat "$dir/error")"
done
