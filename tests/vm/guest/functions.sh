# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# What the guest's tests share.  They run in the guest's ramfs, by busybox, so
# that a full memory does not touch them; programs of the host's run by "host".
# The job that ../run writes sets $name, $srcdir, $builddir and the parameters;
# what is a variable here is often used there.
# shellcheck disable=SC2034

: "${name:?}" "${srcdir:?}" "${builddir:?}"

# The parameters of a test, and what they are unless given.
plugin=${plugin:-zram}          # or another plugin of nbdkit's, for comparison
algorithm=${algorithm:-lz4}
server_options=${server_options:--t1}
plugin_parameters=${plugin_parameters:-}
swap=${swap:-on}                # of the plugin
connections=${connections:-1}
client_options=${client_options:-}
transport=${transport:-unix}    # or tcp
address=${address:-127.0.0.1}   # of the server, with tcp
namespace=${namespace:-}        # of networks, that the server is in
kind=${kind:-mixed}
size=${size:-700}               # MiB
disk=${disk:-$((size + 20))}    # MiB
scheduler=${scheduler:-none}    # of the block device
min_free=${min_free:-}          # KiB, for vm.min_free_kbytes
resident=${resident:-}          # MiB that the program may have in memory
page_cluster=${page_cluster:-0}
send_buffer=${send_buffer:-}    # bytes that a socket of the client's may hold
request=${request:-}            # KiB of the largest request, or the kernel's
ordinary=${ordinary:-1}         # threads that are of no real-time class, beside
                                # the background's of the workers
class=${class:-}                # of the server's threads, unless its own choice:
                                # an option of chrt, like --other
store=${store:-}                # MiB of a disk to write back to, /dev/vda
protect=${protect:-}            # oom: from the OOM killer; lock: and its memory
                                # is locked; flusher: and it is an IO_FLUSHER

export TMPDIR=/run/tmp
PATH=/bin:/usr/sbin:/usr/bin:/sbin

result ()
{
  echo "RESULT $name $1 $2"
}

# It leaves nobody behind who waits for what will not come now.
die ()
{
  result fail "$*"
  killall -KILL swapfill 2>/dev/null
  exit 1
}

# figure NAME VALUE UNIT: what the host collects.
figure ()
{
  echo "FIGURE $name $*"
}

host_path=/usr/sbin:/usr/bin:/sbin:/bin

# A program of the host's.  By env, since busybox's chroot would run its own
# instead.
host ()
{
  chroot /host /usr/bin/env "PATH=$host_path" "$@"
}

bin=/run/bin                    # for programs that come before the host's

# replace COMMAND SCRIPT: it is this, in $bin.
replace ()
{
  mkdir -p "$bin"
  printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
  chmod +x "$bin/$1"
}

# In $bin, ours as if they were installed: a nbdkit that knows the plugin by its
# short name, and nbdkit-zramctl.
install_programs ()
{
  replace nbdkit '
    for word; do
      [ "$word" != zram ] || word='"$builddir"'/zram.so
      set -- "$@" "$word"
      shift
    done
    PATH='"$host_path"'
    exec nbdkit "$@"'
  replace nbdkit-zramctl "exec $builddir/zramctl/nbdkit-zramctl "'"$@"'
}

# sum_files FILE...: a line for each.
sum_files ()
{
  local file
  for file; do
    md5sum "$file"
  done
}

# compare_files PROGRAM: do we read it, and its libraries, as the host has them?
# A page of libpcre2 that the 9p client of Linux 6.12 had read while memory was
# short was once all zeros, and swapoff died of that: this tells such a thing
# from a page of swap that is wrong.
compare_files ()
{
  local files
  files=$(host ldd "$(host which "$1")" | sed -n 's:^[^/]*\(/[^ ]*\) (.*:\1:p')
  # shellcheck disable=SC2086
  files=$(host readlink -f $files | sed 's:^:/host:')
  # shellcheck disable=SC2086
  sum_files $files >/run/kept
  echo 3 >/proc/sys/vm/drop_caches
  # shellcheck disable=SC2086
  sum_files $files >/run/read
  if cmp -s /run/kept /run/read; then
    echo "$1: its files are as the host has them"
  else
    echo "$1: the guest has had these otherwise than the host:"
    diff /run/kept /run/read
  fi
}

