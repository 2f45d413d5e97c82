#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# make install puts the plugin where it was configured to go, or where it is
# told to, and from there nbdkit loads it: by its path, and, from nbdkit's own
# directory, by its name.

# shellcheck source=functions.sh.in
. ./functions.sh

requires make --version
requires nbdinfo --version
unset MAKEFLAGS MFLAGS MAKELEVEL

install_plugin ()
{
  make -C "$top_builddir/plugin" install "$@" >"$dir/make" 2>&1 ||
    { cat "$dir/make"; die "make install $*"; }
}

# loads FILE
loads ()
{
  [ -f "$1" ] || die "$1 was not installed: $(find "$dir" -name '*.so')"
  [ "$("$nbdkit" -U - "$1" 4G --run 'nbdinfo --size "$uri"')" = 4294967296 ] ||
    die "$1 cannot be loaded"
}

plugindir=$(sed -n 's/^NBDKIT_PLUGINDIR = //p' "$top_builddir/Makefile")
install_plugin DESTDIR="$dir/root"
loads "$dir/root$plugindir/nbdkit-zram-plugin.so"

install_plugin DESTDIR="$dir/other" NBDKIT_PLUGINDIR=/plugins
loads "$dir/other/plugins/nbdkit-zram-plugin.so"

# By name, in a namespace in which nbdkit's directory has the plugin.
by_name='mount --bind "$0" "$1" && exec "$2" zram --dump-plugin'
nbdkit_plugindir=$("$nbdkit" --dump-config | sed -n 's/^plugindir=//p')
requires unshare -rm true
unshare -rm bash -c "$by_name" "$dir/other/plugins" "$nbdkit_plugindir" \
  "$nbdkit" >"$dir/dump"
grep -qx 'name=zram' "$dir/dump" || die 'nbdkit zram does not work'
