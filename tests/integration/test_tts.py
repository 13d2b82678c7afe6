#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_tts.py BUILD SOURCE [CASE...] - whole campaigns through The Things Stack v3.

fuota-sim --dialect tts behind a real broker, spoken to in MQTT 3.1.1, and the real plugin.
Prints a line per case and exits with the number of failures.
"""
import json
import signal
import sys
import urllib.request

from cases import run_cases
from stack import TOKEN, Stack, wait_for
from test_campaign import (BUILD, applied, finish, gateways_on_air, make_image,
                           multicast_on_air, wait_for_uplinks)
from test_doctor import wait_for_brokers

DEVICES = "/api/v3/applications/fuota-app/devices"


def tts(folder, **options):
    return applied(folder, dialect="tts", **options)


def virtual_devices(stack):
    request = urllib.request.Request(f"http://127.0.0.1:{stack.api_port}{DEVICES}",
                                     headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return [d["ids"]["device_id"] for d in json.load(answer)["end_devices"]]


def count_calls(stack):
    """What is asked of the API from now on, as "METHOD PATH" without identifiers."""
    calls = []
    stack.proxy.hook = lambda path: calls.append(path)
    return calls


def case_every_device_runs_the_new_image(folder):
    with tts(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", "--timeout", "300s", check=0)
        wait_for("the multicast devices to go", lambda: virtual_devices(s) == [])
        finish(s, 12)


def case_several_gateways_send_and_a_restart_finds_them_again(folder):
    with tts(folder, gateways=4, devices=16, scale=60, collisions=True) as s:
        wait_for_uplinks(s)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("fragments", lambda: s.state()["fragments"]["sent"] > 10, 90)
        calls = count_calls(s)
        s.kill_daemon()
        s.start_daemon()
        finish(s, 16)
        # It knew the names of the gateways from uplinks only, and asked the server for them.
        assert any("field_mask=attributes" in c for c in calls), calls
        assert max(map(len, gateways_on_air(s).values())) > 1


def case_the_ceiling_of_the_lowest_priority_is_planned_for(folder):
    image = make_image(folder, 80000)
    with Stack(folder, BUILD, image, dialect="tts", priority="LOWEST", loss="5%") as s:
        failed = s.subscribe(s.mqtt_port, "v3/+/devices/+/down/failed")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12, loss=3)
        # 40 % of a tenth of an hour, in any hour; the rest of the sub-band's goes to others
        frames = sorted((f["time"], f["airtime_us"] / 1e6)
                        for sent in multicast_on_air(s).values() for f, _phy in sent)
        # Nothing more than what a machine that stood still was late with.
        refused = [x for x in failed if '"name":"absolute_time"' in x]
        assert len(refused) <= len(frames) // 20, refused[:3]
        sums = [sum(a for t, a in frames if 0 <= t - start < 3600) for start, _ in frames]
        # More than the tenth that the others have left over would be; a slow machine sends less.
        assert 36 < max(sums) <= 144, max(sums)


def case_a_broker_that_is_away_for_a_while_loses_what_was_under_way(folder):
    with tts(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("fragments", lambda: s.state()["fragments"]["sent"] > 5, 90)
        s.stop("mosquitto", signal.SIGKILL)
        began = s.now()
        wait_for("uplinks of all that nobody hears", lambda: s.now() > began + 150)
        s.start_broker()
        finish(s, 12)


def case_half_a_device_is_completed_after_a_crash(folder):
    with tts(folder) as s:
        held = s.proxy.held
        s.proxy.hook = lambda path: "hold" if "/ns/" in path and not held.is_set() else None
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        assert held.wait(60), "no virtual device was made"
        s.kill_daemon()
        assert len(virtual_devices(s)) == 1
        s.start_daemon()
        s.ctl("wait", "wm1-1-4-3", "--for", "completed", "--timeout", "300s", check=0)
        wait_for("the multicast devices to go", lambda: virtual_devices(s) == [])
        finish(s, 12)


def doctor_fails(stack):
    wait_for_brokers(stack)
    answer = json.loads(stack.ctl("doctor", "--json", check=10).stdout)
    return {f["check"]: f["text"] for f in answer["findings"] if f["level"] == "fail"}


def plan_is_refused(stack, why):
    refused = stack.ctl("plan", stack.path("wm1-1-4-3.yaml"), check=11)
    assert why in refused.stdout + refused.stderr, refused


def case_doctor_and_plan_tell_a_wrong_key_from_a_wrong_application(folder):
    with tts(folder, devices=1) as s:
        s.stop("fuotad")
        good = s.path("fleets/wm1.yaml").read_text()
        s.path("fleets/wm1.yaml").write_text(good.replace("fuota-app@sim", "another@sim"))
        s.start_daemon()
        fails = doctor_fails(s)
        assert list(fails) == ["api"] and "no right in the application 'another'" in fails["api"], fails
        plan_is_refused(s, "no right in the application 'another'")
        s.stop("fuotad")
        s.path("fleets/wm1.yaml").write_text(good)
        s.path("token").write_text("wrong\n")
        s.start_daemon()
        fails = doctor_fails(s)
        assert list(fails) == ["api"] and "does not know the API key" in fails["api"], fails
        assert "invalid_token" in fails["api"], fails
        plan_is_refused(s, "does not know the API key")
        s.stop("fuotad")
        s.path("token").write_text(TOKEN + "\n")
        s.start_daemon()
        s.ctl("plan", s.path("wm1-1-4-3.yaml"), check=0)


def airtime_of_others(stack):
    gateways = json.loads(stack.ctl("budget", "--json", check=0).stdout)["gateways"]
    return sum(g["others_us"] for g in gateways)


def case_airtime_of_others_is_known_by_the_gateway_server(folder):
    """To a key of a user with rights at the gateways; one of them is somebody else's."""
    with tts(folder, gateways=3, devices=16,
             sim_args=["--server-state", "gateway-rights,foreign-gateway"]) as s:
        wait_for_uplinks(s)
        calls = count_calls(s)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        # Commands go out by a gateway that nobody names: to the ledger they are others'.
        wait_for("airtime of others", lambda: airtime_of_others(s) > 0, 120)
        assert any("connection/stats" in c for c in calls), calls
        report = json.loads(s.ctl("doctor", "--json").stdout)["findings"]
        assert not [f for f in report if "RIGHT_GATEWAY" in f["text"]], report
        finish(s, 16)


def case_a_key_without_rights_at_the_gateways_is_named(folder):
    with tts(folder) as s:
        wait_for_uplinks(s)
        report = json.loads(s.ctl("doctor", "--json").stdout)["findings"]
        told = [f for f in report if "RIGHT_GATEWAY_STATUS_READ" in f["text"]]
        assert [(f["check"], f["level"]) for f in told] == [("api", "warn")], report
        plan = s.ctl("plan", s.path("wm1-1-4-3.yaml"), check=0)
        assert "RIGHT_GATEWAY_STATUS_READ" in plan.stdout, plan
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", "--timeout", "300s", check=0)
        assert airtime_of_others(s) == 0
        finish(s, 12)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
