# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-uefi.sh - the part of lib-windows.sh for guests with UEFI, which boot from the EFI
# system partition of their own disk, with firmware variables from earlier use. Sourced by
# lib-windows.sh.
#
# FIRMWARE is one of
#	uefi	OVMF; it starts systemd's stub, which contains the model
#	secure	OVMF with SMM, Microsoft's keys and Secure Boot enforced; it starts the
#		distribution's shim, which starts its GRUB and its kernel, all signed

# shellcheck disable=SC2154	# lib-windows.sh sets them

windows_boot_manager=EFI/Microsoft/Boot/bootmgfw.efi
windows_stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
windows_esp_mib=40

# uefi_required - skip where the machine has not what these guests boot from
uefi_required()
{
	requires mcopy --version
	requires windows_firmware uefi
	[ -r "$windows_stub" ] || skip_all "there is no $windows_stub"
}

# windows_firmware FIRMWARE - print code and variables of OVMF, where there is one
windows_firmware()
{
	local dir size code=.fd vars=.fd

	[ "$1" = uefi ] || code=.secboot.fd vars=.ms.fd
	for dir in /usr/share/OVMF /usr/share/edk2/ovmf; do
		for size in _4M ''; do
			for vars in $vars ${vars/ms/secboot}; do
				if [ -r "$dir/OVMF_CODE$size$code" ] &&
				   [ -r "$dir/OVMF_VARS$size$vars" ]; then
					echo "$dir/OVMF_CODE$size$code $dir/OVMF_VARS$size$vars"
					return
				fi
			done
		done
	done
	return 1
}

# windows_pflash NAME FIRMWARE - elements of <os>
windows_pflash()
{
	local files secure=''

	read -ra files < <(windows_firmware "$2") || bail_out "no OVMF"
	[ "$2" != secure ] || secure="secure='yes'"
	printf "<loader readonly='yes' %s type='pflash'>%s</loader><nvram>%s</nvram>" \
		"$secure" "${files[0]}" "$LAB/$1.vars"
}

# windows_variables NAME FIRMWARE HOW - make the variables' file, $LAB/NAME.vars, with
# what Windows has left there; HOW as uefivars.py has it
windows_variables()
{
	local files

	read -ra files < <(windows_firmware "$2") || bail_out "no OVMF"
	cp "${files[1]}" "$LAB/$1.vars"
	"$windows_here/uefivars.py" windows "$LAB/$1.vars" "$LAB/$1.img" "$3" ||
		bail_out "no variables"
}

# variables_file NAME - where libvirt keeps them
variables_file()
{
	local file

	file=$(xpath "$1" 'string(//os/nvram)')
	echo "${file:-/var/lib/libvirt/qemu/nvram/$1_VARS.fd}"
}

# note_variables NAME, variables_kept NAME - are they what they were when they were noted?
# Says which are not.
note_variables()
{
	cp "$(variables_file "$1")" "$LAB/$1.noted"
}

variables_kept()
{
	"$windows_here/uefivars.py" kept "$LAB/$1.noted" "$(variables_file "$1")"
}

# windows_signed - print shim, GRUB, and the folder in which that looks for its
# configuration: of Debian, or of Fedora
windows_signed()
{
	local shim grub vendor

	while read -r shim grub vendor; do
		if [ -r "$shim" ] && [ -r "$grub" ]; then
			echo "$shim $grub $vendor"
			return
		fi
	done <<-'END'
	/usr/lib/shim/shimx64.efi.signed /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed debian
	/boot/efi/EFI/fedora/shimx64.efi /boot/efi/EFI/fedora/grubx64.efi fedora
	END
	return 1
}

# on_esp NAME COMMAND [ARG...] - one of mtools on the system partition of NAME's disk
on_esp()
{
	local name=$1 command=$2

	shift 2
	MTOOLS_SKIP_CHECK=1 "$command" -i "$LAB/$name.img@@1M" "$@"
}

# esp_put NAME FILE PATH - a file on the system partition; its folders are made
esp_put()
{
	local folder='' part parts

	IFS=/ read -ra parts <<< "${3%/*}"
	for part in "${parts[@]}"; do
		folder+=/$part
		on_esp "$1" mmd -D s "::$folder" > /dev/null 2>&1
	done
	on_esp "$1" mcopy -o "$2" "::/$3" || bail_out "$3 does not go on the disk of $1"
}

# windows_esp NAME FIRMWARE [WORD...] - put what firmware starts on its disk, with
# options of the guest; and with fallback=yes under the name, too, that firmware looks
# for by itself
windows_esp()
{
	local name=$1 firmware=$2 word words=$windows_cmdline names=$windows_boot_manager

	shift 2
	for word; do
		case $word in
		fallback=yes) names+=" EFI/BOOT/BOOTX64.EFI" ;;
		*) words+=" nt.$word" ;;
		esac
	done
	on_esp "$name" mdir -b ::/ > /dev/null 2>&1 ||
		on_esp "$name" mformat -T $((windows_esp_mib * 2048)) -h 255 -s 63 -H 2048 ::
	"esp_$firmware"
}

# esp_uefi, esp_secure - with the variables of windows_esp
esp_uefi()
{
	local efi=$LAB/$name.efi path

	printf %s "$words" > "$efi.words"
	"$windows_here/mkefi.py" "$efi" "$windows_stub" cmdline="$efi.words" \
		linux="$LAB/vmlinuz" initrd="$LAB/initrd" || bail_out "no EFI program"
	for path in $names; do
		esp_put "$name" "$efi" "$path"
	done
	rm -f "$efi" "$efi.words"
}

esp_secure()
{
	local signed path config=$LAB/$name.grub

	# Without it the kernel would not know its own modules.
	words=${words/,load_system_certificate_list}
	{
		echo "search --set=root --file /EFI/Linux/vmlinuz"
		echo "linux /EFI/Linux/vmlinuz $words"
		echo "initrd /EFI/Linux/initrd"
		echo boot
	} > "$config"
	read -ra signed < <(windows_signed) || bail_out "no signed shim and GRUB"
	for path in $names; do
		esp_put "$name" "${signed[0]}" "$path"
		esp_put "$name" "${signed[1]}" "${path%/*}/grubx64.efi"
	done
	esp_put "$name" "$config" "EFI/${signed[2]}/grub.cfg"
	esp_put "$name" "$LAB/vmlinuz" EFI/Linux/vmlinuz
	esp_put "$name" "$LAB/initrd-signed" EFI/Linux/initrd
	rm -f "$config"
}
