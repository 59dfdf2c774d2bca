#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion: each shell is made to complete, and what it offers is what the
# program takes: the commands, the options of each, domains as libvirt has them.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-options.sh
. "$tests/lib-options.sh"
requires zsh --version
requires fish --version
loaded=/usr/share/bash-completion/bash_completion
requires test -r $loaded
plan 79

conf=$tests/../conf/completion
mkdir "$LAB/zsh" "$LAB/dir"
cp "$conf/busflip.zsh" "$LAB/zsh/_busflip"
cd "$LAB/dir" || exit 1
touch disk.qcow2

# Each prints what its shell offers at the end of a line, in order. They take
# LINE; bash takes words, as it splits them itself.
in_zsh()
{
	timeout 20 "$tests/complete.zsh" "$LAB/zsh" "$1" | sort
}

in_fish()
{
	timeout 20 fish -N -c "source $conf/busflip.fish; complete -C '$1'" 2>&1 | cut -f 1 | sort
}

# shellcheck disable=SC2016	# for that bash
in_bash_with()
{
	bash --norc -c '
		. "$1" || exit
		. "$2" || exit
		shift 2
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_busflip
		[ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"
		' - "$@" | sort
}

in_bash()
{
	in_bash_with /dev/null "$conf/busflip.bash" "$@"
}

# --- commands and options

commands=$(busflip_commands)
for shell in bash zsh fish; do
	quietly "$shell" -n "$conf/busflip.$shell"
	is "$shell reads it" $? 0
done
is "bash: the commands" "$(in_bash busflip '')" "$commands"
is "zsh: the commands" "$(in_zsh 'busflip ')" "$commands"
is "fish: the commands" "$(in_fish 'busflip ')" "$commands"
for command in $commands; do
	want=$(options_of "$command")
	is "bash: options of $command" "$(in_bash busflip "$command" --)" "$want"
	is "zsh: options of $command" "$(in_zsh "busflip $command --")" "$want"
	is "fish: options of $command" "$(in_fish "busflip $command --")" "$want"
done

# --- domains

define_domain win2019
define_domain 'on the way'
domains='on the way
win2019'
for command in enable patch; do
	case $command in
	patch) files=$'\n'disk.qcow2 ;;
	*) files= ;;
	esac
	want=$(sort <<< "$domains$files")
	quoted=$(sort <<< "${want// /\\ }")
	is "bash: domains for $command" "$(in_bash busflip $command '')" "$quoted"
	is "zsh: domains for $command" "$(in_zsh "busflip $command ")" "$quoted"
	is "fish: domains for $command" "$(in_fish "busflip $command ")" "$want"
done
is "bash: a domain with spaces, begun" "$(in_bash busflip stage 'on\ t')" 'on\ the\ way'
is "bash: after an option" "$(in_bash busflip -c qemu:///system enable --bus = scsi w)" win2019
is "zsh: after an option" "$(in_zsh 'busflip -c qemu:///system enable --bus=scsi w')" win2019
is "fish: after an option" "$(in_fish 'busflip -c qemu:///system enable --bus=scsi w')" win2019
is "bash: of the libvirt that is named" "$(in_bash busflip --connect = test:///default stage '')" test
is "zsh: of the libvirt that is named" "$(in_zsh 'busflip --connect=test:///default stage ')" test
is "fish: of the libvirt that is named" "$(in_fish 'busflip --connect=test:///default stage ')" test
is "bash: one domain is enough" "$(in_bash busflip stage win2019 '')" ''
unlike "zsh: one domain is enough" "$(in_zsh 'busflip stage win2019 ')" 'win2019|way'
is "fish: one domain is enough" "$(in_fish 'busflip stage win2019 ')" ''

# --- values

is "bash: a bus" "$(in_bash busflip enable --bus = v)" virtio
is "zsh: a bus" "$(in_zsh 'busflip enable --bus=v')" virtio
is "fish: a bus" "$(in_fish 'busflip enable --bus=v')" '--bus=virtio'
is "bash: a disk of the domain" "$(in_bash busflip enable win2019 --disk '')" vda
is "zsh: a disk of the domain" "$(in_zsh 'busflip enable win2019 --disk ')" vda
is "fish: a disk of the domain" "$(in_fish 'busflip enable win2019 --disk ')" vda
steps=$(printf '%s\n' promote restore rollback stage)
is "bash: steps of filter" "$(in_bash busflip filter '')" "$steps"
is "zsh: steps of filter" "$(in_zsh 'busflip filter ')" "$steps"
is "fish: steps of filter" "$(in_fish 'busflip filter ')" "$steps"

# --- with the functions of bash-completion

is "bash-completion: a domain" "$(in_bash_with $loaded "$conf/busflip.bash" busflip stage w)" win2019
is "bash-completion: options" "$(in_bash_with $loaded "$conf/busflip.bash" busflip disable --k)" \
	--keep-sata
is "bash-completion: after an option" \
	"$(in_bash_with $loaded "$conf/busflip.bash" busflip enable --bus = v)" virtio

# --- without libvirt

lab_daemon_kill9
is "bash: no daemon" "$(in_bash busflip stage '' 2>&1)" ''
is "zsh: no daemon" "$(in_zsh 'busflip stage ' 2>&1)" ''
is "fish: no daemon" "$(in_fish 'busflip stage ' 2>&1)" ''
