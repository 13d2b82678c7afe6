#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_class_b.py BUILD SOURCE [CASE...] - whole campaigns in ping slots, through both servers.

Where the slots are is computed here anew, with openssl, from the air log alone: a beacon every
128 s of GPS time, 4096 slots of 30 ms from 2.12 s behind it, every 2^(5+n)-th of them from
AES(0, beacon time | McAddr) on (LoRaWAN L2 1.0.4, 13.3). Prints a line per case and exits with
the number of failures.
"""
import functools
import subprocess
import sys

from cases import run_cases
from stack import wait_for
from test_campaign import applied, finish, multicast_on_air, wait_for_uplinks

GPS_S = 315964800 - 18  # of UTC, in Unix seconds
PERIODICITY = 2
SPEC = {"radio": {"class": "B", "pingSlotPeriodicity": PERIODICITY}}


@functools.cache
def offset_slots(beacon, addr):
    """addr: as on air. In slots, of the first one behind the beacon."""
    block = beacon.to_bytes(4, "little") + addr + bytes(8)
    out = subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", "0" * 32],
                         input=block, capture_output=True, check=True).stdout
    return int.from_bytes(out[:2], "little") % (1 << (5 + PERIODICITY))


def distance_from_slot_s(start, addr):
    gps = start - GPS_S
    beacon = int(gps // 128) * 128
    step = 1 << (5 + PERIODICITY)
    slots = (gps - beacon - 2.12) / 0.03 - offset_slots(beacon, addr)
    return abs(slots - round(slots / step) * step) * 0.03


def check_slots(stack):
    """Every frame of a group begins in one of its slots; returns how many there were."""
    count, shared = 0, 0
    for addr, frames in multicast_on_air(stack).items():
        at = {}
        for frame, phy in frames:
            off = distance_from_slot_s(frame["time"], addr)
            assert off < 0.005, f"{frame['time']}: {off * 1e3:.1f} ms from a slot"
            at.setdefault(phy[6:8], set()).add(round(frame["time"], 3))
            count += 1
        assert all(len(times) == 1 for times in at.values()), "a frame in two slots"
        shared += len(frames) > len(at)
    return count, shared


def campaign(folder, **options):
    with applied(folder, spec=SPEC, scale=60, gateways=2, **options) as s:
        wait_for_uplinks(s)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("fragments", lambda: s.state()["fragments"]["sent"] > 20, 120)
        s.kill_daemon()
        s.start_daemon()
        finish(s, 12)
        count, shared = check_slots(s)
        assert count > 80, count
        assert shared > 0, "no two gateways sent a frame in the same slot"


def case_a_campaign_in_ping_slots_through_chirpstack(folder):
    campaign(folder)


def case_a_campaign_in_ping_slots_through_the_things_stack(folder):
    campaign(folder, dialect="tts")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
