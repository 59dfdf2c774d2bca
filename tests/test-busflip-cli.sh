#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line of busflip: options, output, exit status. The other test-busflip-*.sh
# test what its commands do to a domain.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 430

out=$LAB/out err=$LAB/err

# cli NAME STATUS OUT ERR ARG... - assertion: busflip ARG... exits with STATUS, and
# what it prints matches; "-" stands for nothing at all. Nothing but one line is
# ever printed to stderr, and nothing that a terminal would obey.
cli()
{
	local name=$1 want=$2 want_out=$3 want_err=$4 status why='' line

	shift 4
	busflip "$@" > "$out" 2> "$err"
	status=$?
	[ $status = "$want" ] || why="exit status $status, not $want"
	prints "$out" "$want_out" || why+=" stdout: not $want_out"
	prints "$err" "$want_err" || why+=" stderr: not $want_err"
	[ "$want_err" = - ] || [ "$(wc -l < "$err")" = 1 ] || why+=" stderr: not one line"
	line=$(tr -d '\n' < "$err" | LC_ALL=C tr -d '\1-\37\177')
	[ "$(tr -d '\n' < "$err")" = "$line" ] || why+=" stderr: control characters"
	if [ "$why" ]; then
		fail "$name" "busflip $*:$why" "$(head -c 2000 "$out")" "$(head -c 2000 "$err")"
	else
		pass "$name"
	fi
}

prints()
{
	case $2 in
	-) [ ! -s "$1" ] ;;
	*) [[ "$(tr -d '\0' < "$1")" =~ $2 ]] ;;
	esac
}

# --- help

commands='inspect patch undo clean enable disable status stage promote rollback retry hold filter check check-config'
options='format partition dry-run live settings virtio-win helper connect config bus disk all json watch prometheus tag keep-sata force help version'

cli "--help" 0 '^Usage: busflip ' - --help
cp "$out" "$LAB/help"
for command in $commands; do
	ok "--help tells of $command" grep -q "^  $command " "$LAB/help"
done
for option in $options; do
	ok "--help tells of --$option" grep -q "^  --$option " "$LAB/help"
done
is "and of no others" "$(grep -cE '^  (--)?[a-z]' "$LAB/help")" \
	"$(wc -w <<< "$commands $options")"
unlike "nor of what hooks run" "$(cat "$LAB/help")" '(event|settle) '
cli "-h" 0 '^Usage: ' - -h
cli "--help with a command" 0 '^Usage: ' - enable --help
cli "--help wins over what is wrong" 0 '^Usage: ' - nonsense --help
cli "--version" 0 '^busflip [0-9]+\.[0-9]+\.[0-9]+$' - --version
cli "--version with a command" 0 '^busflip ' - status --version

# --- usage

cli "no command" 2 - '^busflip: no command given; see busflip --help$'
cli "an unknown command" 2 - 'unknown command nonsense;' nonsense
cli "an empty command" 2 - 'unknown command' ''
cli "a command that is none for a terminal" 2 - 'unknown command ' $'\e[31m\nx\177'
cli "an unknown option" 2 - 'unknown option --nonsense;' status --nonsense
# Where the hook would not find a journal.
cli "another folder for journals" 2 - 'unknown option --state-dir;' patch --state-dir /tmp /x
cli "an unknown short option" 2 - 'unknown option -x;' status -x
cli "unknown short options" 2 - 'unknown option -x;' status -xyz
cli "an option that has no value" 2 - '--json=yes' status --json=yes
cli "an abbreviation of two options" 2 - '--con' --con=x status
for option in connect config bus disk; do
	cli "--$option without its value" 2 - "missing value for --$option;" status --$option
done
cli "-c without its value" 2 - 'missing value for -c;' status -c
cli "a URI that is too long" 2 - 'too long' --connect "$(printf '%300s' x)" status

