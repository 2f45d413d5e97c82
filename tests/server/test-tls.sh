#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# TLS over TCP, with certificates and with keys that both have (PSK): what was
# written through it is read through it; and whoever has not got what it takes
# is refused, as is a server that is not the one that was asked for.

# shellcheck source=functions.sh.in
. ./functions.sh

requires certtool --version
requires psktool --version
requires nbdcopy --version
requires nbdinfo --version
"$nbdkit" --dump-config | grep -qx tls=yes || skip 'this nbdkit has no TLS'

# must_carry URI: what is written there is read there.
must_carry ()
{
  head -c 1M /dev/urandom >"$dir/noise"
  nbdcopy "$dir/noise" "$1"
  nbdcopy "$1" "$dir/copy"
  cmp "$dir/noise" "$dir/copy" || die "$1: it does not hold what was written"
}

# must_not_connect URI PATTERN: and the client says why.
must_not_connect ()
{
  ! nbdinfo --size "$1" >"$dir/out" 2>"$dir/err" || die "$1: was connected"
  grep -q -e "$2" "$dir/err" || die "$1: said '$(cat "$dir/err")'"
}

make_certificates ()
{
  "$top_srcdir/tests/server/make-certificates" "$dir/$1" 127.0.0.1 \
    >"$dir/certtool.log" 2>&1 || die "$(cat "$dir/certtool.log")"
}

make_certificates ours
make_certificates others

# Both show a certificate.
serve_tcp -i 0.0.0.0 --tls=require --tls-verify-peer \
  "--tls-certificates=$dir/ours/server" "$plugin" 1M
must_carry "nbds://127.0.0.1:$port/?tls-certificates=$dir/ours/client"
must_not_connect "nbd://127.0.0.1:$port" 'requires TLS'
must_not_connect "nbds://127.0.0.1:$port/?tls-certificates=$dir/others/client" \
  'certificate verification'
must_not_connect "nbds://127.0.0.2:$port/?tls-certificates=$dir/ours/client" \
  'certificate verification'
# The client trusts the server, and shows a certificate of another authority's,
# then none: that it is refused it learns from the first record.
cp "$dir/ours/ca-cert.pem" "$dir/others/client"
must_not_connect "nbds://127.0.0.1:$port/?tls-certificates=$dir/others/client" \
  gnutls_record
rm "$dir/others/client/client-"*.pem
must_not_connect "nbds://127.0.0.1:$port/?tls-certificates=$dir/others/client" \
  'gnutls_'
stop_tcp

# What SECURITY says to set, in the manual, but for places of this test's own.
manuals_command=$(awk '
  /^=for tls$/ { on = 1; next }
  on && /^[^ ]/ { exit }
  on { sub (/^ /, ""); print }' "$top_srcdir/man/nbdkit-zram-plugin.pod")
grep -q mem_limit= <<<"$manuals_command" || die "the manual has no command"
manuals_command=${manuals_command//192.0.2.1/127.0.0.1}
manuals_command=${manuals_command//\/etc\/pki\/nbdkit/$dir/ours/server}
manuals_command=${manuals_command//\/run\/zram.control/$control}
manuals_command=${manuals_command// zram / $plugin }
nbdkit ()
{
  serve_tcp "$@"
}
eval "$manuals_command"
uri="nbds://127.0.0.1:$port/?tls-certificates=$dir/ours/client"
[ "$(nbdinfo --size "$uri")" -eq $((4 << 30)) ] || die 'another size'
head -c 1M /dev/urandom >"$dir/noise"
nbdcopy --connections=4 "$dir/noise" "$uri"
[ "$(column mm_stat 4)" -eq $((1 << 30)) ] || die 'another mem_limit'
must_not_connect "nbd://127.0.0.1:$port" 'requires TLS'
[ "$(tr '\0' '\n' <"/proc/$(cat "$dir/pid")/cmdline" | grep -A 1 -x -e -t)" = \
  "-t"$'\n'1 ] || die 'it has more threads than the manual reckons with'
stop_tcp

# Both have alice's key.
psktool -u alice -p "$dir/keys" >"$dir/psktool.log" 2>&1
psktool -u alice -p "$dir/other-keys" >"$dir/psktool.log" 2>&1
psktool -u bob -p "$dir/bobs-keys" >"$dir/psktool.log" 2>&1
serve_tcp -i 0.0.0.0 --tls=require "--tls-psk=$dir/keys" "$plugin" 1M
must_carry "nbds://alice@127.0.0.1:$port/?tls-psk-file=$dir/keys"
must_not_connect "nbd://127.0.0.1:$port" 'requires TLS'
must_not_connect "nbds://alice@127.0.0.1:$port/?tls-psk-file=$dir/other-keys" \
  'handshake'
must_not_connect "nbds://bob@127.0.0.1:$port/?tls-psk-file=$dir/bobs-keys" \
  'handshake'
must_carry "nbds://alice@127.0.0.1:$port/?tls-psk-file=$dir/keys"
stop_tcp
