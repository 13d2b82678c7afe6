#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_cases.py - the runner of the cases tells when nothing was run, or not what was wanted,
and what failed once."""
import os
import pathlib
import subprocess
import sys
import tempfile

from cases import run_cases


def case_good(_folder):
    pass


def case_bad(_folder):
    raise AssertionError("on purpose")


def fail_once(what):
    """Where there is a file RUNS: each time but the last of those that it has a byte for."""
    runs = pathlib.Path(os.environ.get("RUNS", os.devnull))
    if runs.is_file():
        text = runs.read_text()
        runs.write_text(text[1:])
        assert len(text) < 2, f"on purpose: {what}"


def case_once(_folder):
    fail_once("once")


def case_found(_folder):
    fail_once("a ThreadSanitizer spoke")


def run(*wanted, **env):
    """This file as a test with four cases: exit code, lines of its verdicts, all it said."""
    r = subprocess.run([sys.executable, __file__, "BUILD", "SOURCE", *wanted], check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={**os.environ, **env})
    lines = {line.split(" (")[0] for line in r.stdout.splitlines()
             if line.startswith(("ok ", "FAIL "))}
    return r.returncode, lines, r.stdout


def check_second_runs():
    """One that fails has another run, which counts; not if others fail too, nor if a
    sanitizer found something."""
    with tempfile.TemporaryDirectory() as folder:
        for wanted, left, code, again in ((("good", "once"), "11", 0, 1),
                                          (("good", "once"), "111", 1, 1),
                                          (("good", "found"), "11", 1, 0),
                                          (("bad", "once"), "111", 2, 0)):
            runs = pathlib.Path(folder) / "runs"
            runs.write_text(left)
            got = run(*wanted, RUNS=str(runs), FUO_CASES="1")
            assert got[0] == code, (wanted, left, got)
            assert got[2].count(f"AGAIN {wanted[1]}\n") == again, (wanted, left, got)


def main():
    good, bad = "ok   good", "FAIL bad"
    every = {good, bad, "ok   once", "ok   found"}
    for wanted, code, lines in (((), 1, every), (("good", "bad"), 1, {good, bad}),
                                (("good",), 0, {good}), (("bad",), 1, {bad}),
                                (("bad", "bad"), 2, {bad}), (("goood",), 1, set()),
                                (("good", "goood"), 1, set()), (("case_good",), 1, set())):
        got = run(*wanted)
        assert got[:2] == (code, lines), (wanted, got)
        assert ("on purpose" in got[2]) == (bad in lines), got
        assert ("there are: good, bad, once" in got[2]) == (not lines), got
    assert run_cases({"other": None}, []).startswith("no case"), "nothing ran and all is well"
    check_second_runs()
    print("ok")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]) if len(sys.argv) > 1 else main())
