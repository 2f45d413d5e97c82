#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What others can do by files: what the server makes is its owner's alone, with
# any umask; and no name that somebody has put where a file is to be makes it
# change, make or remove another one.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version

victim=$dir/victim
everybodys=$dir/tmp
mkdir -m 1777 "$everybodys"
chmod 1777 "$everybodys"
echo mine >"$victim"

# is_refused WORD...: the server says so, of the parameter that is WORD's, and
# in one line.
is_refused ()
{
  local status=0
  timeout 60 "$nbdkit" -f -U "$dir/refused" "$plugin" 16M "$@" \
    2>"$dir/error" </dev/null || status=$?
  [ "$status" -eq 1 ] || die "$*: exit status $status: $(cat "$dir/error")"
  grep -qF -e "${1%%=*}" "$dir/error" || die "$*: said $(cat "$dir/error")"
}

victim_is_unharmed ()
{
  [ "$(cat "$victim")" = mine ] || die "$1: it was written to"
  [ ! -e "$dir/nothing" ] || die "$1: a file was made where a link leads"
}

# must_leave_alone NAME WORD...: who is to make NAME leaves what is there.
must_leave_alone ()
{
  local name=$1 before
  shift
  before=$(stat -c '%F %s %i %U %a %h' "$name")
  is_refused "$@"
  [ "$(stat -c '%F %s %i %U %a %h' "$name")" = "$before" ] || die "$*: changed"
  victim_is_unharmed "$*"
  rm -r "$name"
}

# plant PARAMETER FUNCTION...: what each FUNCTION puts in its place.
plant ()
{
  local parameter=$1 kind name
  shift
  for kind in "$@"; do
    name=$everybodys/$kind
    "$kind" "$name"
    must_leave_alone "$name" "$parameter=$name" backing_size=16M
  done
}

link_to_file ()
{
  ln -s "$victim" "$1"
}

link_to_empty_file ()
{
  : >"$dir/empty"
  ln -s "$dir/empty" "$1"
}

link_to_nothing ()
{
  ln -s "$dir/nothing" "$1"
}

second_name ()
{
  ln "$victim" "$1"
}

second_name_of_empty_file ()
{
  : >"$dir/empty"
  ln "$dir/empty" "$1"
}

fifo ()
{
  mkfifo "$1"
}

directory ()
{
  mkdir "$1"
}

empty_file ()
{
  : >"$1"
}

nobodys_file ()
{
  : >"$1"
  chmod 666 "$1"
  chown 65534:65534 "$1"
}

planted=(link_to_file link_to_empty_file link_to_nothing second_name
  second_name_of_empty_file fifo directory)
plant statsfile "${planted[@]}"
plant backing_dev "${planted[@]}"
plant control "${planted[@]}" empty_file
[ ! -s "$dir/empty" ] || die 'an empty file was written to by a link'

# Nor is a file made by a link elsewhere, where links to files are followed.
for parameter in statsfile backing_dev control; do
  link_to_nothing "$dir/link"
  must_leave_alone "$dir/link" "$parameter=$dir/link" backing_size=16M
done
: >"$dir/empty"
ln -s "$dir/empty" "$dir/link"
start_nbdkit 16M "statsfile=$dir/link" num_devices=1
stop_nbdkit "$pid"
grep -q '^mm_stat: ' "$dir/empty" || die 'a link elsewhere was not followed'

# must_be_mode MODE FILE
must_be_mode ()
{
  [ "$(stat -c %a "$2")" = "$1" ] || die "$2: has mode $(stat -c %a "$2")"
}

# serve_with UMASK: all that it makes, in a directory where everybody may look,
# is its owner's to use, and nobody else's.
serve_with ()
{
  local name
  rm -f "$dir/pid"
  (
    umask "$1"
    "$nbdkit" -P "$dir/pid" -U "$dir/socket" "$plugin" 16M \
      "control=$everybodys/control" "statsfile=$everybodys/stats" \
      "backing_dev=$everybodys/cold" backing_size=16M
  )
  wait_until is_not_empty "$dir/pid"
  servers+=("$(cat "$dir/pid")")
  wait_until test -S "$everybodys/control"
  for name in control stats cold; do
    must_be_mode 600 "$everybodys/$name"
  done
}

# (nbdkit sets its own, before it lets a plugin make anything.)
serve_with 0277
stop_nbdkit "${servers[-1]}"
rm -f "$everybodys/stats" "$everybodys/cold" "$dir/socket"
serve_with 0
"$zramctl" -s "$everybodys/control" get disksize >"$dir/out"

# nobody COMMAND...: as somebody who has no rights.
nobody ()
{
  setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

[ "$(id -u)" -eq 0 ] || skip 'only root can be others, for the rest of it'
requires setpriv --version

# He gets there, and no further.
chmod 755 "$dir"
cp "$zramctl" "$dir/zramctl"
chmod 755 "$dir/zramctl"
nobody "$dir/zramctl" --version >"$dir/out" || die 'nobody cannot even ask'
nobody cat "$victim" >"$dir/out" || die 'nobody cannot even read'
! nobody "$dir/zramctl" -s "$everybodys/control" get disksize 2>"$dir/error" ||
  die 'nobody was answered'
grep -q 'Permission denied' "$dir/error" || die "$(cat "$dir/error")"
for name in stats cold; do
  ! nobody cat "$everybodys/$name" >"$dir/out" 2>"$dir/error" ||
    die "nobody read $name"
  grep -q 'Permission denied' "$dir/error" || die "$(cat "$dir/error")"
done

# nbdkit's own socket, to which the umask meant nothing.
! nobody nbdinfo --size "nbd+unix:///?socket=$dir/socket" >"$dir/out" \
  2>"$dir/error" || die 'nobody was served'
grep -q 'Permission denied' "$dir/error" || die "$(cat "$dir/error")"
nbdinfo --size "nbd+unix:///?socket=$dir/socket" >"$dir/out"

# By the control socket the same is refused.
nobodys_file "$everybodys/nobodys"
status=0
"$zramctl" -s "$everybodys/control" hot_add disksize=16M \
  "backing_dev=$everybodys/nobodys" backing_size=16M 2>"$dir/error" || status=$?
[ "$status" -eq 1 ] || die "nobody's file was taken: $status"
grep -q "somebody else's" "$dir/error" || die "$(cat "$dir/error")"
[ ! -s "$everybodys/nobodys" ] || die "nobody's file has grown"
stop_nbdkit "${servers[-1]}"
rm "$everybodys/nobodys"

plant statsfile nobodys_file
plant backing_dev nobodys_file

# A user's server does not take what another user has, nor lose what it has.
nobody_serves ()
{
  ! nobody timeout 60 "$nbdkit" -f -U "$everybodys/refused" "$plugin" 16M "$@" \
    backing_size=16M 2>"$dir/error" </dev/null || die "nobody may: $*"
  grep -q 'roots: .*Permission denied' "$dir/error" || die "$(cat "$dir/error")"
}
if nobody test -r "$plugin"; then
  for parameter in statsfile backing_dev; do
    empty_file "$dir/roots"
    nobody_serves "$parameter=$dir/roots"
    [ ! -s "$dir/roots" ] || die "nobody wrote to root's file as $parameter"
  done
fi