for command in enable disable promote rollback retry hold filter check event settle; do
	cli "$command without an argument" 2 - "^busflip: usage: busflip $command " $command
	cli "$command with too many" 2 - "^busflip: usage: busflip $command " $command a b c d e
done
for command in status stage check-config; do
	cli "$command with too many arguments" 2 - "^busflip: usage: busflip $command " \
		$command a b
done
cli "stage without a domain" 2 - 'a domain or --all' stage
cli "stage with both" 2 - 'a domain or --all' stage win --all
cli "an unknown bus" 2 - '--bus must be virtio or scsi, not floppy' enable win --bus floppy
cli "an empty bus" 2 - '--bus must be virtio or scsi' enable win --bus ''
cli "an unknown filter" 2 - 'filter knows stage, promote, rollback and restore, not x' filter x

# Options that go with a command are in its row; the others don't.
declare -A goes=(
	[enable]='--bus=virtio --disk=vda' [disable]='--keep-sata --force' [status]='--json --watch --prometheus'
	[stage]='--all' [promote]='' [rollback]='' [retry]='' [hold]=''
	[filter]='--bus=virtio --disk=vda --tag' [check]='--json'
	[check-config]='' [settle]='')
for command in "${!goes[@]}"; do
	for option in --bus=virtio --disk=vda --all --json --keep-sata --force --watch \
		--prometheus --tag; do
		case " ${goes[$command]} " in
		*" $option "*) continue ;;
		esac
		cli "$command takes no ${option%=*}" 2 - "${option%=*} is not an option of $command;" \
			"$command" win $option
	done
done

# --- nowhere to print to

for args in --help --version 'check-config' 'status' 'status --json'; do
	# shellcheck disable=SC2086	# words
	fails "$args: stdout is full" 1 sh -c 'exec busflip "$@" > /dev/full' - $args
	like "$args: and says so" "$output" 'cannot write to standard output'
	# shellcheck disable=SC2086
	fails "$args: stdout is closed" 1 sh -c 'exec busflip "$@" >&-' - $args
done
fails "stderr is closed" 0 sh -c 'exec busflip --version 2>&-'
fails "stderr is closed: the exit status is the same" 2 sh -c 'exec busflip nonsense 2>&-'
fails "all are closed" 1 sh -c 'exec busflip --version <&- >&- 2>&-'

# --- filter

# xml NAME [TAG [DEVICES]] - a small domain
xml()
{
	local disk="<disk type='file' device='disk'><source file='/vm/x.img'/><target
		dev='vda' bus='virtio'/></disk>"

	cat <<-END
	<domain type='kvm'><name>$1</name>
	<metadata><t:domain xmlns:t='$tag_uri' ${2:-}/></metadata>
	<os><type arch='x86_64' machine='q35'>hvm</type></os>
	<devices>${3:-$disk}</devices></domain>
	END
}

# refused NAME ERR - whatever is on stdin is refused by each operation
refused()
{
	local op

	cat > "$LAB/in"
	for op in stage promote rollback restore; do
		cli "$1: filter $op" 1 - "$2" filter $op < "$LAB/in"
	done
}

# unchanged NAME - stdin comes back as it is, byte for byte, from each operation
unchanged()
{
	local op

	cat > "$LAB/in"
	for op in stage promote rollback restore; do
		busflip filter $op < "$LAB/in" > "$out" 2> "$err"
		is "$1: filter $op: byte for byte" "$?,$(cmp "$LAB/in" "$out" 2>&1),$(cat "$err")" 0,,
	done
}

xml a > "$LAB/tagged"
cli "filter stage" 0 'phase="staged"' - filter stage < "$LAB/tagged"
cp "$out" "$LAB/staged"
cli "filter promote" 0 'phase="trial"' - filter promote < "$LAB/staged"
cp "$out" "$LAB/trial"
cli "filter rollback" 0 'phase="staged"' - filter rollback < "$LAB/trial"
for form in staged trial; do
	cli "filter restore of one that is $form" 0 '<domain' - filter restore < "$LAB/$form"
	is "and it is as it was" "$(xmllint --c14n "$out")" "$(xmllint --c14n "$LAB/tagged")"
