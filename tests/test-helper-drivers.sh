#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# virtio-win as an ISO is parsed in the sandbox; links in a virtio-win directory are not
# followed. Tests damaged ISOs, and with inside.c an ISO that takes over libarchive.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires bsdtar --version
plan 76

make_parts
make_windows "$work/c.ntfs" $((32 * 1048576))
"$tests/mkdisk.sh" -f raw -t mbr "$work/old.raw" "$work/c.ntfs"
image=$work/disk.raw output=''
sys=$work/vw/viostor/w10/amd64/viostor.sys
# busflip gives its helper no environment.
cat > "$work/helper" <<END
#!/bin/sh
export INSIDE="\$(cat "$work/inside" 2> /dev/null)"
[ "\$INSIDE" ] || unset INSIDE
export LD_PRELOAD="$BUSFLIP_BUILD/tests/inside.so"
exec "$BUSFLIP_BUILD/busflip-helper"
END
chmod +x "$work/helper"

# patch PATH [HELPER] - a new image with the drivers from there
patch()
{
	cp --sparse=always "$work/old.raw" "$image"
	rm -rf "$state"
	busflip patch --format raw --virtio-win "$1" \
		--helper "${2:-$BUSFLIP_BUILD/busflip-helper}" "$image"
}

# copied NAME PATH
copied()
{
	ok "$1: patch" patch "$2"
	get_volume "$image" raw 1048576 $((32 * 1048576)) "$work/now.ntfs"
	is "$1: the driver is copied" \
		"$(sum_file "$work/now.ntfs" Windows/System32/drivers/viostor.sys)" \
		"$(sha256sum < "$sys" | cut -c 1-16)"
}

# refused NAME STATUS WORDS COMMAND... - the image is as it was
refused()
{
	fails "$1: refused" "$2" "${@:4}"
	like "$1: says why" "$output" "^busflip: $image: $3|"$'\n'"busflip: $image: $3"
	ok "$1: the image is as it was" cmp "$image" "$work/old.raw"
}

# --- whom the parser is

bsdtar --format=iso9660 -cf "$work/rock.iso" -C "$work/vw" . || bail_out bsdtar
bsdtar --format=iso9660 --options '!rockridge' -cf "$work/joliet.iso" -C "$work/vw" .
python3 "$tests/mkiso.py" "$work/plain.iso" "$sys"
for iso in rock joliet plain; do
	copied "$iso.iso" "$work/$iso.iso"
done
output=$(patch "$work/rock.iso" "$work/helper" 2>&1)
like "an ISO is parsed in the sandbox" "$output" \
	"parsed by a user of its own, with files of the host: no"
like "in which no directory is open" "$output" "busflip-helper: 0 directories are open"
output=$(patch "$work/vw" "$work/helper" 2>&1)
like "nor is one of the drivers'" "$output" "busflip-helper: 0 directories are open"
unlike "a directory is no ISO" "$output" "parsed by"

# --- an ISO that takes it over

echo crash > "$work/inside"
refused "it crashes" 38 "busflip-helper was killed by signal 11 .* while it read the disk or \
the ISO of virtio_win; nothing was written" patch "$work/rock.iso" "$work/helper"
echo execute > "$work/inside"
refused "it executes" 38 "busflip-helper was killed by signal 31 .* the ISO of virtio_win; nothing was" \
	patch "$work/rock.iso" "$work/helper"
before=$(sha256sum < "$work/rock.iso")
echo write > "$work/inside"
output=$(patch "$work/rock.iso" "$work/helper" 2>&1)
like "it can't write to the ISO" "$output" "written: Bad file descriptor"
is "which is as it was" "$(sha256sum < "$work/rock.iso")" "$before"
rm "$work/inside"

# --- ISOs that are damaged

for fault in long-names size-4g size-8m beyond last many-large many-files no-length name-beyond circle \
	circles deep wide root-4g cut; do
	python3 "$tests/mkiso.py" "$work/$fault.iso" "$sys" $fault
	refused "$fault" 32 ".*$work/$fault.iso" patch "$work/$fault.iso"
done

# --- links

ln -s rock.iso "$work/link.iso"
copied "a link to an ISO" "$work/link.iso"
ln -s vw "$work/link"
copied "a link to a directory" "$work/link"
mkdir -p "$work/file/viostor/w10/amd64"
ln -s "$sys" "$work/file/viostor/w10/amd64"
refused "a driver that is a link" 32 \
	"no viostor driver .* in $work/file, in which links are not followed" patch "$work/file"
mkdir -p "$work/folder/viostor/w10"
ln -s "${sys%/*}" "$work/folder/viostor/w10"
refused "a folder that is a link" 32 \
	"no viostor driver .* in $work/folder, in which links are not followed" patch "$work/folder"
mkfifo "$work/pipe"
refused "a pipe" 32 "virtio_win = $work/pipe: neither a directory nor an ISO image" \
	timeout 20 "$BUSFLIP_BUILD/busflip" --config /dev/null patch \
	--format raw --virtio-win "$work/pipe" --helper "$BUSFLIP_BUILD/busflip-helper" "$image"
