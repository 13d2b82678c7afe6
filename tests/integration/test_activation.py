#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_activation.py BUILD SOURCE - how devices are made to install, and what proves it, on the
real stack.

Prints a line per case and exits with the number of failures.
"""
import json
import pathlib
import sys

from cases import run_cases
from stack import Stack, wait_for

BUILD = pathlib.Path(sys.argv[1])
NAME = "wm1-1-4-3"


def make_image(folder, size=4000):
    path = pathlib.Path(folder) / "source.bin"
    path.write_bytes(bytes((i * 7919 >> 5) % 251 for i in range(size)))
    return path


def stack(folder, **options):
    options.setdefault("devices", 6)
    return Stack(folder, BUILD, make_image(folder), **options)


def rows_of(s):
    return [json.loads(x) for x in s.ctl("devices", NAME, "-o", "jsonl",
                                         check=0).stdout.splitlines()]


def flash_of(s):
    """How many devices have the image, how many there are; after the simulator has ended."""
    image = s.path("image.bin").read_bytes()
    flash = [f.read_bytes() for f in s.path("flash").glob("*.bin")]
    return flash.count(image), len(flash)


def case_manual_installs_on_the_operators_word(folder):
    with stack(folder, spec={"activation": {"mode": "manual", "jitter": "1m"}}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("all to wait", lambda: s.state()["devices"]["installable"] == 6, 120)
        assert {(x["phase"], x["state"], x["outcome"]) for x in rows_of(s)} == {
            ("complete", 2, "none")}
        r = s.ctl("status", NAME, check=0)
        assert "6 of them wait for: fuotactl approve --install" in r.stdout, r.stdout
        s.kill_daemon()
        s.start_daemon()
        assert s.state()["devices"]["installable"] == 6
        s.ctl("approve", NAME, "--install", "--reason", "site is closed", check=0)
        r = s.ctl("wait", NAME, "--timeout", "120s")
        assert r.returncode == 0, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
        assert s.state()["devices"]["succeeded"] == 6
        s.stop("fuotad")
        s.stop("sim")
        assert flash_of(s) == (6, 6)


def case_manual_aborted_installs_nothing(folder):
    with stack(folder, spec={"activation": {"mode": "manual"}}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("all to wait", lambda: s.state()["devices"]["installable"] == 6, 120)
        s.ctl("abort", NAME, check=0)
        r = s.ctl("wait", NAME, "--for", "completed", "--timeout", "100s")
        assert r.returncode == 10, r.returncode
        assert s.state()["devices"]["cancelled"] == 6
        s.stop("fuotad")
        s.stop("sim")
        assert flash_of(s)[0] == 0


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
