#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_independent.py BUILD SOURCE [CASE...] - a campaign, checked by code that is not ours.

Between daemon and simulated server stands a page (npm/page.js) that decodes and encodes every
API message with ChirpStack's own package; the messages of MQTT, those of gateways in JSON
and protobuf too, are held against the same package; the frames on air are opened by lora-packet with the keys that the page saw.
"""
import base64
import json
import pathlib
import shutil
import subprocess
import sys

from cases import run_cases
from stack import Stack, free_port, port_open, wait_for
from test_campaign import BUILD, finish, make_image
from test_direct import DirectStack

NPM = pathlib.Path(__file__).resolve().parent / "npm"
MIXED = ["--refuse", "10%", "--gateway-marshaler", "mixed"]
NODE = shutil.which("node") or shutil.which("nodejs")


class Page:
    def __init__(self, port, log):
        self.port, self.log = port, log

    def calls(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]


class CheckedStack(Stack):
    def make_proxy(self):
        page = Page(free_port(), self.path("calls.jsonl"))
        self.start("page", NODE, NPM / "page.js", page.port, self.api_port, page.log)
        wait_for("page.js", lambda: port_open(page.port))
        return page


def node(script, *args):
    r = subprocess.run([NODE, NPM / script, *args], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


def keys_of(calls):
    """McAddr to its session keys, as the daemon gave them to the server."""
    groups = [c["request"]["multicastGroup"] for c in calls
              if c["path"].endswith("MulticastGroupService/Create")]
    return {g["mcAddr"]: [g["mcNwkSKey"], g["mcAppSKey"]] for g in groups}


def fragments_are_of(image, fragments):
    """How many uncoded fragments, by number, are pieces of the image. On a machine that stands
    still a gateway may refuse a frame (COLLISION_PACKET): a tenth may be missing on air."""
    size = max(len(f) for f in fragments.values()) // 2
    count = -(-len(image) // size)
    there = [n for n in range(1, count + 1) if str(n) in fragments]
    assert len(there) >= count * 9 // 10, (there, count)
    for n in there:
        piece = bytes.fromhex(fragments[str(n)])
        assert (image + bytes(size))[(n - 1) * size:n * size] == piece, n
    return len(there)


def methods(calls):
    return {c["path"].rsplit("/", 1)[-1] for c in calls}


def case_api_and_frames_are_what_others_take_them_for(folder):
    with CheckedStack(folder, BUILD, make_image(folder), gateways=2, sim_args=MIXED) as s:
        messages = s.subscribe(s.mqtt_port, "application/#")
        gateways = s.subscribe(s.mqtt_port, "eu868/#", "%r %q %t %x")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)
        wait_for("the group's deletion", lambda: "Delete" in methods(s.proxy.calls()))
        calls = s.proxy.calls()
        assert not [c for c in calls if "problem" in c], [c for c in calls if "problem" in c][:3]
        assert methods(calls) >= {"List", "Create", "AddGateway", "Get", "Enqueue",
                                  "ListQueue", "Delete"}, methods(calls)

        # "RETAINED QOS TOPIC PAYLOAD"
        lines = s.path("messages.txt")
        lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(messages)))
        told = node("messages.js", lines)
        assert told["problems"] == [], told
        assert set(told["seen"]) >= {"event/up", "event/txack", "command/down"}, told

        lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(gateways)))
        told = node("wire.js", lines)
        assert told["problems"] == [], told
        for form in ("json", "protobuf"):
            assert set(told["seen"][form]) == {"command/down", "event/ack", "event/stats"}, told
            assert set(told["statuses"][form]) >= {"1", "4"}, told  # OK, COLLISION_PACKET

        keys = s.path("keys.json")
        keys.write_text(json.dumps(keys_of(calls)))
        air = node("frames.js", s.path("airlog.jsonl"), keys)
        assert air["frames"] > 0 and air["bad"] == 0, air
        image = s.path("image.bin").read_bytes()
        assert max(fragments_are_of(image, f) for f in air["fragments"].values()) > 10


def case_a_server_that_speaks_protobuf_is_answered_in_it(folder):
    with CheckedStack(folder, BUILD, make_image(folder),
                      sim_args=["--marshaler", "protobuf"], marshaler="protobuf") as s:
        messages = s.subscribe(s.mqtt_port, "application/#", "%r %q %t %x")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)
        lines = s.path("messages.txt")
        lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(messages)))
        told = node("wire.js", lines)
        assert told["problems"] == [] and told["seen"]["json"] == {}, told
        assert set(told["seen"]["protobuf"]) >= {"event/up", "event/txack", "command/down"}, told


def commands_of(messages, fport):
    """What devices were told on a port: "DEVEUI HEX"."""
    told = [json.loads(m.split(" ", 3)[3]) for m in list(messages)]
    return [f"{m['devEui']} {base64.b64decode(m['data']).hex()}" for m in told
            if m["fPort"] == fport]


def case_frames_past_the_server_are_what_others_take_them_for(folder):
    with DirectStack(folder, BUILD, make_image(folder), gateways=2,
                     sim_args=["--gateway-marshaler", "mixed"]) as s:
        commands = s.subscribe(s.mqtt_port, "application/+/device/+/command/down")
        gateways = s.subscribe(s.mqtt_port, "eu868/#", "%r %q %t %x")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)
        lines = s.path("messages.txt")
        lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(gateways)))
        told = node("wire.js", lines)
        assert told["problems"] == [], told
        lines.write_text("\n".join(commands_of(commands, 200)))
        keys = s.path("keys.json")
        keys.write_text(json.dumps(node("group_keys.js", s.path("inventory.csv"), lines)))
        air = node("frames.js", s.path("airlog.jsonl"), keys)
        assert air["frames"] > 0 and air["bad"] == 0, air
        image = s.path("image.bin").read_bytes()
        assert max(fragments_are_of(image, f) for f in air["fragments"].values()) > 10


class FieldStack(Stack):
    """Gateways and devices without a server: nobody answers."""

    def start_sim(self):
        self.start("sim", self.build / "fuota-sim", "--dialect", "gateway", "--broker",
                   f"mqtt://127.0.0.1:{self.mqtt_port}", "--gateways", 2, "--interval", "1s",
                   "--gateway-marshaler", "mixed", "--quiet")


def case_what_gateways_hear_is_what_others_take_it_for(folder):
    s = FieldStack(folder, BUILD, make_image(folder), scale=1)
    try:
        s.start_broker()
        gateways = s.subscribe(s.mqtt_port, "eu868/#", "%r %q %t %x")
        s.start_sim()
        forms = lambda: {m.split(" ")[3][:2] == "7b" for m in list(gateways)}
        wait_for("JoinRequests by both gateways", lambda: len(forms()) == 2)
    finally:
        for name in list(s.processes):
            s.stop(name)
    lines = s.path("messages.txt")
    lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(gateways)))
    told = node("wire.js", lines)
    assert told["problems"] == [], told
    assert all("event/up" in told["seen"][form] for form in ("json", "protobuf")), told


if __name__ == "__main__":
    if NODE is None or not (NPM / "node_modules").is_dir():
        sys.exit("nodejs or its packages are not installed; run ./scripts/install-deps.sh test")
    sys.exit(run_cases(globals(), sys.argv[3:]))