done
cli "filter stage of one that is staged" 0 '<domain' - filter stage < "$LAB/staged"
ok "changes nothing" cmp "$out" "$LAB/staged"
cli "filter without libvirt" 0 'phase="staged"' - --connect none:///x filter stage \
	< "$LAB/tagged"

sed '/metadata/d' "$LAB/tagged" > "$LAB/untagged"
unchanged "no tag" < "$LAB/untagged"
unchanged "no tag, no line's end" < <(printf %s "$(cat "$LAB/untagged")")
unchanged "no tag, CR and LF" < <(sed 's/$/\r/' "$LAB/untagged")
unchanged "no tag, odd XML" < <(printf '\357\273\277<?xml  version="1.0"  encoding='; \
	printf "'utf-8' ?>\n<!-- \303\274 --><domain  a='1'\tb=\"'\"  ><name > x </name >"; \
	printf '<x></x><y/><![CDATA[<]]>&amp;&#65;</domain ><?pi?>\n\n')
unchanged "no tag, Latin-1" < <(printf "<?xml version='1.0' encoding='ISO-8859-1'?>"; \
	printf '<domain><name>\374</name></domain>')

cli "filter stage, no disk" 1 - '^busflip: filter stage: domain a: the domain has no hard disk that Windows could be on: attach one \(virsh edit a\)$' \
	filter stage < <(xml a '' ' ')
cli "filter stage, no such disk" 1 - 'domain a: .*sdz' filter stage < <(xml a "disk='sdz'")
cli "filter stage, a bad tag" 1 - 'domain a: .*tag' filter stage < <(xml a "bus='floppy'")
cli "filter stage, a name for no terminal" 1 - 'domain b' filter stage \
	< <(xml $'b\t&#10;&#x9b;31m' "disk='sdz'")
unlike "which is not obeyed" "$(cat "$err")" $'\302\233'
cli "filter --tag, no tag" 0 'phase="staged"' - filter stage --tag < "$LAB/untagged"
cli "filter --tag --bus" 0 'bus="scsi"' - filter stage --tag --bus scsi --disk vda < "$LAB/untagged"
since="s/ \(since\|at\)=[\"'][^\"']*Z[\"']//g" # the two were not staged in one second
cli "filter --tag, one that has a tag" 0 '<domain' - filter stage --tag < "$LAB/tagged"
is "which is what counts" "$(sed "$since" "$out")" "$(sed "$since" "$LAB/staged")"
cli "filter --bus alone" 2 - '--bus and --disk require --tag' filter stage --bus scsi < "$LAB/tagged"
cli "filter --disk alone" 2 - '--bus and --disk require --tag' filter stage --disk vda < "$LAB/tagged"
cli "filter --tag, an unknown bus" 2 - '--bus must be virtio or scsi' filter stage --tag --bus x
cli "filter promote, not staged" 1 - 'domain a: it is not staged; run busflip stage a first$' \
	filter promote < "$LAB/tagged"
cli "filter rollback, not staged" 1 - 'domain a: it is not staged: there is nothing to roll back$' \
	filter rollback < "$LAB/tagged"
refused "a damaged state" 'domain a: .*damaged' \
	< <(sed "s,</metadata>,<s:state xmlns:s='$state_uri' phase='x'/>&," "$LAB/tagged")

