#!/bin/sh
# SPDX-License-Identifier: MIT
# check-symbols.sh NM LIBRARY ARCHIVE... - no archive of ours may define what a library does.
#
# Where both are linked, which of the two is called would be a matter of their order.
set -eu
nm=$1
library=$2
shift 2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$nm" -D -P --defined-only "$library" | awk 'NF > 1 { sub(/@.*/, "", $1); print $1 }' |
	sort -u >"$tmp/theirs"
"$nm" -P -g --defined-only "$@" | awk 'NF > 1 { print $1 }' | sort -u >"$tmp/ours"
if [ ! -s "$tmp/theirs" ] || [ ! -s "$tmp/ours" ]; then
	echo "check-symbols.sh: no symbols found" >&2
	exit 1
fi
comm -12 "$tmp/theirs" "$tmp/ours" >"$tmp/both"
if [ -s "$tmp/both" ]; then
	echo "defined here and in $library: $(tr '\n' ' ' <"$tmp/both")" >&2
	exit 1
fi
