#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion: each shell completes a line, and what it offers is what the program accepts:
# the commands, the options of each, and the domains that libvirt has. The program must
# get the arguments that the shell completed.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-options.sh
. "$tests/lib-options.sh"
requires zsh --version
requires fish --version
loaded=/usr/share/bash-completion/bash_completion
requires test -r $loaded
plan 95

conf=$tests/../conf/completion
mkdir "$LAB/zsh" "$LAB/dir"
cp "$conf/busflip.zsh" "$LAB/zsh/_busflip"
cd "$LAB/dir" || exit 1
touch disk.qcow2

# Each prints what its shell offers at the end of a LINE, in order.
in_zsh()
{
	timeout 20 "$tests/complete.zsh" "$LAB/zsh" "$1" | sort
}

in_fish()
{
	timeout 20 fish -N -c "source $conf/busflip.fish; complete -C '$1'" 2>&1 | cut -f 1 | sort
}

# shellcheck disable=SC2016	# for that bash
in_bash()
{
	bash --norc -c '
		. "$1" || exit
		COMP_LINE=$2 COMP_POINT=${#COMP_LINE}
		_busflip
		[ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"
		' - "$conf/busflip.bash" "$1" | sort
}

# --- commands and options

commands=$(busflip_commands)
for shell in bash zsh fish; do
	quietly "$shell" -n "$conf/busflip.$shell"
	is "$shell reads it" $? 0
done
is "bash: the commands" "$(in_bash 'busflip ')" "$commands"
is "zsh: the commands" "$(in_zsh 'busflip ')" "$commands"
is "fish: the commands" "$(in_fish 'busflip ')" "$commands"
told=$("$busflip" --help | sed -nE '/^Commands:/,/^Options:/{/^  [a-z]/{s/^  ([a-z-]+).*/\1/;N;s/\n */ /p}}' |
	sort)
is "fish: what they are for, as in --help" \
	"$(fish -N -c "source $conf/busflip.fish; complete -C 'busflip '" | tr '\t' ' ' | sort)" "$told"
is "zsh: what they are for" \
	"$(sed -nE "s/^\t\t'([a-z-]+):(.*)'$/\1 \2/p" "$conf/busflip.zsh" | sed "s/'\\\\''/'/" | sort)" "$told"
for command in $commands; do
	want=$(options_of "$command")
	is "bash: options of $command" "$(in_bash "busflip $command --")" "$want"
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
	is "bash: domains for $command" "$(in_bash "busflip $command ")" "$quoted"
	is "zsh: domains for $command" "$(in_zsh "busflip $command ")" "$quoted"
	is "fish: domains for $command" "$(in_fish "busflip $command ")" "$want"
done
is "bash: a domain with spaces, begun" "$(in_bash 'busflip stage on\ t')" 'on\ the\ way'
is "bash: after an option" "$(in_bash 'busflip -c qemu:///system enable --bus=scsi w')" win2019
is "zsh: after an option" "$(in_zsh 'busflip -c qemu:///system enable --bus=scsi w')" win2019
is "fish: after an option" "$(in_fish 'busflip -c qemu:///system enable --bus=scsi w')" win2019
is "bash: of the libvirt that is named" "$(in_bash 'busflip --connect=test:///default stage ')" test
is "zsh: of the libvirt that is named" "$(in_zsh 'busflip --connect=test:///default stage ')" test
is "zsh: named in quotes" "$(in_zsh 'busflip --connect="test:///default" stage ')" test
is "fish: of the libvirt that is named" "$(in_fish 'busflip --connect=test:///default stage ')" test
is "bash: one domain is enough" "$(in_bash 'busflip stage win2019 ')" ''
unlike "zsh: one domain is enough" "$(in_zsh 'busflip stage win2019 ')" 'win2019|way'
is "fish: one domain is enough" "$(in_fish 'busflip stage win2019 ')" ''

# --- values

is "bash: a bus" "$(in_bash 'busflip enable --bus=v')" virtio
is "zsh: a bus" "$(in_zsh 'busflip enable --bus=v')" virtio
is "fish: a bus" "$(in_fish 'busflip enable --bus=v')" '--bus=virtio'
is "bash: a disk of the domain" "$(in_bash 'busflip enable win2019 --disk ')" vda
is "zsh: a disk of the domain" "$(in_zsh 'busflip enable win2019 --disk ')" vda
is "fish: a disk of the domain" "$(in_fish 'busflip enable win2019 --disk ')" vda
steps=$(printf '%s\n' promote restore rollback stage)
is "bash: steps of filter" "$(in_bash 'busflip filter ')" "$steps"
is "zsh: steps of filter" "$(in_zsh 'busflip filter ')" "$steps"
is "fish: steps of filter" "$(in_fish 'busflip filter ')" "$steps"

# --- what is on the line after a TAB, when libvirt and the folder have names like these

named()
{
	virsh dumpxml win2019 | sed -e "s/<name>.*/<name>$1<\/name>/" -e '/<uuid>/d' \
		> "$LAB/named.xml"
	virsh -q define "$LAB/named.xml"
}

# shellcheck disable=SC2016	# nobody shall expand them
names='it'\''s
a$(touch made)
col:on'
while IFS= read -r name; do
	named "$name"
done <<< "$names"
mkdir col:on "$LAB/last"
touch 'z 1.qcow2'
cat > "$LAB/last/busflip" <<'END'
#!/bin/sh
for last; do :; done
printf '%s\n' "$last"
END
chmod +x "$LAB/last/busflip"

cp "$conf/busflip.bash" "$LAB/bash"
cat $loaded "$conf/busflip.bash" > "$LAB/bash-completion"
cp "$conf/busflip.fish" "$LAB/fish"
echo "fpath=($LAB/zsh \$fpath); autoload -Uz compinit && compinit -D -u" > "$LAB/zshrc"
wanted=$(printf '%s\n' 'on the way' "$names" 'on the way' "${names%$'\n'*}" 'z 1.qcow2' vda)
for rc in bash bash-completion zshrc fish; do
	shell=${rc%rc} shell=${shell%-completion}
	for quote in '' \' \"; do
		lines=()
		for begun in on it a col:; do
			lines+=("busflip enable $quote$begun")
		done
		for begun in on it a z; do
			lines+=("busflip patch $quote$begun")
		done
		lines+=("busflip enable 'on the way' --disk $quote")
		timeout 60 "$tests/tab.zsh" "$shell" "$LAB/$rc" "${lines[@]}" > "$LAB/lines"
		is "$rc: TAB behind ${quote:-no quote}" \
			"$(PATH=$LAB/last:$PATH $shell "$LAB/lines" 2>&1)" "$wanted" ||
			diag "$(cat "$LAB/lines")"
	done
done
ok "and what is in a name is not run" test ! -e made

# --- without libvirt

lab_daemon_kill9
is "bash: no daemon" "$(in_bash 'busflip stage ' 2>&1)" ''
is "zsh: no daemon" "$(in_zsh 'busflip stage ' 2>&1)" ''
is "fish: no daemon" "$(in_fish 'busflip stage ' 2>&1)" ''
