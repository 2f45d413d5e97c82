# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# More memory than the machine has, or an account that counts addresses: the
# server says so and does not start, rather than take the machine with it.

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
start_server
stop_server
result pass 'two lines for two reasons'
