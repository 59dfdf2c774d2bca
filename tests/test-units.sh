#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The systemd units: they are valid, and the service stages every tagged domain, also those
# that are defined while it runs, and terminates.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 9

service=$tests/../conf/busflip-stage.service
path=$tests/../conf/busflip-stage.path

# The units as installed, where systemd-analyze finds man pages and programs.
if command -v systemd-analyze >/dev/null; then
	mkdir "$LAB/units"
	cp "$service" "$path" "$LAB/units"
	sed -i '/^Documentation=/d' "$LAB/units"/*
	is "systemd-analyze has no complaint" \
		"$(systemd-analyze verify "$LAB/units"/* 2>&1)" ""
else
	skip_some 1 "systemd-analyze has no complaint" "it is not installed"
fi
like "the path unit starts the service" "$(cat "$path")" $'\nUnit=busflip-stage.service\n'
for limit in "$service:StartLimitIntervalSec=0" "$path:TriggerLimitIntervalSec=0"; do
	like "${limit##*:}: many definitions in a row are no failure" \
		"$(cat "${limit%%:*}")" $'\n'"${limit##*:}"$'\n'
done

# run_service - what ExecStart says, as systemd reads it
run_service()
{
	local command

	command=$(sed -n '/^ExecStart=/,/[^\\]$/p' "$service" |
		sed -e ':a; N; $!ba; s/\\\n/ /g' -e 's/^ExecStart=//' -e 's/\$\$/$/g; s/%%/%/g')
	eval "timeout 60 $command"
}

for n in 1 2 3; do
	define_domain "early$n"
done
define_domain bystander tag=no
run_service > "$LAB/tmp/out" &
service_pid=$!
for n in 1 2 3 4 5 6 7 8; do
	define_domain "late$n"
done
wait $service_pid
status=$?
is "it comes to an end" $status 0

unstaged()
{
	virsh -q list --all --name | while read -r name; do
		[ "$(where "$name")" = staged/sata ] || echo "$name"
	done
}
is "the domains that were there are staged" "$(unstaged | grep early)" ""
# One that was defined in the very end is for the next run, as systemd would
# begin it at the next change.
run_service >> "$LAB/tmp/out"
is "so are those that came while it ran" "$(unstaged | grep late)" ""
is "the one without a tag is not" "$(unstaged)" bystander

lab_daemon_kill9
fails "without a daemon it fails, and says why" 1 run_service
