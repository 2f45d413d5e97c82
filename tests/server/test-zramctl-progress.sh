#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl's bar: it is on a terminal while a run lasts, and wiped off when
# that has ended, has failed, or is interrupted, which ends the run; and there is
# none in a pipe.
#
# The runs are as long as the test wants them: a server of its own, by socat,
# says how far they are until it is told to end them.

# shellcheck source=functions.sh.in
. ./functions.sh

requires socat -V
requires script --version
requires stty --version

cat >"$dir/answer" <<END
#!/usr/bin/env bash
# Answers one client.  One who goes before his run has ended is noted.
trap '' PIPE
while read -r request; do
  echo "\$request" >>'$dir/requests'
  case \$request in
    list) printf ' zram0\\nok\\n' ;;
    run*)
      trap ">'$dir/gone'" EXIT
      until [ -e '$dir/end' ]; do
        printf 'progress 1 4\\n' || exit
        sleep 0.1
      done
      trap - EXIT
      cat '$dir/end' ;;
    set*) echo ok ;;
  esac
done
END
chmod +x "$dir/answer"
socat "UNIX-LISTEN:$control,fork" "EXEC:$dir/answer" </dev/null 2>/dev/null &
servers+=("$!")
wait_until test -S "$control"

# What is typed is what is written here.
mkfifo "$dir/keys"
exec 3<>"$dir/keys"

# on_terminal COMMAND: begin to run it on a terminal of 80x24.  Sets $terminal,
# which ends with its status.  (What this shell runs in the background ignores
# SIGINT, unless it is told not to.)
on_terminal ()
{
  rm -f "$dir/end" "$dir/gone" "$dir/requests" "$dir/typescript"
  script -qefc "stty rows 24 cols 80; exec env --default-signal=INT $1" \
    "$dir/typescript" <&3 >/dev/null &
  terminal=$!
  servers+=("$terminal")
}

# screen: the lines that are seen there at last.
screen ()
{
  grep -v '^Script ' "$dir/typescript" | awk '{
    n = split ($0, part, "\r")
    line = ""
    for (i = 1; i <= n; i++)
      line = part[i] substr (line, length (part[i]) + 1)
    sub (/ +$/, "", line)
    if (line != "") print line }'
}

has_bar ()
{
  grep -qs 'compact \[#\{16\} \{48\}\]  25%' "$dir/typescript"
}

# must_end STATUS SCREEN: it has, and this is seen.
must_end ()
{
  local status=0
  wait "$terminal" || status=$?
  [ "$status" -eq "$1" ] || die "exit status $status and not $1"
  [ "$(screen)" = "$2" ] || die "'$(screen)' is seen, and not '$2'"
}

set_compact="'$zramctl' -s '$control' set compact 1"

# A run that ends; one that fails, after which only that is said.
on_terminal "$set_compact"
wait_until has_bar
echo ok >"$dir/end"
must_end 0 ''
[ "$(cat "$dir/requests")" = $'list\nrun zram0 compact 1' ] ||
  die "it asked: $(cat "$dir/requests")"
on_terminal "$set_compact"
wait_until has_bar
echo 'error EINVAL compact: no' >"$dir/end"
must_end 1 'nbdkit-zramctl: zram0: compact: no'

# One that is interrupted: the server is hung up on.
on_terminal "$set_compact"
wait_until has_bar
printf '\003' >&3
must_end 130 ''
wait_until test -e "$dir/gone"

# In a pipe, be standard output a terminal or not, nothing is asked for.
on_terminal "$set_compact 2>'$dir/error'"
must_end 0 ''
[ ! -s "$dir/error" ] || die "it said: $(cat "$dir/error")"
[ "$(cat "$dir/requests")" = $'list\nset zram0 compact 1' ] ||
  die "it asked: $(cat "$dir/requests")"
"$zramctl" -s "$control" set compact 1 2>&1 | cat >"$dir/error"
[ ! -s "$dir/error" ] || die "it said: $(cat "$dir/error")"

# A server of ours takes all that for what it is.
control=$dir/ours
start_nbdkit 1M "control=$control"
on_terminal "'$zramctl' -s '$control' set compact=1 mem_limit=5M"
must_end 0 ''
on_terminal "'$zramctl' -s '$control' set mem_limit=-1"
must_end 1 "nbdkit-zramctl: zram0: mem_limit: '-1' is not a size: give a number \
of bytes, with K, M, G or T after it if need be"
