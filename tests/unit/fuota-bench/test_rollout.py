#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_rollout.py FUOTA_BENCH - the benchmark of a rollout, with a small fleet."""
import json
import subprocess
import sys

WAVES = {"canary": 20, "ten": 40, "rest": 540}


def main():
    r = subprocess.run([sys.argv[1], "--scenario", "rollout", "--devices", "600", "--json"],
                       capture_output=True, text=True, check=True)
    result = json.loads(r.stdout.splitlines()[-1])
    run = result["stock"]
    waves = {w["name"]: w for w in run["waves"]}
    assert {name: w["total"] for name, w in waves.items()} == WAVES, waves
    assert run["phase"] == "completed" and not run["held"] and not run["cut"], run
    assert run["outcomes"]["none"] == 0 and run["completion"] >= 0.97, run
    assert run["duty_cycle_violations"] == run["schedule_violations"] == 0, run
    assert all(w["verdict"] == "succeeded" for w in waves.values()), waves
    # A day of soak between the waves.
    for before, after in (("canary", "ten"), ("ten", "rest")):
        assert waves[after]["started_s"] >= waves[before]["ended_s"] + 86400, waves
    # What an engine has of 600 devices is counted: neither nothing nor all of the world.
    assert 600 * 200 < run["engine_bytes"] < run["engine_bytes_limit"], run


if __name__ == "__main__":
    main()
