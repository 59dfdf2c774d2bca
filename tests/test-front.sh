#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip-hook alone, without libvirt: which calls it passes on, what it passes to busflip,
# and its exit status in every situation. A hook that fails keeps a guest from starting,
# or ends a running one.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 140

hook=$BUSFLIP_BUILD/busflip-hook
sbin=/usr/local/sbin/busflip
mv $sbin $sbin.real

# In busflip's place: notes all that it is given, then does what $LAB/then says.
fake_busflip()
{
	cat > $sbin <<-END
	#!/bin/bash
	tr '\\0' '\\n' < /proc/\$\$/environ > $LAB/seen.env
	printf '[%s]' "\$@" > $LAB/seen.args
	cat > $LAB/seen.stdin
	. $LAB/then
	END
	chmod 755 $sbin
}
fake_busflip
echo 'exit 0' > "$LAB/then"

# hook ARG... - with the XML on stdin; $status and $ran (is busflip run?). What it
# prints is kept for the end.
hook()
{
	rm -f "$LAB"/seen.*
	"$hook" "$@" >> "$LAB/stdout" 2>> "$LAB/stderr"
	status=$?
	ran=no
	[ ! -e "$LAB/seen.args" ] || ran=yes
}

# hooked NAME STATUS RAN ARG... - assertion about one call
hooked()
{
	local name=$1 want="exit $2, busflip run: $3"

	shift 3
	hook "$@"
	is "$name" "exit $status, busflip run: $ran" "$want"
}

# xml TAG STATE - a domain with these in its metadata
xml()
{
	echo "<domain type='kvm'><name>win</name><metadata>$1$2</metadata></domain>"
}

tag="<busflip:domain xmlns:busflip='$tag_uri'/>"
xml "$tag" '' > "$LAB/tagged"
xml '' '' > "$LAB/untagged"

# --- which domains

hooked "no tag" 0 no win prepare begin - < "$LAB/untagged"
hooked "a tag" 0 yes win prepare begin - < "$LAB/tagged"
hooked "a tag with another prefix and quotes" 0 yes win prepare begin - \
	< <(xml "<x:domain bus=\"scsi\" xmlns:x=\"$tag_uri\"/>" '')
hooked "a state but no tag" 0 no win prepare begin - \
	< <(xml '' "<s:state xmlns:s='$state_uri' phase='staged'/>")
for phase in staged trial "done" held; do
	want=yes
	case $phase in
	done|held) want=no ;;
	esac
	hooked "$phase" 0 $want win prepare begin - \
		< <(xml "$tag" "<busflip:state xmlns:busflip=\"$state_uri\" phase=\"$phase\"/>")
	hooked "$phase, with another prefix" 0 $want win started begin - \
		< <(xml "$tag" "<s:state  xmlns:s=\"$state_uri\" attempts=\"1\"
			phase=\"$phase\"><s:saved/></s:state>")
	# The reason may quote a name that the guest has chosen.
	for quote in "'" '&quot;' '&#39;'; do
		hooked "staged, and a reason with phase=$quote$phase$quote" 0 yes win release end - \
			< <(xml "$tag" "<s:state xmlns:s=\"$state_uri\" phase=\"staged\"
				reason=\"class-filters (phase=$quote$phase$quote)\"/>")
	done
done
hooked "done, but not of the state" 0 yes win prepare begin - \
	< <(xml "$tag" "<s:state xmlns:s='$state_uri' phase=\"staged\"/><x phase=\"done\"/>")
# What a killed patch leaves must be finished before any start.
mkdir -p /var/lib/busflip/journal
over="<busflip:state xmlns:busflip='$state_uri' phase=\"done\"/>"
hooked "done, and an empty folder of journals" 0 no win prepare begin - < <(xml "$tag" "$over")
hooked "no tag, and an empty folder of journals" 0 no win prepare begin - < "$LAB/untagged"
: > /var/lib/busflip/journal/1234.journal
hooked "done, but a journal is there" 0 yes win prepare begin - < <(xml "$tag" "$over")
# But not of one that goes on: busflip must hear of that, and of when it is no longer so.
for event in restore migrate; do
	hooked "done, a journal is there, $event" 0 yes win $event begin - < <(xml "$tag" "$over")
done
hooked "done, a journal is there, at the end" 0 yes win release end - < <(xml "$tag" "$over")
# busflip patch needs no tag.
hooked "no tag, but a journal is there" 0 yes win prepare begin - < "$LAB/untagged"
hooked "no tag, a journal is there, restore" 0 yes win restore begin - < "$LAB/untagged"
rm -r /var/lib/busflip/journal
hooked "a state that does not end" 0 yes win prepare begin - \
	< <(echo "<domain>$tag_uri $state_uri phase=\"done\"")

# --- which operations

while read -r op subop; do
	hooked "$op $subop is passed on" 0 yes win "$op" "$subop" - < "$LAB/tagged"
done <<-END
	prepare begin
	started begin
	stopped end
	release end
	migrate begin
	restore begin
