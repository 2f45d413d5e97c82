#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What bash completes for nbdkit-zramctl: options, columns, commands, the
# attributes that the server has, and its disks.

# shellcheck source=functions.sh.in
. ./functions.sh

export NBDKIT_ZRAM_RUNDIR=$dir/none
# shellcheck source=../../zramctl/completions/nbdkit-zramctl.in
. "$top_builddir/zramctl/completions/nbdkit-zramctl"

# complete_words WORD...: the replies, with the cursor at the end of the last.
complete_words ()
{
  COMP_WORDS=("$zramctl" "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _nbdkit_zramctl "$zramctl" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
}

# must_complete WANT WORD...: these, and nothing else.
must_complete ()
{
  local want=$1
  shift
  complete_words "$@"
  [ "${COMPREPLY[*]-}" = "$want" ] ||
    die "$*: '${COMPREPLY[*]-}' is not '$want'"
}

# must_offer WANT WORD...: this among others.
must_offer ()
{
  local want=$1
  shift
  complete_words "$@"
  [[ " ${COMPREPLY[*]-} " = *" $want "* ]] ||
    die "$*: '$want' is not among '${COMPREPLY[*]-}'"
}

complete -p nbdkit-zramctl | grep -q -- '-F _nbdkit_zramctl ' ||
  die 'bash would not ask it'

must_complete 'get set attributes metrics watch hot_add hot_remove swap' ''
must_complete 'set swap' s
must_complete 'on off attach' swap ''
must_complete 'off' --dry-run swap of
must_complete '' --priority ''
must_complete 'swap' -p 5 sw
must_complete '--noheadings' --no
must_complete '--output --output-all' --out
must_complete '--socket' --s
# Every option that the program takes.
complete_words -
"$zramctl" --help | grep -oE -- '--[a-z-]+' | sort -u >"$dir/options"
printf '%s\n' "${COMPREPLY[@]}" | sort | diff "$dir/options" - ||
  die 'the options of --help (<) are not those that it completes (>)'

# Columns, those only that are not yet there.
must_complete 'DISKSIZE DATA' -o D
must_complete 'NAME,DISKSIZE' -o NAME,DISK
must_complete '+SAME-PAGES' --output +SA
must_complete 'DATA,DISKSIZE' --output = DATA,D
must_complete 'MEM-LIMIT MEM-USED' -o MEM
complete_words -o ''
"$zramctl" --output "$(IFS=,; echo "${COMPREPLY[*]}")" ||
  die 'it completes what is no column'

# Without a server, attributes are those that this version has.
must_complete 'mm_stat' get mm
must_complete '' set mm
must_complete 'mem_limit mem_used_max' set mem

start_nbdkit 1M "control=$control"
must_complete "$control" -s "$dir/contr"
must_complete "$dir/control" metrics --file = "$dir/contr"
must_complete '' watch --interval ''
must_complete '' -s "$control" watch --count = 5
must_complete 'zram0' -s "$control" watch -i 5 ''
must_complete '' -s "$control" watch zram0 ''
must_complete 'mm_stat' -s "$control" get mm
must_complete 'mm_stat' --socket = "$control" get mm
must_complete 'mem_limit mem_used_max' -s "$control" set mem
must_complete 'mem_min mem_total' -s "$control" get mem
must_complete 'mm_stat' -s "$control" get disksize mm
must_offer zram0 -s "$control" get ''
must_offer zram0 -s "$control" set ''
must_complete 'mm_stat' -s "$control" get zram0 mm
must_complete 'reset' -s "$control" set zram0 res

# A value comes after an attribute; another one after an assignment.
must_complete '' -s "$control" set reset ''
must_complete '' -s "$control" set zram0 reset ''
must_complete 'reset' -s "$control" set mem_limit = 1G res

# All that can be read, and all that can be told; without a server, too.
for mode in r:get w:set; do
  "$zramctl" -s "$control" -nr attributes |
    awk -v mode="${mode%:*}" 'index ($2, mode) { print $1 }' >"$dir/attributes"
  [ -s "$dir/attributes" ] || die "there is nothing to ${mode#*:}"
  complete_words -s "$control" "${mode#*:}" zram0 ''
  printf '%s\n' "${COMPREPLY[@]}" | diff "$dir/attributes" - ||
    die "${mode#*:}: the server's (<) are not those that it completes (>)"
  complete_words "${mode#*:}" ''
  printf '%s\n' "${COMPREPLY[@]}" | diff "$dir/attributes" - ||
    die "${mode#*:}: a server's (<) are not those that it knows (>)"
done
