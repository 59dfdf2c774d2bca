#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How long inspect and patch take as whole processes, side by side with the floor
# (qemu-img info, reading the hive) and with the usual pipeline (qemu-nbd,
# nbdfuse, ntfs-3g, hivexregedit): medians of one run, with memory.
#
# BENCH_RUNS: how many of each (15). With a real hive where there is one.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required

make_parts
if real_hive win10-1903-vmware-lsi.SYSTEM "$work/SYSTEM"; then
	clean_hive "$work/SYSTEM"
else
	echo "no real hive: a small made-up one is used"
fi
make_windows "$work/c.ntfs" 20G many Windows/WinSxS 5000
"$tests/mkdisk.sh" -s 21G "$work/disk.qcow2" "$work/c.ntfs"
cat > "$work/pipeline.sh" <<'END'
set -e
cd "$1"
mkdir -p nbd mnt
qemu-nbd -k "$1/sock" --image-opts \
	"driver=raw,offset=122683392,size=21474836480,file.driver=qcow2,file.file.driver=file,file.file.filename=$2" & server=$!
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
"$BUSFLIP_BUILD/busflip" --config /dev/null --state-dir "$state" \
	--helper "$BUSFLIP_BUILD/busflip-helper" patch --format qcow2 --dry-run \
	--virtio-win "$work/vw" "$work/disk.qcow2" > "$work/edits.reg" || exit

python3 - "$work" "$BUSFLIP_BUILD" "${BENCH_RUNS:-15}" <<'END'
import os, resource, shutil, statistics, subprocess, sys, time

work, build, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
image = work + '/run.qcow2'
busflip = [build + '/busflip', '--config', '/dev/null', '--state-dir', work + '/bench-state',
           '--helper', build + '/busflip-helper', '--format', 'qcow2']
drivers = ['--virtio-win', work + '/vw']


def fresh():
    shutil.rmtree(work + '/bench-state', ignore_errors=True)
    subprocess.run(['cp', '--sparse=always', work + '/disk.qcow2', image], check=True)
    subprocess.run(['sync', image], check=True)


def clock(command):
    begin = time.perf_counter()
    r = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    took = (time.perf_counter() - begin) * 1000
    if r.returncode:
        sys.exit('%s: %s' % (command[0], r.stderr.decode()))
    return took


cases = {
    'qemu-img info': ['qemu-img', 'info', '-f', 'qcow2', image],
    'read the hive': ['cat', work + '/SYSTEM'],
    'inspect': busflip + ['inspect', image],
    'patch --dry-run': busflip + ['patch', '--dry-run', image] + drivers,
    'patch': busflip + ['patch', image] + drivers,
    'patch again': busflip + ['patch', image] + drivers,
}
times = {name: [] for name in cases}
for _ in range(runs):
    fresh()
    for name, command in cases.items():
        times[name].append(clock(command))
base = statistics.median(times['patch'])
for name, t in times.items():
    print('%-16s %7.1f ms [%.1f .. %.1f], %.2f of patch' % (
        name, statistics.median(t), min(t), max(t), statistics.median(t) / base))
sys.stdout.flush()
pipeline = []
if all(shutil.which(x) for x in ('nbdfuse', 'ntfs-3g', 'fusermount3')):
    for _ in range(max(1, runs // 5)):
        fresh()
        try:
            pipeline.append(clock(['timeout', '-k', '1', '120', 'sh', work + '/pipeline.sh', work, image]))
        except SystemExit as e:
            print('pipeline did not run:', e)
            break
if pipeline:
    print('%-16s %7.1f ms, %.1f times patch' % (
        'pipeline', statistics.median(pipeline), statistics.median(pipeline) / base))
print('largest process: %.1f MiB' %
      (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
END
