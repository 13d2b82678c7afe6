#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crash_rig.py BUILD SOURCE [--kills N] [--seed S] [--also broker,api,disk] [--keep DIR]

One campaign on the real stack, with fuotad killed N times at random moments, against the
same campaign left alone: each device must end with the same outcome and the same image, and
the air log must be clean (scripts/check-demo.py). A kill may fall on a daemon that has not
finished its start. --also: between the kills, mosquitto is killed and started again, the
API of the server goes away and comes back, the disk with the database is filled and freed.

--keep: files, database, logs, air log and flash of both runs stay there, in calm and rough.

Without options N is FUO_CRASH_KILLS, else 10. Prints one line of JSON; exits with 1 and the
seed if anything differs. Needs root, for the small disk.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from stack import Stack, wait_for
from test_campaign import BUILD, check_air, make_image

DEVICES = 12
NAME = "wm1-1-4-3"
SCALE = 60
PAUSE_S = 0.05, 1.2  # between two kills
TWICE = 0.2          # of the kills are followed by one of a daemon that starts
ROUGH_RUNS = 3       # at most, each slower than the one before


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("source")
    parser.add_argument("--kills", type=int, default=int(os.environ.get("FUO_CRASH_KILLS", 10)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--also", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    args.faults = [f for f in args.also.split(",") if f]
    if set(args.faults) - set(FAULTS):
        parser.error(f"--also takes {', '.join(FAULTS)}")
    return args


@contextlib.contextmanager
def kept(args, name, folder):
    """What a run leaves, for whoever reads a failure."""
    try:
        yield
    finally:
        if args.keep:
            shutil.copytree(folder, args.keep / name, dirs_exist_ok=True,
                            ignore=lambda _, names: [n for n in names if n == "ctl.sock"])


@contextlib.contextmanager
def small_disk(folder):
    """The state folder on a file system of its own, to be filled."""
    state = pathlib.Path(folder) / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", state], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", state], check=True)


# ---- faults ----

def break_broker(stack, dice):
    stack.stop("mosquitto", signal.SIGKILL)
    time.sleep(dice.uniform(0.05, 2))
    stack.start_broker()


def break_api(stack, dice):
    stack.proxy.down()
    time.sleep(dice.uniform(0.05, 2))
    stack.proxy.up()


def break_disk(stack, dice):
    ballast = stack.path("state/ballast")
    with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 4096)
    time.sleep(dice.uniform(0.2, 3))
    ballast.unlink()


FAULTS = {"broker": break_broker, "api": break_api, "disk": break_disk}


def kill(stack, dice):
    """Returns how many daemons have died."""
    deaths = 1
    stack.kill_daemon()
    while dice.random() < TWICE:
        stack.start("fuotad", *stack.daemon_command())
        time.sleep(dice.uniform(0.0, 0.15))
        stack.kill_daemon()
        deaths += 1
    stack.start_daemon()
    return deaths


def ended(stack):
    return stack.state()["phase"] not in ("running", "paused")


def disturb(stack, args, done):
    """Until all kills are done, or the campaign has ended; counts into done."""
    dice = random.Random(args.seed)
    faults = [f for f in args.faults for _ in range(max(1, args.kills // 10))]
    dice.shuffle(faults)
    while done["kills"] < args.kills and not ended(stack):
        time.sleep(dice.uniform(*PAUSE_S))
        done["kills"] += kill(stack, dice)
        if faults and dice.random() * (args.kills - done["kills"]) < 2 * len(faults):
            fault = faults.pop()
            time.sleep(dice.uniform(0, 0.5))
            FAULTS[fault](stack, dice)
            done[fault] += 1


# ---- runs ----

def ends(stack):
    """What each device came to."""
    rows = [json.loads(x) for x in
            stack.ctl("devices", NAME, "-o", "jsonl", check=0).stdout.splitlines()]
    return {r["dev_eui"]: {k: r[k] for k in ("outcome", "state", "result", "version")}
            for r in rows}


def explain(stack, outcomes):
    """The history of those that did not make it, for whoever reads a failure."""
    for eui, end in outcomes.items():
        if end["outcome"] != "succeeded":
            print(stack.ctl("device", eui, "--json", check=0).stdout, file=sys.stderr)


def run(args, name, scale, disturbance=lambda stack: None):
    """Outcomes, images, seconds that the campaign and a start of the daemon took."""
    with tempfile.TemporaryDirectory(prefix="fuotad-crash-") as folder, small_disk(folder), \
            kept(args, name, folder), Stack(folder, BUILD, make_image(folder), devices=DEVICES, seed=args.seed,
                  scale=scale) as s:
        s.stop("fuotad")
        begin = time.monotonic()
        s.start_daemon()
        start_s = time.monotonic() - begin
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        begin = time.monotonic()
        disturbance(s)
        wait_for("the end of the campaign", lambda: ended(s), 600)
        campaign_s = time.monotonic() - begin
        outcomes = ends(s)
        explain(s, outcomes)
        s.stop("fuotad")
        s.stop("sim")
        check_air(s, DEVICES)
        flash = {f.stem: f.read_bytes() for f in s.path("flash").iterdir()}
    return outcomes, flash, campaign_s, start_s


def slow_enough(args, campaign_s, start_s):
    """A scale at which all kills fall into the campaign."""
    kills_s = args.kills * (sum(PAUSE_S) / 2 + (1 + TWICE) * start_s) + 3 * len(args.faults)
    return max(1, min(SCALE, int(SCALE * campaign_s / (1.5 * kills_s))))


def compare(args, done):
    calm = run(args, "calm", SCALE)
    done["scale"] = slow_enough(args, *calm[2:])
    for _ in range(ROUGH_RUNS):
        done.update({"kills": 0, **{f: 0 for f in args.faults}})
        rough = run(args, "rough", done["scale"], lambda stack: disturb(stack, args, done))
        assert len(calm[0]) == DEVICES, calm[0]
        assert rough[0] == calm[0], f"outcomes differ: {rough[0]}\n{calm[0]}"
        assert rough[1] == calm[1], "images differ"
        if done["kills"] >= args.kills and all(done[f] for f in args.faults):
            return
        # The machine is busier than it was: kills took longer than the campaign.
        done["scale"] = max(1, done["scale"] // 2)
    raise AssertionError(f"the campaign ended before all that was to come: {done}")


def main():
    args = arguments()
    done = {"seed": args.seed, "kills": 0, "ok": False}
    try:
        compare(args, done)
        done["ok"] = True
    except Exception:  # whatever it was, the seed goes with it
        traceback.print_exc()
    print(json.dumps(done), flush=True)
    return 0 if done["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
