#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_zone_changes.py PROGRAM - zones as another reader of the same data base sees them.

Every zone of the system, from 2026 to 2037: each change to the second, and no others.
"""
import subprocess
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo, available_timezones

LAST, STEP = 2145916800, 3 * 86400


def offset(zone, seconds):
    at = datetime.fromtimestamp(seconds, timezone.utc).astimezone(zone)
    return int(at.utcoffset().total_seconds())


def wrong(name, changes):
    """The first moment at which the two disagree."""
    zone = ZoneInfo(name)
    for (begin, want), (end, _) in zip(changes, changes[1:] + [(LAST, 0)]):
        for seconds in [*range(begin, end, STEP), end - 1]:
            if offset(zone, seconds) != want:
                return seconds
    return None


def main():
    names = sorted(n for n in available_timezones() if "/" in n and not n.startswith("Etc/"))
    r = subprocess.run([sys.argv[1], *names], capture_output=True, text=True, check=True)
    changes = {}
    for line in r.stdout.splitlines():
        name, seconds, seconds_east = line.split()
        assert seconds != "unknown", name
        changes.setdefault(name, []).append((int(seconds), int(seconds_east)))
    assert len(changes) == len(names) > 300, len(changes)
    bad = {n: wrong(n, changes[n]) for n in names}
    bad = {n: at for n, at in bad.items() if at is not None}
    print(f"{len(names)} zones, {sum(map(len, changes.values())) - len(names)} changes")
    assert not bad, bad


if __name__ == "__main__":
    main()
