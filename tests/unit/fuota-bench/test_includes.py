#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_includes.py ROOT - the yardsticks include nothing of what they judge, however deep."""
import pathlib
import re
import sys

YARDSTICKS = ("bounds chirpstack cover_best fuotasim geometry minrank oracle "
              "reachable setup_odds strategy").split()
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
ALLOWED = {"base", "radio", "fec", "world", "io", "fuotad", "fuota-bench"}


def reached(src, name, seen):
    for target in INCLUDE.findall((src / name).read_text(encoding="utf-8")):
        if target not in seen:
            seen.add(target)
            if (src / target).exists():
                reached(src, target, seen)
    return seen


def main():
    src = pathlib.Path(sys.argv[1], "src")
    bad = 0
    for name in YARDSTICKS:
        for target in sorted(reached(src, f"fuota-bench/{name}.c", set())):
            if target.split("/")[0] not in ALLOWED:
                print(f"{name}.c reaches {target}")
                bad += 1
    return 1 if bad else 0


sys.exit(main())
