#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_campaigns.py FUOTACTL SOURCE [NAME...] - the example campaigns, on virtual time.

Each SOURCE/campaigns/expected/NAME.json belongs to SOURCE/campaigns/NAME.yaml:

  image_bytes  the size of the image that is made for it
  delta_bytes  of each delta; or there are none
  others       campaign files that compete with it, behind it on the command line; or none
  runs         what: a sentence; args: of `fuotactl simulate`; code: its exit code, or 0;
               expect: what its result must have

In expect, a path like "outcomes.succeeded" or "campaigns.0.phase" has a value, which must be equal, or {"min", "max"},
either of them, or {"matches": REGULAR EXPRESSION}. No run may break the law or the schedule.

Prints a line per run and exits with the number of failures. --show prints the results.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

ALWAYS = {"duty_cycle_violations": 0, "schedule_violations": 0, "cut": False}


def make_files(campaign, image_bytes, delta_bytes, folder):
    """The campaign in a folder with all files that it names."""
    path = folder / campaign.name
    path.write_text(campaign.read_text())
    for name in re.findall(r"[\w.-]+\.(?:bin|patch)\b(?!\.)", path.read_text()):
        size = delta_bytes if name.endswith(".patch") else image_bytes
        (folder / name).write_bytes(bytes(i * 37 % 251 for i in range(size)))
    for name in re.findall(r"[\w.-]+\.minisig\b", path.read_text()):
        (folder / name).write_text("nobody looks at it in a simulation\n")
    return path


def find(result, path):
    for key in path.split("."):
        if isinstance(result, list):
            result = result[int(key)] if int(key) < len(result) else None
        else:
            result = result.get(key, 0) if isinstance(result, dict) else None
    return result


def is_met(value, want):
    if not isinstance(want, dict):
        return value == want
    if "matches" in want:
        return re.search(want["matches"], str(value)) is not None
    return want.get("min", value) <= value <= want.get("max", value)


def run(fuotactl, paths, row):
    r = subprocess.run([fuotactl, "simulate", *paths, "--json", *row["args"]],
                       capture_output=True, text=True, timeout=250)
    code = row.get("code", 0)
    assert r.returncode == code, f"exit code {r.returncode}, not {code}:\n{r.stderr}"
    result = json.loads(r.stdout.splitlines()[-1])
    if "--show" in sys.argv:
        print(json.dumps(result, indent=1))
    wants = {**ALWAYS, **row["expect"]}
    wrong = [f"{key} is {find(result, key)}, not {want}" for key, want in wants.items()
             if not is_met(find(result, key), want)]
    assert not wrong, "\n".join(wrong)


def main():
    fuotactl, source, *wanted = [a for a in sys.argv[1:] if a != "--show"]
    folder = pathlib.Path(source) / "campaigns"
    files = {path.stem: path for path in sorted(folder.glob("expected/*.json"))}
    if not files or not set(wanted) <= set(files):
        return f"{wanted}: the campaigns with an expected result are {', '.join(files)}"
    failed = 0
    for expected in (files[name] for name in wanted or files):
        document = json.loads(expected.read_text())
        for row in document["runs"]:
            try:
                with tempfile.TemporaryDirectory(prefix="fuotad-") as temporary:
                    names = [f"{expected.stem}.yaml", *document.get("others", [])]
                    run(fuotactl, [make_files(folder / name, document["image_bytes"],
                                              document.get("delta_bytes", 0),
                                              pathlib.Path(temporary)) for name in names], row)
                print(f"ok   {expected.stem}: {row['what']}", flush=True)
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"FAIL {expected.stem}: {row['what']}", flush=True)
    return min(failed, 99)


if __name__ == "__main__":
    sys.exit(main())
