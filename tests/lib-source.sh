# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-source.sh - source packages, fetched from this machine's package sources. Sourced.

# source_archives [OPTION...] - in whatever form that is written down, as sources of
# source packages; nothing before apt's first update
source_archives()
{
	# shellcheck disable=SC2016	# for apt-get
	apt-get "$@" indextargets --format '$(ORIGIN) deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Identifier: Packages' 2>/dev/null | sed -nE 's/^(Debian|Ubuntu) //p' | sort -u | grep .
}

# fetch_source FOLDER PACKAGE[=VERSION] PART... - PART is --tar-only, the program's own
# archive, or --diff-only, what the distribution adds; mirrors may lack the rest. apt has
# lists, caches and configuration of its own, so that nothing on the machine changes.
fetch_source()
(
	apt=$(mktemp -d) || exit 1
	trap 'rm -rf "$apt"' EXIT
	mkdir -p "$apt/parts" "$apt/lists" "$apt/cache" && cd "$1" || exit 1
	options=(-qq -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache"
		-o APT::Sandbox::User=root -o Acquire::Languages=none
		-o Acquire::Retries=1 -o Acquire::http::Timeout=20)
	source_archives > "$apt/list" || {
		timeout 100 apt-get "${options[@]}" update
		source_archives "${options[@]}" > "$apt/list"
	}
	mv "$apt/list" "$apt/parts/own.list"
	options+=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/parts"
		-o Dir::Etc::trustedparts=/usr/share/keyrings)
	timeout 100 apt-get "${options[@]}" update
	for part in "${@:3}"; do
		timeout 60 apt-get "${options[@]}" source "$part" --download-only "$2" || exit
	done
)
