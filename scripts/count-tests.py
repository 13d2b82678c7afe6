#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""count-tests.py TESTLOG SUITE... - count what ran, from the log of "meson test".

Prints the tests that failed, those that were skipped and the cases that failed once and went
well when they ran again by themselves (tests/integration/cases.py), then "N passed, N failed".
A SUITE without a test that ran counts as a failure, and so does a log that is not there.
"""
import json
import re
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
# What cmocka and unittest say of a case that was skipped inside a test that passed.
SKIPPED_CASE = re.compile(r"^\[  SKIPPED \] (?!\d+ test)|^.* \.\.\. skipped ", re.M)
SECOND_RUN = re.compile(r"^AGAIN (.*)$", re.M)
SKIPPED_COUNT = re.compile(r"\(.*skipped=(\d+).*\)")


def skipped_cases(test):
    text = test.get("stdout", "") + test.get("stderr", "")
    count = SKIPPED_COUNT.search(text)
    return int(count.group(1)) if count else len(SKIPPED_CASE.findall(text))


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except (OSError, ValueError) as error:
        print(f"no test log: {error}")
        tests = []
    passed = failed = skipped = 0
    ran = set()
    for test in tests:
        # "project:suite / name", or "project:suite+suite / name"
        suites, _, _ = test["name"].partition(" / ")
        cases = 1 if test["result"] == "SKIP" else skipped_cases(test)
        if cases:
            skipped += cases
            print(f"skipped: {test['name']}" + (f" ({cases} cases)" if cases > 1 else ""))
        if test["result"] == "SKIP":
            continue
        ran.update(suites.partition(":")[2].split("+"))
        if test["result"] in PASSED:
            passed += 1
            for case in SECOND_RUN.findall(test.get("stdout", "")):
                print(f"passed when it ran again: {test['name']}, {case}")
        else:
            failed += 1
            print(f"failed: {test['name']} ({test['result']})")
    for suite in sys.argv[2:]:
        if suite not in ran:
            failed += 1
            print(f"failed: no test of the suite {suite} ran")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


sys.exit(main())
