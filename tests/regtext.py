#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""regtext.py - compare a .reg text with a registry and with JSON

regtext.py export BEFORE EDITS AFTER   two exports of hivexregedit; AFTER must be
                                       BEFORE with the EDITS, and nothing else
regtext.py reglookup BEFORE EDITS AFTER     the same, two outputs of reglookup
regtext.py json EDITS JSON             the edits in one of busflip's reports
regtext.py kept BEFORE MIDDLE AFTER    three exports; every change from BEFORE to MIDDLE
                                       must be in AFTER, ignoring case

Prints each difference, and fails if there is one; otherwise prints how much changed.
"""

import json
import re
import sys
import urllib.parse

ROOT = 'HKEY_LOCAL_MACHINE\\SYSTEM'
TYPES = {'NONE': 0, 'SZ': 1, 'EXPAND_SZ': 2, 'BINARY': 3, 'DWORD': 4, 'MULTI_SZ': 7}
NAMES = {number: name for name, number in TYPES.items()}


def key_path(text):
    if not text.startswith(ROOT):
        sys.exit('not below %s: %s' % (ROOT, text))
    return tuple(x for x in text[len(ROOT):].split('\\') if x)


def value_data(text):
    if text.startswith('"'):
        text = re.sub(r'\\(.)', r'\1', text[1:-1])
        return 1, (text + '\0').encode('utf-16-le')
    if text.startswith('dword:'):
        return 4, int(text[6:], 16).to_bytes(4, 'little')
    kind, data = re.fullmatch(r'hex(?:\(([0-9a-f]+)\))?:(.*)', text).groups()
    return int(kind or '3', 16), bytes.fromhex(data.replace(',', ''))


def read_reg(path):
    """Edits in their order: (key, name, type, data); a key alone has name None;
    type None: is deleted."""
    with open(path, encoding='utf-8', errors='surrogateescape') as f:
        text = re.sub(r'\\\n\s*', '', f.read())
    edits, key = [], None
    for line in text.split('\n')[1:]:
        if not line or line.startswith(';'):
            continue
        if line.startswith('['):
            key = key_path(line[1:-1].lstrip('-'))
            edits.append((key, None, None if line[1] == '-' else 0, b''))
            continue
        name, data = re.fullmatch(r'(@|"(?:[^"\\]|\\.)*")=(.*)', line).groups()
        name = '' if name == '@' else re.sub(r'\\(.)', r'\1', name[1:-1])
        edits.append((key, name, None, b'') if data == '-' else (key, name) + value_data(data))
    return edits


def lower(key):
    return tuple(x.lower() for x in key)


def apply(state, edits, show):
    """state: {(key, name or None): what is seen of it}"""
    for key, name, kind, data in edits:
        key = lower(key)
        if name is not None:
            state.pop((key, name.lower()), None)
            if kind is not None:
                state[key, name.lower()] = show(kind, data)
        elif kind is None:
            for gone in [k for k in state if k[0][:len(key)] == key]:
                del state[gone]
        else:
            for n in range(len(key) + 1):
                state.setdefault((key[:n], None), '')


def show_data(kind, data):
    return kind, data


def show_text(kind, data):
    """As reglookup shows it, with its %XX undone."""
    if kind == 4:
        return 'DWORD', '0x%08X' % int.from_bytes(data, 'little')
    if kind in (1, 2, 7):
        data = '|'.join(x for x in data.decode('utf-16-le').split('\0') if x).encode()
    return NAMES[kind], data


def read_export(path):
    state = {}
    apply(state, read_reg(path), show_data)
    return state


def read_reglookup(path):
    state, times = {}, {}
    with open(path, encoding='latin-1') as f:
        for line in f.read().split('\n')[1:]:
            if not line:
                continue
            place, kind, data, time = line.split(',')[:4]
            place = tuple(urllib.parse.unquote(x, 'latin-1').lower() for x in place.split('/')[1:])
            if kind == 'KEY':
                key = tuple(x for x in place if x)
                state[key, None] = ''
                times[key] = time
            else:
                if kind != 'DWORD':
                    # What it writes of a value without data
                    data = b'' if data == '(null)' else urllib.parse.unquote_to_bytes(data)
                state[place[:-1], place[-1]] = kind, data
    return state, times


def differences(wanted, seen):
    for place in sorted(set(wanted) | set(seen), key=str):
        if wanted.get(place) != seen.get(place):
            yield '%s: wanted %s, seen %s' % (place, wanted.get(place), seen.get(place))


def compare_export(before, edits, after):
    wanted, seen = read_export(before), read_export(after)
    apply(wanted, read_reg(edits), show_data)
    return list(differences(wanted, seen)), differences(read_export(before), seen)


def compare_reglookup(before, edits, after):
    (old, old_times), (seen, times) = read_reglookup(before), read_reglookup(after)
    wanted, plan = dict(old), read_reg(edits)
    apply(wanted, plan, show_text)
    bad = list(differences(wanted, seen))
    touched = {lower(edit[0]) for edit in plan}
    bad += ['%s: time changed' % (key,) for key in times
            if times[key] != old_times.get(key, times[key]) and key not in touched]
    return bad, differences(old, seen)


def compare_json(edits, report):
    with open(report, encoding='utf-8') as f:
        listed = json.load(f)['registry']['edits']
    wanted = {}
    for key, name, kind, data in read_reg(edits):
        if name is not None or kind is None:
            wanted[lower(key), name] = None if kind is None else (kind, data.hex())
    seen = {}
    for e in (e for e in listed if e['needed']):
        new = e.get('new')
        place = key_path(ROOT + '\\' + e['key']), e.get('name')
        seen[lower(place[0]), place[1]] = (new['type'], new['hex']) if new else None
    missing = [str(x) for x in set(wanted) ^ set(seen)]
    return missing + list(differences(wanted, seen)), seen


def folded(value):
    if value and value[0] in (1, 2, 7):
        return value[0], value[1].decode('utf-16-le', 'surrogatepass').lower()
    return value


def compare_kept(before, middle, after):
    old, mid, new = read_export(before), read_export(middle), read_export(after)
    changed = [place for place in set(old) | set(mid) if old.get(place) != mid.get(place)]
    wanted = {place: folded(mid.get(place)) for place in changed}
    seen = {place: folded(new.get(place)) for place in changed}
    return list(differences(wanted, seen)), changed


def main():
    compare = {'export': compare_export, 'reglookup': compare_reglookup, 'json': compare_json,
               'kept': compare_kept}
    bad, changed = compare[sys.argv[1]](*sys.argv[2:])
    for line in bad[:50]:
        print(line)
    print('%d changed, %d wrong' % (len(list(changed)), len(bad)))
    sys.exit(bool(bad))


main()
