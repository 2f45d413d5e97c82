#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The corpus, in this build: what fuzzing has found before does no harm, nor does
# anything else that it keeps.  ($replays: the programs, replay-NAME for each
# directory of corpus/ that this build has a program for.)

set -eu

for replay in ${replays:?}; do
  corpus=${srcdir:-.}/corpus/${replay#replay-}
  inputs=("$corpus"/*)
  [ -e "${inputs[0]}" ] || { echo "$corpus: there is none"; exit 1; }
  "./$replay" "${inputs[@]}"
done
