#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_independent.py BUILD SOURCE [CASE...] - a campaign, checked by code that is not ours.

Between daemon and simulated server stands a page (npm/page.js) that decodes and encodes every
API message with ChirpStack's own package; the messages of MQTT, those of gateways in JSON
and protobuf too, are held against the same package; the frames on air are opened by lora-packet
with the keys that the page saw. A LwM2M device is made of coap-node.
"""
import argparse
import base64
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from cases import run_cases
from chirpstack import Setup
from grpcweb import Api, Refused, pack
from lwm2m_stack import Lwm2mStack
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
        """A line of which only a part is written is not there yet."""
        lines = self.log.read_text().splitlines(True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


def has_packages():
    """Those of the lock file: install-deps.sh leaves a copy of what it installed by."""
    of = NPM / "node_modules" / ".of"
    return (NODE is not None and of.is_file() and
            of.read_bytes() == (NPM / "package-lock.json").read_bytes())


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
    assert len(there) >= count // 2, (there, count)
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
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", "--timeout", "300s", check=0)
        # By the daemon, which finish() ends.
        wait_for("the group's deletion", lambda: "Delete" in methods(s.proxy.calls()), 400)
        finish(s, 12)
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


def case_devices_keys_and_gateways_are_asked_for_in_words_that_others_know(folder):
    with CheckedStack(folder, BUILD, make_image(folder), inventory="server") as s:
        messages = s.subscribe(s.mqtt_port, "application/#")
        s.ctl("doctor", "--json")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)
        calls = s.proxy.calls()
        assert not [c for c in calls if "problem" in c], [c for c in calls if "problem" in c][:3]
        asked = {c["path"].removeprefix("/api.") for c in calls}
        assert asked >= {"ApplicationService/Get", "DeviceService/List",
                         "DeviceService/GetKeys", "DeviceProfileService/Get",
                         "GatewayService/List", "InternalService/GetVersion"}, asked
        lines = s.path("messages.txt")
        lines.write_text("".join(" ".join(m.split(" ", 3)[2:]) for m in list(messages)))
        told = node("messages.js", lines)
        assert told["problems"] == [] and "event/join" in told["seen"], told


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


class AnyServer(http.server.BaseHTTPRequestHandler):
    """Makes whatever it is asked to; but no gateway with that EUI."""
    protocol_version = "HTTP/1.1"
    refused = None
    made = {"TenantService", "ApplicationService", "DeviceProfileService"}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        service, method = self.path.removeprefix("/api.").split("/")
        answer = pack({1: "5a1c0e1e-0000-4000-8000-000000000002"}
                      if method == "Create" and service in self.made else {})
        no = self.refused is not None and method == "Create" and self.refused in body
        end = b"grpc-status:7\r\ngrpc-message:not%20yours\r\n" if no else b"grpc-status:0\r\n"
        data = b"" if no else b"\0" + len(answer).to_bytes(4, "big") + answer
        data += b"\x80" + len(end).to_bytes(4, "big") + end
        self.send_response(200)
        self.send_header("content-type", "application/grpc-web+proto")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing."""


def set_up(folder, refused):
    """The calls by which tests/real/chirpstack.py sets a server up, as the page saw them; and
    whether the server refused one."""
    handler = type("Handler", (AnyServer,), {"refused": refused})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s = CheckedStack(folder, BUILD, folder)
    s.api_port = server.server_address[1]
    s.path("inventory.csv").write_text(
        "dev_eui,name,lorawan,gen_app_key,app_key,profile,label:site\n"
        f"70b3d57ed0060001,sim-00001,1.0,{'ab' * 16},{'cd' * 16},lbm-v2,site-a\n")
    args = argparse.Namespace(region="eu868", class_c=False, gateways=2)
    no = False
    try:
        page = s.make_proxy()
        with Setup(Api(f"http://127.0.0.1:{page.port}", "a-key"), args) as setup:
            setup.add_devices(s.path("inventory.csv"))
            assert setup.groups() == 0
    except Refused as error:
        assert "not yours" in str(error), error
        no = True
    finally:
        s.stop("page")
        server.shutdown()
        server.server_close()
    return page.calls(), no


def case_a_real_server_is_set_up_in_words_that_it_knows(folder):
    calls, no = set_up(folder, None)
    assert not no and not [c for c in calls if "problem" in c], calls
    paths = [c["path"].removeprefix("/api.") for c in calls]
    created = [p.split("/")[0] for p in paths if p.endswith("/Create")]
    deleted = [p.split("/")[0] for p in paths if p.endswith("/Delete")]
    assert created == ["TenantService", "ApplicationService", "DeviceProfileService",
                       "GatewayService", "GatewayService", "DeviceService"], created
    assert deleted == created[::-1], deleted
    told = {p: c["request"] for p, c in zip(paths, calls)}
    keys = told["DeviceService/CreateKeys"]["deviceKeys"]
    assert keys["nwkKey"] == "cd" * 16 and keys["genAppKey"] == "ab" * 16, keys
    assert told["DeviceProfileService/Create"]["deviceProfile"]["supportsOtaa"] is True


def case_what_was_made_at_a_real_server_is_deleted_when_it_refuses_more(folder):
    calls, no = set_up(folder, b"0016c001f1000002")
    assert no
    paths = [c["path"].removeprefix("/api.") for c in calls]
    assert paths[-4:] == ["GatewayService/Delete", "DeviceProfileService/Delete",
                          "ApplicationService/Delete", "TenantService/Delete"], paths


class CoapNodeStack(Lwm2mStack):
    """With a LwM2M device that is made of the package coap-node."""

    def device(self):
        self.start("device", NODE, NPM / "coap_node.js", self.port, "meter-0")
        wait_for("its registration", lambda: {"registered": "meter-0"} in self.said())

    def said(self):
        lines = self.path("device.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def ask(self, *args, check=0):  # pylint: disable=arguments-differ
        r = self.ctl("--json", "device", "meter-0", *args, check=check)
        return {v["path"]: v["value"] for line in r.stdout.splitlines()
                for v in json.loads(line).get("values", [])}


def case_a_device_made_of_coap_node_is_read_and_changed(folder):
    with CoapNodeStack(folder) as s:
        s.device()
        assert s.ask("read", "/3/0/3") == {"/3/0/3": "1.0"}
        assert s.ask("read", "/3303/0")["/3303/0/5750"] == "attic"
        s.ask("write", "/3303/0/5750", "cellar")
        assert s.ask("read", "/3303/0/5750") == {"/3303/0/5750": "cellar"}
        s.ask("execute", "/3303/0/5605")
        assert {"executed": "/3303/0/5605"} in s.said(), s.said()
        s.ask("read", "/3303/0/9999", check=5)
        assert s.ask("observe", "/3303/0/5750", "--timeout", "2s") == {"/3303/0/5750": "cellar"}


if __name__ == "__main__":
    if not has_packages():
        sys.exit("nodejs or its packages of package-lock.json are not installed; "
                 "run ./scripts/install-deps.sh test")
    sys.exit(run_cases(globals(), sys.argv[3:]))
