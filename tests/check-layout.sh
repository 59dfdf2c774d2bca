#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Rules of the source tree that no compiler enforces: which file may include which, which
# file uses which library, the length of files, what the hook links.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$tests/.." || exit 1
plan 35

# none NAME LINES - passes when there are no lines; they say what is wrong
none()
{
	is "$1" "$2" ""
}

# includes FOLDER... - "file: included" for each file of the tree's own and
# of libraries that the folders' files include
includes()
{
	grep -rnoE '^#include [<"][^>"]+' --include='*.[ch]' "$@" |
		sed -E 's/:[0-9]+:#include [<"]/: /'
}

# only_in LIBRARY-HEADERS FILE... - files that include them though not listed
only_in()
{
	local headers=$1 allowed

	shift
	allowed=$(IFS='|'; echo "$*")
	includes hook conf helper | grep -E ": ($headers)" | grep -vE "^($allowed): "
}

# The folders, each above those that it may use; what both programs share is below all.
hook_order='command checkup lifecycle cli disk image host recovery state libvirt phase domain'
helper_order='action edits drivers verdict windows ntfs hive image'

# ranks - "FOLDER NUMBER" of each; what is right in hook/ or helper/ is above this lines folders
ranks()
{
	local folder n=0

	echo "hook 0"
	for folder in $hook_order; do
		echo "hook/$folder $((n += 1))"
	done
	echo "helper 100"
	n=100
	for folder in $helper_order; do
		echo "helper/$folder $((n += 1))"
	done
	echo "conf 200"
	echo "helper/shared 300"
}

# upwards - of the lines of includes(), those that do not lead down: to a folder above, from
# one program to the other, or into a folder that has no place in the order
upwards()
{
	awk 'NR == FNR { rank[$1] = $2; next }
		{
			from = $1
			sub(/:$/, "", from)
			to = $2
			if (to !~ /^(hook|helper|conf|tests)\// || to == from)
				next
			sub(/\/[^\/]*$/, "", from)
			sub(/\/[^\/]*$/, "", to)
			if (from == to && (from in rank))
				next
			if (!(from in rank) || !(to in rank) || rank[to] <= rank[from] ||
			    (rank[from] < 100 && rank[to] >= 100 && rank[to] < 200) ||
			    (rank[from] >= 100 && rank[to] == 200))
				print
		}' <(ranks) -
}

# circles OBJECT... - of files that call each other, directly or by way of others
circles()
{
	nm -A -P "$@" | awk '
		{ sub(/(\[.*\])?:$/, "", $1) }
		$3 ~ /^[TDBRVWC]$/ { file[$2] = $1 }
		$3 == "U" { user[++n] = $1; symbol[n] = $2 }
		END {
			for (i = 1; i <= n; i++)
				if ((symbol[i] in file) && file[symbol[i]] != user[i])
					print user[i], file[symbol[i]]
		}' | sort -u | { tsort > /dev/null; } 2>&1
}

# objects FOLDER... - of files that there are (still)
objects()
{
	local object source

	find "${@/#/$BUSFLIP_BUILD/}" -name '*.o' | while read -r object; do
		source=${object#"$BUSFLIP_BUILD"/}
		[ ! -e "${source%.o}.c" ] || echo "$object"
	done
}

# crowded FOLDER - which folders below it have more than 25 files
crowded()
{
	find "$@" -type f -printf '%h\n' | sort | uniq -c | awk '$1 > 25'
}

none "what a file includes is below it" "$(includes hook helper conf | upwards)"
mapfile -t objects < <(objects hook conf helper/shared)
[ "${#objects[@]}" -gt 50 ] || bail_out "busflip is not built in $BUSFLIP_BUILD"
none "no files of busflip call each other in a circle" "$(circles "${objects[@]}")"
mapfile -t objects < <(objects helper)
none "nor files of busflip-helper" "$(circles "${objects[@]}")"
none "no folder has more than 25 files" "$(crowded hook helper conf)"

# These four fail on what they are for.
work=$(mktemp -d)
cleanup_fn rm -rf "$work"
for include in "hook/domain/a.c: hook/phase/b.h" "hook/disk/a.c: hook/lifecycle/b.h" \
	"hook/disk/a.c: helper/ntfs/ntfs.h" "helper/ntfs/a.c: hook/domain/xml.h" \
	"helper/image/a.c: helper/ntfs/ntfs.h" "helper/ntfs/a.c: conf/config.h" \
	"helper/shared/a.c: hook/domain/xml.h" "conf/a.c: hook/domain/xml.h" \
	"hook/new/a.c: hook/new/b.h" "hook/disk/a.c: tests/tap.h"; do
	is "planted: ${include/: / includes }" "$(upwards <<< "$include")" "$include"
done
is "planted: what leads down is none" "$(upwards <<< "hook/disk/a.c: helper/shared/base.h
hook/front.c: helper/shared/base.h
hook/phase/a.c: hook/phase/b.h
hook/cli/a.c: conf/config.h")" ""
for call in "a b" "b c" "c a" "d a"; do
	read -r from to <<< "$call"
	echo "void $to(void); void $from(void); void $from(void) { $to(); }" > "$work/$from.c"
	"${CC:-cc}" -c -o "$work/$from.o" "$work/$from.c"
done
like "planted: three files in a circle" "$(circles "$work"/[abc].o)" 'loop.*a\.o.*'
is "planted: two that are in none" "$(circles "$work"/[bd].o)" ""
mkdir "$work/crowd"
touch "$work"/crowd/{1..26}
like "planted: 26 files" "$(crowded "$work/crowd")" '26 .*/crowd'

none "hivex is used in helper/hive/hive.c only" \
	"$(only_in 'hivex' helper/hive/hive.c)"
none "libntfs-3g is used in helper/ntfs/ only" \
	"$(only_in 'ntfs-3g/' 'helper/ntfs/[^/]*')"
none "libnbd is used in helper/shared/nbdclient.c only" \
	"$(only_in 'libnbd' helper/shared/nbdclient.c)"
none "libarchive is used in helper/drivers/drivers.c only" \
	"$(only_in 'archive' helper/drivers/drivers.c)"
none "libseccomp is used in helper/sandbox.c only" \
	"$(only_in 'seccomp\.h' helper/sandbox.c | grep -v 'linux/')"
# The library can't be loaded where qemu-nbd is about to be executed.
none "filters by hand are in hook/disk/nbdcalls.c only" \
	"$(only_in 'linux/(filter|seccomp)\.h' hook/disk/nbdcalls.c)"
none "front.c includes of the tree only helper/shared/" \
	"$(includes hook/front.c | grep -E ': (hook|conf)/')"

none "libvirt is used in hook/libvirt/virt.c only" \
	"$(only_in 'libvirt/' hook/libvirt/virt.c)"
none "inih is used in conf/config.c only" \
	"$(only_in 'ini\.h' conf/config.c)"
# The tree of a document is what all rewriting works on, so its type is known
# where xml.h is; reading and writing bytes is for xml.c alone.
none "libxml2 is included by hook/domain/xml.c and xml.h only" \
	"$(only_in 'libxml/' hook/domain/xml.c hook/domain/xml.h)"

none "hook/front.c has at most 180 lines" \
	"$(wc -l < hook/front.c | awk '$1 > 180')"
none "no file has more than 500 lines, but for manual pages" \
	"$(find hook conf helper tests install.sh Makefile .ci -type f ! -name '*.[578]' -exec wc -l {} + |
	   awk '$1 > 500 && $2 != "total"')"
none "no line is longer than 100 columns" \
	"$(grep -rlE '' --include='*.[ch]' hook conf helper tests | while read -r file; do
		expand "$file" | awk -v f="$file" 'length > 100 { print f ": " NR }'
	   done)"

