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

# _busflip_reply < CANDIDATES - those that begin as what is typed, quoted
_busflip_reply()
{
	local candidate typed=${cur//[\\\"\']/}

	while IFS= read -r candidate; do
		[[ $candidate && $candidate == "$typed"* ]] || continue
		COMPREPLY+=("$(printf %q "$candidate")")
	done
}

_busflip_words()
{
	local words="$*"

	_busflip_reply <<< "${words// /$'\n'}"
}

_busflip_files()
{
	local file

	compopt -o filenames 2>/dev/null
	while IFS= read -r file; do
		COMPREPLY+=("$file")
	done < <(compgen "$1" -- "$cur")
}

_busflip()
{
	local cur prev words cword i args=() uri='' common offline options=''

	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev words cword
	else
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
		cur=${words[cword]} prev=${words[cword - 1]}
	fi
	COMPREPLY=()
	# --option=value comes as three words.
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $prev == '=' ]]; then
		prev=${words[cword - 2]}
	fi

	# The command and its arguments, before the cursor.
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-c | --connect | --config | --bus | --disk | --format | --partition | \
		--virtio-win | --state-dir | --helper)
			[[ ${words[i + 1]} != '=' ]] || i=$((i + 1))
			case ${words[i]}${words[i - 1]} in
			-c* | --connect* | =--connect) uri=${words[i + 1]} ;;
			esac
			i=$((i + 1)) ;;
		-* | '=') ;;
		*) args+=("${words[i]}") ;;
		esac
	done

	case $prev in
	--bus) _busflip_words virtio scsi; return ;;
	--format) _busflip_words raw qcow2 vmdk vhdx; return ;;
	-c | --connect) _busflip_words qemu:///system qemu:///session; return ;;
	--disk)
		[[ ! ${args[1]:-} ]] ||
			_busflip_reply < <(_busflip_virsh domblklist "${args[1]//\\/}" | cut -d ' ' -f 2)
		return ;;
	--state-dir) _busflip_files -d; return ;;
	--config | --virtio-win | --helper) _busflip_files -f; return ;;
	--partition) return ;;
	esac

	common='--connect --config --help --version'
	offline='--format --partition --disk --state-dir --helper'
	case ${args[0]:-} in
	enable) options='--bus --disk' ;;
	disable) options='--keep-sata --force' ;;
	status) options='--json --watch --prometheus' ;;
	stage) options='--all' ;;
	check) options='--json --virtio-win --state-dir --helper' ;;
	filter) options='--tag --bus --disk' ;;
	inspect) options="$offline --json --live" ;;
	patch) options="$offline --json --bus --dry-run --virtio-win" ;;
	undo) options="$offline --force" ;;
	esac
	if [[ $cur == -* ]]; then
		_busflip_words "$options" "$common"
		return
	fi
	case ${#args[@]},${args[0]:-} in
	0,*)
		_busflip_words enable disable status stage promote rollback retry hold \
			filter check inspect patch undo check-config ;;
	1,filter) _busflip_words stage promote rollback restore ;;
	1,check-config) _busflip_files -f ;;
	1,inspect | 1,patch | 1,undo)
		_busflip_reply < <(_busflip_virsh list --all --name)
		_busflip_files -f ;;
	1,*) _busflip_reply < <(_busflip_virsh list --all --name) ;;
	esac
	! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "$cur"
}

complete -F _busflip busflip
