#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run times of inspect and patch as whole processes, compared with the minimum (qemu-img
# info, reading the hive) and with the alternatives: a pipeline of qemu-nbd, nbdfuse,
# ntfs-3g and hivexregedit, and with BENCH_SLOW=1 guestfish, virt-win-reg and
# virt-v2v-in-place, which boot an appliance. Reports medians of one run as ratios, the
# memory of each process, and a disk of 2 TiB against one of 20 GiB. It asserts no times,
# but it asserts that the alternatives did their work.
#
# BENCH_RUNS: runs of each candidate (15). Uses a real hive if one is available.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
PATH=$PATH:/usr/libexec

# Without /dev/fuse, one is made where nobody else sees it.
if ! [ -c /dev/fuse ] && ! [ "${BENCH_DEV:-}" ]; then
	rm -rf "$work"
	trap - EXIT
	BENCH_DEV=yes exec unshare --mount "$0" "$@"
fi
if [ "${BENCH_DEV:-}" ]; then
	mkdir "$work/dev"
	mount -t tmpfs bench "$work/dev" && mkdir "$work/dev/upper" "$work/dev/work" &&
		mount -t overlay -o "lowerdir=/dev,upperdir=$work/dev/upper,workdir=$work/dev/work" \
			bench /dev && mknod /dev/fuse c 10 229
	cleanup_fn umount -l /dev "$work/dev"
fi

make_parts
hive="a real hive of Windows 10"
if real_hive win10-1903-vmware-lsi.SYSTEM "$work/SYSTEM"; then
	clean_hive "$work/SYSTEM"
else
	hive="a small made-up hive"
fi
# Four files of 500 KB, as large as the real ones are.
rm -r "$work/vw"
for name in viostor viostor2; do
	python3 "$tests/mkdriver.py" "$work/vw/viostor/w10/amd64" $name amd64 62.93.104.26200 240000
done
rm "$work"/vw/viostor/w10/amd64/viostor2.{inf,cat}
# What the slow ones ask of a Windows and of this host.
cat > "$work/more.reg" <<'END'
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows]

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion]
"DevicePath"=str(2):"%SystemRoot%\\inf"

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion]
"CurrentMinorVersionNumber"=dword:00000000
END
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SOFTWARE' "$work/SOFTWARE" "$work/more.reg"
mkdir "$work/tools"
cp "$work/in/ntoskrnl.sys" "$work/tools/rhsrvany.exe"
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
export VIRTIO_WIN=$work/vw VIRT_TOOLS_DATA_DIR=$work/tools

# make_disk NAME SIZE - of the volume, in bytes; an MBR reaches just below 2 TiB
make_disk()
{
	make_windows "$work/c.ntfs" "$2" many Windows/WinSxS 5000 mkdir Windows/Temp \
		mkdir 'Program Files' put Windows/System32/cmd.exe "$work/in/ntoskrnl.sys"
	"$tests/mkdisk.sh" -t mbr "$work/$1.qcow2" "$work/c.ntfs"
	rm "$work/c.ntfs"
}

small=$((20 << 30)) large=$(((2 << 40) - (4 << 20)))
make_disk small $small
make_disk large $large
qemu-img info -f qcow2 "$work/small.qcow2" | grep -E 'virtual size|disk size'
busflip patch --format qcow2 --dry-run --virtio-win "$work/vw" "$work/small.qcow2" \
	> "$work/edits.reg" || exit

# Both of these are easily wrong: what nbdfuse shows is empty until it has
# connected, and unmounting returns before ntfs-3g has written everything.
cat > "$work/pipeline.sh" <<'END'
set -e
cd "$1"
rm -f sock
mkdir -p nbd mnt
window=driver=raw,offset=1048576,size=$3,file.driver=qcow2
qemu-nbd -k "$1/sock" --image-opts \
	"$window,file.file.driver=file,file.file.filename=$2" & server=$!
