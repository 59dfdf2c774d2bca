# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip.bash - what bash offers for busflip; with or without bash-completion.
# Commands and options are held against the program by tests/test-completion.sh.

# _busflip_virsh ARG... - ask libvirt, which may not be there
_busflip_virsh()
{
	virsh -r -q -c "${uri:-qemu:///system}" "$@" 2>/dev/null
}

# _busflip_split - the words up to the cursor, as the program would get them, in words.
# In the last one, quote is the quote that is open, and head is what readline leaves as
# it is: what is before that quote, or else up to the last of COMP_WORDBREAKS.
_busflip_split()
{
	local line=${COMP_LINE:0:COMP_POINT} word='' begun='' before='' c i

	words=() quote='' head=''
	for ((i = 0; i < ${#line}; i++)); do
		c=${line:i:1}
		case $quote,$c in
		,[[:space:]])
			[[ ! $begun ]] || words+=("$word")
			word='' head='' begun=''
			continue ;;
		\',\' | \",\") quote='' head=$before ;;
		,[\'\"]) quote=$c before=$head head=$word ;;
		,\\) i=$((i + 1)) word+=${line:i:1} ;;
		\",\\)
			i=$((i + 1)) c=${line:i:1}
			[[ $c == [\"\\\$\`] ]] || word+=\\
			word+=$c ;;
		,*)
			word+=$c
			# The @ itself is not left: a host might begin with it.
			[[ $COMP_WORDBREAKS != *"$c"* ]] || head=${word%@} ;;
		*) word+=$c ;;
		esac
		begun=yes
	done
	words+=("$word")
}

# _busflip_reply < CANDIDATES - those that begin as what is typed, quoted as that is
_busflip_reply()
{
	local word

	while IFS= read -r word; do
		[[ $word && $option$word == "$cur"* ]] || continue
		word=$option$word
		word=${word#"$head"}
		case $quote in
		\') word=${word//\'/\'\\\'\'} ;;
		\")
			word=${word//\\/\\\\}
			word=${word//\"/\\\"}
			word=${word//\$/\\\$}
			word=${word//\`/\\\`}
			# It would still stand for a command of the history.
			word=${word//!/\"\\!\"} ;;
		*) [[ ! $word ]] || printf -v word %q "$word" ;;
		esac
		COMPREPLY+=("$word")
	done
}

_busflip_words()
{
	local list="$*"

	_busflip_reply <<< "${list// /$'\n'}"
}

# Leave it to readline, which knows of quotes and ~.
_busflip_files()
{
	compopt -o default 2>/dev/null
}

# Domains and files: readline can't do both, but no domain has a / in its name.
_busflip_images()
{
	local file

	_busflip_reply < <(_busflip_virsh list --all --name)
	if ((${#COMPREPLY[@]})); then
		_busflip_reply < <(compgen -f | while IFS= read -r file; do
			[[ ! -d $file ]] || file+=/
			printf '%s\n' "$file"
		done)
	else
		_busflip_files
	fi
}

_busflip()
{
	local cur prev words cword i quote head args=() uri='' common subject options='' option=''

	_busflip_split
	cword=$((${#words[@]} - 1))
	cur=${words[cword]} prev=${words[cword - 1]}
	COMPREPLY=()
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*} option=$prev=
	fi

	# The command and its arguments, before the cursor.
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-c | --connect) i=$((i + 1)) uri=${words[i]} ;;
		--connect=*) uri=${words[i]#*=} ;;
		--config | --bus | --disk | --format | --partition | --virtio-win | --helper)
			i=$((i + 1)) ;;
		-*) ;;
		*) args+=("${words[i]}") ;;
		esac
	done

	case $prev in
	--bus) _busflip_words virtio scsi; return ;;
	--format) _busflip_words raw qcow2 vmdk vhdx; return ;;
	-c | --connect) _busflip_words qemu:///system qemu:///session; return ;;
	--disk)
		[[ ! ${args[1]:-} ]] ||
			_busflip_reply < <(_busflip_virsh domblklist "${args[1]}" | cut -d ' ' -f 2)
		return ;;
	--config | --virtio-win | --helper) _busflip_files; return ;;
	--partition) return ;;
	esac

	common='--connect --config --help --version'
	subject='--format --partition --disk --helper'
	case ${args[0]:-} in
	enable) options='--bus --disk --partition' ;;
	disable) options='--keep-sata --force' ;;
	status) options='--json --watch --prometheus' ;;
	stage) options='--all' ;;
	check) options='--json --virtio-win --helper' ;;
	filter) options='--tag --bus --disk' ;;
	inspect) options="$subject --json --live" ;;
	patch) options="$subject --json --bus --dry-run --force --virtio-win" ;;
	undo) options="$subject --force --settings" ;;
	clean) options='--dry-run' ;;
	esac
	if [[ $cur == -* ]]; then
		_busflip_words "$options" "$common"
		return
	fi
	case ${#args[@]},${args[0]:-} in
	0,*)
		_busflip_words enable disable status stage promote rollback retry hold \
			filter check inspect patch undo clean check-config ;;
	1,clean) ;;
	1,filter) _busflip_words stage promote rollback restore ;;
	1,check-config) _busflip_files ;;
	1,inspect | 1,patch | 1,undo) _busflip_images ;;
	1,*) _busflip_reply < <(_busflip_virsh list --all --name) ;;
	esac
}

complete -F _busflip busflip