refused "nothing" 'malformed XML' < /dev/null
refused "no XML" 'malformed XML, line 1' <<< 'no XML'
refused "not ended" 'malformed XML, line [0-9]' < <(head -n 3 "$LAB/tagged")
refused "a NUL byte" 'malformed XML' < <(printf '<domain>\0</domain>')
refused "wrong UTF-8" 'malformed XML' < <(printf '<domain><name>\377</name></domain>')
refused "too deep" 'malformed XML' < <(printf '<domain>%s' "$(yes '<a>' | head -n 3000)")
refused "no domain" 'not a <domain>' <<< '<network/>'
refused "a domain of another namespace" 'not a <domain>' <<< '<domain xmlns="urn:x"/>'
refused "no name" 'no usable <name>' <<< '<domain/>'
refused "a document type" 'document type declaration' \
	< <(echo '<!DOCTYPE domain>'; cat "$LAB/tagged")
refused "an entity of a file" 'document type|malformed' \
	< <(echo '<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/passwd">]>'; xml '&x;')
refused "an unknown entity" 'malformed XML' < <(xml '&x;')
{ cat "$LAB/untagged"; head -c $((9 << 20)) /dev/zero | tr '\0' ' '; } > "$LAB/large"
refused "9 MiB" '^busflip: standard input: more than 8388608 bytes$' < "$LAB/large"
rm "$LAB/large"
cli "filter from a directory" 1 - '^busflip: standard input: cannot read: Is a directory$' \
	filter stage < "$LAB"
cli "filter with stdin closed" 1 - '^busflip: standard input: ' filter stage <&-
for xml in tagged untagged; do
	fails "filter, $xml: stdout is full" 1 sh -c 'exec busflip filter stage > /dev/full' \
		< "$LAB/$xml"
	like "filter, $xml: and says so" "$output" '^busflip: standard output: cannot write: No space'
	fails "filter, $xml: stdout is closed" 1 sh -c 'exec busflip filter stage >&-' < "$LAB/$xml"
done

# --- check-config

conf=$LAB/test.conf

# config NAME ERR LINE... - a file with these lines is complained of
config()
{
	local name=$1 want=$2

	shift 2
	printf '%s\n' "$@" > "$conf"
	cli "$name" 1 - "^busflip: $want" check-config "$conf"
}

rm /etc/busflip.conf
cli "check-config: no file at all" 0 'does not exist; defaults are used$' - check-config
default_config
cli "check-config: the one that is installed" 0 'no errors$' - \
	check-config "$tests/../conf/busflip.conf"
cli "check-config: with --config" 0 'no errors$' - \
	--config "$tests/../conf/busflip.conf" check-config
cli "check-config: an empty file" 0 'no errors$' - check-config /dev/null
printf '\357\273\277; x\r\n[busflip]\r\n# y\r\n bus = scsi\r\nmax_attempts=7\r\n' > "$conf"
cli "check-config: every way to write it" 0 'no errors$' - check-config "$conf"
cli "check-config: no such file" 1 - '/nowhere: No such file or directory$' check-config /nowhere
cli "check-config: a directory" 1 - "$LAB: cannot read: Is a directory\$" check-config "$LAB"
config "an unknown key" "$conf:3: unknown key speed\$" '[busflip]' 'bus = virtio' 'speed = 9'
config "an unknown section" "$conf:2: unknown section \[x\]" '[x]' 'bus = virtio'
config "no section" "$conf:1: missing section: put \[busflip\] above this line\$" 'bus = virtio'
for key in virtio-win Virtio_Win VIRTIO-WIN; do
	config "nearly a key: $key" "$conf:2: unknown key $key; did you mean virtio_win\?\$" \
		'[busflip]' "$key = none"
done
config "not so nearly" "$conf:2: unknown key virtio-wins\$" '[busflip]' 'virtio-wins = none'
config "no key at all" "$conf:2: not of the form key = value\$" '[busflip]' 'hello'
config "a line that is too long" "$conf:2: longer than 190 bytes\$" '[busflip]' \
	"uri = $(printf '%200s' x)"
config "a key that is none for a terminal" "$conf:2: unknown key " '[busflip]' $'\e[31m\a = x'
while IFS='|' read -r key value want; do
	config "$key = $value" "$conf:4: $key = $value: expected $want; using " \
		'# one' '' '[busflip]' "$key = $value"
