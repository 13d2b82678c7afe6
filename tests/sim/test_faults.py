#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_faults.py FUOTA_BENCH CASE SCALE - whole campaigns through everything that goes wrong.

fixed: 200 seeds keep every invariant, and every kind of fault was among them; the same seed
is the same run. fresh: 20 seeds that nobody has seen; a failure names its seed, which
`fuota-bench --faults --seed` makes again. plants: every deliberate violation is found, as
what it is, within 20 seeds. months: a campaign outlasts the windows that the engine is told
at its beginning, by far, without a restart.

SCALE divides the number of seeds: 1, more under sanitizers, where every kind need not come.
FAULT_SEED=N makes fresh begin there.
"""
import json
import os
import re
import subprocess
import sys

FIXED = 200
FRESH = 20
PLANT_SEEDS = 20
HORIZON_DAYS = 62  # of the windows that the engine knows, src/loop/windows.c


def run(bench, *args):
    done = subprocess.run([bench, "--faults", *map(str, args)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    sys.stderr.write(done.stderr)
    lines = done.stdout.splitlines()
    assert lines, f"no figures, exit {done.returncode}"
    return done.returncode, json.loads(lines[-1])


def must_hold(bench, first, last):
    code, figures = run(bench, "--seeds", f"{first}-{last}")
    print(f"seeds {first}-{last}: {figures['effects']} effects, {figures['starts']} starts, "
          f"{sum(figures['faults'].values())} faults, {figures['updated']} of "
          f"{figures['devices']} devices updated")
    assert figures["violated"] == 0, f"violated, see the seeds above: {figures['violation']}"
    assert code == 0, code
    assert figures["seeds"] == last - first + 1
    return figures


def fixed(bench, scale):
    figures = must_hold(bench, 1, FIXED // scale)
    if scale == 1:
        missing = [kind for kind, count in figures["faults"].items() if count == 0]
        assert not missing, f"never injected: {missing}"
        missing = [trait for trait, count in figures["traits"].items() if count == 0]
        assert not missing, f"no scenario was: {missing}"
        # Every shipped device profile, and most of its devices come through.
        assert len(figures["stacks"]) == 9, figures["stacks"]
        for name, stack in figures["stacks"].items():
            assert stack["updated"] * 2 > stack["devices"] > 0, (name, stack)
    # Faults are not to be so wild that nothing ever works.
    assert figures["updated"] * 10 > figures["devices"] * 7, "hardly a device was updated"
    assert run(bench, "--seed", 7) == run(bench, "--seed", 7), "a seed is not a run"


def fresh(bench, scale):
    given = os.environ.get("FAULT_SEED")
    first = int(given) if given else int.from_bytes(os.urandom(4), "big") + 1000
    must_hold(bench, first, first + max(FRESH // scale, 1) - 1)


def plants(bench, _):
    text = subprocess.run([bench, "--help"], text=True, stdout=subprocess.PIPE,
                          check=True).stdout
    names = re.findall(r"^    ([a-z-]+) ", text, re.M)
    assert len(names) >= 15, names
    for name in names:
        for seed in range(1, PLANT_SEEDS + 1):
            code, figures = run(bench, "--seed", seed, "--plant", name)
            if code != 0:
                found = figures["violation"]["invariant"]
                broken = figures["plant_breaks"]
                assert found == broken, f"{name} was taken for {found}, not {broken}"
                break
        else:
            raise AssertionError(f"{name} is not found within {PLANT_SEEDS} seeds")


def months(bench, _):
    code, figures = run(bench, "--months", "--seed", 1)
    print(f"{figures['virtual_hours'] / 24:.0f} days, {figures['frames']} frames")
    assert code == 0 and figures["violated"] == 0, figures["violation"]
    assert figures["starts"] == 1 and sum(figures["faults"].values()) == 0, figures
    assert figures["virtual_hours"] > 2 * HORIZON_DAYS * 24, figures
    assert figures["updated"] == figures["devices"], figures


if __name__ == "__main__":
    {"fixed": fixed, "fresh": fresh, "plants": plants, "months": months}[sys.argv[2]](
        sys.argv[1], int(sys.argv[3]))
