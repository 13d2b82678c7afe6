# SPDX-License-Identifier: MIT
"""cases.py - runs the functions case_... of a test, each in a folder of its own.

A test is called as FILE BUILD SOURCE [CASE...] and ends with

    if __name__ == "__main__":
        sys.exit(run_cases(globals(), sys.argv[3:]))

A case mostly waits: radio time is slow even when it runs 150 times as fast. So several run
at once, FUO_CASES of them (3), each in a process of its own.

A machine that stands still for a second makes two minutes of radio time of it, which no radio
does. So when just one case of a file fails, it runs again by itself, and then has the last
word. That is no secret: what the first run printed stays, and scripts/test names it at the
end. What a sanitizer found stands.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time
import traceback

from stack import MOSQUITTO, SCRATCH

PREFIX = "case_"


def run_case(name, case):
    """Whether it went well; says so."""
    began = time.monotonic()
    good = True
    try:
        with tempfile.TemporaryDirectory(prefix="fuotad-", dir=SCRATCH) as folder:
            case(folder)
    except Exception:  # the other cases say more than one alone
        good = False
        traceback.print_exc()
    print(f"{'ok  ' if good else 'FAIL'} {name.replace('_', ' ')} "
          f"({time.monotonic() - began:.1f} s)", flush=True)
    return good


def run_apart(name):
    """The same in another process, its output in one piece; and whether a sanitizer spoke."""
    r = subprocess.run([sys.executable, *sys.argv[:3], name], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    sys.stdout.write(r.stdout)
    sys.stdout.flush()
    return r.returncode == 0, "Sanitizer" in r.stdout


def run_again(name):
    """Alone. Whether it went well; count-tests.py looks for the line."""
    print(f"AGAIN {name.replace('_', ' ')}", flush=True)
    good, _found = run_apart(name)
    return good


def run_all(wanted):
    """How many failed."""
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FUO_CASES", 3))) as pool:
        results = list(pool.map(run_apart, wanted))
    failed = [(name, found) for name, (good, found) in zip(wanted, results) if not good]
    if len(failed) == 1 and not failed[0][1] and run_again(failed[0][0]):
        return 0
    return len(failed)


def run_cases(names, wanted):
    """A line per case; how many failed, as an exit code. A wanted case that is not there has
    failed, and so has a test without cases."""
    if not os.path.exists(MOSQUITTO):
        return "mosquitto is not installed; run ./scripts/test"
    cases = {name.removeprefix(PREFIX): case for name, case in names.items()
             if name.startswith(PREFIX)}
    unknown = [name for name in wanted if name not in cases]
    if unknown or not cases:
        return f"no case {', '.join(unknown)}; there are: {', '.join(cases) or 'none'}"
    if len(wanted) == 1:
        return 0 if run_case(wanted[0], cases[wanted[0]]) else 1
    return min(run_all(wanted or list(cases)), 99)