done <<-'END'
	bus|floppy|virtio or scsi
	bus||virtio or scsi
	max_attempts|0|a number from 1 to 100
	max_attempts|101|a number from 1 to 100
	max_attempts|2x|a number from 1 to 100
	max_attempts|99999999999999999999|a number from 1 to 100
	max_attempts|-1|a number from 1 to 100
	late_start|never|bounce or refuse
	bait|bait.img|an absolute path
	bait_owner|root|keep or libvirt
	publish_timeout|86401|a number of seconds from 1 to 86400
	uri||a libvirt connection URI
END
# Paths that lead nowhere: told here, and not by each run of a hook.
config "no such virtio_win" "$conf:3: virtio_win = /nope/v.iso: No such file or directory\$" \
	'[busflip]' '' 'virtio_win = /nope/v.iso' 'bus = scsi'
cli "which keeps a filter from nothing" 0 'bus="scsi"' - --config "$conf" filter stage < "$LAB/tagged"
config "no folder for the bait" "$conf:2: bait = /nope/b.img: its folder: No such file" \
	'[busflip]' 'bait = /nope/b.img'
config "nor is that a folder" "$conf:2: bait = $conf/b.img: its folder: Not a directory\$" \
	'[busflip]' "bait = $conf/b.img"
printf '[busflip]\nvirtio_win = %s\nbait = /b.img\n' "$LAB" > "$conf"
cli "what is there" 0 'no errors$' - check-config "$conf"
printf '[busflip]\nvirtio_win = none\nbait = /var/lib/busflip/b.img\n' > "$conf"
cli "nor is there anything to say of none" 0 'no errors$' - check-config "$conf"
mkdir -m 700 "$LAB/closed"
touch "$LAB/closed/v.iso"
printf '[busflip]\nvirtio_win = %s/closed/v.iso\n' "$LAB" > "$conf"
chmod 755 "$LAB"
fails "who is not root can't tell" 0 setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$(command -v busflip)" check-config "$conf"
printf '[busflip]\nbus = x\nspeed = 9\nbus = scsi\nlate_start = y\n' > "$conf"
fails "several complaints" 1 busflip check-config "$conf"
is "each has its line" "$(sed -n 's/^busflip: [^:]*:\([0-9]*\): .*/\1/p' <<< "$output")" $'2\n3\n4\n5'

# What check-config fails on, everything else goes on with.
cp "$conf" /etc/busflip.conf
cli "a bad busflip.conf: the rest of it counts" 0 'bus="scsi"' - filter stage < "$LAB/tagged"
ok "and that is logged" wait_for "logged '/etc/busflip.conf:3: unknown key speed'" 10
default_config
cli "--config for another command" 0 'bus="scsi"' - --config "$conf" filter stage < "$LAB/tagged"
cli "--config that is not there" 2 - 'cannot read --config /nowhere: No such file or directory$' --config /nowhere status

# --- no libvirt

while read -r args; do
	# shellcheck disable=SC2086	# words
	cli "no daemon: $args" 1 - 'nowhere.*No such file' \
		--connect 'qemu+unix:///system?socket=/run/nowhere' $args
done <<-END
	status
	status --json
	status win
	enable win
	disable win
	stage win
	stage --all
	promote win
	rollback win
	retry win
	hold win
END
fails "no daemon, not as root" 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$(command -v busflip)" -c 'qemu+unix:///system?socket=/run/nowhere' status
like "what may be the reason, too" "$output" 'virtqemud running\? Or run busflip as root\): .*nowhere'
fails "on another host" 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$(command -v busflip)" -c qemu+tcp://127.0.0.1:1/system status
unlike "that is no reason" "$output" 'as root'
cli "an unknown URI" 1 - 'nonsense' --connect nonsense:///x status
printf '[busflip]\nuri = nonsense:///x\n' > "$conf"
cli "an unknown URI in busflip.conf" 1 - 'nonsense' --config "$conf" status
cli "--connect wins over busflip.conf" 0 'No domain has a busflip tag' - \
	--config "$conf" -c qemu:///system status

