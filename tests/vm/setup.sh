# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Get the guest's kernel, and make its initramfs.  Sourced by ./run, after
# contrib/setup.sh; $vm is this directory.
#
# The kernel comes from Debian's bookworm-backports, whatever this machine runs,
# through an apt that has nothing in common with the system's but its mirror,
# its keys and its proxy.  Everything is kept in $cache, and nothing is fetched
# that is there.

: "${vm:?}"

cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/nbdkit-zram/vm
suite=bookworm-backports
kernel_package=linux-image-amd64

# What the tests load; what these need comes with them.
modules=(9pnet_virtio 9p virtio_blk nbd zram ext4 xfs crc32c_generic overlay
  raid0 raid1 veth bridge sch_netem wireguard)

# The first Debian mirror that the system's own apt knows, or $DEBIAN_MIRROR.
mirror ()
{
  local uri
  uri=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 2>/dev/null |
    sed -n 's/^Debian //p' | grep -v security | head -n 1) || :
  uri=${DEBIAN_MIRROR-$uri}
  [ "$uri" ] || die 'apt knows no Debian mirror: give one as DEBIAN_MIRROR'
  echo "$uri"
}

# The test's own apt: its lists, cache and idea of what is installed (nothing).
write_apt_configuration ()
{
  local apt=$cache/apt uri
  uri=$(mirror) || return
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status"
  cat >"$apt/sources.list" <<END2
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=amd64] $uri $suite main
END2
  cat >"$apt/apt.conf" <<END2
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
APT::Architecture "amd64";
APT::Sandbox::User "";
Acquire::Languages "none";
END2
}

own_apt ()
{
  local tool=$1
  shift
  APT_CONFIG=$cache/apt/apt.conf "$tool" "$@"
}

# The package that the kernel's metapackage stands for now.
newest_kernel ()
{
  own_apt apt-cache depends "$kernel_package" |
    sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1
}

# select_modules TREE RELEASE TO: the modules and what they need, unpacked.
select_modules ()
{
  local tree=$1 release=$2 to=$3/lib/modules/$2 module file
  /sbin/depmod -b "$tree" "$release" || return
  mkdir -p "$to"
  for module in "${modules[@]}"; do
    /sbin/modprobe -d "$tree" -S "$release" --show-depends "$module" || return
  done | sed -n 's/^insmod //p' | sort -u | while read -r file _; do
    case $file in
      *.xz) xz -dc "$file" >"$to/$(basename "$file" .xz)" ;;
      *) cp "$file" "$to" ;;
    esac
  done
  cp "$tree/lib/modules/$release/"modules.{order,builtin,builtin.modinfo} "$to"
  /sbin/depmod -b "$3" "$release"
}

# unpack_kernel PACKAGE-FILE TO: vmlinuz and the modules' tree.
unpack_kernel ()
{
  local package=$1 to=$2 tree=$2.unpacked release
  rm -rf "$tree" "$to"
  mkdir -p "$tree" "$to"
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tree" ./boot ./lib || return
  release=$(basename "$tree"/lib/modules/*)
  cp "$tree/boot/vmlinuz-$release" "$to/vmlinuz" &&
    select_modules "$tree" "$release" "$to" &&
    rm -rf "$tree" && echo "$release" >"$to/release"
}

fetch_kernel ()
{
  local name
  write_apt_configuration && own_apt apt-get update || return
  name=$(newest_kernel)
  [ "$name" ] || { echo "$suite has no $kernel_package"; return 1; }
  (cd "$cache/apt/archives" && rm -f ./*.deb &&
    own_apt apt-get download "$name") || return
  unpack_kernel "$cache"/apt/archives/"$name"_*.deb "$cache/kernel.new" &&
    rm -rf "$cache/kernel" "$cache"/apt/archives/*.deb &&
    printf '%s\n' "${modules[@]}" >"$cache/kernel.new/modules" &&
    mv "$cache/kernel.new" "$cache/kernel"
}

# Whether the kernel that is there has the modules that are wanted.
have_kernel ()
{
  printf '%s\n' "${modules[@]}" | cmp -s - "$cache/kernel/modules"
}

# busybox, the modules and our init.
make_initramfs ()
{
  local root=$cache/initramfs.d
  rm -rf "$root"
  mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,host} &&
    cp "$(command -v busybox)" "$root/bin" &&
    cp -r "$cache/kernel/lib" "$root" &&
    cp "$vm/init" "$root" &&
    (cd "$root" && find . | busybox cpio -o -H newc) |
    gzip -1 >"$cache/initramfs.new" &&
    rm -rf "$root" && mv "$cache/initramfs.new" "$cache/initramfs"
}

initramfs_is_new ()
{
  [ "$cache/initramfs" -nt "$vm/init" ] &&
    [ "$cache/initramfs" -nt "$vm/setup.sh" ] &&
    [ "$cache/initramfs" -nt "$cache/kernel/modules" ]
}

# Both, if they are not there yet; shown if it takes long.  Of several who find
# nothing there one makes it.
set_up ()
{
  local lock
  mkdir -p "$cache"
  exec {lock}>"$cache/lock"
  flock "$lock" || die "$cache/lock: cannot be locked"
  have_kernel ||
    step 'Fetching the kernel of the virtual machine' "$cache/fetch.log" \
      fetch_kernel || die "no kernel: see $cache/fetch.log"
  initramfs_is_new || make_initramfs || die 'no initramfs'
  exec {lock}>&-
}
