# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The parts of ./test, and what each is for.  ./test runs each part_NAME in a
# process of its own; it passes if that exits with status 0.  Every build is out
# of tree, in $work/NAME.

: "${top:?}" "${work:?}"

# One line for each part: its name, its group (see "budgets"), whether it is
# part of ./test ("spare": if it can begin within 30 minutes, which it can but
# where the machine is slow) or only of ./test --long, and what it does.
parts ()
{
  cat <<'END'
lint      build     short  layout, licences, left-overs, scripts, manual
gcc       build     short  gcc, debug build: its tests, and what none runs
clang     build     short  clang, release build: what no script tests
tidy      build     short  clang-tidy over the rooms
asan      sanitize  short  the unit tests with AddressSanitizer and UBSan
tsan      sanitize  short  the unit tests with ThreadSanitizer
vm        vm        short  swap and file systems on the server, in a guest
counts    build     short  instructions of the engine's hot paths, by callgrind
install   packages  short  what "make install" installs, and uninstall leaves
distcheck packages  short  the tarball: builds, passes, installs, uninstalls
packages  packages  short  Debian's packages, on a bare system; and the RPM
faults    sanitize  spare  each call that can fail does, or is late, in turn
soak      soak      spare  everything at once on one server, for three minutes
fuzz      soak      spare  what is read from outside gets anything
analyse   sanitize  spare  cppcheck, and what gcc finds that follows calls
models    sanitize  spare  the small hard parts, in a model checker
valgrind  sanitize  spare  unit tests under valgrind: memcheck and helgrind
shipped   long      long   the tests that are scripts, without debug checks
rpm       long      long   the RPM packages, compiled by rpmbuild
memcheck  long      long   all unit tests under valgrind's memcheck
vmlong    long      long   more of that, what a request costs, conformance
torture   long      long   swap with forks, connections, TCP: 100 short tests
peers     long      long   what nbdkit's memory plugin does as swap
soaklong  long      long   the same for a quarter of an hour
soaktsan  long      long   the same for ten minutes, with ThreadSanitizer
model     long      long   the model tests, two million operations of each
states    long      long   the model checker, with larger bounds
faultlong long      long   each such call in every server that makes it
END
}

# The groups, with what each may take of ./test's 40 minutes.
budgets ()
{
  cat <<'END'
build     6   build, unit and coverage
sanitize  8   sanitizers, analysers, models
vm        14  virtual machine
soak      7   soak and fuzz
packages  3   packages
END
}

# not_run WHAT WHY: ./test says it again at its end, and counts it as skipped.
not_run ()
{
  echo "NOT RUN: $1: $2"
}

# What the tests are to run under: a command, or nothing.
under=()

# More tests at a time than there are CPUs: some mostly wait, four of those that
# begin first in tests/unit.
at_a_time=$(($(nproc) + 4))

# failed_in DIR: what tests there had to say.
failed_in ()
{
  local log
  find "$1" -name 'test-suite*.log' -exec grep -l '^FAIL\|^ERROR' {} + |
    while read -r log; do
      sed 's/^/| /' "$log"      # lest its sums be counted twice
    done
}

# check_in DIR MAKE-ARGUMENT...: its tests; and what a failed one had to say.
check_in ()
{
  local dir=$1
  shift
  "${under[@]}" make -k -C "$dir" -j "$at_a_time" check "$@" && return
  failed_in "$dir"
  return 1
}

# check_beside DIR ROOM...: the same of several rooms in DIR, built already, none
# of which waits for the last test of another.
check_beside ()
{
  local dir=$1
  shift
  make -k -C "$dir" -j "$at_a_time" -f - "$@" <<'END' && return
.PHONY: $(MAKECMDGOALS)
$(MAKECMDGOALS):
	$(MAKE) -C $@ check
END
  failed_in "$dir"
  return 1
}

# git for these files, though they may be another user's.
our_git ()
{
  git -c safe.directory="$top" -C "$top" "$@"
}

# no_match ARGUMENT...: what git grep takes.  Any match is an error.
no_match ()
{
  local status=0
  our_git grep -nIE "$@" || status=$?
  [ "$status" -eq 1 ]
}

lint_layout ()
{
  local formatter
  formatter=$(command -v clang-format-14 || command -v clang-format) || return
  case $("$formatter" --version) in
    *version\ 14.*) ;;
    *) not_run lint_layout 'clang-format 14 is needed'; return ;;
  esac
  our_git ls-files '*.c' '*.h' |
    (cd "$top" && xargs -d '\n' "$formatter" --dry-run -Werror)
}

