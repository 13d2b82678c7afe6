#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_cases.py - the runner of the cases tells when nothing was run, or not what was wanted."""
import subprocess
import sys

from cases import run_cases


def case_good(_folder):
    pass


def case_bad(_folder):
    raise AssertionError("on purpose")


def run(*wanted):
    """This file as a test with two cases: exit code, lines of its verdicts, all that it said."""
    r = subprocess.run([sys.executable, __file__, "BUILD", "SOURCE", *wanted], check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = {line.split(" (")[0] for line in r.stdout.splitlines()
             if line.startswith(("ok ", "FAIL "))}
    return r.returncode, lines, r.stdout


def main():
    good, bad = "ok   good", "FAIL bad"
    for wanted, code, lines in (((), 1, {good, bad}), (("good", "bad"), 1, {good, bad}),
                                (("good",), 0, {good}), (("bad",), 1, {bad}),
                                (("bad", "bad"), 2, {bad}), (("goood",), 1, set()),
                                (("good", "goood"), 1, set()), (("case_good",), 1, set())):
        got = run(*wanted)
        assert got[:2] == (code, lines), (wanted, got)
        assert ("on purpose" in got[2]) == (bad in lines), got
        assert ("there are: good, bad" in got[2]) == (not lines), got
    assert run_cases({"other": None}, []).startswith("no case"), "nothing ran and all is well"
    print("ok")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]) if len(sys.argv) > 1 else main())
