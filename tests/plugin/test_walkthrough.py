#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_walkthrough.py PAGE INCLUDE CC NM - the plugin of fuotad-plugin(7) is what it says.

The skeleton at the page's end compiles without a warning as the page's own command does it, is
an object with one symbol that the daemon looks for, and every function that the header calls
mandatory is a member that can be filled in; every function and event of the page is in the
header, and the other way round.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

page, include, cc, nm = sys.argv[1:]
text = pathlib.Path(page).read_text()
header = (pathlib.Path(include) / "fuotad/plugin.h").read_text()


def skeleton():
    """The last block of code."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.S | re.M)
    assert "my_open" in blocks[-1], "the skeleton is not the last block of code"
    return blocks[-1]


def members():
    """Functions of struct fuo_ns_plugin."""
    body = re.search(r"^struct fuo_ns_plugin \{(.*?)^\};", header, re.S | re.M)[1]
    return re.findall(r"\(\*(\w+)\)\(", body)


with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "myserver.c"
    source.write_text(skeleton())
    command = re.search(r"^cc (.*)-o (\S+) (\S+)$", text, re.M)
    assert command and command[3] == source.name, "the synopsis has no command"
    out = pathlib.Path(folder) / command[2]
    subprocess.run([*cc.split(), *command[1].split(), "-Wall", "-Wextra", "-Werror", "-I",
                    include, "-o", out, source], check=True)
    symbols = subprocess.run([*nm.split(), "-D", "--defined-only", out], check=True,
                             capture_output=True, text=True).stdout
    assert re.search(r" [DR] fuo_ns_plugin$", symbols, re.M), symbols

said = text.replace("*", "_")
missing = [name for name in members() if f"{name}()" not in said]
assert missing == [], f"{page} says nothing of {missing}"
events = set(re.findall(r"\bFUO_EV_[A-Z]+\b", text))
unknown = [name for name in events if name not in header]
assert unknown == [], f"{page} has events that the header has not: {unknown}"
print(f"ok   the skeleton compiles; {len(members())} functions, {len(events)} events")
