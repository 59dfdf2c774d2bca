#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip status: the table on a terminal and elsewhere, the history of a domain during its
# conversion, the output for programs (checked against the schema in the man page and with
# Prometheus' own parser), and --watch across a restart of the daemon.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
requires python3 -c 'import jsonschema, prometheus_client'
plan 50
printf '[busflip]\nevidence = shutdown\n' > /etc/busflip.conf
escape=$'\033'

# The schema, as a reader of the page would copy it.
page_text "$tests/../hook/busflip.8" '{ "type": "object", "required": ["version",' > "$LAB/schema"
cat > "$LAB/valid.py" <<'END'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
doc = json.load(sys.stdin)
# As strict as it can be: nothing that the page does not name.
def close(node):
    if isinstance(node, dict):
        if "properties" in node:
            node["additionalProperties"] = False
        for value in node.values():
            close(value)
close(schema)
jsonschema.validate(doc, schema)
END

# as_documented [ARGUMENT...] - status --json is as the man page says
as_documented()
{
	busflip status --json "$@" > "$LAB/json" &&
		python3 "$LAB/valid.py" "$LAB/schema" < "$LAB/json"
}

# on_terminal COLUMNS COMMAND... - what it prints on one
on_terminal()
{
	# shellcheck disable=SC2016	# python
	python3 -c 'import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 12, int(sys.argv[1]), 0, 0))
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[2], sys.argv[2:])
try:
    while data := os.read(fd, 65536):
        sys.stdout.buffer.write(data)
except OSError:
    pass
os.waitpid(pid, 0)' "$@" | tr -d '\r'
}

widest()
{
	sed "s/$escape\[[0-9;]*[mHJ]//g" | awk '{ if (length($0) > n) n = length($0) } END { print n }'
}

# --- a domain on its way ---

define_domain win
output=$(busflip status win)
like "before anything was done" "$output" '^win: none.*vda on virtio; it is off'
like "it says what comes next" "$output" $'\nNext: run busflip stage win '
ok "as JSON it is as documented" as_documented
ok "that one, too" as_documented win
quietly busflip stage win
like "staged: what it waits for" "$(busflip status)" 'win +staged +sata>virtio +a start +[0-9]+s +tagged'
quietly virsh -q start win
wait_off win
like "on trial" "$(busflip status)" 'win +trial +virtio +a start '
run_once win
like "done" "$(busflip status)" 'win +done +virtio +- '
output=$(busflip status win)
like "its story, in order" "$output" "none -> staged: tagged.*staged -> trial: .*trial -> done: "
is "each line with its date" "$(grep -cE '^20[0-9-]{8} [0-9:]{8}  (none|staged|trial) -> ' <<< "$output")" 3
ok "with its story it is as documented" as_documented win
is "which has it as well" "$(python3 -c 'import json, sys
print(" ".join(l["text"].split(":")[0] for l in json.load(open(sys.argv[1]))["domains"][0]["story"]
    if "->" in l["text"]))' "$LAB/json")" "none -> staged staged -> trial trial -> done"
ok "the log has the same" logged 'domain=win .*phase=trial->done'

# --- the table ---

define_domain "a-name-that-is-longer-than-there-is-room-for-in-a-table-of-eighty-columns"
staged_domain held > /dev/null
quietly busflip hold held
table=$(busflip status)
ok "a table fits 80 columns" test "$(widest <<< "$table")" -le 80
is "a line for each" "$(wc -l <<< "$table")" 4
unlike "no colour where there is no terminal" "$table" "$escape"
is "names in order" "$(awk 'NR > 1 { print substr($1, 1, 4) }' <<< "$table" | xargs)" "a-na held win"
ok "COLUMNS is followed" test "$(COLUMNS=100 busflip status | widest)" -gt 80
output=$(on_terminal 80 busflip status)
like "on a terminal: in colour" "$output" "$escape\[31mheld"
ok "and as wide as that" test "$(widest <<< "$output")" -le 80
ok "a wider one" test "$(on_terminal 132 busflip status | widest)" -gt 80
unlike "NO_COLOR is followed" "$(NO_COLOR=1 on_terminal 80 busflip status)" "$escape"

# --- for Prometheus ---

cat > "$LAB/metrics.py" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
found = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}
assert all(f.type == "gauge" and f.documentation for f in found.values())
counts = {s.labels["phase"]: s.value for s in found["busflip_domains"].samples}
assert counts == {"none": 1, "staged": 0, "trial": 0, "done": 1, "held": 1, "damaged": 1}, counts
seconds = {s.labels["domain"]: s.value for s in found["busflip_domain_phase_seconds"].samples}
assert len(seconds) == 4 and 0 <= seconds["win"] < 600, seconds
phases = {s.labels["domain"]: (s.labels["phase"], s.value)
          for s in found["busflip_domain_damaged"].samples}
