# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The pool's limit is reached: writing to swap fails.  The program that wants
# the memory is killed, or waits until it is, as with any swap that is full;
# everything else goes on, and what was written is right.
#
# With mem_limit=0 it is the machine's memory that ends, and writes wait for the
# reserve: the program may be killed before the first of them fails.

# write_failed: whether the kernel says so.
write_failed ()
{
  dmesg | grep -q 'Write-error on swap-device'
}

is_full ()
{
  write_failed ||
    { [ "$mem_limit" = 0 ] && ! kill -0 "$program" 2>/dev/null; }
}

echo EXPECT write errors
plugin_parameters="$plugin_parameters mem_limit=${mem_limit:-24M}"
start_swap
swapfill "$size" "$kind" &
program=$!
until_true 120 is_full || die 'no write has failed'
sleep 5
server_stat                     # it answers
echo "full: $stored MiB in $used MiB"
kept=$stored
kill -0 "$program" 2>/dev/null && echo 'the program is killed by the test'
killall -KILL swapfill
wait "$program" && die 'the program finished: there was no limit'
grep -q 'wrong=[1-9]' /run/swapfill.log && die 'pages were wrong'
resident=$((${resident:-40} / 2))
must swapfill "$((resident + 8))" "$kind"
stop_swap
failed=$(dmesg | grep -c 'Write-error on swap-device')
result pass "$failed reports of writes that failed, $kept MiB were stored, \
and all else went on"