lint_columns ()
{
  no_match '^.{81,}' -- '*.c' '*.h' && no_match '^.{77,}' -- '*.pod'
}

lint_licences ()
{
  local file status=0
  while read -r file; do
    head -n 2 "$top/$file" | grep -q 'SPDX-License-Identifier: BSD-3' &&
      continue
    echo "$file: no SPDX line"
    status=1
  done < <(our_git ls-files ':!LICENSE' ':!.git*' ':!.clang-*' ':!*.md' \
    ':!debian/changelog' ':!debian/copyright' ':!debian/source' \
    ':!tests/fuzz/corpus')
  return "$status"
}

lint_leftovers ()
{
  no_match -w 'T[O]DO|F[I]XME|X[X]X' && no_match '^ *# *if 0' -- '*.c' '*.h'
}

# SC2016: what stands in --run '...' is for nbdkit's shell to expand.
lint_scripts ()
{
  our_git grep -lIE '^#!.*[/ ](ba)?sh$|^# shellcheck shell=' |
    (cd "$top" && xargs -d '\n' -n 4 -P "$(nproc)" \
      shellcheck -x -P SCRIPTDIR -e SC2016)
}

lint_manual ()
{
  podchecker -warnings -warnings "$top"/man/*.pod
}

part_lint ()
{
  local check status=0
  if [ ! -e "$top/.git" ]; then
    not_run lint 'this is not a checkout from git'
    return
  fi
  for check in layout columns licences leftovers scripts manual; do
    "lint_$check" || { echo "lint: $check: FAILED"; status=1; }
  done
  return "$status"
}

# Threads that count at once lose counts, and no line that way: it is run, or it
# is not.  Atomic counters would cost up to five times the time.
build_gcc ()
{
  build "$work/gcc" CC=gcc --enable-werror --enable-debug \
    CFLAGS='-g -O1 --coverage -fprofile-update=single'
}

# What gcov says of each line of the rooms, once: "room/file line count function".
coverage_lines ()
{
  local rooms='device|allocator|compress|workers|writeback|control|zramctl'
  rooms+='|generator'
  find "$1" -name '*.gcda' -exec gcov --json-format --stdout {} + |
    jq -r '
      .files[] | .file as $file | .lines[] |
      "\($file) \(.line_number) \(.count) \(.function_name)"' |
    sed -nE "s:^.*/(($rooms)/[^ /]*) :\\1 :p" |
    awk '{ at = $1 " " $2; n[at] += $3; name[at] = $4 }
         END { for (at in n) print at, n[at], name[at] }' |
    sort -t ' ' -k 1,1 -k 2,2n
}

# Of those lines how many were run, by room.  Of what keeps pages, it is to be
# nine in ten.
report_coverage ()
{
  awk '
    { room = $1; sub ("/.*", "", room); all[room]++; run[room] += $3 > 0 }
    END {
      for (room in all) {
        percent = 100 * run[room] / all[room]
        printf "REPORT: %.1f %% of %d lines of %s/ were run\n", percent,
               all[room], room
        if (percent < 90 && room !~ /^(zramctl|generator)$/) {
          print room "/: less than 90 % were run"
          status = 1
        }
      }
      exit status || NR == 0
    }' "$1"
}

