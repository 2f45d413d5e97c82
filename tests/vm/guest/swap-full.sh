# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The pool's limit is reached: writing to swap fails.  The program that wants
# the memory is killed, or waits until it is, as with any swap that is full;
# everything else goes on, and what was written is right.

# write_failed: whether the kernel says so.
write_failed ()
{
  dmesg | grep -q 'Write-error on swap-device'
}

echo EXPECT write errors
plugin_parameters="$plugin_parameters mem_limit=${mem_limit:-24M}"
start_swap
swapfill "$size" "$kind" &
program=$!
until_true 120 write_failed || die 'no write has failed'
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
result pass "writes failed with $kept MiB stored, and all else went on"
