#compdef busflip
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip.zsh - what zsh offers for busflip; installed as _busflip. Commands and
# options are held against the program by tests/test-completion.sh.

# _busflip_virsh ARG... - ask libvirt, which may not be there
_busflip_virsh() {
	local given=${opt_args[--connect]:-${opt_args[-c]:-$uri}}
	local -a match mbegin mend

	# As it was typed, but with a backslash before each : and backslash.
	given=${given//(#b)\\([:\\])/$match[1]}
	_call_program libvirt virsh -r -q -c ${(q)${(Q)given}} ${(q)@} 2>/dev/null
}

_busflip_domains() {
	local -a domains=( ${(f)"$(_busflip_virsh list --all --name)"} )
	local expl

	_wanted domains expl domain compadd -a domains
}

_busflip_disks() {
	local -a disks
	local expl

	[[ -n $line[1] ]] || return 1
	disks=( ${${(f)"$(_busflip_virsh domblklist ${(Q)line[1]})"}## ##} )
	disks=( ${disks%% *} )
	_wanted disks expl 'target of the system disk' compadd -a disks
}

_busflip_images() {
	_alternative 'domains:domain:_busflip_domains' 'files:image:_files'
}

_busflip() {
	local curcontext=$curcontext state ret=1 uri=qemu:///system
	local -a line common commands subject
	local -A opt_args

	common=(
		'(-c --connect)'{-c+,--connect=}'[libvirt connection]:URI:(qemu\:///system qemu\:///session)'
		'--config=[read this file instead of /etc/busflip.conf]:file:_files'
		'(- *)'{-h,--help}'[print a summary of the commands]'
		'(- *)--version[print the version]'
	)
	subject=(
		'--format=[format of an image given by path]:format:(raw qcow2 vmdk vhdx)'
		'--partition=[partition of Windows, if there are several]:number:'
		'--disk=[the system disk]:target:_busflip_disks'
		'--helper=[run this busflip-helper]:file:_files'
	)
	commands=(
		'enable:tag a domain and stage it for its first boot on SATA'
		'disable:restore its original disk; remove tag and state'
		'status:list the tagged domains, or the history of one'
		'stage:move a tagged domain'\''s system disk to SATA'
		'promote:move a staged domain to VirtIO now, without evidence'
		'rollback:move its system disk back to SATA'
		'retry:start the conversion of a held domain again'
		'hold:stop the conversion until busflip retry (from trial: back to SATA)'
		'filter:rewrite domain XML from stdin to stdout'
		'check:report what would keep a domain from starting'
		'inspect:report the state of a domain and its reason, and which Windows is on a disk'
		'patch:prepare the Windows on a disk for SATA and VirtIO'
		'undo:restore the registry from before the last patch'
		'clean:remove data of domains and disks that no longer exist'
		'check-config:report errors in busflip.conf'
	)

	_arguments -C $common '1:command:->command' '*::argument:->argument' && ret=0
	case $state in
	command)
		_describe command commands && ret=0 ;;
	argument)
		curcontext=${curcontext%:*}-$words[1]:
		# What was given before the command; the next _arguments forgets it.
		uri=${opt_args[--connect]:-${opt_args[-c]:-$uri}}
		case $words[1] in
		enable)
			_arguments $common '--bus=[target bus, virtio or scsi]:bus:(virtio scsi)' \
				'--disk=[the system disk]:target:_busflip_disks' \
				'--partition=[partition of Windows, if there are several]:number:' \
				'1:domain:_busflip_domains' ;;
		disable)
			_arguments $common '--keep-sata[leave the disk on SATA]' \
				'--force[even if the disk can'\''t be put back]' \
				'1:domain:_busflip_domains' ;;
		status)
			_arguments $common '--json[print JSON]' '--watch[repeat until interrupted]' \
				'--prometheus[metrics for a textfile collector]' \
				'1:domain:_busflip_domains' ;;
		stage)
			_arguments $common '(1)--all[every tagged domain]' \
				'(--all)1:domain:_busflip_domains' ;;
		promote | rollback | retry | hold)
			_arguments $common '1:domain:_busflip_domains' ;;
		filter)
			_arguments $common '--tag[also accept a domain without a tag]' \
				'--bus=[target bus, virtio or scsi]:bus:(virtio scsi)' \
				'--disk=[the system disk]:target:' \
				'1:step:(stage promote rollback restore)' ;;
		check)
			_arguments $common '--json[print JSON]' \
				'--virtio-win=[VirtIO drivers, a directory or an ISO image]:path:_files' \
				'--helper=[run this busflip-helper]:file:_files' \
				'1:domain:_busflip_domains' ;;
		inspect)
			_arguments $common $subject '--json[print JSON]' \
				'--live[read a disk that a running guest may be changing]' \
				'1:image or domain:_busflip_images' ;;
		patch)
			_arguments $common $subject '--json[print JSON]' \
				'--bus=[target bus, virtio or scsi]:bus:(virtio scsi)' \
				'--dry-run[print the edits, write nothing]' \
				'--force[finish an interrupted patch on a copy of its image]' \
				'--virtio-win=[VirtIO drivers, a directory or an ISO image]:path:_files' \
				'1:image or domain:_busflip_images' ;;
		undo)
			_arguments $common $subject '--force[even if Windows has written since]' \
				'--settings[only settings that were changed for the conversion]' \
				'1:image or domain:_busflip_images' ;;
		clean)
			_arguments $common '--dry-run[list only, remove nothing]' ;;
		check-config)
			_arguments $common '1:file:_files' ;;
		esac && ret=0 ;;
	esac
	return ret
}

_busflip "$@"
