#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Commands in the README and in the manual pages work as they stand there: those
# that are marked, in the README by a fence that says "sh test", in a manual by a
# paragraph "=for test" before them.  They run in a directory that holds zram.so
# as the top of the build tree does, with a nbdkit on the path that finds the
# plugin as if it were installed, and with nbdkit-zramctl.  (Commands that need
# root or the kernel's nbd module are not marked.)

# shellcheck source=functions.sh.in
. ./functions.sh

# readme_blocks: the marked blocks, each ended by a line with a form feed.
readme_blocks ()
{
  awk '
    /^```/ { if (on) printf "\f\n"; on = !on && $0 == "```sh test"; next }
    on' "$top_srcdir/README.md"
}

# manual_blocks PAGE
manual_blocks ()
{
  awk '
    /^=for test$/ { on = 1; next }
    on && /^[^ ]/ { printf "\f\n"; on = 0 }
    on && (/^ / || text) { sub (/^ /, ""); print; text = 1 }
    !on { text = 0 }' "$top_srcdir/man/$1.pod"
}

# A nbdkit that knows the plugin by its short name, and the other program.
install_programs ()
{
  mkdir "$dir/bin"
  ln -s "$zramctl" "$dir/bin/nbdkit-zramctl"
  cat >"$dir/bin/nbdkit" <<END
#!/usr/bin/env bash
words=()
for word; do
  [ "\$word" != zram ] || word='$plugin'
  words+=("\$word")
done
exec '$nbdkit' "\${words[@]}"
END
  chmod +x "$dir/bin/nbdkit"
  PATH=$dir/bin:$PATH
}

# What the commands leave running has the mark in its environment.
kill_marked ()
{
  local file
  { grep -lzsx "ZRAM_TEST_MARK=$dir" /proc/[0-9]*/environ || :; } |
    while read -r file; do
      file=${file#/proc/}
      kill -KILL "${file%/environ}" 2>/dev/null || :
    done
}

# run_blocks NAME: those on standard input, one after the other.
run_blocks ()
{
  local name=$1 block n=0
  mkdir "$dir/$name"
  ln -s "$plugin" "$dir/$name/zram.so"
  while IFS= read -r -d $'\f' block; do
    read -r || :
    n=$((n + 1))
    printf '%s, block %d:\n%s\n' "$name" "$n" "$block"
    (cd "$dir/$name" &&
     ZRAM_TEST_MARK=$dir timeout 120 bash -euc "$block" </dev/null) ||
      { kill_marked; die "$name, block $n: exit status $?"; }
  done
  kill_marked
  [ "$n" -gt 0 ] || die "$name: no command is marked"
}

pages=(nbdkit-zram-plugin nbdkit-zramctl nbdkit-zram-remote
  nbdkit-zram-tutorial)

readme_blocks >"$dir/readme"
for page in "${pages[@]}"; do
  manual_blocks "$page" >"$dir/$page.blocks"
done
for client in nbdinfo nbdcopy qemu-img fio psktool; do
  ! grep -qw "$client" "$dir/readme" "$dir"/*.blocks || requires "$client" --version
done
install_programs
run_blocks README <"$dir/readme"
for page in "${pages[@]}"; do
  run_blocks "$page" <"$dir/$page.blocks"
done
