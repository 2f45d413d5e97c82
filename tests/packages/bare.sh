# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# A bare system of the distribution that runs here, to install packages in:
# apt, what is essential, and nothing else.  Sourced by ./run, after
# contrib/setup.sh.
#
# It is made once, by mmdebstrap, and kept as a tarball in $cache.  Whoever
# enters it has a copy, in memory, of which nothing is left.

cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/nbdkit-zram/bare
suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")

# Why there can be none here, or nothing.
why_no_bare_system ()
{
  if [ "$(id -u)" -ne 0 ]; then
    echo 'only root can make a bare system'
  elif ! command -v mmdebstrap >/dev/null; then
    echo 'there is no mmdebstrap'
  elif ! unshare --mount --pid --fork mount -t tmpfs tmpfs /mnt 2>/dev/null
  then
    echo 'here root may not mount anything'
  elif [ -z "$(distribution_sources)" ]; then
    echo 'apt knows no source of Debian or Ubuntu'
  fi
}

# The distribution's own sources, of those that the system's apt knows.
distribution_sources ()
{
  apt-get indextargets --format '$(ORIGIN) deb $(SITE) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 2>/dev/null |
    sed -nE 's/^(Debian|Ubuntu) //p' | sort -u
}

# What the system's apt has been told about fetching: proxies and the like.
fetching_options ()
{
  apt-config dump |
    grep -E '^Acquire::(Check|Retries|(http|https|ftp)::(Proxy|Timeout))' || :
}

# make_bare_system: in memory, where that takes a fifth of the time.
make_bare_system ()
{
  mkdir -p "$cache" &&
    fetching_options >"$cache/apt.conf" &&
    distribution_sources >"$cache/sources" &&
    TMPDIR=/dev/shm mmdebstrap --mode=root --variant=apt \
      --aptopt="$cache/apt.conf" --skip=cleanup/apt/lists \
      "$suite" "$cache/new.tar" - <"$cache/sources" &&
    mv "$cache/new.tar" "$cache/$suite.tar"
}

# have_bare_system: make it, if it is not there.  Of several who find nothing
# one makes it.
have_bare_system ()
{
  local lock
  mkdir -p "$cache"
  exec {lock}>"$cache/lock"
  flock "$lock" || return
  [ -e "$cache/$suite.tar" ] || make_bare_system
}

# in_bare_system DIR PROGRAM: run PROGRAM in a copy of it, which has what DIR has
# in /packages.
in_bare_system ()
{
  unshare --mount --pid --fork --kill-child bash -euc '
    tar=$1 packages=$2 program=$3 root=/mnt
    mount -t tmpfs tmpfs "$root"
    tar -xpf "$tar" -C "$root"
    cp -r "$packages" "$root/packages"
    cp /etc/resolv.conf "$root/etc"
    printf "#!/bin/sh\nexit 101\n" >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    exec chroot "$root" env -u TMPDIR -u XDG_RUNTIME_DIR LC_ALL=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive "$program"
  ' bash "$cache/$suite.tar" "$1" "$2"
}