# Those that were not run, against what contrib/uncovered gives a reason for.
# Ten without are let pass, and three entries that are run by now: what comes by
# chance, and on which machine, is not all known.  (Of six runs, one of them on
# one CPU, two lines came or went that it did not know of.)
explain_uncovered ()
{
  awk '
    FNR == NR {
      if (/^[^#]/) { most[$1 " " $2] = $3 + 0; at_times[$1 " " $2] = /\?$/ }
      next
    }
    /^(zramctl|generator)\// { next }
    $3 == 0 {
      at = $1 " " $4
      if (++n[at] > most[at]) {
        print "REPORT: not run, and no reason is known: " $1 ":" $2 ", " $4
        unknown++
      }
    }
    END {
      for (at in most)
        if (!n[at] && !at_times[at]) {
          print "REPORT: run by now, out of contrib/uncovered with it: " at
          stale++
        }
      if (unknown > 10)
        print unknown " lines are not run, without a reason: contrib/uncovered"
      if (stale > 3)
        print stale " entries of contrib/uncovered are run by now"
      exit unknown > 10 || stale > 3
    }' "$top/contrib/uncovered" "$1"
}

# Every test in one build; its counters cost little.  (How gcc likes the code
# when it optimises as usual, the guest's build shows.)
part_gcc ()
{
  local dir=$work/gcc status=0
  build_gcc || return
  find "$dir" -name '*.gcda' -delete
  check_in "$dir" SERVER_C_TESTS= SERVER_SHELL_TESTS= CONFORMANCE_TESTS= \
    BENCH_TESTS= || status=$?
  check_beside "$dir" tests/server tests/conformance bench || status=$?
  find "$dir/tests" -name 'test-*.log' -exec sed -n '/^REPORT: /p' {} +
  coverage_lines "$dir" >"$dir/lines"
  awk '$3 == 0 { print $1 ":" $2 }' "$dir/lines" >"$dir/uncovered"
  report_coverage "$dir/lines" || status=1
  echo "REPORT: the others are listed in $dir/uncovered"
  explain_uncovered "$dir/lines" || status=1
  return "$status"
}

# Asked to with -MJ, clang notes how it compiled each file, beside the object.
build_clang ()
{
  build "$work/clang" CC=clang --enable-werror CPPFLAGS='-MJ $@.json' \
    --with-systemd=/usr/local/lib/systemd --disable-bench
}

# Of a server's tests the programs run: here and in distcheck, which runs
# scripts, is it as it is shipped.  (What is without debug checks in the rooms
# below, tsan tests; all other tests are built by clang in "shipped".)
part_clang ()
{
  build_clang && check_in "$work/clang/tests/server" SERVER_SHELL_TESTS=
}

# The rooms' sources; the notes that build_clang has made, joined into one file,
# tell how to compile them.
part_tidy ()
{
  local dir=$work/clang
  local room
  room='/(common|workers|allocator|compress|writeback|device|control|plugin'
  room+='|zramctl|generator)/'
  build_clang || return
  find "$dir" -name '*.*o.json' -exec sed '1s/^/,/; $s/,$//' {} + |
    sed '1s/^,/[/; $s/$/]/' >"$dir/compile_commands.json"
  jq -r '.[].file' "$dir/compile_commands.json" | grep -E "$room" | sort -u |
    xargs -d '\n' -n 1 -P "$(nproc)" clang-tidy -p "$dir" --quiet
}

part_asan ()
{
  build "$work/asan" CC=gcc --enable-sanitizer=address,undefined \
    --enable-debug CFLAGS='-g -O1' &&
    check_in "$work/asan"
}

build_tsan ()
{
  build "$work/tsan" CC=gcc --enable-sanitizer=thread CFLAGS='-g -O1'
}

# with_tsan NAME COMMAND...: ThreadSanitizer cannot live with much randomness
# in where things are mapped; where setarch may not turn it off, there may be
# little enough.
with_tsan ()
{
  local name=$1 probe=$work/tsan/probe
  shift
  under=(setarch -R)
  "${under[@]}" true || under=()
  echo 'int main (void) { return 0; }' >"$probe.c"
  gcc -fsanitize=thread -o "$probe" "$probe.c" || return
  if "${under[@]}" "$probe"; then
    "$@"
  else
    not_run "$name" 'ThreadSanitizer does not start on this machine'
  fi
}

part_tsan ()
{
  build_tsan && with_tsan tsan check_in "$work/tsan"
}

# Debug checks, and what is optional, are looked at too.  In one process, for it
# is to know how one file calls another.
run_cppcheck ()
{
  local status=0 room
  local -a rooms include=()
  case $(cppcheck --version) in
    *' '2.10*) ;;
    *) not_run run_cppcheck 'cppcheck 2.10 is needed, as contrib/cppcheck is for'
       return ;;
  esac
  cd "$top" || return
  rooms=(common workers allocator compress writeback device control plugin
    zramctl generator bench tests)
  for room in "${rooms[@]}" tests/{unit,server,conformance,fuzz,faults} \
    tests/instructions; do
    include+=("-I$room")
  done
  cppcheck -q --std=c11 --language=c --library=posix,gnu \
    --enable=warning,performance,portability,style,information \
    --suppressions-list=contrib/cppcheck --inline-suppr --error-exitcode=1 \
    -D_GNU_SOURCE -DZRAM_DEBUG=1 -DHAVE_URING=1 -DHAVE_LZO=1 -DHAVE_DEFLATE=1 \
    -DSANITIZED=0 "${include[@]}" "${rooms[@]}" || status=$?
  [ "$status" -eq 0 ] || echo 'If that is not so: contrib/cppcheck'
  return "$status"
}

