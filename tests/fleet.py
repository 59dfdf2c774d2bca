#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fleet.py TABLE check - do the rows cover all pairs of values that can be combined?
Do the rows of the short run have every value, every end and every control at least once?
fleet.py TABLE rows WHICH - print rows, one on each line, fields separated by tabs:
all of them, some (those with a + before their name), the rest, or the named ones

test-fleet.sh reads the table, too. The table explains its own columns.
"""

import itertools
import sys

# Values in brackets are for single rows: pairs with them need not be there.
FACTORS = {
    'windows': '7 8.1 10 11 2016 2019 2022 2025',
    'firmware': 'bios uefi',
    'machine': 'q35 pc',
    'bus': 'virtio scsi sata ide',
    'target': 'viostor vioscsi',
    'origin': 'lsi pvscsi sata ide',
    'driver': 'ready service package injected replaced missing wrong',
    'past': 'clean fast dirty nologs crashed (sleepy)',
    'planted': 'no yes',
    'others': '6 20',
    'second': 'no yes',
    'start': 'staged late',
    'event': 'none cut1 cut2 cut24 deaf (cut3)',
}

# What can't go together, with the reason
IMPOSSIBLE = [
    ('windows=7 firmware=uefi', '7 starts from OVMF only with a CSM'),
    ('windows=7 past=fast', 'fast startup came with 8'),
    ('windows=7 planted=yes', 'so did StartOverride'),
    ('machine=q35 bus=ide', 'no IDE there'),
] + [('driver=%s event=%s' % (d, e), 'it never runs on VirtIO')
     for d in ('missing', 'wrong') for e in ('cut2', 'cut24')]


def read_table(path):
    """Two lines to a guest: its factors; then "-> END SESSIONS CONTROL: WHY"."""
    rows = []
    with open(path, encoding='ascii') as table:
        for line in table:
            words = line.split()
            if not words or words[0] == '#':
                continue
            if words[0] == '->':
                rows[-1].update(end=words[1], sessions=words[2],
                                control=words[3].rstrip(':'), why=' '.join(words[4:]))
                continue
            row = {'some': words[0] == '+'}
            words = words[row['some']:]
            if len(words) != 1 + len(FACTORS):
                sys.exit('%s: %d words: %s' % (path, len(words), line))
            row.update(zip(['name', *FACTORS], words))
            rows.append(row)
    return rows


def check(rows):
    values = {name: text.split() for name, text in FACTORS.items()}
    missing = 0
    for row in rows:
        for name, known in values.items():
            if row[name] not in known and '(%s)' % row[name] not in known:
                sys.exit('%s: what is %s=%s?' % (row['name'], name, row[name]))
        if 'why' not in row:
            sys.exit('%s: how shall it end?' % row['name'])
    if len({row['name'] for row in rows}) != len(rows):
        sys.exit('two rows have one name')
    impossible = {frozenset(pair.split()) for pair, _ in IMPOSSIBLE}
    for a, b in itertools.combinations(values, 2):
        seen = {(row[a], row[b]) for row in rows}
        for x, y in itertools.product(values[a], values[b]):
            if '(' in x + y:
                continue
            never = frozenset((a + '=' + x, b + '=' + y)) in impossible
            if never == ((x, y) in seen):
                print('%s=%s %s=%s: %s' % (a, x, b, y, 'can\'t be' if never else 'no row'))
                missing += 1
    return missing == 0


def check_some(rows):
    missing = 0
    for name in [*FACTORS, 'end', 'control']:
        lost = {row[name] for row in rows} - {row[name] for row in rows if row['some']}
        if lost:
            print('no row of the short run has %s=%s' % (name, ' '.join(sorted(lost))))
            missing += 1
    return missing == 0


def main():
    rows = read_table(sys.argv[1])
    if sys.argv[2] == 'check':
        sys.exit(0 if check(rows) and check_some(rows) else 1)
    which = sys.argv[3].split()
    for row in rows:
        group = ['some'] if row['some'] else ['rest']
        if which in (['all'], group) or row['name'] in which:
            print('\t'.join([row['name'], *(row[f] for f in FACTORS), row['end'],
                             row['sessions'], row['control'], row['why']]))


main()
