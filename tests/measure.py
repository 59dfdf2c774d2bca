#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""measure.py COMMAND [ARG...] - print its cost as "MILLISECONDS KIB-READ KIB-OF-MEMORY"

KIB-READ counts what the command and all processes that it waited for read from files, by
any means; for busflip this is mostly what qemu-nbd read from the image. KIB-OF-MEMORY is
the memory of the largest of these processes.
"""

import resource
import subprocess
import sys
import time


def read_so_far():
    with open('/proc/self/io', encoding='ascii') as f:
        return int(f.readline().split()[1])


before, begin = read_so_far(), time.perf_counter()
result = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)
took = time.perf_counter() - begin
print('%.0f %d %d' % (took * 1000, (read_so_far() - before) // 1024,
                      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(result.returncode)