# Every path that gcc can tell apart, through all functions of a file; by itself
# it gives up ten times as early.  (Optimised further, mistakes are gone before
# it looks.)
build_analysed ()
{
  build "$work/analyse" CC=gcc --enable-werror --enable-debug --disable-bench \
    CFLAGS='-g -Og -fanalyzer --param analyzer-bb-explosion-factor=50'
}

part_analyse ()
{
  local cppcheck status=0 found=$work/cppcheck.log
  run_cppcheck >"$found" 2>&1 &
  cppcheck=$!
  build_analysed || status=$?
  wait "$cppcheck" || status=$?
  cat "$found"
  return "$status"
}

# Two builds: a server of swap cannot have AddressSanitizer.
build_faults ()
{
  local dir=$work/faults plain=$work/faultsplain room
  build "$dir" CC=gcc --enable-faults --enable-debug --disable-bench \
    --enable-sanitizer=address,undefined CFLAGS='-g -O1' &&
    mkdir -p "$plain" &&
    configure_in "$plain" CC=gcc --enable-faults --enable-debug \
      --disable-bench CFLAGS='-g -O1' || return
  for room in common workers allocator compress writeback device control \
    plugin; do
    make -C "$plain/$room" -j "$(nproc)" || return
  done
  make -C "$plain" zram.so
}

part_faults ()
{
  local dir=$work/faults status=0
  build_faults || return
  export FAULTS_PLAIN_PLUGIN=$work/faultsplain/zram.so
  check_in "$dir/tests/unit" TESTS=test-faults check_PROGRAMS=test-faults &&
    check_in "$dir/tests/faults" || status=$?
  grep '^REPORT: ' "$dir/tests/faults/test-faults.log" || status=1
  return "$status"
}

# The build is that of the part faults.
part_faultlong ()
{
  export FAULTS_LONG=yes
  part_faults
}

# Sixteen targets, for 20 seconds each, on as many CPUs as there are.
part_fuzz ()
{
  local dir=$work/fuzz room
  mkdir -p "$dir"
  echo 'int LLVMFuzzerTestOneInput (const char *p, long n);
        int LLVMFuzzerTestOneInput (const char *p, long n) { return p && !n; }' \
    >"$dir/probe.c"
  if ! clang -fsanitize=fuzzer -o "$dir/probe" "$dir/probe.c"; then
    not_run fuzz 'clang has no libFuzzer'
    return
  fi
  generate_configure &&
    configure_in "$dir" CC=clang --enable-sanitizer=address,undefined \
      --enable-debug --disable-bench \
      CFLAGS='-g -O1 -fsanitize=fuzzer-no-link' || return
  for room in common workers allocator compress writeback device control \
      zramctl generator; do
    make -C "$dir/$room" -j "$(nproc)" || return
  done
  make -C "$dir/tests/fuzz" -j "$(nproc)" fuzz-programs &&
    "$top/tests/fuzz/run" "$dir" 20
}

# soak ARGUMENT...: twice, beside each other, with several threads for a
# connection and with one, where clients can leave more behind:
# tests/server/README.md.
soak ()
{
  local dir=$work/gcc/tests/server threads pid status=0
  local -a pids=()
  build_gcc && make -C "$dir" soak || return
  for threads in 4 1; do
    MALLOC_PERTURB_=165 "${under[@]}" "$dir/soak" -t "$threads" "$@" \
      >"$dir/soak-$threads" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || status=1
  done
  cat "$dir"/soak-[41]
  return "$status"
}

part_soak ()
{
  soak 3m
}

part_soaklong ()
{
  soak 15m
}

# Of the server only the plugin is compiled for it.  It is slow: in three
# minutes not all happens that is to.
part_soaktsan ()
{
  local runtime
  runtime=$(gcc -print-file-name=libtsan.so)
  export ZRAM_PLUGIN=$work/tsan/zram.so
  build_tsan && with_tsan soaktsan soak -p "$runtime" 10m
}