# --- no such domain

uuid=12345678-9abc-def0-1234-56789abcdef0
for command in enable disable stage promote rollback retry hold; do
	cli "no such domain: $command" 1 - '^busflip: domain nobody: .*nobody' $command nobody
	cli "no such UUID: $command" 1 - "^busflip: domain $uuid: .*$uuid" $command $uuid
done
cli "no such domain: status" 1 - '^busflip: .*nobody' status nobody
cli "no such UUID: status" 1 - "^busflip: .*$uuid" status $uuid
cli "a name for no terminal" 1 - '^busflip: domain .*' stage $'\e[31m\n'
cli "an empty name" 1 - '^busflip: domain : ' stage ''
cli "a name like an option" 1 - '^busflip: .*--json' status -- --json
cli "stage --all with nothing to do" 0 - - stage --all
cli "status with nothing to show" 0 '^No domain has a busflip tag\.$' - status
cli "status --json with nothing to show" 0 '"domains":\[' - status --json
ok "which is JSON" python3 -m json.tool "$out"

# --- what each command says

define_domain win tag=no
uuid=$(uuid_of win)
cli "status of one without a tag" 1 - 'domain win has no busflip tag; busflip enable win' status win
cli "stage of one without a tag" 1 - '^busflip: domain win: it has no busflip tag; busflip enable win adds one$' \
	stage win
cli "disable of one without a tag" 0 '^domain win: has no busflip tag' - disable win
cli "enable, no such disk" 1 - '^busflip: domain win: .*sdz' enable win --disk sdz
cli "enable, no name of a disk" 1 - '^busflip: domain win: .*not a target name' \
	enable win --disk "$(printf '%040d' 0)"
cli "enable" 0 '^domain win: none -> staged \(' - enable win
cli "enable once more" 0 '^domain win: staged \(already staged\)$' - enable win
cli "enable, another bus" 1 - 'it is staged already; busflip disable win first$' \
	enable win --bus scsi
virsh -q metadata win "$tag_uri" --remove > /dev/null
cli "enable, when somebody took the tag out" 0 \
	'^domain win: no tag -> staged \(its tag was missing and was written again\)$' - enable win
like "which is in its story" "$(busflip status win)" 'staged: its tag was missing and was written again'
is "it is there again" "$(virsh -q metadata win "$tag_uri" | grep -c domain)" 1
cli "by its UUID" 0 '^domain win: staged \(' - stage "$uuid"
cli "promote" 0 '^domain win: staged -> trial \(' - promote win
cli "rollback" 0 '^domain win: trial -> staged \(' - rollback win
cli "hold" 0 '^domain win: staged -> held \(' - hold win
cli "retry" 0 '^domain win: held -> staged \(' - retry win
fails "hold, stdout is full" 1 sh -c 'exec busflip hold win > /dev/full'
cli "status of one" 0 '^win: held since ' - status win
cli "status by its UUID" 0 '^win: held since ' - status "$uuid"
cli "disable" 0 '^domain win: held; tag and state are removed' - disable "$uuid"
same_as_original win "and nothing is left"
virsh -q undefine win

# --- a name like an option: what is to be typed works

make_domain --force tag=no > "$LAB/force.xml"
quietly virsh -q define "$LAB/force.xml"
uuid=$(virsh -q domuuid -- --force | head -n 1)
cli "a name like an option: status" 1 - 'domain --force has no busflip tag; busflip enable [^ ]* adds one' \
	status -- --force
command=$(grep -o 'busflip enable [^ ]*' "$err")
fails "what it says" 0 eval "$command"
like "was the right one" "$output" '^domain --force: none -> staged'
cli "promote, then hold and promote" 0 'staged -> trial' - promote "$uuid"
quietly busflip hold "$uuid"
cli "where another command comes first" 1 - "run busflip retry $uuid first\$" promote "$uuid"
like "what comes next" "$(busflip status "$uuid")" "To try again, run busflip retry $uuid\$"
quietly busflip disable "$uuid"
virsh -q undefine "$uuid"

