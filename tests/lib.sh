# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib.sh - sourced by every test-*.sh: TAP output, requirements, domains
#
# A failed assertion does not stop a script: the script continues, and its exit status
# reports the failure. A script that cannot continue calls bail_out.

set -u

# The programs of the packages that install.sh installs come before others of their name:
# a python3 of pyenv takes eight times as long to start.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

tests=${BASH_SOURCE[0]%/*}
tests=$(cd "$tests" && pwd -P)
# shellcheck source=tests/lab.sh
. "$tests/lab.sh" functions

# --- TAP ---

tap_planned=0 tap_count=0 tap_failed=0
cleanups=()

# cleanup_fn COMMAND [ARG...] - run it at the end, whatever happens, the latest
# first. Not needed for files in $LAB, nor for processes: they go by themselves.
cleanup_fn()
{
	cleanups+=("$(printf '%q ' "$@")")
}

at_exit()
{
	local status=$? i

	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do
		eval "${cleanups[i]}"
	done
	[ $status != 77 ] || exit 77
	if [ $tap_count != $tap_planned ] && [ $status = 0 ]; then
		echo "# $tap_planned tests planned, $tap_count run"
		status=1
	fi
	[ $tap_failed = 0 ] || status=1
	if [ $status != 0 ] && [ "${LAB:-}" ]; then
		diag "log of busflip:" && tail -n 60 "$LAB/log" | sed 's/^/#   /'
		diag "errors of the daemon:"
		grep ' error : ' "$LAB/$lab_daemon.log" |
			grep -v -e /dev/kvm -e dnsmasq -e 'system bus' -e dmi -e cgroup -e ethtool |
			tail -n 20 | sed 's/^/#   /'
	fi
	exit $status
}
trap at_exit EXIT
trap 'exit 143' TERM INT HUP

plan()
{
	tap_planned=$1
	echo "1..$1"
}

diag()
{
	printf '%s\n' "$@" | sed 's/^/# /'
}

pass()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

# fail NAME [LINE...] - the lines say what was seen
fail()
{
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	shift
	[ $# = 0 ] || diag "$@"
}

# ok NAME COMMAND [ARG...] - passes when COMMAND succeeds
ok()
{
	local name=$1 output status

	shift
	output=$("$@" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		pass "$name"
	else
		fail "$name" "$*" "exit status $status" "$output"
		return 1
	fi
}

# fails NAME STATUS COMMAND [ARG...] - passes when COMMAND exits with STATUS;
# what it printed is in $output afterwards
fails()
{
	local name=$1 want=$2 status

	shift 2
	output=$("$@" 2>&1)
	status=$?
	if [ $status = "$want" ]; then
		pass "$name"
	else
		fail "$name" "$*" "exit status $status, not $want" "$output"
	fi
}

# is NAME SEEN WANTED
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "seen:   $2" "wanted: $3"
	fi
}

# like NAME SEEN REGEX - REGEX is an extended one
like()
{
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "seen:   $2" "wanted: $3"
	fi
}

unlike()
{
	if ! [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "seen:     $2" "unwanted: $3"
	fi
}

# quietly COMMAND [ARG...] - show what it prints only when it fails
quietly()
{
	local output

	output=$("$@" 2>&1) || {
		diag "$*: exit status $?" "$output"
		return 1
	}
}

bail_out()
{
	echo "Bail out! $*"
	exit 1
}

# --- what a test needs ---

skip_all()
{
	if [ "${BUSFLIP_MUST_RUN:-0}" = 1 ]; then
		echo "Bail out! must run, but $*"
		exit 1
	fi
	echo "1..0 # SKIP $*"
	exit 77
}

# skip_some NUMBER NAME WHY - so many assertions that can't be made on this machine
skip_some()
{
	local i

	for ((i = 0; i < $1; i++)); do
		if [ "${BUSFLIP_MUST_RUN:-0}" = 1 ]; then
			fail "$2: must run, but $3"
		else
			pass "$2 # SKIP $3"
		fi
	done
}

# requires COMMAND [ARG...] - skip the whole script unless COMMAND succeeds
requires()
{
	"$@" >/dev/null 2>&1 || skip_all "this fails: $*"
}

# namespace_required - go on with mounts and processes of our own, which end with
# the script. To be called before disklib.sh is sourced.
namespace_required()
{
	[ "${BUSFLIP_NAMESPACE:-}" ] && return
	[ "$(id -u)" = 0 ] || skip_all "this test must be run by root"
	requires unshare --mount --pid --fork --mount-proc true
	trap - EXIT
	BUSFLIP_NAMESPACE=1 exec unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
}

# lab_required - go on inside a lab. To be called before anything is done.
lab_required()
{
	[ "${LAB:-}" ] && return
	[ "$(id -u)" = 0 ] || skip_all "this test must be run by root"
	if [ "$LAB_DAEMON" = modular ]; then
		requires "$tests/modular.sh" folder
	else
		requires libvirtd --version
	fi
	requires virtlogd --version
	requires virsh --version
	requires qemu-system-x86_64 --version
	requires qemu-img --version
	requires xmllint --version
	requires python3 --version
	requires as --version
	requires unshare --mount --pid --fork --mount-proc --ipc --uts --net true
	"$tests/guest/build.sh" "$BUSFLIP_BUILD/guest" || bail_out "no guests"
	trap - EXIT
	exec "$tests/lab.sh" run "$0" "$@"
}

# busflip_required - in a lab, with the programs installed
busflip_required()
{
	lab_required "$@"
	[ -x /usr/local/sbin/busflip ] || skip_all "busflip is not built"
}

# --- waiting ---

# wait_for CONDITION SECONDS - CONDITION is a piece of shell; looked at every
# 20 ms. Fails when the time is over.
wait_for()
{
	local end=$((${EPOCHREALTIME/[^0-9]/} + $2 * 1000000))

	until eval "$1"; do
		if ((${EPOCHREALTIME/[^0-9]/} > end)); then
			diag "waited $2 s for: $1"
			return 1
		fi
		sleep 0.02
	done
}

# --- the daemon ---
# lab_daemon_start and lab_daemon_pid are in lab.sh.

# lab_daemon_end [SIGNAL] - end it, if it runs, and wait until it has ended
lab_daemon_end()
{
	local pid

	pid=$(lab_daemon_pid) || return 0
	kill "-${1:-TERM}" "$pid" && wait_for "! kill -0 $pid 2>/dev/null" 60
}

# And nothing starts it until lab_daemon_start.
lab_daemon_kill9()
{
	lab_sockets_close
	lab_daemon_end KILL
}

# Like a restart by the service manager: guests go on, and sockets stay.
lab_daemon_restart()
{
	lab_daemon_end && lab_daemon_start
}

# libvirt_from VERSION - is this libvirt as new as that, such as 9.2?
libvirt_from()
{
	printf '%s\n' "$1" "$(virsh --version)" | sort -V -C
}

# page_text PAGE [BEGIN] - what a manual page shows literally, such as commands, as a
# reader sees it: all of it, or the display whose first line begins with BEGIN
page_text()
{
	BEGIN=${2-} awk '
		/^\.Ed/ { inside = 0 }
		inside {
			gsub(/\\e/, "\\")
			gsub(/\\\(aq/, "\047")
			gsub(/\\\(ha/, "^")
			if (first)
				shown = index($0, ENVIRON["BEGIN"]) == 1
			first = 0
			if (shown)
				print
		}
		/^\.Bd -literal/ { inside = first = 1 }' "$1"
}

# shellcheck source=tests/lib-domain.sh
. "$tests/lib-domain.sh"