END
while read -r op subop; do
	exec 3< "$LAB/tagged"
	hooked "$op $subop is not" 0 no win "$op" "$subop" - <&3
	is "$op $subop: stdin is not even read" "$(cat <&3)" "$(cat "$LAB/tagged")"
	exec 3<&-
done <<-END
	reconnect begin
	attach begin
	start begin
	prepare end
	release begin
	preparex begin
	PREPARE begin
END
exec 3< "$LAB/tagged"
hooked "no arguments" 0 no <&3
hooked "one argument" 0 no win <&3
hooked "two arguments" 0 no win prepare <&3
hooked "three arguments" 0 no win prepare begin <&3
hooked "five arguments" 0 no win prepare begin - - <&3
hooked "empty arguments" 0 no '' '' '' '' <&3
is "wrong arguments: stdin is not even read" "$(cat <&3)" "$(cat "$LAB/tagged")"
exec 3<&-

# --- what busflip is given

hook win release end shutdown < "$LAB/tagged"
is "the arguments are behind --" "$(cat "$LAB/seen.args")" \
	"[event][--][win][release][end][shutdown]"
hook --help prepare begin --version < "$LAB/tagged"
is "a domain called --help" "$(cat "$LAB/seen.args")" \
	"[event][--][--help][prepare][begin][--version]"
odd=$' a  "b"\n$(c) \\ \'*\' \303\274'
hook "$odd" prepare begin '' < "$LAB/tagged"
is "a domain with spaces, quotes, a newline" "$(cat "$LAB/seen.args")" \
	"[event][--][$odd][prepare][begin][]"
FOO=bar IFS=x LD_LIBRARY_PATH=/nowhere LIBVIRT_DEFAULT_URI=test:///default \
	hook win prepare begin - < "$LAB/tagged"
is "the environment is a fresh one" "$(sort "$LAB/seen.env")" \
"LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin"
is "busflip is run without any" \
	"$(env -i "$hook" win prepare begin - < "$LAB/tagged"; echo $?; sort "$LAB/seen.env")" \
"0
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin"

# same_bytes NAME FILE - busflip gets that file's bytes, through a file and a pipe
same_bytes()
{
	hooked "$1" 0 yes win prepare begin - < "$2"
	ok "$1: byte for byte" cmp "$2" "$LAB/seen.stdin"
	# shellcheck disable=SC2002	# it has to be a pipe
	cat "$2" | "$hook" win prepare begin - >> "$LAB/stdout" 2>&1
	ok "$1, from a pipe: byte for byte" cmp "$2" "$LAB/seen.stdin"
}

same_bytes "a domain" "$LAB/tagged"
{ head -c 300000 /dev/urandom; cat "$LAB/tagged"; head -c 300000 /dev/urandom; } > "$LAB/random"
same_bytes "anything with the tag in it" "$LAB/random"
{ printf 'a\0b\0'; cat "$LAB/tagged"; printf '\0\0'; } > "$LAB/nul"
same_bytes "NUL bytes" "$LAB/nul"
limit=$((8 << 20))
size=$(stat -c %s "$LAB/tagged")
{ head -c $((limit - 1 - size)) /dev/zero | tr '\0' ' '; cat "$LAB/tagged"; } > "$LAB/large"
same_bytes "one byte less than 8 MiB" "$LAB/large"

# --- what it is not given

echo >> "$LAB/large"
hooked "8 MiB" 0 no win prepare begin - < "$LAB/large"
mkdir -p /var/lib/busflip/journal
: > /var/lib/busflip/journal/1234.journal
hooked "8 MiB, and a journal is there: whose, nobody knows" 1 no win prepare begin - < "$LAB/large"
hooked "8 MiB, a journal, at the end" 0 no win release end - < "$LAB/large"
rm -r /var/lib/busflip/journal
{ cat "$LAB/tagged"; head -c $((9 << 20)) /dev/zero; } > "$LAB/large"
hooked "9 MiB" 0 no win prepare begin - < "$LAB/large"
hooked "more than there is memory" 0 no win prepare begin - < /dev/zero
rm "$LAB/large" "$LAB/random"
hooked "nothing on stdin" 0 no win prepare begin - < /dev/null
hooked "stdin is closed" 0 no win prepare begin - <&-
hooked "stdin is a directory" 0 no win prepare begin - < "$LAB"
hooked "stdin is for writing" 0 no win prepare begin - 0> "$LAB/tmp/writing"
"$hook" win prepare begin - < "$LAB/tagged" >&- 2>&-
is "stdout and stderr are closed" "$?,$(cmp "$LAB/tagged" "$LAB/seen.stdin")" 0,
"$hook" win prepare begin - < "$LAB/tagged" > /dev/full 2>&1
is "stdout is full" $? 0

# --- what busflip answers

# answers NAME THEN STATUS... - the exit status when busflip does THEN, for each of
# the five operations
answers()
{
	local name=$1 seen='' op

	echo "$2" > "$LAB/then"
	shift 2
	for op in 'prepare begin' 'started begin' 'release end' 'migrate begin' 'restore begin'; do
		# shellcheck disable=SC2086	# two words
		hook win $op - < "$LAB/tagged"
		seen+=" $status"
	done
	is "$name" "$seen" " $*"
}

