#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tts.py BUILD SOURCE --key-file FILE [options] - a campaign through a real The Things Stack v3.

The server is up already, with Redis, PostgreSQL and a listener for UDP packet forwarders;
README.md tells how. What the campaign needs there is made through the server's API and deleted
at the end: an application, gateways, devices with their keys. fuota-sim --dialect gateway is the
field, udp_gateways.py its packet forwarders. Time is the wall's, so that a campaign takes some
minutes.

Prints one line of JSON at the end: what was seen on air, and what is not as expected
("problems"). Exit 0 if all devices run the new image and there is no problem.
"""
import argparse
import contextlib
import csv
import json
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from chirpstack import CAMPAIGN, FIRST_GATEWAY, ROOT, check, open_for  # noqa: I001
from udp_gateways import UdpGateways

sys.path[:0] = [str(ROOT / "integration")]
from stack import Stack, free_port, wait_for  # noqa: E402

JOIN_EUI = "70B3D57ED0000000"
VERSIONS = {"lorawan_version": "MAC_V1_0_3", "lorawan_phy_version": "PHY_V1_0_3_REV_A"}
QUIET = {"adr": {"disabled": {}}, "status_count_periodicity": 0, "status_time_periodicity": "0s"}


class Refused(Exception):
    """By the server, with its words."""


class Api:
    def __init__(self, url, token):
        self.url, self.token = url, token

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/api/v3{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise Refused(f"{method} {path}: {error.code} {text[:300]}") from error


class Setup:
    """What exists at the server as long as the `with` block."""

    def __init__(self, api, args):
        self.api, self.args = api, args
        self.undo = []

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        access = self.api.call("GET", "/auth_info")["api_key"]
        owner = f"/users/{access['entity_ids']['user_ids']['user_id']}"
        stamp = int(time.time())
        self.application = f"fuotad-real-{stamp}"
        self.api.call("POST", f"{owner}/applications", {
            "application": {"ids": {"application_id": self.application}}})
        self.undo.append(f"/applications/{self.application}")
        for i in range(self.args.gateways):
            gateway = f"fuotad-real-{stamp}-{i + 1}"
            self.api.call("POST", f"{owner}/gateways", {"gateway": {
                "ids": {"gateway_id": gateway, "eui": f"{FIRST_GATEWAY + i:016X}"},
                "frequency_plan_ids": [self.args.frequency_plan], "enforce_duty_cycle": True,
                "gateway_server_address": self.args.server_address,
                "schedule_anytime_delay": "1s"}})
            self.undo.append(f"/gateways/{gateway}")

    def add_devices(self, inventory):
        with open(inventory, encoding="utf-8", newline="") as f:
            for row in csv.DictReader(f):
                self.add_device(row)

    def add_device(self, row):
        device = f"eui-{row['dev_eui']}"
        ids = {"device_id": device, "dev_eui": row["dev_eui"].upper(), "join_eui": JOIN_EUI,
               "application_ids": {"application_id": self.application}}
        servers = {x: self.args.server_address for x in
                   ("network_server_address", "application_server_address")}
        joins = {**servers, "join_server_address": self.args.server_address}
        path = f"/applications/{self.application}/devices"
        named = ["ids.device_id", "ids.dev_eui", "ids.join_eui"]
        self.put("POST", path, {"ids": ids, **joins}, [*joins])
        self.undo.append(f"{path}/{device}")
        for part, fields, paths in (
                ("js", {**servers, "root_keys": {"app_key": {"key": row["app_key"].upper()}}},
                 [*named, *servers, "root_keys.app_key.key"]),
                ("ns", {**VERSIONS, "supports_join": True, "mac_settings": QUIET,
                        "frequency_plan_id": self.args.frequency_plan},
                 [*named, *VERSIONS, "supports_join", "mac_settings", "frequency_plan_id"]),
                ("as", {}, named)):
            self.put("PUT", f"/{part}{path}/{device}", {"ids": ids, **fields}, paths)
            self.undo.append(f"/{part}{path}/{device}")

    def put(self, method, path, device, paths):
        self.api.call(method, path, {"end_device": device, "field_mask": {"paths": paths}})

    def groups(self):
        answer = self.api.call("GET", f"/applications/{self.application}/devices")
        return len([d for d in answer.get("end_devices", [])
                    if d["ids"]["device_id"].startswith("fuotad-mc-")])

    def __exit__(self, *_):
        for path in reversed(self.undo):
            try:
                self.api.call("DELETE", path)
            except (Refused, OSError) as error:
                print(f"left behind at the server: {path}: {error}", file=sys.stderr)


class RealStack(Stack):
    """fuotad as the tests of tests/integration have it, with another field and server."""

    def __init__(self, folder, args, image, setup):
        super().__init__(folder, args.build, image, devices=args.devices, loss=args.loss,
                         seed=args.seed, scale=1, interval=args.interval, dialect="tts",
                         gateways=args.gateways, status_port=free_port(),
                         spec={"activation": {"jitter": "10s"}, "retry": {"cooldown": "1m"},
                               "radio": {"setupLead": args.setup_lead}})
        self.mqtt = urllib.parse.urlsplit(args.mqtt)
        self.field_port = self.status_port  # its own broker, of gateways and status topics
        self.mqtt_port, self.api_port = self.mqtt.port or 1883, urllib.parse.urlsplit(args.api).port
        self.args, self.setup, self.unicast = args, setup, set()

    def start_broker(self):
        """Of the field; the server has its own."""
        kept, self.mqtt_port = self.mqtt_port, self.field_port
        super().start_broker()
        self.mqtt_port = kept

    def make_proxy(self):
        return argparse.Namespace(port=self.api_port)

    def write_files(self):
        super().write_files()
        for name, text in (("token", self.setup.api.token), ("user", self.setup.application)):
            self.path(name).write_text(text + "\n")
            self.path(name).chmod(0o600)

    def network_server(self):
        return f"""plugin: tts
    options: {{ application: {self.setup.application}, serverAddress: {self.args.server_address},
               frequencyPlan: {self.args.frequency_plan}, priority: {self.args.priority} }}"""

    def write_fleet(self):
        super().write_fleet()
        path = self.path("fleets/wm1.yaml")
        path.write_text(path.read_text().replace(
            "mqtt: { ", "mqtt: { usernameFile: ../user, passwordFile: ../token, "))

    def run_sim(self):
        self.start("sim", self.build / "fuota-sim", "--dialect", "gateway", "--broker",
                   f"mqtt://127.0.0.1:{self.field_port}", "--devices", self.devices, "--seed",
                   self.seed, "--loss", self.loss, "--interval", self.interval, "--ts004",
                   self.ts004, *self.radio, "--gateway-marshaler", "json",
                   "--airlog", self.path("airlog.jsonl"), "--flash", self.path("flash"),
                   "--inventory", self.path("inventory.csv"))
        wait_for("fuota-sim", self.path("inventory.csv").exists)

    def start_sim(self):
        """Twice: the first one only tells its keys, and ends before a device is up."""
        self.run_sim()
        self.stop("sim")
        self.setup.add_devices(self.path("inventory.csv"))
        self.forwarders = UdpGateways(
            self.field_port, (self.mqtt.hostname, self.args.udp_port),
            [f"{FIRST_GATEWAY + i:016x}" for i in range(self.args.gateways)], self.unicast)
        self.forwarders.__enter__()
        self.run_sim()

    def __exit__(self, kind, *rest):
        if hasattr(self, "forwarders"):
            self.forwarders.__exit__()
        super().__exit__(kind, *rest)


def airtime_of_others(stack):
    gateways = json.loads(stack.ctl("budget", "--json", check=0).stdout)["gateways"]
    return sum(g["others_us"] for g in gateways)


def run(args, folder):
    api = Api(args.api, pathlib.Path(args.key_file).read_text(encoding="ascii").strip())
    image = pathlib.Path(folder) / "source.bin"
    image.write_bytes(bytes((i * 193 + i // 251) & 0xff for i in range(args.image_bytes)))
    with Setup(api, args) as setup, RealStack(folder, args, image, setup) as stack:
        started = time.monotonic()
        wait_for("a plan", lambda: stack.ctl("plan", stack.path(f"{CAMPAIGN}.yaml"))
                 .returncode == 0, args.timeout)
        stack.ctl("apply", stack.path(f"{CAMPAIGN}.yaml"), check=0)
        r = stack.ctl("wait", CAMPAIGN, "--for", "completed", "--timeout", f"{args.timeout}s",
                      timeout=args.timeout + 20)
        seconds = round(time.monotonic() - started)
        with contextlib.suppress(AssertionError):  # a group goes when its session is over
            wait_for("no group", lambda: setup.groups() == 0, open_for(stack) + 60)
        others_us = airtime_of_others(stack)
        stack.stop("sim")
        told = check(stack, setup, 0)
        told |= {"seconds": seconds, "others_s": others_us / 1e6,
                 "given": stack.forwarders.given, "verdicts": stack.forwarders.verdicts}
        if r.returncode != 0:
            told["problems"].append(f"wait ended with {r.returncode}: {r.stdout}{r.stderr}")
        doctor = stack.ctl("doctor")
        told["doctor"] = [x for x in doctor.stdout.splitlines() if not x.startswith("ok")]
    print(json.dumps(told))
    return 1 if told["problems"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--key-file", required=True, help="a user's API key, with all rights")
    parser.add_argument("--api", default="http://127.0.0.1:1885")
    parser.add_argument("--mqtt", default="mqtt://127.0.0.1:1883", help="of the applications")
    parser.add_argument("--udp-port", type=int, default=1700, help="for packet forwarders")
    parser.add_argument("--server-address", default="localhost", help="as devices have it")
    parser.add_argument("--frequency-plan", default="EU_863_870")
    parser.add_argument("--priority", default="NORMAL")
    parser.add_argument("--devices", type=int, default=6)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--interval", default="20s", help="between two uplinks of a device")
    parser.add_argument("--setup-lead", default="4m", help="for devices to be told")
    parser.add_argument("--loss", default="10%")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--image-bytes", type=int, default=3000)
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for the campaign")
    parser.add_argument("--keep", help="a folder for logs and the air log")
    args = parser.parse_args()
    try:
        if args.keep:
            folder = pathlib.Path(args.keep).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            return run(args, folder)
        with tempfile.TemporaryDirectory() as folder:
            return run(args, folder)
    except (Refused, ConnectionError) as error:
        print(f"tts.py: {args.api}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