# must COMMAND...: or the test fails.
must ()
{
  local status=0
  "$@" || status=$?
  [ "$status" -eq 0 ] && return
  # It has died of a signal.
  [ "$1" != host ] || [ "$status" -lt 128 ] || compare_files "$2"
  die "$* failed with status $status"
}

meminfo ()
{
  awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

uptime_cs ()
{
  sed 's/ .*//; s/\.//' /proc/uptime
}

# until_true SECONDS COMMAND...: whether it came true in time.
until_true ()
{
  local end=$(($(uptime_cs) + $1 * 100))
  shift
  until "$@"; do
    [ "$(uptime_cs)" -lt "$end" ] || return 1
    usleep 100000
  done
}

# The server's command line.
server_command ()
{
  local listen='-U /run/nbd.sock' nbdkit=nbdkit
  [ "$transport" != tcp ] || listen="-i $address"
  [ ! "$namespace" ] || nbdkit="nsenter --net=/run/netns/$namespace nbdkit"
  case $plugin in
    zram)
      echo "$nbdkit $listen $server_options $builddir/zram.so size=${disk}M" \
        "comp_algorithm=$algorithm statsfile=/run/stats swap=$swap" \
        "$plugin_parameters" ;;
    *) echo "$nbdkit $listen $server_options $plugin ${disk}M" \
        "$plugin_parameters" ;;
  esac
}

# Start the server, which goes into the background; only from the foreground can
# a library protect it.
start_server ()
{
  local command environment preload=$builddir/tests/vm/.libs/protect.so
  command=$(server_command)
  case $protect in
    '' | oom) environment='' ;;
    lock) environment="LD_PRELOAD=$preload PROTECT_LOCK=1" ;;
    flusher)
      environment="LD_PRELOAD=$preload PROTECT_LOCK=1 PROTECT_FLUSHER=1" ;;
    *) die "there is no protection \"$protect\"" ;;
  esac
  # shellcheck disable=SC2086
  if [ "$environment" ]; then
    host $environment $command -f -P /run/nbdkit.pid &
  else
    must host $command -P /run/nbdkit.pid
  fi
  until_true 60 [ -s /run/nbdkit.pid ] || die 'the server wrote no pidfile'
  server=$(cat /run/nbdkit.pid)
  [ ! "$protect" ] || echo -1000 >"/proc/$server/oom_score_adj"
}

nbd_has_size ()
{
  [ "$(cat /sys/block/nbd0/size)" -gt 0 ]
}

# Attach it as /dev/nbd0.
attach ()
{
  local where='-unix /run/nbd.sock'
  [ "$transport" != tcp ] || where=$address
  [ -e /sys/block/nbd0 ] || modprobe nbd nbds_max=2
  if [ "$send_buffer" ]; then
    echo "$send_buffer" >/proc/sys/net/core/wmem_max
    echo "$send_buffer" >/proc/sys/net/core/wmem_default
  fi
  # shellcheck disable=SC2086
  must host nbd-client $where /dev/nbd0 -b 4096 -C "$connections" -swap \
    $client_options
  until_true 60 nbd_has_size ||
    die '/dev/nbd0 has no size'
  echo "$scheduler" >/sys/block/nbd0/queue/scheduler
  [ ! "$request" ] || echo "$request" >/sys/block/nbd0/queue/max_sectors_kb
  [ ! "$class" ] || must host chrt "$class" --all-tasks --pid 0 "$server"
}

# swap_on DEVICE [OPTION...]: of swapon.  To make a UUID, mkswap would wait 3 s
# for random numbers.
swap_on ()
{
  local device=$1
  shift
  echo "$page_cluster" >/proc/sys/vm/page-cluster
  must host mkswap -U clear "$device"
  must host swapon --discard "$@" "$device"
}

detach ()
{
  must host nbd-client -d /dev/nbd0
}

# The server goes away when it is told to.
stop_server ()
{
  kill "$server"
  until_true 60 [ ! -e "/proc/$server" ] ||
    die 'the server is still there, 60 s after SIGTERM'
  rm -f /run/nbd.sock /run/nbdkit.pid # which nbdkit leaves
}

