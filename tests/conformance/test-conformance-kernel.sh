#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The plugin and this machine's zram do the same, operation by operation.

# shellcheck source=../server/functions.sh.in
. ../server/functions.sh

./conformance -k "$top_srcdir"/tests/conformance/*.ops