# Exactly these files are installed, and none is left.  That the plugin works
# from there, one of the server's tests proves.
part_install ()
{
  local dir=$work/clang root=$work/install plugins
  build_clang || return
  plugins=$(sed -n 's/^NBDKIT_PLUGINDIR = //p' "$dir/Makefile")
  rm -rf "$root"
  make -C "$dir" install DESTDIR="$root" || return
  diff <(cd "$root" && find . -type f | sort) - <<END || return
.$plugins/nbdkit-zram-plugin.so
./usr/local/bin/nbdkit-zramctl
./usr/local/lib/systemd/system-generators/nbdkit-zram-generator
./usr/local/lib/systemd/system/nbdkit-zram-swap@.service
./usr/local/lib/systemd/system/nbdkit-zram@.service
./usr/local/lib/systemd/system/nbdkit-zram@.socket
./usr/local/share/bash-completion/completions/nbdkit-zramctl
./usr/local/share/doc/nbdkit-zram/nbdkit-zram.conf.example
./usr/local/share/man/man1/nbdkit-zram-plugin.1
./usr/local/share/man/man1/nbdkit-zramctl.1
./usr/local/share/man/man5/nbdkit-zram.conf.5
./usr/local/share/man/man7/nbdkit-zram-rack.7
./usr/local/share/man/man7/nbdkit-zram-remote.7
./usr/local/share/man/man7/nbdkit-zram-tutorial.7
END
  make -C "$dir" uninstall DESTDIR="$root" &&
    [ -z "$(find "$root" -type f)" ]
}

# The tarball, the only one in $work/clang, quickly packed.
make_dist ()
{
  build_clang && rm -f "$work"/clang/*.tar.xz &&
    XZ_OPT=-0 make -C "$work/clang" dist
}

# Every file of git's is in the tarball.
tarball_is_whole ()
{
  if [ ! -e "$top/.git" ]; then
    not_run tarball_is_whole 'this is not a checkout from git'
    return
  fi
  tar -tf "$work"/clang/*.tar.xz | sed 's:^[^/]*/::' |
    grep -vxFf - <(our_git ls-files ':!*.gitignore' ':!.ci' ':!debian') |
    sed 's/$/: not in the tarball/' | grep . && return 1
  return 0
}

# Of the scripts those for which it matters how the plugin was compiled, or where
# it lies, each with a blank that make's flags can have.  (All of them run in gcc,
# and in shipped.)
distcheck_scripts ()
{
  printf 'test-%s.sh\\ ' dump-plugin exported-symbols filesystem-image fio-verify \
    install qemu-img recompress start-stop swap-privileges writeback
}

