#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test-filter-corpus.sh - "busflip filter" on the domains of libvirt's own tests
#
# libvirt's source package has some 1500 domains, one for each feature of libvirt. They
# are not part of this project: they come from the tree that BUSFLIP_LIBVIRT_SOURCE names,
# or from the distribution's source package, which is kept in the build directory.
# tests/filter-corpus.py does the work.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/lib-source.sh
. "$tests/lib-source.sh"

packages=$BUSFLIP_BUILD/libvirt-source

# The source of the libvirt that is installed, or else of another version.
download()
{
	local version

	version=$(dpkg-query -W -f '${source:Version}' libvirt0)
	fetch_source "$packages" "libvirt=$version" --tar-only ||
		fetch_source "$packages" libvirt --tar-only
}

# Only what is needed, in $packages/tests.
unpack()
{
	local tarball

	for tarball in "$packages"/libvirt_*.orig.tar.*z; do
		[ -e "$tarball" ] || return 1
		tar -xf "$tarball" -C "$packages" --strip-components=1 \
			--wildcards '*/tests/qemuxml*data/*.xml' && return
		rm -f "$tarball"
	done
	return 1
}

find_source()
{
	[ "${BUSFLIP_LIBVIRT_SOURCE:-}" ] && return
	if [ ! -e "$packages/complete" ]; then
		mkdir -p "$packages"
		unpack 2>/dev/null || { download && unpack; } >&2 ||
			skip_all "libvirt's source package can't be had"
		touch "$packages/complete"
	fi
	export BUSFLIP_LIBVIRT_SOURCE=$packages
}

[ "${LAB:-}" ] || { requires test -x "$BUSFLIP_BUILD/busflip"; find_source; }
requires test -d "$BUSFLIP_LIBVIRT_SOURCE/tests"
requires python3 --version
requires stdbuf --version
busflip_required "$@"
plan 19

results=$LAB/corpus
number()
{
	sed -n "s/^$1 //p" "$results/numbers" 2>/dev/null | grep . || echo 0
}

# none_bad CHECK NAME - no domain failed that check
none_bad()
{
	if [ -s "$results/bad-$1" ]; then
		fail "$2" "$(wc -l < "$results/bad-$1") domains:" \
			"$(head -n 20 "$results/bad-$1" | cut -c 1-500)"
	else
		pass "$2"
	fi
}

# at_least N COUNT - enough of the corpus was there for the rest to mean much
at_least()
{
	local n

	n=$(number "$2")
	if [ "$n" -ge "$1" ]; then
		pass "$2: $n, at least $1"
	else
		fail "$2: $n, less than $1"
	fi
}

ok "the corpus is run through" \
	"$tests/filter-corpus.py" "$BUSFLIP_LIBVIRT_SOURCE" "$results"
diag "$(cat "$results/numbers")" "refused:" "$(cat "$results/refused")" \
	"not accepted by this libvirtd before:" "$(head -n 12 "$results/unusable")"

at_least 1000 domains
at_least 500 staged
at_least 100 staged-from-virtio-for-virtio
at_least 10 staged-from-scsi-for-scsi
at_least 300 schema-staged
at_least 300 accepted-staged
at_least 300 boot-order-staged

none_bad untagged "domains without the tag come out byte for byte"
none_bad refusal "a refusal is one sentence and nothing else"
none_bad steps "what was staged can be promoted, rolled back and restored"
none_bad twice "staging once more changes nothing"
none_bad promoted "promoted, a disk is what it was on that bus"
none_bad restored "restored, a domain is what it was"
none_bad restored-later "also after it was promoted"
none_bad rolled-back "rolled back, it is what it was when staged"
none_bad schema "libvirt's schema allows the results"
none_bad daemon "libvirtd accepts the results"
none_bad boot-order "the boot order stays"
