#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [-j JOBS] [-t SECONDS] TEST... - run tests and count their assertions
#
# TEST is a program that prints TAP: a unit test or a test-*.sh. Tests that need libvirt
# create their own lab (lab.sh), so JOBS of them (2) run at once. Each has a timeout of
# SECONDS (300). For a test with a failure, run.sh reports what failed and prints the whole
# output; for any other test, only the lines that begin with "#= ". The last line is
# "N passed, N failed", followed by ", N skipped" if tests were skipped: one for each whole
# test that could not run.

set -u

jobs=2 limit=300
while getopts j:t: option; do
	case $option in
	j) jobs=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP

# run_one NUMBER TEST - its output, status and time go to files in $work
run_one()
{
	local begin=${EPOCHREALTIME/[^0-9]/}

	# A name without a slash would be looked for in PATH.
	case $2 in
	*/*) ;;
	*) set -- "$1" "./$2" ;;
	esac
	timeout -k 10 "$limit" "$2" > "$work/$1.out" 2>&1 < /dev/null
	echo $? > "$work/$1.status"
	echo $(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000)) > "$work/$1.ms"
}

passed=0 failed=0 skipped=0

# judge NUMBER TEST - add one test's result up. Dying in the middle, running
# fewer assertions than planned or failing without a "not ok" is a failure of
# its own: silence is not success.
judge()
{
	local out=$work/$1.out name=${2##*/} status good bad planned why=''

	status=$(cat "$work/$1.status")
	good=$(grep -c '^ok ' "$out")
	bad=$(grep -c '^not ok ' "$out")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | tail -n 1)
	if [ "$status" = 77 ]; then
		if [ "${BUSFLIP_MUST_RUN:-0}" = 1 ]; then
			why="was skipped, but must run"
		else
			skipped=$((skipped + 1))
			echo "skip $name:$(sed -n 's/^1\.\.0 # SKIP//p' "$out")"
			return
		fi
	elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
		why="did not end in $limit s"
	elif [ -z "$planned" ]; then
		why="printed no plan (exit status $status)"
	elif [ "$planned" = 0 ]; then
		why="made no assertion"
	elif [ $((good + bad)) != "$planned" ]; then
		why="ran $((good + bad)) of $planned assertions (exit status $status)"
	elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		why="exit status $status"
	elif [ "${BUSFLIP_MUST_RUN:-0}" = 1 ] && grep -q '# SKIP' "$out"; then
		why="$(grep -c '# SKIP' "$out") skipped, but must run"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	[ -z "$why" ] || failed=$((failed + 1))
	if [ "$bad" != 0 ] || [ "$why" ]; then
		echo "FAIL $name: $good passed, $bad failed${why:+; $why}"
		sed 's/^/    /' "$out"
	else
		printf 'ok   %s: %d passed (%d.%d s)\n' "$name" "$good" \
			$(($(cat "$work/$1.ms") / 1000)) $(($(cat "$work/$1.ms") / 100 % 10))
		sed -n 's/^#= /    /p' "$out"
	fi
}

# Results are told as they come, in whatever order.
declare -A running=()
number=0
reap()
{
	local pid

	wait -n -p pid "${!running[@]}"
	# shellcheck disable=SC2086	# number and test: two words
	judge ${running[$pid]}
	unset "running[$pid]"
}

for test; do
	[ ${#running[@]} -lt "$jobs" ] || reap
	run_one $number "$test" &
	running[$!]="$number $test"
	number=$((number + 1))
done
while [ ${#running[@]} -gt 0 ]; do
	reap
done

[ $skipped = 0 ] && tail='' || tail=", $skipped skipped"
echo "$passed passed, $failed failed$tail"
[ $failed = 0 ]
