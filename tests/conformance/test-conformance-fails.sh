#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The suite fails where it should: on a value, an errno, a statistic and a page
# that are not as the script wants, on what the plugin has lost or has beyond the
# script, and on a script that makes no sense.

# shellcheck source=../server/functions.sh.in
. ../server/functions.sh

attributes=$top_srcdir/tests/conformance/attributes.ops

# run_script LINE...: in a section of its own; what is said goes to $dir/said.
run_script ()
{
  printf '%s\n' 'section test' "$@" >"$dir/script"
  status=0
  ./conformance -s here "${tables[@]}" "$dir/script" >"$dir/out" \
    2>"$dir/said" || status=$?
}

# must_complain PATTERN LINE...
must_complain ()
{
  local pattern=$1
  shift
  run_script "$@"
  [ "$status" -eq 1 ] || die "$*: exit status $status"
  grep -qE -- "$pattern" "$dir/said" ||
    die "$*: said '$(cat "$dir/said")' and not '$pattern'"
}

tables=("$top_srcdir"/tests/conformance/*.ops)
run_script 'get initstate -> 0' 'chosen comp_algorithm -> lz4'
[ "$status" -eq 0 ] || die "what is right: $(cat "$dir/said")"
grep -qx 'mismatches: 0' "$dir/out" || die "it printed $(cat "$dir/out")"

tables=("$attributes")
must_complain "here: '0', and not '1'" 'get initstate -> 1'
must_complain "here: 'EINVAL', and not 'ok'" 'set disksize 0 -> ok'
must_complain "here: 'ok', and not 'EBUSY'" 'set disksize 1M -> EBUSY'
must_complain "here: 'EINVAL', and not 'EBUSY'" 'set disksize 0 -> EBUSY'
must_complain "here: 'refused', and not 'EINVAL'" \
  'set disksize "1\n2" -> EINVAL'
must_complain "here: '0 0 0 0 0 0 0 0 0', and not" \
  'stat mm_stat -> 0 0 0 0 0 0 0 0'
must_complain "here: '0 0 0 0 0 0 0 0 0', and not" \
  'stat mm_stat -> 0 0 0 0 0 0 0 0 0 0'
must_complain "here: '0', and not '1..2'" 'column mm_stat huge_pages -> 1..2'
must_complain "here: '0', and not 'still'" 'column mm_stat huge_pages -> still'

disk=('set disksize 1M -> ok' open\ '-> ok' 'write 0 2 random 1 -> ok')
for change in still down; do
  must_complain "here: '2', and not '$change'" \
    'column mm_stat huge_pages -> 0' "${disk[@]}" \
    "column mm_stat huge_pages -> $change"
done
must_complain "here: '2', and not 'up'" "${disk[@]}" \
  'column mm_stat huge_pages -> 2' 'column mm_stat huge_pages -> up'
must_complain "here: 'differs', and not 'ok'" "${disk[@]}" \
  'read 0 2 random 2 -> ok'
must_complain "here: 'ok', and not 'ENOSPC'" "${disk[@]}" \
  'write 0 2 random 2 -> ENOSPC'

# The name of the backing device is each side's own.
must_complain "here: '[$]store', and not '/store'" \
  "set backing_dev \$store -> ok" 'get backing_dev -> /store'

# No sense.
must_complain 'script:2: there is no such operation|script:2: the disk is not' \
  'gett initstate -> 1'
must_complain 'script:2: too few words' 'get -> 1'
must_complain 'script:2: a result is missing' 'get initstate'
must_complain 'script:2: this attribute is not declared' 'stat nothing -> 1'
must_complain 'script:2: it has no such column' 'column mm_stat nothing -> 1'
must_complain 'script:2: a range must' 'column mm_stat huge_pages -> 2..1'
must_complain 'script:2: a quotation mark is missing' 'set compact "1 -> ok'
must_complain "script:2: 'because' belongs" 'get initstate -> kernel: 1, here: 0'
must_complain "script:2: 'because' belongs" \
  'get initstate -> 0, because: nothing'
must_complain 'script:2: there is no result' 'get initstate -> here: 0'
must_complain 'script:2: the disk is not open' 'write 0 1 zeros 1 -> ok'
must_complain 'script:3: it is declared already' 'attribute new' 'own new'
must_complain "script:2: 'hot_add NAME' reads it" 'get hot_add -> 1'
must_complain 'script:2: there is one of that name' 'hot_add first -> ok'
must_complain 'script:2: no device of that name' 'device second -> ok'
must_complain 'script:2: there is no such thing to need' 'needs luck much'
must_complain 'script:2: no device of that name' "set hot_remove \$second -> ok"
must_complain 'script:4: the disk of another device is open' \
  'hot_add second -> ok' 'open -> ok' 'device second -> ok'

# One device, and not another.
must_complain "here: '1048576', and not '0'" 'hot_add second -> ok' \
  'device second -> ok' 'set disksize 1M -> ok' 'get disksize -> 0'
must_complain "here: '0', and not '1048576'" 'hot_add second -> ok' \
  'device second -> ok' 'set disksize 1M -> ok' 'device first -> ok' \
  'get disksize -> 1048576'
must_complain "here: 'ok', and not 'EBUSY'" 'hot_add second -> ok' \
  "set hot_remove \$second -> EBUSY"
must_complain "here: 'EBUSY', and not 'ok'" 'open -> ok' \
  "set hot_remove \$first -> ok"

# What there is, and what the script says there is.
must_complain '^lost: is declared, and the plugin has it no more' \
  'attribute lost' 'get lost -> ENOENT'
must_complain '^io_stat: is declared, and nothing is done' 'get initstate -> 0'
must_complain '^clients: is declared, and nothing is done' 'get initstate -> 0'
tables=("$dir/attributes")
sed 's/^own slot_stat$/later slot_stat 9/' "$attributes" >"$dir/attributes"
must_complain "^slot_stat: is there: it is an 'attribute' now" \
  'get slot_stat -> 0 0 0 0'
sed 's/^own slot_stat$/request slot_stat/' "$attributes" >"$dir/attributes"
must_complain "^slot_stat: is an attribute of the plugin's disks" \
  'get slot_stat -> 0 0 0 0'
sed '/^own slot_stat$/d' "$attributes" >"$dir/attributes"
must_complain '^slot_stat: the plugin has it, and the script knows it not' \
  'get initstate -> 0'