none "each header is guarded by its own name" \
	"$(find hook conf helper -name '*.h' | while read -r file; do
		name=$(basename "$file" .h | tr 'a-z-' 'A-Z_')
		grep -q "^#ifndef BUSFLIP_${name}_H$" "$file" &&
			grep -q "^#define BUSFLIP_${name}_H$" "$file" || echo "$file"
	   done)"

# A file begins with its licence; scripts and pages after what they must begin
# with.
none "every file names its licence on top" \
	"$(find hook conf helper tests install.sh Makefile .ci -type f \
		\( -name '*.[chS]' -o -name '*.sh' -o -name '*.[578]' -o -name '*.py' \
		-o -name '*.conf' -o -name '*.path' -o -name '*.service' -o -name '*.cil' \
		-o -name Makefile -o -path '.ci/run' -o -path 'conf/completion/*' -o -name '*.awk' \
		-o -name '*.spec' -o -name '*.zsh' -o -path 'conf/debian/p*' -o -name rules \) |
	   while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
			echo "$file"
	   done)"

# Libraries that a sanitizer brings are not ours.
links()
{
	readelf -d "$BUSFLIP_BUILD/busflip-hook" 2>&1 | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
		grep -vE '^lib(c\.so|asan\.|ubsan\.)'
}
if [ -x "$BUSFLIP_BUILD/busflip-hook" ]; then
	none "busflip-hook links nothing but libc" "$(links)"
else
	fail "busflip-hook links nothing but libc" "$BUSFLIP_BUILD/busflip-hook is not built"
fi

# What a command left in the folder that it was run in is not to be kept by git.
is "the top level holds the agreed names, and dot-files" \
	"$(find "$tests/.." -mindepth 1 -maxdepth 1 ! -name '.*' ! -name 'build*' -printf '%f\n' |
		LC_ALL=C sort | paste -sd " ")" \
	"LICENSE Makefile README.md conf helper hook install.sh tests"
