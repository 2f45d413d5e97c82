# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What ./run and ./test share: to say what goes on, to install the Debian or
# Ubuntu packages that are missing, and to build.  They source it, with $top
# set to the top of the source tree.

: "${top:?}"

# make's shell, and libtool's, which is a script that runs for every object:
# bash takes half as long again for it.
CONFIG_SHELL=$(command -v dash) || CONFIG_SHELL=/bin/sh
export CONFIG_SHELL

say ()
{
  printf '%s\n' "$*" >&2
}

die ()
{
  say "${0##*/}: $*"
  exit 1
}

# Show that LABEL is under way, from its second second on, until killed.  On a
# terminal, one line with LOG's last words; elsewhere a line now and then.
show_progress ()
{
  local label=$1 log=$2 last clock
  exec {clock}<> <(:)           # never readable: a sleep that leaves no child
  read -rt 1 -u "$clock"
  [ -t 2 ] || say "$label ..."
  while kill -0 $$ 2>/dev/null; do
    if [ -t 2 ]; then
      last=$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c 1-48)
      printf '\r\033[K%s: %d s  %s' "$label" "$SECONDS" "$last" >&2
      read -rt 1 -u "$clock"
    else
      read -rt 60 -u "$clock" || say "$label: $SECONDS s so far"
    fi
  done
}

# step LABEL LOG COMMAND...: run a command, its output in LOG.  Silent if it
# takes less than a second and succeeds; if it fails, LOG's end is shown.
step ()
{
  local label=$1 log=$2 status=0 progress
  shift 2
  SECONDS=0
  set -m                        # a process group of its own, for step_stop
  "$@" >"$log" 2>&1 </dev/null &
  step_pid=$!
  set +m
  show_progress "$label" "$log" &
  progress=$!
  wait "$step_pid" || status=$?
  step_pid=
  kill "$progress"
  wait "$progress" 2>/dev/null || :
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$status" -ne 0 ]; then
    say "$label: FAILED; the last lines of $log:"
    tail -n 25 "$log" >&2
  elif [ "$SECONDS" -ge 1 ]; then
    say "$label: $SECONDS s"
  fi
  return "$status"
}

# Stop the step that is under way, and all that it has started.
step_stop ()
{
  [ -z "${step_pid:-}" ] || kill -- "-$step_pid" 2>/dev/null || :
}

# packages_in SET...: their lines in contrib/packages.
packages_in ()
{
  local set=$1
  for set; do
    grep "^$set " "$top/contrib/packages"
  done
}

# Of the lines that come in, those whose package is not installed.
packages_missing ()
{
  local lines installed set package why
  lines=$(cat)
  # It complains of, and fails for, every package that it has never seen.
  # shellcheck disable=SC2046 # a package's name is one word
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' \
    $(awk '{ print $2 }' <<<"$lines") 2>/dev/null) || :
  while read -r set package why; do
    grep -q "^$package ii" <<<"$installed" || echo "$set $package $why"
  done <<<"$lines"
}

# apt_get ARGUMENT...: apt-get, by whoever may.
apt_get ()
{
  local -a as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

# Package lists may be absent or too old: get them only if so.
apt_install ()
{
  apt_get install --no-install-recommends "$@" || {
    echo 'That failed: perhaps the package lists are old. Updating them.'
    apt_get update && apt_get install --no-install-recommends "$@"
  }
}

# install_packages SET...: install what is missing of these sets.
install_packages ()
{
  local missing log=$top/build/packages.log
  local -a names
  if ! command -v dpkg-query >/dev/null; then
    say "This is not Debian or Ubuntu: see contrib/packages for what is needed."
    return
  fi
  missing=$(packages_in "$@" | packages_missing)
  [ -n "$missing" ] || return 0
  mapfile -t names < <(awk '{ print $2 }' <<<"$missing")
  say 'These packages are missing, and will be installed:'
  awk '{ name = $2; $1 = $2 = ""; printf "  %-20s%s\n", name, $0 }' \
    <<<"$missing" >&2

  command -v apt-get >/dev/null || die 'there is no apt-get to install them'
  if [ "$(id -u)" -ne 0 ]; then
    # Before its output goes to a file, so that it can ask for a password.
    if ! command -v sudo >/dev/null || ! sudo true; then
      die "only root can install them: apt-get install ${names[*]}"
    fi
  fi
  mkdir -p "$top/build"
  step 'Installing packages' "$log" apt_install "${names[@]}" ||
    die 'the packages could not be installed'
}

# A tarball has configure; a checkout from git has not.  Once there is one, make
# keeps it new.
generate_configure ()
{
  local done=$top/build/generated
  if [ ! -e "$top/configure" ] || { [ -e "$top/.git" ] && [ ! -e "$done" ]; }
  then
    (cd "$top" && autoreconf -fi) && mkdir -p "$top/build" && touch "$done"
  fi
}

# configure_in DIR ARGUMENT...: unless that has been done.
configure_in ()
{
  local dir=$1
  shift
  printf '%s\n' "$@" | cmp -s - "$dir/configured" && return
  [ ! -e "$dir/Makefile" ] || make -C "$dir" clean || return
  (cd "$dir" && "$top/configure" "$@") && printf '%s\n' "$@" >"$dir/configured"
}

# build DIR ARGUMENT...: all of it, in DIR, with configure's ARGUMENTs.
build ()
{
  local dir=$1
  if [ -e "$top/config.status" ]; then
    echo 'The source tree itself has been configured: "make distclean" first.'
    return 1
  fi
  mkdir -p "$dir" && generate_configure && configure_in "$@" &&
    make -C "$dir" -j "$(nproc)"
}
