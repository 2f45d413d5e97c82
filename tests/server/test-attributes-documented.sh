#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Both manual pages, as they are built, have every attribute that a server has,
# with what it says of it, and every parameter.

# shellcheck source=functions.sh.in
. ./functions.sh

start_nbdkit 1M "control=$control"
"$zramctl" -s "$control" -n -r attributes | sed 's/\\x20/ /g' >"$dir/attributes"
[ "$(wc -l <"$dir/attributes")" -gt 10 ] || die 'there are hardly any attributes'
"$nbdkit" "$plugin" --help | sed -n '/^plugin: /,$p' |
  sed -nE 's/^(\[[a-z]+=\]\|)?([a-z_]+)=<.*/\2/p' >"$dir/parameters"
[ -s "$dir/parameters" ] || die 'there are no parameters'

# page_of NAME: its text, all white space as one blank, in $page_text.
page_of ()
{
  local page=$top_builddir/man/$1.1
  [ -f "$page" ] || page=$top_srcdir/man/$1.1
  page_text=$(sed -e 's/\\-/-/g' -e "s/\\\\*(Aq/'/g" -e 's/\\&//g' \
    -e 's/\\f[BIR]//g; s/\\s-1//g; s/\\s0//g' "$page" | tr -s '[:space:]' ' ')
}

for name in nbdkit-zram-plugin nbdkit-zramctl; do
  page_of "$name"
  [[ $page_text != *'=for attributes'* && $page_text != *'@attributes@'* ]] ||
    die "$name: the attributes are not there"
  while read -r attribute mode help; do
    [[ $page_text =~ \"$attribute(\ [^\"]*)?\ \(${mode}[,\)] ]] ||
      die "$name: $attribute ($mode) is not there"
    [[ $page_text == *"$help"* ]] || die "$name: $attribute: no '$help'"
  done <"$dir/attributes"
  while read -r parameter; do
    [[ $page_text =~ \"$parameter\ [^\"]*parameter\) ]] ||
      die "$name: the parameter $parameter is not there"
  done <"$dir/parameters"
done
