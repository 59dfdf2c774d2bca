#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh on Fedora, which no test runs on: the packages that it asks for, as recorded
# by stand-ins for rpm and dnf, and whether Fedora has packages of these names according to
# data/fedora.packages.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
namespace_required "$@"
cd "$tests/.." || exit 1
plan 21

work=$(mktemp -d)
cleanup_fn rm -rf "$work"
mkdir "$work/bin"
printf 'ID=fedora\nVERSION_ID=43\n' > "$work/os-release"
mount --bind "$work/os-release" /etc/os-release || bail_out "cannot put an os-release in its place"

# rpm has what is in the file "installed". dnf notes what it is asked for.
cat > "$work/bin/rpm" <<-END
	#!/bin/sh
	[ "\$1 \$2" = "-q --whatprovides" ] && grep -qxF -- "\$3" $work/installed
END
cat > "$work/bin/dnf" <<-END
	#!/bin/sh
	case "\$*" in
	*repolist*) cat $work/repositories ;;
	*) echo "\$*" >> $work/asked; cat $work/answer; [ ! -s $work/answer ] ;;
	esac
END
chmod +x "$work/bin/"*

# asks PURPOSE... - what dnf is asked for; with what install.sh prints in $output and its
# exit status
asks()
{
	: > "$work/asked"
	output=$(PATH=$work/bin:$PATH ./install.sh --deps="$(IFS=,; echo "$*")" 2>&1)
}

asked()
{
	grep -oE 'install .*' "$work/asked" | cut -d ' ' -f 2- | tr ' ' '\n' | LC_ALL=C sort -u
}

reset()
{
	for file in installed repositories answer; do
		: > "$work/$file"
	done
}

known=$(sed 's/#.*//; s/ .*//; /^$/d' tests/data/fedora.packages)
purposes=$(sed -n 's/^	fedora-\([a-z0-9]*\)).*/\1/p' conf/packages.sh)
is "the purposes are known" "$(paste -sd ' ' <<< "$purposes")" "build run demo test ci fleet v2v"

all=''
for purpose in $purposes; do
	reset
	asks "$purpose"
	is "$purpose: install.sh" $? 0
	is "$purpose: all that it asks for is in the list" "$(asked | comm -23 - <(LC_ALL=C sort <<< "$known"))" ""
	all+=$(asked)$'\n'
done
is "and the list has no other, but what makes the hook static" \
	"$(LC_ALL=C sort -u <<< "$all" | comm -13 - <(LC_ALL=C sort <<< "$known"))" glibc-static

reset
asks run
is "dnf asks nothing" "$(sed 's/ install .*//' "$work/asked")" "-y -q"
grep -v qemu-img <<< "$known" > "$work/installed"
asks build run
is "only what is missing is asked for" "$(asked)" qemu-img
echo 'crb  CodeReady Builder  disabled' > "$work/repositories"
asks run
is "headers may be in a repository that is off" "$(cat "$work/asked")" \
	"-y -q --enablerepo=crb install qemu-img"
echo 'No match for argument: qemu-img' > "$work/answer"
fails "dnf fails" 1 env PATH="$work/bin:$PATH" ./install.sh --deps=run
like "and what it says is shown" "$output" 'No match for argument: qemu-img
install.sh: cannot install the packages; see above'
