#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_direct.py BUILD SOURCE [CASE...] - multicast: direct, past the server to the gateways.

The frames are looked at on air: when they were sent, by whom, and what counters they have.
"""
import collections
import math
import sys

from cases import run_cases
from stack import Stack, wait_for
from test_campaign import BUILD, finish, make_image

MIXED = ["--gateway-marshaler", "mixed"]


class DirectStack(Stack):
    """A minute of the fleet's time is 0.4 s of the machine's: so long is the way to a gateway."""

    def network_server(self):
        return super().network_server().replace(
            "tap:", "multicast: direct, directLead: 60s, tap:")

    def watch_api(self):
        self.calls = []
        self.proxy.hook = lambda path: self.calls.append(path)


def multicast_frames(stack):
    """Of every gateway: time, McAddr, FCnt, PHYPayload; in order of time."""
    frames, unicast = {}, set()
    for f in stack.airlog():
        phy = bytes.fromhex(f["phy_payload"])
        if f["direction"] == "up":
            unicast.add(phy[1:5])
        elif f["frequency"] == 869525000 and phy[0] == 0x60:
            frames.setdefault(f["gateway"], []).append(
                (f["time"], phy[1:5], int.from_bytes(phy[6:8], "little"), phy))
    return {g: sorted(x for x in list_ if x[1] not in unicast) for g, list_ in frames.items()}


def counters_are_used_once(frames):
    """One payload for each counter of an address, wherever; at no gateway does one fall."""
    payload = {}
    for list_ in frames.values():
        last = {}
        for _, addr, f_cnt, phy in list_:
            assert payload.setdefault((addr, f_cnt), phy) == phy, (addr.hex(), f_cnt)
            assert f_cnt > last.get(addr, -1), (addr.hex(), f_cnt, last[addr])
            last[addr] = f_cnt
    return len(payload)


def slot_us(frames, addr):
    """The turns of an address are those of a grid, to the microsecond: what divides all gaps
    between its frames."""
    times = sorted(round(x[0] * 1e6) for list_ in frames.values() for x in list_
                   if x[1] == addr)
    return math.gcd(*(b - a for a, b in zip(times, times[1:])))


def case_a_campaign_reaches_everybody_without_groups_and_on_time(folder):
    with DirectStack(folder, BUILD, make_image(folder), gateways=2, sim_args=MIXED) as s:
        s.watch_api()
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)
        assert not [c for c in s.calls if "MulticastGroupService" in c], s.calls
        frames = multicast_frames(s)
        assert len(frames) == 2, frames.keys()
        assert counters_are_used_once(frames) > 30
        sent = collections.Counter(x[1] for x in sum(frames.values(), []))
        steps = {addr: slot_us(frames, addr) for addr in sent if sent[addr] > 10}
        assert min(steps.values()) > 100000, steps


def case_ping_slots_are_refused(folder):
    spec = {"radio": {"class": "B", "pingSlotPeriodicity": 2}}
    with DirectStack(folder, BUILD, make_image(folder), devices=2, spec=spec) as s:
        for verb in ("plan", "apply"):
            refused = s.ctl(verb, s.path("wm1-1-4-3.yaml"), check=11)
            assert "knows no ping slots" in refused.stdout + refused.stderr, refused


def case_refused_frames_are_made_good(folder):
    with DirectStack(folder, BUILD, make_image(folder), gateways=2, loss="0%",
                     sim_args=[*MIXED, "--refuse", "12%"]) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12, loss=0)
        assert counters_are_used_once(multicast_frames(s)) > 30


def case_no_counter_is_used_twice_when_the_daemon_is_killed(folder):
    with DirectStack(folder, BUILD, make_image(folder), sim_args=MIXED) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        for frames in (5, 15):
            wait_for("frames on air", lambda: sum(
                len(x) for x in multicast_frames(s).values()) >= frames, 100)
            s.kill_daemon()
            s.start_daemon()
        finish(s, 12)
        assert counters_are_used_once(multicast_frames(s)) > 30


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
