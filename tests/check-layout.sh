#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# House rules of the tree that only a test keeps: who includes whom, which file
# uses which library, how long files are, what the hook links.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$tests/.." || exit 1
plan 19

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

none "conf/ includes of others only helper/base.h" \
	"$(includes conf | grep -E ': (hook|helper|tests)/' | grep -v ': helper/base\.h$')"
none "helper/ includes nothing of hook/ and conf/" \
	"$(includes helper | grep -E ': (hook|conf|tests)/')"
# What busflip and busflip-helper share: the message between them, the exit codes,
# what both do to a disk, how text is made safe to show, and what both processes give
# up before they read what others made. Nothing of it parses
# what a guest wrote.
none "hook/ includes of helper/ only what both need" \
	"$(includes hook | grep ': helper/' |
	   grep -vE ': helper/(base|job|refusal|disk|journal|json|landlock|jail|newroot)\.h$')"
none "hivex is used in helper/hive.c only" \
	"$(only_in 'hivex' helper/hive.c)"
none "libntfs-3g is used in helper/ntfs*.c only" \
	"$(only_in 'ntfs-3g/' helper/ntfs[^/]*)"
none "libnbd is used in helper/disk.c only" \
	"$(only_in 'libnbd' helper/disk.c)"
none "libarchive is used in helper/drivers.c only" \
	"$(only_in 'archive' helper/drivers.c)"
none "libseccomp is used in helper/sandbox.c only" \
	"$(only_in 'seccomp\.h' helper/sandbox.c | grep -v 'linux/')"
# The library can't be loaded where qemu-nbd is about to be executed.
none "filters by hand are in hook/nbdcalls.c only" \
	"$(only_in 'linux/(filter|seccomp)\.h' hook/nbdcalls.c)"
none "front.c includes of the tree only helper/base.h" \
	"$(includes hook/front.c | grep -E ': (hook|conf)/')"

none "libvirt is used in hook/virt.c only" \
	"$(only_in 'libvirt/' hook/virt.c)"
none "inih is used in conf/config.c only" \
	"$(only_in 'ini\.h' conf/config.c)"
# The tree of a document is what all rewriting works on, so its type is known
# where xml.h is; reading and writing bytes is for xml.c alone.
none "libxml2 is included by hook/xml.c and xml.h only" \
	"$(only_in 'libxml/' hook/xml.c hook/xml.h)"

none "hook/front.c has at most 180 lines" \
	"$(wc -l < hook/front.c | awk '$1 > 180')"
none "no file has more than 500 lines, but for manual pages" \
	"$(find hook conf helper tests install.sh Makefile .ci -type f ! -name '*.[58]' -exec wc -l {} + |
	   awk '$1 > 500 && $2 != "total"')"
none "no line is longer than 100 columns" \
	"$(grep -rlE '' --include='*.[ch]' hook conf helper tests | while read -r file; do
		expand "$file" | awk -v f="$file" 'length > 100 { print f ": " NR }'
	   done)"

# A file begins with its licence; scripts and pages after what they must begin
# with.
none "every file names its licence on top" \
	"$(find hook conf helper tests install.sh Makefile .ci -type f \
		\( -name '*.[chS]' -o -name '*.sh' -o -name '*.[58]' -o -name '*.py' \
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
