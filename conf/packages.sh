# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh - the packages that install.sh installs, by family of distributions and
# purpose; sourced by it, and by tests

# packages FAMILY PURPOSE - "A|B" is the first of them that the distribution has
packages()
{
	case $1-$2 in
	debian-build)
		echo gcc make libc6-dev linux-libc-dev pkg-config libvirt-dev libxml2-dev \
			libinih-dev libnbd-dev ntfs-3g-dev libhivex-dev libarchive-dev \
			libseccomp-dev ;;
	debian-run)
		echo libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ;;
	debian-demo)
		echo binutils libvirt-daemon-system libvirt-clients qemu-system-x86 \
			qemu-utils libxml2-utils python3 util-linux iproute2 ntfs-3g xz-utils \
			zstd ;;
	debian-test)
		echo binutils libvirt-daemon-system libvirt-clients qemu-system-x86 \
			qemu-utils libxml2-utils python3 util-linux iproute2 git acl secilc setools \
			python3-jsonschema python3-prometheus-client python3-yaml virtinst xsltproc ansible-core \
			ntfs-3g fdisk libhivex-bin libwin-hivex-perl reglookup xz-utils nbdkit \
			libnbd-bin procps zstd ovmf systemd-boot-efi mtools libarchive-tools \
			bash-completion zsh fish \
			build-essential dpkg-dev debhelper lintian rpm rpmlint \
			"libvirt-daemon-driver-storage-iscsi|libvirt-daemon" \
			"libvirt-daemon-lock|libvirt-daemon" \
			"libvirt-daemon-plugin-lockd|libvirt-daemon" ;;
	debian-ci)
		echo clang libclang-rt-dev clang-tidy cppcheck shellcheck mandoc man-db \
			valgrind debootstrap ;;
	debian-fleet)	# what "make fleet" wants besides those of test
		echo shim-signed grub-efi-amd64-signed swtpm swtpm-tools ;;
	debian-v2v)	# with a kernel for its appliance
		echo virt-v2v linux-image-amd64 ;;
	debian-modular)	# for tests/modular.sh; libvirt 10.9 has changed its JSON library
		echo meson ninja-build patch libglib2.0-dev libgnutls28-dev libxml2-dev \
			libjson-c-dev libyajl-dev libtirpc-dev libnl-3-dev libnl-route-3-dev \
			libattr1-dev libxml2-utils xsltproc open-iscsi ;;
	fedora-build)
		echo gcc make glibc-devel kernel-headers pkgconf-pkg-config libvirt-devel \
			libxml2-devel inih-devel libnbd-devel ntfs-3g-devel hivex-devel \
			libarchive-devel libseccomp-devel ;;
	fedora-run)
		echo libvirt-daemon-kvm libvirt-client qemu-system-x86-core qemu-img ;;
	fedora-demo)
		echo binutils libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-log \
			libvirt-client qemu-system-x86-core qemu-img libxml2 python3 \
			util-linux iproute ntfsprogs xz zstd kernel-core kernel-modules ;;
	fedora-test)
		echo binutils libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-log \
			libvirt-client qemu-system-x86-core qemu-img libxml2 python3 \
			python3-jsonschema python3-prometheus_client python3-pyyaml virt-install libxslt ansible-core \
			util-linux iproute git acl secilc setools-console ntfs-3g ntfsprogs util-linux-core hivex perl-hivex \
			xz nbdkit libnbd procps-ng zstd libvirt-daemon-driver-storage \
			libvirt-daemon-lock libvirt-daemon-plugin-lockd \
			kernel-core kernel-modules edk2-ovmf systemd-boot-unsigned mtools bsdtar \
			bash-completion zsh fish \
			rpm-build rpmlint ;;
	fedora-ci)
		echo clang clang-tools-extra cppcheck ShellCheck mandoc man-db valgrind \
			compiler-rt libasan libubsan debootstrap ;;
	fedora-fleet)
		echo shim-x64 grub2-efi-x64 swtpm swtpm-tools ;;
	fedora-v2v)
		echo virt-v2v kernel-core ;;
	*)
		die "no packages are known for \"$2\" on $1; --deps knows build, run, test, demo," \
			"ci, fleet, v2v, and on Debian modular" ;;
	esac
}

family()
{
	local ID='' ID_LIKE=''

	# shellcheck disable=SC1091	# not ours
	[ ! -r /etc/os-release ] || . /etc/os-release
	case " $ID $ID_LIKE " in
	*" debian "* | *" ubuntu "*) echo debian ;;
	*" fedora "* | *" rhel "* | *" centos "*) echo fedora ;;
	*) echo unknown ;;
	esac
}

# first_known NAME|NAME... - fails where none is known, as before "apt-get update"
first_known()
{
	local name

	for name in ${1//|/ }; do
		! apt-cache show "$name" >/dev/null 2>&1 || { echo "$name"; return; }
	done
	return 1
}

# one_name FAMILY NAME|NAME...
one_name()
{
	case $1-$2 in
	debian-*\|*)
		first_known "$2" ||
			{ [ "$(id -u)" = 0 ] && apt-get update -q >&2 && first_known "$2"; } ||
			die "this distribution has none of these packages: ${2//|/, }" ;;
	*)
		echo "$2" ;;
	esac
}

is_installed()
{
	case $1 in
	debian) [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
	fedora) rpm -q --whatprovides "$2" >/dev/null 2>&1 ;;
	esac
}

get_packages()
{
	local crb=()

	case $1 in
	debian)
		shift
		export DEBIAN_FRONTEND=noninteractive
		apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1 || {
			apt-get update -q >"$log" 2>&1 &&
			apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1
		} ;;
	fedora)
		shift
		# Where headers have a repository of their own, off by default.
		if dnf -q repolist --all 2>/dev/null | grep -q '^crb '; then
			crb=(--enablerepo=crb)
		fi
		dnf -y -q "${crb[@]}" install "$@" >"$log" 2>&1 ;;
	esac
}

install_packages()
{
	local fam purpose list package missing=()

	fam=$(family)
	say "packages for: $*"
	if [ "$fam" = unknown ]; then
		warn "this is neither Debian nor Fedora; continuing with the installed packages"
		return
	fi
	for purpose; do
		list=$(packages "$fam" "$purpose")
		for package in $list; do
			package=$(one_name "$fam" "$package")
			is_installed "$fam" "$package" || missing+=("$package")
		done
	done
	if [ ${#missing[@]} = 0 ]; then
		echo "    all installed"
	else
		need_root "to install packages"
		echo "    installing: ${missing[*]}"
		log=$(mktemp)
		if ! get_packages "$fam" "${missing[@]}"; then
			tail -n 20 "$log" >&2
			rm -f "$log"
			die "cannot install the packages; see above"
		fi
		rm -f "$log"
	fi
	# Only for speed, so no reason to fail.
	if [ "$fam" = fedora ] && ! static_libc && [ "$(id -u)" = 0 ]; then
		log=/dev/null
		get_packages fedora glibc-static || :
	fi
}