answers "0: done" 'exit 0' 0 0 0 0 0
answers "1: failed" 'exit 1' 0 0 0 0 0
answers "2: usage" 'exit 2' 0 0 0 0 0
answers "3: refused, which only a start can be" 'exit 3' 1 0 0 0 0
answers "any other" 'exit 255' 0 0 0 0 0
answers "a crash" 'kill -SEGV $$' 0 0 0 0 0
answers "a number that looks like refused" 'kill -QUIT $$' 0 0 0 0 0
answers "killed" 'kill -KILL $$' 0 0 0 0 0
answers "it does not close what it inherits" 'sleep 5 & exit 3' 1 0 0 0 0
answers "it takes its time" 'sleep 0.3; exit 3' 1 0 0 0 0
answers "it is chatty" 'echo "<domain/>"' 0 0 0 0 0

# A disk may be half patched, and whose it is only busflip could have told.
mkdir -p /var/lib/busflip/journal
: > /var/lib/busflip/journal/1234.journal
: > "$LAB/stderr"
answers "a journal, and 0: done" 'exit 0' 0 0 0 0 0
answers "a journal, and 3: refused" 'exit 3' 1 0 0 0 0
is "those say nothing of their own" "$(cat "$LAB/stderr")" ""
answers "a journal, and 1: failed" 'exit 1' 1 0 0 0 0
answers "a journal, and a crash" 'kill -SEGV $$' 1 0 0 0 0
answers "a journal, and killed" 'kill -KILL $$' 1 0 0 0 0
like "the start is told why" "$(cat "$LAB/stderr")" \
	'^domain win was not started: .*is not finished \(/var/lib/busflip/journal\); try again'
# A name in which a terminal or the log would read commands, or another order.
name=$'ev\xc2\x9b31mil\xe2\x80\xae\n'
echo 'exit 1' > "$LAB/then"
"$hook" "$name" prepare begin - < "$LAB/tagged" 2> "$LAB/shown"
like "its name is shown without what commands" "$(cat "$LAB/shown")" \
	'^domain ev\?\?31mil\?\?\?\? was not started: '
ok "and logged so" wait_for \
	"logged 'busflip-hook: domain ev[?][?]31mil[?][?][?][?] was not started'" 10
is "busflip is given the name itself" "$(cat "$LAB/seen.args")" "[event][--][$name][prepare][begin][-]"
rm -r /var/lib/busflip/journal
answers "no journal, and killed" 'kill -KILL $$' 0 0 0 0 0

# without NAME - as answers, with something else in busflip's place
without()
{
	answers "$1" '' 0 0 0 0 0
	ok "$1: that is logged" \
		wait_for "logged 'busflip-hook: domain win: cannot run $sbin: $2.*; reinstall busflip'" 10
	: > "$LAB/log"
}

echo 'exit 3' > "$LAB/then"
rm $sbin
without "missing" 'No such file'
echo 'exit 3' > $sbin
without "not executable" 'Permission denied'
chmod 755 $sbin
without "no program" 'Exec format error'
rm $sbin
mkdir $sbin
without "a directory" 'Permission denied'
rmdir $sbin
ln -s busflip $sbin
without "a link to itself" 'Too many levels'
rm $sbin
fake_busflip

# --- how it is started itself

# as HOW - a hook that is run by a program with such a signal disposition
as()
{
	timeout 20 python3 -c "
import os, signal, sys
$1
os.execv(sys.argv[1], sys.argv[1:])" "$hook" win prepare begin - < "$LAB/tagged" >> "$LAB/stdout"
}

echo 'exit 3' > "$LAB/then"
as 'signal.signal(signal.SIGCHLD, signal.SIG_IGN)'
is "SIGCHLD is ignored by the parent" $? 1
as 'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])'
is "SIGCHLD is blocked by the parent" $? 1
as 'signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())'
is "all signals are blocked by the parent" $? 1
as 'os.spawnl(os.P_NOWAIT, "/bin/true", "true")
import time; time.sleep(0.2)'
is "it has a child that it does not know" $? 1

# --- the real one

mv $sbin.real $sbin
for op in 'prepare begin' 'started begin' 'release end' 'migrate begin' 'restore begin'; do
	# shellcheck disable=SC2086	# two words
	hook --help $op --version < "$LAB/tagged"
	is "busflip itself, $op, a domain called --help" $status 0
done

# Whose disk is half patched can't be seen then.
for text in "<domain>$tag_uri" "<domain>" ''; do
	hook win prepare begin - <<< "$text"
	is "XML that can't be parsed ($text): the start goes on" $status 0
	mkdir -p /var/lib/busflip/journal
	: > /var/lib/busflip/journal/1234.journal
	hook win prepare begin - <<< "$text"
	is "but not while there is a journal" $status 1
	hook win release end - <<< "$text"
	is "which is only for a start" $status 0
	rm -r /var/lib/busflip/journal
done

is "nothing was ever printed to stdout" "$(head -c 200 "$LAB/stdout")" ""
