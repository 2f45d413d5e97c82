#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl metrics: an independent parser takes it, it says what get says,
# and a file is replaced as a whole.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires socat -V
rundir=$dir/run
mkdir "$rundir"
export NBDKIT_ZRAM_RUNDIR=$rundir

# The first Python may have been installed without Debian's modules.
python=
for name in python3 /usr/bin/python3; do
  ! "$name" -c 'import prometheus_client.openmetrics' 2>"$dir/error" ||
    python=${python:-$name}
done
[ "$python" ] || skip 'it needs python3-prometheus-client'

# parse FILE: "NAME LABEL... VALUE" for each sample, as the parser has it.  There
# may be no types but these: node_exporter would refuse the file.
parse ()
{
  "$python" - "$1" <<'END'
import sys
from prometheus_client.openmetrics import parser
with open(sys.argv[1], newline='') as text:
    for family in parser.text_fd_to_metric_families(text):
        assert family.type in ('gauge', 'counter'), family
        assert family.documentation.endswith('.'), family
        for sample in family.samples:
            labels = [f'{name}={value}' for name, value in
                      sorted(sample.labels.items())]
            print(sample.name, *labels, f'{sample.value:.0f}')
END
}

# collect ARGUMENT...: what it prints, into $dir/metrics and, parsed, $dir/samples.
collect ()
{
  "$zramctl" "$@" metrics >"$dir/metrics" 2>"$dir/error" || return
  parse "$dir/metrics" >"$dir/samples" || die "the parser refuses it"
}

must_have ()
{
  grep -qxF -e "$1" "$dir/samples" || die "there is no '$1' in $(cat "$dir/samples")"
}

# must_agree SERVER ATTRIBUTE NAME...: the columns of the attribute are the values
# of these; "-" is for one that is not looked at.
must_agree ()
{
  local server=$1 attribute=$2 name value
  local -a values
  shift 2
  read -ra values <<<"$("$zramctl" -s "$server" get "$attribute")"
  [ ${#values[@]} -ge $# ] || die "$attribute has ${#values[@]} columns"
  for name; do
    value=${values[0]}
    values=("${values[@]:1}")
    case $name in
      read_bytes* | written_bytes* | discarded_bytes*) value=$((512 * value)) ;;
    esac
    [ "$name" = - ] || must_have "zram_$name disk=zram0 server=$server $value"
  done
}

# No server.
collect || die "no server is an error: $(cat "$dir/error")"
[ "$(cat "$dir/metrics")" = '# EOF' ] || die 'there are metrics of no server'

# A disk with something of everything in it.
seq 100000 >"$dir/numbers"
{
  head -c $((40 * page)) /dev/zero | tr '\0' x
  head -c $((24 * page)) /dev/urandom
  head -c $((64 * page)) "$dir/numbers"
} >"$dir/image"
a=$rundir/a
start_nbdkit 64M "control=$a" mem_limit=32M "backing_dev=$dir/store" \
  backing_size=16M
nbdcopy "$dir/image" "$uri"
nbdcopy "$uri" "$dir/copy"
collect || die "$(cat "$dir/error")"

must_have "zram_up server=$a 1"
must_have "zram_comp_algorithm_info algorithm=lz4 disk=zram0 server=$a 1"
must_agree "$a" disksize disksize_bytes
must_agree "$a" initstate initstate
must_agree "$a" mm_stat orig_data_size_bytes compr_data_size_bytes \
  mem_used_bytes mem_limit_bytes mem_used_max_bytes same_pages \
  compacted_pages_total huge_pages stored_huge_pages_total
must_agree "$a" io_stat failed_reads_total failed_writes_total \
  invalid_io_total notify_free_pages_total
must_agree "$a" reserve reserve_bytes
must_agree "$a" swap_stat reserve_least_bytes reserve_waiting \
  reserve_refused_total threads io_flusher_threads realtime_threads \
  locked_bytes oom_score_adj
must_have "zram_mem_limit_bytes disk=zram0 server=$a $((32 << 20))"
must_have "zram_same_pages disk=zram0 server=$a 40"
must_have "zram_huge_pages disk=zram0 server=$a 24"
must_agree "$a" stat reads_completed_total - read_bytes_total - \
  writes_completed_total - written_bytes_total - - - - \
  discards_completed_total - discarded_bytes_total
grep -q '^zram_read_bytes_total .* [1-9]' "$dir/samples" || die 'nothing was read'
must_have "zram_written_bytes_total disk=zram0 server=$a $((128 * page))"

# The histogram, summed up from size_stat.
read -ra sizes <<<"$("$zramctl" -s "$a" get size_stat)"
count=0
for ((i = 0; i < 17; i++)); do
  count=$((count + sizes[i] + (i == 16 ? sizes[17] : 0)))
  must_have "zram_stored_size_bytes_bucket disk=zram0 le=$((256 * i)).0 server=$a \
$count"
done
must_have "zram_stored_size_bytes_bucket disk=zram0 le=+Inf server=$a 128"
[ "$count" = 128 ] || die "$count pages are stored"

# The backing store.
"$zramctl" -s "$a" set writeback=page_indexes=100-127
nbdcopy "$uri" "$dir/copy"
cmp -n $((128 * page)) "$dir/image" "$dir/copy" || die 'what was read is wrong'
collect || die "$(cat "$dir/error")"
must_have "zram_bd_pages disk=zram0 server=$a 28"
must_have "zram_bd_read_pages_total disk=zram0 server=$a 28"
must_agree "$a" bd_stat bd_pages bd_read_pages_total -
must_agree "$a" backing_stat backing_written_bytes_total backing_live_bytes \
  backing_dead_bytes backing_segments backing_free_segments \
  backing_read_errors_total backing_write_errors_total \
  backing_checksum_errors_total
[ "$("$zramctl" -s "$a" -n -r -o BACKED)" = 28 ] || die 'BACKED is not 28'

# An older server lacks some; a name may be anything.
b=$rundir/$'\\"b\303\266 \377'
cat >"$dir/old.sh" <<'END'
while read -r _ _ attribute; do
  case $attribute in
    '') echo ' zram0' ;;
    disksize) echo ' 4096' ;;
    comp_algorithm) echo ' [x]' ;;
    mm_stat) echo ' 1 2 3 4 5 6 7 8' ;;
    *) echo "error ENOENT there is no attribute '$attribute'"; continue ;;
  esac
  echo ok