# Programs that are tests are of the very files that "gcc" has built them of, if
# the tarball is whole.
part_distcheck ()
{
  local make="-j$(($(nproc) + 1)) -- check_PROGRAMS= CONFORMANCE_TESTS="
  make+=" FUZZ_TESTS="
  make+=" SERVER_SHELL_TESTS=$(distcheck_scripts)"
  build_clang && rm -f "$work"/clang/*.tar.xz &&
    XZ_OPT=-0 make -C "$work/clang" distcheck MAKEFLAGS="$make" \
      DISTCHECK_CONFIGURE_FLAGS=--disable-bench && tarball_is_whole
}

part_packages ()
{
  make_dist && "$top/tests/packages/run" "$work"/clang/*.tar.xz "$work/packages"
}

part_rpm ()
{
  make_dist && "$top/tests/packages/run" -r "$work"/clang/*.tar.xz "$work/rpm"
}

part_shipped ()
{
  build_clang && make -C "$work/clang" -j "$(nproc)" check TESTS= &&
    check_in "$work/clang/tests/server" SERVER_C_TESTS= &&
    check_in "$work/clang/tests/conformance"
}

# build_unit TEST...: the programs of these unit tests, with what "analyse" has
# built; none: of all.
build_unit ()
{
  local -a tests=("${@/#/test-}")
  make -C "$work/analyse/tests/unit" -j "$(nproc)" check TESTS= \
    CFLAGS='-g -Og' ${1:+"check_PROGRAMS=${tests[*]}"}
}

# under_valgrind SUITE TEST... -- OPTION...: these unit tests (none: all of them),
# each in one process.  Another SUITE may run at the same time.
under_valgrind ()
{
  local supp=$top/contrib/valgrind.supp
  local -a tests=() make=("TEST_SUITE_LOG=test-suite-$1.log" CFLAGS='-g -Og')
  shift
  while [ "$1" != -- ]; do
    tests+=("test-$1")
    shift
  done
  shift
  [ ${#tests[@]} -eq 0 ] ||
    make+=("check_PROGRAMS=${tests[*]}" "TESTS=${tests[*]}")
  CK_FORK=no check_in "$work/analyse/tests/unit" "${make[@]}" \
    LOG_COMPILER="valgrind -q --error-exitcode=99 --suppressions=$supp $*"
}

memcheck ()
{
  under_valgrind memcheck "$@" -- --leak-check=full \
    --show-leak-kinds=definite --errors-for-leak-kinds=definite
}

# What the sanitizers cannot see: that something depends on bytes that nobody
# has written, as a page, a message or what goes into the store might; and what
# libraries do with what they are given.  And how threads use POSIX's locks: of
# suites whose threads agree by nothing else, whether they do; these, which
# mostly wait, run beside the others.  (What takes long, as a store behind NBD,
# which waits, is part_memcheck's.)
part_valgrind ()
{
  local status=0 helgrind found=$work/helgrind.log
  local -a bytes=(zspool packed zram idle slottable slottableraces zsmalloc
    seglog store storedamage writeback writebackraces attr attralgorithm
    attrshow blockstate ctlrequest ctlreply ctlclient disk conffile expression)
  local -a agree=(ctlsocket sockfile worker thread tasks watermark)
  local -a locks=(workpool attrlocks attrrun store idle)
  build_analysed && build_unit "${bytes[@]}" "${agree[@]}" "${locks[@]}" ||
    return
  under_valgrind helgrind "${agree[@]}" -- --tool=helgrind >"$found" 2>&1 &
  helgrind=$!
  memcheck "${bytes[@]}" || status=1
  under_valgrind locks "${locks[@]}" -- --tool=helgrind --history-level=none \
    "--suppressions=$top/contrib/helgrind.supp" || status=1
  wait "$helgrind" || status=1
  cat "$found"
  return "$status"
}

part_memcheck ()
{
  build_analysed && memcheck
}

# With another seed each time: a test prints it, for MODEL_SEED to repeat.
part_model ()
{
  local dir tests
  build_gcc || return
  for dir in unit server; do
    tests=$(cd "$top/tests/$dir" && find . -name 'test-*model.c' -printf '%f ')
    MODEL_OPS=2000000 check_in "$work/gcc/tests/$dir" TESTS="${tests//.c/}" ||
      return
  done
}

# What a guest does every day, the longest first: two run at a time.  Where
# "resident" is given, the program alone is short of memory; elsewhere the
# machine is.
vm_tests ()
{
  cat <<'END'
swap-units,size=60,store=16
swap-command,memory=256,size=160,disk=180
manual,page=tutorial,size=30,resident=15
swap-nbd,connections=4,memory=256,size=200
swap-nbd,kind=half,algorithm=zstd,memory=256,size=160
swap-recompress,memory=256,size=160
swap-writeback,memory=256,size=160,store=256
swap-priority,memory=256,size=160
swap-raid,memory=256,size=40,resident=20
swap-storm,memory=256,size=160
swap-full,size=100,resident=40,mem_limit=8M
swap-trim,size=100,resident=30
manual,size=40,resident=20
refused
run-id,memory=256
swap-remote,memory=256,size=41,resident=40
filesystem,disk=512
swap-swapoff,memory=256,size=180,alone=yes
END
}

# What is too long for that.
vm_more_tests ()
{
  cat <<'END'
filesystem,disk=512,fs=xfs
latency
conformance,store=2
selftests,memory=256
selftests,memory=256,algorithm=zstd
swap-zram
swap-nbd
swap-nbd,transport=tcp,server_options=-t4,memory=256,size=160
swap-nbd,kind=compressible,thp=always,memory=600,size=480
swap-nbd,kind=incompressible,size=100,resident=60
swap-clients,memory=256,size=170
swap-virtio,memory=256,size=200
no-faults
swap-nbd,memory=256,size=160,plugin_parameters=spread_threshold=0
swap-loss,memory=256,size=50,resident=20
swap-guests,memory=320,size=43,resident=40
swap-zram,algorithm=zstd
swap-nbd,algorithm=zstd
swap-nbd,server_options=-t4,connections=4
swap-nbd,cpus=2,memory=256,size=160
swap-storm,memory=600,size=480,thp=madvise
swap-storm,connections=4,memory=256,size=150,min_free=12000,plugin_parameters=reserve=1M
swap-beside,memory=256,size=150
swap-disks,memory=256,size=150
swap-remote,memory=256,size=41,resident=40,cut_by=down
swap-remote,memory=256,size=41,resident=40,link=wireguard
swap-remote,memory=256,size=148,delay=200us,jitter=0ms,loss=0.1,cut_in=filling
swap-remote,memory=256,size=148,delay=200us,jitter=0ms,loss=0.1,cut_in=filling,cut=10,link=wireguard
swap-storm,memory=256,size=170,kind=half,min_free=12000,plugin_parameters=reserve=1M
swap-raid,level=0,memory=256,size=160
raid-full,memory=256
swap-loss,raid=0,memory=256,size=50,resident=20
swap-writeback,behind=nbd,memory=256,size=50,resident=20,store=256
swap-writeback,behind=device,memory=256,size=50,resident=20,store=256
swap-arrangements,memory=256,size=30,resident=12
manual,page=rack,memory=256,size=50,resident=20
swap-full,memory=256,size=230,mem_limit=16M
swap-full,memory=256,size=230,mem_limit=0,kind=incompressible
swap-trim
swap-units,size=60,store=16,stuck=yes
END
}

# Short, and with everything at once: what is run a hundred times.
vm_torture_tests ()
{
  cat <<'END'
swap-storm,memory=256,size=160
swap-nbd,connections=4,memory=256,size=150
swap-nbd,kind=half,algorithm=zstd,min_free=840,memory=256,size=160
swap-nbd,server_options=-t4,transport=tcp,memory=256,size=160
END
}

# As packages have it.
build_release ()
{
  build "$work/vm" CC=gcc --enable-werror --disable-bench --prefix=/usr \
    --with-systemd=/usr/lib/systemd
}

# The build is that of the part vm.
part_counts ()
{
  local dir=$work/vm status=0
  build_release && make -C "$dir/tests/instructions" check || return
  "$top/tests/instructions/run" -b "$dir" || status=$?
  [ "$status" -ne 77 ] || {
    not_run counts 'what is recorded is of another compiler or library'
    return 0
  }
  return "$status"
}

# Nothing is built of the project: the models are of its text.
part_models ()
{
  "$top/tests/models/run" "$work/models"
}

part_states ()
{
  "$top/tests/models/run" -l "$work/states"
}

# run_vm ARGUMENT...: tests/vm/run on a build of its own; its figures go into
# ./test's report.
run_vm ()
{
  local dir=$work/vm status=0
  build_release && make -C "$dir/tests/vm" check &&
    make -C "$dir" install DESTDIR="$dir/tests/vm/installed" &&
    make -C "$dir/tests/server" check TESTS= check_PROGRAMS=test-no-faults ||
    return
  case $* in
    *conformance*)
      make -C "$dir/tests/conformance" check TESTS= || return ;;
  esac
  "$top/tests/vm/run" -b "$dir" "$@" || status=$?
  "$top/tests/vm/report" "$dir/tests/vm/logs/figures" | sed 's/^/REPORT: /'
  return "$status"
}

part_vm ()
{
  local -a tests
  mapfile -t tests < <(vm_tests)
  run_vm -j "$(nproc)" "${tests[@]}"
}

part_vmlong ()
{
  local -a tests
  mapfile -t tests < <(vm_more_tests)
  run_vm -t 900 "${tests[@]}"
}

part_torture ()
{
  local -a tests
  mapfile -t tests < <(vm_torture_tests)
  run_vm -j "$(nproc)" -n 25 "${tests[@]}"
}

# They hang, or lose pages: that is what is to be seen.
part_peers ()
{
  run_vm -j "$(nproc)" -e 'swap-nbd,plugin=memory,server_options=--swap' \
    'swap-nbd,plugin=memory,plugin_parameters=allocator=zstd' \
    'swap-nbd,plugin=memory,plugin_parameters=allocator=zstd,protect=lock' \
    'swap-nbd,plugin=memory,plugin_parameters=allocator=zstd,protect=flusher' \
    'swap-remote,memory=256,size=160,link=tls' \
    'swap-remote,memory=256,size=41,resident=40,client_options=-timeout=5' \
    swap-nbd
}