# --- names that are hard to print

# odd NAME PHASE [REASON] - define a domain with that name, as XML, and that state
odd()
{
	virsh -q define <(cat <<-END
	<domain type='qemu'><name>$1</name><memory>32768</memory>
	<metadata><t:domain xmlns:t='$tag_uri'/><s:state xmlns:s='$state_uri' phase='$2'
	attempts='1' since='2026-01-01T00:00:00Z' reason='${3:-x}'><s:disk target='vda'
	form='final' bus='virtio' origin='virtio'/></s:state></metadata>
	<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
	<disk type='file' device='disk'><source file='/vm/x.img'/><target dev='vda'
	bus='virtio'/></disk></devices></domain>
	END
	) || bail_out "cannot define $1"
}

odd "quote&quot;s &apos;and\\back\\\\." "done" 'a &quot;reason&quot; \ &#10;&#9;&#x9b;31m'
odd 'tab&#9;s and &#x7f;' held
odd $'\303\274ber \342\202\254 \360\237\246\206' trial
odd 'csi&#x9b;31m&#x2028;' staged
odd '--help' "done"
odd '&lt;b&gt;&amp;amp;%s%n' "done"
odd 'damaged' nonsense
cli "status --json of them all" 0 '^\{"version":1,"domains":\[' - status --json
cat > "$LAB/names.py" <<'END'
import json, sys
names = {
    "quote\"s 'and\\back\\\\.": "done", "tab\ts and \x7f": "held", "über € 🦆": "trial",
    "csi\x9b31m\u2028": "staged", "--help": "done", "<b>&amp;%s%n": "done", "damaged": "none",
}
types = {
    "name": str, "uuid": str, "phase": str, "attempts": int, "bus": str, "target_bus": str,
    "disk": str, "since": str, "reason": str, "reason_at": str, "waits_for": str,
    "running": bool, "pending": bool, "damaged": bool,
}
doc = json.loads(open(sys.argv[1], "rb").read().decode("utf-8", "strict"))
assert list(doc) == ["version", "domains"] and doc["version"] == 1, doc
assert {d["name"]: d["phase"] for d in doc["domains"]} == names, doc
for d in doc["domains"]:
    assert {k: type(v) for k, v in d.items()} == types, d
    assert d["bus"] == "virtio" and d["disk"] == "vda" and not d["running"], d
reasons = {d["name"]: d["reason"] for d in doc["domains"]}
assert reasons["quote\"s 'and\\back\\\\."] == "a \"reason\" \\ \n\t\x9b31m", reasons
assert "damaged" in reasons["damaged"], reasons
assert [d["name"] for d in doc["domains"] if d["damaged"]] == ["damaged"], doc
END
ok "it is JSON, with every name and every field as it is" python3 "$LAB/names.py" "$out"
cli "status of them all" 0 'DOMAIN' - status
is "one line for each" "$(wc -l < "$out")" 8
unlike "nothing in it that a terminal obeys" "$(tr -d '\n' < "$out")" \
	$'[\001-\037\177]|\302[\200-\237]'
like "names in other letters are shown" "$(cat "$out")" $'\303\274ber \342\202\254'
cli "status of one called --help" 0 '"name":"--help"' - status --json -- --help
cli "status of one with a tab" 0 '^tab.s and .: held since ' - status $'tab\ts and \177'
cli "status of one that is damaged" 0 'the state element is damaged' - status damaged
cli "a step of one that is damaged" 1 - 'domain damaged: .*busflip disable --force damaged removes it' \
	stage damaged
cli "a step of one with quotes" 1 - "domain tab\\?s and " promote $'tab\ts and \177'
