# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# More memory than the machine has, an account that counts addresses, nothing
# left to send answers with: the server says so and does not start, rather than
# take the machine with it.

# must_be_refused PATTERN: one line, which it matches.
must_be_refused ()
{
  # shellcheck disable=SC2046
  host $(server_command) -P /run/nbdkit.pid 2>/run/refusal && die 'it started'
  cat /run/refusal
  [ "$(wc -l </run/refusal)" -eq 1 ] || die 'it said more than one line'
  grep -q "$1" /run/refusal || die "it did not say \"$1\""
  [ ! -s /run/nbdkit.pid ] || die 'it left a pidfile'
}

plugin_parameters=reserve=1G
must_be_refused 'swap=on: it takes 10[0-9][0-9] MiB at the start, .*reserve'

plugin_parameters=
echo 2 >/proc/sys/vm/overcommit_memory
must_be_refused 'swap=on: vm.overcommit_memory is 2'

echo 0 >/proc/sys/vm/overcommit_memory

enough=$(cat /proc/sys/vm/min_free_kbytes)
echo 300 >/proc/sys/vm/min_free_kbytes
must_be_refused 'swap=on: vm.min_free_kbytes is 300.* make it 832 or more'
echo "$enough" >/proc/sys/vm/min_free_kbytes

start_server
stop_server
result pass 'three lines for three reasons'
