#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How run.sh counts tests: where all tests must run, one that was skipped, was killed or
# ended early must not count as a success.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
plan 22

work=$(mktemp -d)
cleanup_fn rm -rf "$work"

# judged MUST LINE... - how run.sh judges a test that is a script of these lines
judged()
{
	local must=$1

	shift
	printf '%s\n' '#!/bin/bash' ". '$tests/lib.sh'" "$@" > "$work/one"
	chmod +x "$work/one"
	BUSFLIP_MUST_RUN=$must "$tests/run.sh" "$work/one" 2>&1 | tail -n 1
	return "${PIPESTATUS[0]}"
}

is "one that passes" "$(judged 1 'plan 1' 'pass x')" "1 passed, 0 failed"
is "one that fails" "$(judged 0 'plan 1' 'fail x')" "0 passed, 1 failed"
is "no plan" "$(judged 0 'echo "ok 1 - x"')" "1 passed, 1 failed"
is "fewer than planned" "$(judged 0 'plan 2' 'pass x')" "1 passed, 1 failed"
is "skipped" "$(judged 0 'skip_all x')" "0 passed, 0 failed, 1 skipped"
is "skipped, but must run" "$(judged 1 'skip_all x')" "0 passed, 1 failed"
is "a command that it needs" "$(judged 1 'requires false')" "0 passed, 1 failed"
is "in part" "$(judged 0 'plan 2' 'skip_some 2 x y')" "2 passed, 0 failed"
is "in part, but must run" "$(judged 1 'plan 2' 'skip_some 2 x y')" "0 passed, 2 failed"
is "in its own words" "$(judged 1 'plan 1' 'pass "x # SKIP y"')" "1 passed, 1 failed"
is "a plan of none" "$(judged 0 'plan 0')" "0 passed, 1 failed"
fails "and it says so with its status" 1 judged 1 'plan 1' 'pass "x # SKIP y"'

# --- unit tests, in C

# unit MUST STATEMENT... - the same of one that is a program with these statements
unit()
{
	local must=$1

	shift
	printf '#include "tests/tap.h"\nint main(void)\n{\n%s\nreturn done_testing();\n}\n' "$*" \
		> "$work/unit.c"
	${CC:-cc} -D_GNU_SOURCE -I "$tests/.." -o "$work/unit" "$work/unit.c" &&
		BUSFLIP_MUST_RUN=$must "$tests/run.sh" "$work/unit" 2>&1 | tail -n 1
}

is "C: one that passes" "$(unit 1 'ok(true, "x");')" "1 passed, 0 failed"
is "C: skipped" "$(unit 0 'skip_all("x");')" "0 passed, 0 failed, 1 skipped"
is "C: skipped, but must run" "$(unit 1 'skip_all("x");')" "0 passed, 1 failed"
is "C: in part" "$(unit 0 'skip_one("x");')" "1 passed, 0 failed"
is "C: in part, but must run" "$(unit 1 'skip_one("x");')" "0 passed, 1 failed"

# --- some of the tests: a name that is none would be a test that nobody runs

listed=$(sed 's/#.*//' "$tests/distro.list" | xargs)
is "make check runs those that it is told" \
	"$(make -C "$tests/.." -n check BUSFLIP_TESTS="$listed" | grep -oE 'run\.sh -t 900 .*\.sh ' |
		grep -oE '(check|test)-[^ ]*\.sh' | sort | xargs)" \
	"$(tr ' ' '\n' <<< "$listed" | sort | xargs)"
fails "and no name that is none" 2 make -C "$tests/.." -n check BUSFLIP_TESTS='test-front.sh test-none.sh'
like "which it says" "$output" 'no such test: test-none\.sh'

# --- and no test has a way of its own to be left out

# (a script of 77 tests has a plan of that many: no status)
is "nothing else says SKIP or ends with 77" \
	"$(grep -rE '# SKIP|\b77\b' "$tests" --include='*.sh' --include='*.py' --include='tap.h' |
		grep -vx '[^:]*:plan 77' | cut -d : -f 1 | sort -u |
		xargs -n 1 basename | sort | paste -sd ' ')" \
	"check-run.sh lib.sh run.sh tap.h"
is "nor does a unit test" "$(grep -lE '# SKIP|exit\(77' "$tests"/*.c "$tests"/guest/windows/*.c)" ""