until [ -S sock ]; do sleep 0.002; done
nbdfuse nbd --unix "$1/sock" & fuse=$!
until [ "$(stat -c %s nbd/nbd 2>/dev/null || echo 0)" -gt 0 ]; do sleep 0.002; done
ntfs-3g -o no_detach nbd/nbd mnt & ntfs=$!
until [ -e mnt/Windows ]; do sleep 0.002; done
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' \
	mnt/Windows/System32/config/SYSTEM edits.reg
cp vw/viostor/w10/amd64/* mnt/Windows/System32/drivers/
fusermount3 -u mnt
wait $ntfs
fusermount3 -u nbd
wait $fuse || :
kill $server 2>/dev/null || :
wait
END
cat > "$work/guestfish.sh" <<'END'
set -e
cd "$1"
guestfish <<SCRIPT
add-drive $2 format:qcow2
run
mount /dev/sda1 /
download /Windows/System32/config/SYSTEM hive
!hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\\SYSTEM' hive edits.reg
upload hive /Windows/System32/config/SYSTEM
glob copy-in vw/viostor/w10/amd64 /Windows/System32/drivers
SCRIPT
END

# On the disk, as on a host.
mkdir -p "$work/bench-state" "$state"
mount --bind "$work/bench-state" "$state"
cat > "$work/bench.py" <<'END'
import ctypes
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

work, build, runs, slow, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
image, large = work + '/run.qcow2', work + '/run-large.qcow2'
busflip = [build + '/busflip', '--config', '/dev/null',
           '--helper', build + '/busflip-helper', '--format', 'qcow2']
drivers = ['--virtio-win', work + '/vw']
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
SEIZE, CONT, LISTEN, OPTIONS = 0x4206, 7, 0x4208, 2 | 4 | 8 | 16 | 64  # fork .. exec, exit
EXIT_EVENT, STOP_EVENT = 6, 128


def fresh(with_large=False):
    for name in os.listdir(work + '/bench-state'):
        shutil.rmtree(work + '/bench-state/' + name)
    for name, to in (('small', image), ('large', large))[:1 + with_large]:
        subprocess.run(['cp', '--sparse=always', '%s/%s.qcow2' % (work, name), to], check=True)
        subprocess.run(['sync', to], check=True)


def clock(command):
    begin = time.perf_counter()
    r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
    took = (time.perf_counter() - begin) * 1000
    if r.returncode:
        sys.exit('%s: exit status %d: %s' % (command, r.returncode, r.stderr.decode()))
    return took


def peaks(command):
    """The highest resident set of each process below command, by the kernel's own count,
    read while the process is held at its exit: [(name, MiB)] in the order of exits."""
    hold, go = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(go)
        os.read(hold, 1)
        null = os.open('/dev/null', os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.execvp(command[0], command)
    os.close(hold)
    if libc.ptrace(SEIZE, first, 0, OPTIONS):
        sys.exit('ptrace: ' + os.strerror(ctypes.get_errno()))
    os.close(go)
    found = []
    while True:
        try:
            pid, status = os.waitpid(-1, 0x40000000)  # __WALL
        except ChildProcessError:
            return found
        if not os.WIFSTOPPED(status):
            continue
        number, event, sig = pid, status >> 16, os.WSTOPSIG(status)
        if event == EXIT_EVENT:
            with open('/proc/%d/status' % number) as f:
                text = f.read()
            peak = re.search(r'VmHWM:\s*(\d+)', text)
            if peak and re.search(r'Tgid:\s*%d\n' % number, text):
                found.append((re.search(r'Name:\s*(.*)', text)[1], int(peak[1]) / 1024))
        stopping = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
        if event == STOP_EVENT and sig in stopping:
            libc.ptrace(LISTEN, number, 0, 0)
        else:
            libc.ptrace(CONT, number, 0, 0 if event else sig)


def done(path):
    """Is the driver's service in the registry of an image?"""
    subprocess.run(['qemu-img', 'convert', '--image-opts', 'driver=raw,offset=1048576,size=%s,'
                    'file.driver=qcow2,file.file.driver=file,file.file.filename=%s' % (size, path),
                    '-O', 'raw', work + '/now.ntfs'], check=True)
    with open(work + '/now.hive', 'wb') as out:
        subprocess.run(['ntfscat', '-f', work + '/now.ntfs', 'Windows/System32/config/SYSTEM'],
                       stdout=out, stderr=subprocess.DEVNULL)
    os.unlink(work + '/now.ntfs')
    return subprocess.run(['hivexget', work + '/now.hive', 'ControlSet001\\Services\\viostor',
                           'ImagePath'], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout == b'system32\\drivers\\viostor.sys\n'


def row(name, took):
    middle = statistics.median(took)
    print('%-22s %4d %10.1f %9.1f %9.1f %9.2f' % (
        name, len(took), middle, min(took), max(took), middle / base))
    sys.stdout.flush()


def memory(name, found):
    names = {}
    for process, peak in found:
        names.setdefault(process, []).append(peak)
    print('%-22s %s' % (name, ', '.join('%s %s' % (
        n, ' + '.join('%.1f' % p for p in sorted(some, reverse=True)[:4]))
        for n, some in sorted(names.items(), key=lambda x: -max(x[1])) if max(some) >= 4)))
    sys.stdout.flush()


cases = {
    'qemu-img info': ['qemu-img', 'info', '-f', 'qcow2', image],
    'read the hive': ['cat', work + '/SYSTEM'],
    'inspect': busflip + ['inspect', image],
    'patch --dry-run': busflip + ['patch', '--dry-run', image] + drivers,
    'patch': busflip + ['patch', image] + drivers,
    'patch again': busflip + ['patch', image] + drivers,
    'patch, 2 TiB': busflip + ['patch', large] + drivers,
}
times = {name: [] for name in cases}
for i in range(runs):
    fresh(True)
    order = list(cases)
    if i % 2:  # what comes first must not matter
        order.insert(0, order.pop())
    for name in order:
        times[name].append(clock(cases[name]))
if not done(image):
    sys.exit('patch has not done its work')
base = statistics.median(times['patch'])
print('%-22s %4s %10s %9s %9s %9s' % ('', 'runs', 'median ms', 'min', 'max', 'of patch'))
for name, took in times.items():
    row(name, took)

others, limit = {}, ['timeout', '-k', '1', '300']
if all(shutil.which(x) for x in ('nbdfuse', 'ntfs-3g', 'fusermount3')):
    others['pipeline'] = (limit + ['sh', work + '/pipeline.sh', work, image, size],
                          max(3, runs // 3))
if slow == '1':
    if shutil.which('guestfish'):
        others['guestfish'] = (limit + ['sh', work + '/guestfish.sh', work, image], 2)
    if shutil.which('virt-win-reg'):
        others['virt-win-reg --merge'] = (limit + ['virt-win-reg', '--format=qcow2', '--merge',
                                                   image, work + '/edits.reg'], 2)
    if shutil.which('virt-v2v-in-place'):
        others['virt-v2v-in-place'] = (limit + ['virt-v2v-in-place', '-i', 'disk', image], 2)
bad, found = [], {}
for name, (command, n) in others.items():
    took = []
    for _ in range(n - 1):
        fresh()
        took.append(clock(command))
    # Only forks and exits are held up, so this run counts, too.
    fresh()
    begin = time.perf_counter()
    found[name] = peaks(command)
    took.append((time.perf_counter() - begin) * 1000)
    row(name, took)
    if not done(image):
        bad.append(name + ' has not done its work')

print('\npeak of each process in MiB, those of 4 and more')
for name in ('inspect', 'patch', 'patch, 2 TiB'):
    fresh(True)
    memory(name, peaks(cases[name]))
for name in found:
    memory(name, found[name])
sys.exit('; '.join(bad) or 0)
END
echo "20 GiB, 5000 files, $hive"
python3 "$work/bench.py" "$work" "$BUSFLIP_BUILD" "${BENCH_RUNS:-15}" "${BENCH_SLOW:-0}" $small
