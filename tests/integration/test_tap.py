#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_tap.py BUILD SOURCE [CASE...] - the gateway tap: what gateways say of each frame.

What a gateway made of the frames to multicast addresses is counted here from its own topics
and from the air log, and held against what the daemon says.
"""
import base64
import json
import sys

from cases import run_cases
from stack import Stack
from test_campaign import BUILD, finish, make_image

GATEWAYS = ["0016c001f1000001", "0016c001f1000002"]  # JSON, protobuf
REFUSING = ["--refuse", "12%", "--gateway-marshaler", "mixed"]


def told_of(lines):
    """What was retained, in time, of all sessions."""
    return [json.loads(x.split(" ", 3)[3]) for x in lines if x.rstrip().endswith("}")]


def first_session(told):
    first = min(t["id"] for t in told)
    return [t for t in told if t["id"] == first]


def repair_rounds(told):
    """A session that ends by time leaves them to the next."""
    return sum({t["id"]: t["repair_rounds"] for t in told}.values())


def most_refused(session):
    return max(lane.get("refused", 0) for lane in session["lanes"])


def multicast_answers(lines):
    """Sent and refused frames of the gateway that speaks JSON, to the address that it sent to
    first: whoever was late is sent all of it once more, by another."""
    addresses, answers = {}, {}
    for line in list(lines):
        _, _, topic, payload = line.split(" ", 3)
        if topic.endswith("command/down"):
            message = json.loads(payload)
            phy = base64.b64decode(message["items"][0]["phyPayload"])
            if "immediately" in message["items"][0]["txInfo"]["timing"]:
                addresses[message["downlinkId"]] = phy[1:5]
                answers.setdefault(phy[1:5], [])
        elif topic.endswith("event/ack"):
            message = json.loads(payload)
            if message["downlinkId"] in addresses:
                answers[addresses[message["downlinkId"]]].append(message["items"][0]["status"])
    first = next(iter(answers.values()))
    return first.count("OK"), sum(1 for a in first if a != "OK")


def run(folder, tap):
    """The first session when its first pass was over, and at its end; what gateway 1 said; the
    budget of gateways; how often somebody was sent more."""
    with Stack(folder, BUILD, make_image(folder, 20000), gateways=2, loss="0%",
               sim_args=REFUSING, tap=tap) as s:
        sessions = s.subscribe(s.status_port, "fuotad/v1/test/c/+/session/+")
        frames = s.subscribe(s.mqtt_port, f"eu868/gateway/{GATEWAYS[0]}/#")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        s.ctl("wait", "wm1-1-4-3", "--for", "completed", "--timeout", "300s", check=0)
        rows = json.loads(s.ctl("budget", "--json", check=0).stdout)["gateways"]
        finish(s, 12, loss=0)
        told = told_of(sessions)
        first = first_session(told)
        polled = next(t for t in first if t["phase"] == "poll")
        return polled, first[-1], multicast_answers(frames), rows, repair_rounds(told)


def case_refused_fragments_are_made_good_before_anybody_is_asked(folder):
    polled, end, (sent, refused), rows, _ = run(folder, "auto")
    assert {row["gateway"] for row in rows} == set(GATEWAYS), rows
    assert all(row["online"] and row["tx_given"] > row["tx_sent"] > 0 for row in rows), rows
    assert refused > 5, refused
    one, other = sorted(end["lanes"], key=lambda lane: lane["gateways"])
    assert (one["aired"], one["refused"]) == (sent, refused), (one, sent, refused)
    assert other["refused"] > 0, other
    # What was said of the last frames may be late.
    assert 0 <= other["frames"] - other["aired"] - other["refused"] <= 3, other
    # As many more as the gateway that refused most.
    assert polled["target"] >= polled["uncoded"] + most_refused(polled) - 1, polled
    assert polled["target"] < polled["uncoded"] + polled["refused"] + 10, polled


def case_without_a_tap_only_devices_can_say_what_is_missing(folder):
    polled, end, (_, refused), rows, rounds = run(folder, "off")
    assert rows and not any("online" in row for row in rows), rows
    assert "aired" not in end, end
    assert refused > 5, refused
    assert rounds > 0, end
    assert polled["target"] < polled["uncoded"] + refused - 1, (polled, refused)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