done
END
# socat would take the path apart.
socat "UNIX-LISTEN:$dir/old,fork" "EXEC:bash $dir/old.sh" </dev/null >/dev/null 2>&1 &
servers+=("$!")
wait_until test -S "$dir/old"
ln -s "$dir/old" "$b"
collect || die "$(cat "$dir/error")"
shown=$'server=\\"b\303\266 \357\277\275'
shown="server=$rundir/${shown#server=}"
must_have "zram_huge_pages disk=zram0 $shown 8"
must_have "zram_huge_pages disk=zram0 server=$a 24"
must_have "zram_comp_algorithm_info algorithm=x disk=zram0 $shown 1"
collect -s "$dir/old" || die "$(cat "$dir/error")"
! grep -q 'zram_initstate\|zram_stored_size' "$dir/metrics" ||
  die 'there is a family without samples'

# A server that does not answer is told, and is down; the others are there.
rm "$b"
kill -KILL "${servers[-1]}"
wait_until is_gone "${servers[-1]}"
! collect -s "$a" -s "$dir/old" || die 'a dead server is no failure'
[ "$(cat "$dir/error")" = "nbdkit-zramctl: $dir/old: no server answers there: \
it has died" ] || die "it said: $(cat "$dir/error")"
parse "$dir/metrics" >"$dir/samples"
must_have "zram_up server=$dir/old 0"
must_have "zram_up server=$a 1"
must_have "zram_huge_pages disk=zram0 server=$a 24"

# Into a file, in place of what was there, and never a part of it; what
# has a name like that of the temporary file is left alone.
echo old >"$dir/file.prom"
echo mine >"$dir/file.prom.tmp"
exec 3<"$dir/file.prom"
"$zramctl" metrics --file "$dir/file.prom" >"$dir/out"
[ ! -s "$dir/out" ] || die "it printed $(cat "$dir/out")"
[ "$(cat <&3)" = old ] || die 'what was open was written to'
exec 3<&-
parse "$dir/file.prom" >"$dir/samples"
must_have "zram_up server=$a 1"
[ "$(cat "$dir/file.prom.tmp")" = mine ] || die 'file.prom.tmp is another one'
rm "$dir/file.prom.tmp"
[ "$(echo "$dir"/file.prom*)" = "$dir/file.prom" ] ||
  die 'the temporary file is still there'

# What cannot be meant, or written.
control=$a
must_fail "nbdkit-zramctl: $dir/none/x: No such file or directory" \
  metrics -f "$dir/none/x"
must_fail "nbdkit-zramctl: metrics: unexpected argument: zram0
Try 'nbdkit-zramctl --help' for more information." metrics zram0
must_fail "nbdkit-zramctl: get: --file means nothing to it
Try 'nbdkit-zramctl --help' for more information." -f x get disksize
must_fail "nbdkit-zramctl: metrics: --json means nothing to it
Try 'nbdkit-zramctl --help' for more information." -J metrics
