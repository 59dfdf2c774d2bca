#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The model's own replay of logs, on a hive of a real machine. BUSFLIP_HIVES names the
# folder with these hives.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
hives=${BUSFLIP_HIVES:-$tests/../../shared/hives}
requires xz --version
[ -x "$BUSFLIP_BUILD/windows/test-registry" ] || skip_all "the Windows model is not built"
work=$(mktemp -d)
cleanup_fn rm -rf "$work"
plan 1

[ -r "$hives/win10-1709-dell-raid.SYSTEM.xz" ] || skip_all "there are no real hives here"
for part in SYSTEM LOG1 LOG2; do
	xz -dc "$hives/win10-1709-dell-raid.$part.xz" > "$work/$part"
done
is "24 entries, 2107 to 2130, 35595 keys" \
	"$("$BUSFLIP_BUILD/windows/test-registry" "$work/SYSTEM" "$work/LOG1" "$work/LOG2")" \
	"replayed=24 sequence=2131 keys=35595"
