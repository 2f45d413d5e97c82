#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin does what the script wants of it, whether or not there is a kernel
# to compare with.

# shellcheck source=../server/functions.sh.in
. ../server/functions.sh

./conformance -s here "$top_srcdir"/tests/conformance/*.ops