assert phases["odd"] == ("damaged", 1) and phases["win"] == ("done", 0), phases
assert sorted(found) == sorted("busflip_" + n for n in ("domains", "domain_attempts",
    "domain_phase_seconds", "domain_pending", "domain_damaged")), found
END
make_domain odd image="$LAB/win.img" \
	metadata="<s:state xmlns:s='$state_uri' phase='nonsense'/>" > "$LAB/odd.xml"
quietly virsh -q define "$LAB/odd.xml"
ok "Prometheus' parser takes it, and finds what is there" \
	python3 "$LAB/metrics.py" <<< "$(busflip status --prometheus)"
fails "no daemon: an exit status" 1 \
	busflip --connect 'qemu+unix:///system?socket=/run/nowhere' status --prometheus
is "and nothing that would replace the last good ones" \
	"$(busflip --connect 'qemu+unix:///system?socket=/run/nowhere' status --prometheus 2>/dev/null)" ''
ok "one that is damaged is as documented, too" as_documented odd
like "and has a member that says so" "$(cat "$LAB/json")" '"phase":"none",.*"damaged":true'
like "the table: damaged" "$(busflip status | grep '^odd')" '^odd +damaged virtio +disable --force '
like "its story: damaged" "$(busflip status odd)" $'^odd: damaged\n.*damaged: the state element is damaged\n'
quietly virsh undefine odd
fails "not of one domain" 2 busflip status --prometheus win
fails "not two forms at once" 2 busflip status --prometheus --json

# --- a definition that libvirt takes, and is too long to be given back with what it adds

make_domain huge > "$LAB/huge.xml"
python3 - "$LAB/huge.xml" <<'END'
import sys
with open(sys.argv[1], 'r+') as f:
    xml = f.read()
    name, end = '<huge xmlns="urn:huge">', '</huge></metadata>'
    text = 'x' * (4193000 - len(xml) - len(name) - len(end))
    f.seek(0)
    f.write(xml.replace('</metadata>', name + text + end))
END
virsh -q define "$LAB/huge.xml"
fails "one that can't be read" 1 busflip status
output=$(busflip status 2>&1)
like "is named" "$output" 'busflip: domain huge: cannot get the domain.s XML: '
like "the others are shown" "$output" 'win .*done'
virsh -q undefine huge
ok "without it" busflip status

# --- --watch ---

busflip status --watch > "$LAB/watch" 2> "$LAB/watch.err" &
watch=$!
cleanup_fn kill $watch 2>/dev/null
# shellcheck disable=SC2016
ok "--watch begins with how they stand" wait_for 'grep -q "held: held on sata" "$LAB/watch"' 10
quietly busflip retry held
# shellcheck disable=SC2016
ok "a change is a line" wait_for 'grep -q "held: staged on sata, off: " "$LAB/watch"' 10
lab_daemon_kill9
# shellcheck disable=SC2016
ok "a daemon that is away is reported" wait_for '[ -s "$LAB/watch.err" ]' 15
lab_daemon_start
quietly busflip hold held
# shellcheck disable=SC2016
ok "when it is back, so are they" wait_for '[ "$(grep -c "held: held on sata" "$LAB/watch")" = 2 ]' 15
is "nothing is told twice" "$(grep -c ' win: ' "$LAB/watch")" 1
quietly busflip disable held
# shellcheck disable=SC2016
ok "one that is gone" wait_for 'grep -q "held: gone" "$LAB/watch"' 10
kill $watch
wait $watch
is "it ends when it is told to" $? 143
output=$(on_terminal 80 timeout 5 busflip status --watch)
like "on a terminal the table is shown again and again" "$output" "$escape\[H$escape\[J.*win.*$escape\[H$escape\[J.*win"
like "a full disk ends it" "$(timeout 10 busflip status --watch 2>&1 > /dev/full; echo "exit $?")" \
	'cannot write.*exit 1'

# --- a session that began before the last command: its end decides nothing ---

define_domain before guest=stay tag=no
virsh -q start before
wait_boot before 1
quietly busflip enable before
output=$(busflip status before)
like "enabled while it runs" "$output" 'system disk sda on sata, to end on virtio; it runs, as started before the last change'
like "what comes next" "$output" \
	'Next: shut it down inside Windows; it runs as started before the last change. Its next start is on SATA\.$'
like "inspect says the same" "$(busflip inspect before)" 'Its next start is on SATA\.'
virsh -q managedsave before
wait_off before
like "saved" "$(busflip status before)" \
	'Next: start it; it resumes its saved session, as before the last change\. .* its next start is then on SATA\.$'
virsh -q start before
quietly busflip promote before
like "promoted" "$(busflip status before)" 'it runs as started before the last change\. Its next start is on VirtIO\.$'
virsh -q shutdown before
wait_off before
is "so it is" "$(where before)" trial/virtio
like "then it is as ever" "$(busflip status before)" 'it is off.*Next: start it; it boots on VirtIO\.'