# The server's memory, in KiB: what it is now, was at most, is locked.
server_memory ()
{
  awk '/^Vm(HWM|RSS|Lck|Swap):/ { printf "%s%s ", $1, $2 }' \
    "/proc/$server/status"
}

# in_group COMMAND...: with at most $resident MiB of its own in memory.
in_group ()
{
  local group=/sys/fs/cgroup/swapfill
  echo +memory >/sys/fs/cgroup/cgroup.subtree_control
  mkdir -p "$group"
  echo "${resident}M" >"$group/memory.max"
  sh -c "echo 0 >$group/cgroup.procs && exec \"\$@\"" sh "$@"
}

# Attach the server and swap on it; and the other way round.
start_swap ()
{
  start_server
  attach
  [ "$plugin/$swap/$class" != zram/on/ ] || check_process
  swap_on /dev/nbd0
  figure before "$(($(meminfo MemAvailable) / 1024))" MiB
}

stop_swap ()
{
  echo "server: $(server_memory)"
  [ "$plugin" != zram ] || server_stat
  must host swapoff /dev/nbd0
  detach
  stop_server
}

# swapfill ARGUMENT...: its figures are ours.  What is left to programs is what
# it has in memory itself, and what is available besides.
swapfill ()
{
  local log=/run/swapfill.log fill_status
  figure key "$size $kind"
  {
    if [ "$resident" ]; then
      in_group /swapfill "$@" 2>&1
    else
      /swapfill "$@" 2>&1
    fi
    echo $? >/run/swapfill.status
  } | tee "$log"
  fill_status=$(cat /run/swapfill.status)
  sed -nE 's/.*phase=(\w+) seconds=([0-9.]+).*/\1 \2 s/p' "$log" |
    while read -r figures; do
      # shellcheck disable=SC2086
      figure $figures
    done
  sed -nE '/phase=filled/s/.*resident_kib=([0-9]+) available_kib=([0-9]+).*/\1 \2/p' \
    "$log" | while read -r ours others; do
      figure left "$(((ours + others) / 1024))" MiB
    done
  return "$fill_status"
}

# How many reports the server has written.
reports ()
{
  grep -c 'mm_stat: [0-9]' /run/stats 2>/dev/null
}

more_reports ()
{
  [ "$(reports)" -gt "$1" ]
}

# The server's mm_stat now: $stored and $used, in MiB.
server_stat ()
{
  local before
  before=$(reports)
  kill -USR1 "$server"
  until_true 60 more_reports "${before:-0}" || die 'no statistics after SIGUSR1'
  # shellcheck disable=SC2046
  set -- $(grep 'mm_stat: [0-9]' /run/stats | tail -n 1)
  stored=$(($2 >> 20)) used=$(($4 >> 20))
  grep 'swap_stat: ' /run/stats | tail -n 2
}

# Every thread has what swap=on takes, and all are real-time ones but those that
# need not be: the one that compacts, and that of the control socket.
check_process ()
{
  server_stat
  # shellcheck disable=SC2046
  set -- $(grep 'swap_stat: [0-9]' /run/stats | tail -n 1)
  realtime=$(($5 - ordinary - $(grep -c '^processor' /proc/cpuinfo)))
  if [ "$5" -eq 0 ] || [ "$6" -ne "$5" ] || [ "$7" -ne "$realtime" ] ||
    [ "$8" -eq 0 ] || [ "$9" -ne -1000 ]; then
    die "the server lacks what swap=on takes: $*"
  fi
}

cp "/host$builddir/tests/vm/swapfill" /swapfill || die 'there is no swapfill'
# A hang is to be reported within the test, every task that hangs.
echo "${hung_task_seconds:-60}" >/proc/sys/kernel/hung_task_timeout_secs
echo -1 >/proc/sys/kernel/hung_task_warnings
echo 1 >/proc/sys/kernel/sysrq
# With less than 512 MiB the kernel has no transparent huge pages.
grep -q "\[${thp:-never}\]" /sys/kernel/mm/transparent_hugepage/enabled ||
  die "transparent huge pages are not \"${thp:-never}\""
[ ! "$min_free" ] || echo "$min_free" >/proc/sys/vm/min_free_kbytes
