#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin exports plugin_init and debug flags, nothing else, so that no name
# of ours can stand in for another plugin's or a library's; and it needs no
# function of nbdkit's that nbdkit 1.30 does not have, since such a name is
# looked for only when somebody's older nbdkit loads the plugin.  And no thread
# has to allocate thread-local memory for it.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nm --version

nm -D --defined-only "$plugin" | awk '{ print $NF }' | sed 's/@.*//' |
  sort >"$dir/exported"
grep -qx plugin_init "$dir/exported" || die 'plugin_init is not exported'
! grep -vxE 'plugin_init|zram_debug_[a-z_]+' "$dir/exported" ||
  die 'the above are exported as well'

cat >"$dir/nbdkit-1.30" <<'END'
nbdkit_absolute_path
nbdkit_add_export
nbdkit_add_extent
nbdkit_debug
nbdkit_error
nbdkit_export_name
nbdkit_is_tls
nbdkit_nanosleep
nbdkit_parse_bool
nbdkit_parse_int
nbdkit_parse_int16_t
nbdkit_parse_int32_t
nbdkit_parse_int64_t
nbdkit_parse_int8_t
nbdkit_parse_size
nbdkit_parse_uint16_t
nbdkit_parse_uint32_t
nbdkit_parse_uint64_t
nbdkit_parse_uint8_t
nbdkit_parse_unsigned
nbdkit_peer_gid
nbdkit_peer_name
nbdkit_peer_pid
nbdkit_peer_uid
nbdkit_printf_intern
nbdkit_read_password
nbdkit_realpath
nbdkit_set_error
nbdkit_shutdown
nbdkit_stdio_safe
nbdkit_strdup_intern
nbdkit_strndup_intern
nbdkit_use_default_export
nbdkit_vdebug
nbdkit_verror
nbdkit_vprintf_intern
END
nm -D --undefined-only "$plugin" | awk '{ print $NF }' | sed 's/@.*//' |
  grep '^nbdkit_' | sort >"$dir/used"
[ -s "$dir/used" ] || die 'no function of nbdkit is used'
! comm -13 "$dir/nbdkit-1.30" "$dir/used" | grep . ||
  die 'the above are not in nbdkit 1.30'

# Thread-local memory that glibc would allocate at a thread's first use of it,
# aborting the server when there is none.
requires readelf --version
! readelf -rW "$plugin" | grep -E 'DTPMOD|TLSDESC|TLS_DESC' ||
  die 'a thread must allocate the above'

# What only few need is loaded for them: with libnbd come libxml2 and 31 MB of
# ICU, all of which a server of swap would lock in memory.
! readelf -dW "$plugin" | grep -E 'NEEDED.*(nbd|xml|icu|gnutls)' ||
  die 'every server has the above'
