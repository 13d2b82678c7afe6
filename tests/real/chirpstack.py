#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chirpstack.py BUILD SOURCE --key-file FILE [options] - a campaign through a real ChirpStack v4.

The server, its broker and its Redis are up already; README.md tells how. What the campaign
needs there is made through the server's API and deleted at the end: a tenant, an application,
a device profile, gateways, devices with their keys. fuota-sim --dialect gateway is the field:
simulated gateways and devices that speak LoRaWAN with the real server. Time is the wall's, so
that a campaign takes some minutes.

Prints one line of JSON at the end: what was seen on air, and what is not as expected
("problems"). Exit 0 if all devices run the new image and there is no problem.
"""
import argparse
import contextlib
import csv
import datetime
import json
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "integration")]
from grpcweb import Api, Refused  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

# Enums of common.proto.
REGIONS = {"eu868": 0}
LORAWAN_1_0_3, REV_A = 3, 0
FIRST_GATEWAY = 0x0016c001f1000001
MULTICAST_GROUP = "MulticastGroupService"
CAMPAIGN = "wm1-1-4-3"


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
        name = f"fuotad-real-{int(time.time())}"
        self.tenant = self.made("TenantService", {1: {2: name, 4: True}})
        self.application = self.made("ApplicationService", {1: {2: name, 4: self.tenant}})
        self.profile = self.made("DeviceProfileService", {1: {
            2: self.tenant, 3: name, 4: REGIONS[self.args.region], 5: LORAWAN_1_0_3, 6: REV_A,
            7: "default", 11: 60, 13: True, 15: self.args.class_c}})
        for i in range(self.args.gateways):
            eui = f"{FIRST_GATEWAY + i:016x}"
            self.api.call("GatewayService/Create",
                          {1: {1: eui, 2: eui, 5: self.tenant, 8: 30}})
            self.undo.append(("GatewayService", eui))

    def made(self, service, message):
        made = self.api.made(f"{service}/Create", message)
        self.undo.append((service, made))
        return made

    def add_devices(self, inventory):
        with open(inventory, encoding="utf-8", newline="") as f:
            for row in csv.DictReader(f):
                self.api.call("DeviceService/Create", {1: {
                    1: row["dev_eui"], 2: row["name"], 4: self.application, 5: self.profile,
                    10: "70b3d57ed0000000"}})
                self.undo.append(("DeviceService", row["dev_eui"]))
                # With LoRaWAN 1.0.x the AppKey is where 1.1 has the NwkKey.
                self.api.call("DeviceService/CreateKeys", {1: {
                    1: row["dev_eui"], 2: row["app_key"], 4: row["gen_app_key"]}})

    def groups(self):
        answer = self.api.call(f"{MULTICAST_GROUP}/List", {1: 100, 4: self.application})
        return len(answer.get(2, []))

    def __exit__(self, *_):
        for service, made in reversed(self.undo):
            try:
                self.api.call(f"{service}/Delete", {1: made})
            except (Refused, OSError) as error:
                print(f"left behind at the server: {service} {made}: {error}", file=sys.stderr)


class RealStack(Stack):
    """fuotad as the tests of tests/integration have it, with another field and server."""

    def __init__(self, folder, args, image, setup):
        mqtt = urllib.parse.urlsplit(args.mqtt)
        super().__init__(folder, args.build, image, devices=args.devices, loss=args.loss,
                         seed=args.seed, scale=1, interval=args.interval,
                         gateways=args.gateways, inventory=args.inventory,
                         marshaler=args.marshaler, status_port=mqtt.port or 1883,
                         spec={"activation": {"jitter": "10s"}, "retry": {"cooldown": "1m"},
                               "radio": {"setupLead": args.setup_lead}})
        self.mqtt_port = mqtt.port or 1883
        self.api_port = urllib.parse.urlsplit(args.api).port or 80
        self.args, self.setup = args, setup

    def start_broker(self):
        """It is there."""

    def make_proxy(self):
        return argparse.Namespace(port=self.api_port)

    def write_files(self):
        super().write_files()
        self.path("token").write_text(self.setup.api.token + "\n")
        self.path("token").chmod(0o600)

    def network_server(self):
        margin = f", multicastMargin: {self.args.margin}" if self.args.margin else ""
        return f"""plugin: chirpstack
    options: {{ applicationId: "{self.setup.application}", tap: auto,
               marshaler: {self.marshaler}{margin} }}"""

    def run_sim(self):
        self.start("sim", self.build / "fuota-sim", "--dialect", "gateway", "--broker",
                   self.args.mqtt, "--devices", self.devices, "--seed", self.seed, "--loss",
                   self.loss, "--interval", self.interval, "--ts004", self.ts004, *self.radio,
                   "--gateway-marshaler", self.args.gateway_marshaler,
                   "--airlog", self.path("airlog.jsonl"), "--flash", self.path("flash"),
                   "--inventory", self.path("inventory.csv"))
        wait_for("fuota-sim", self.path("inventory.csv").exists)

    def start_sim(self):
        """Twice: the first one only tells its keys, and ends before a device is up."""
        self.run_sim()
        self.stop("sim")
        self.setup.add_devices(self.path("inventory.csv"))
        self.run_sim()


def data_frame(phy):
    return phy[1:5][::-1].hex(), int.from_bytes(phy[6:8], "little")


class Air:
    """What was on air, from the field's own log."""

    def __init__(self, lines):
        ups = {data_frame(bytes.fromhex(x["phy_payload"]))[0] for x in lines
               if x["direction"] == "up" and int(x["phy_payload"][:2], 16) & 0xe0 in (0x40, 0x80)}
        self.fragments, self.unheard, self.commands, self.joins = [], 0, 0, 0
        for line in lines:
            phy = bytes.fromhex(line["phy_payload"])
            if line["direction"] == "up" or phy[0] & 0xe0 == 0x20:
                self.joins += line["direction"] == "down"
                continue
            addr, fcnt = data_frame(phy)
            if addr not in ups:
                self.fragments.append((addr, fcnt, line))
                continue
            self.commands += 1
            self.unheard += not line["received_by"] and not line["missed_by"]

    def spacing(self):
        """Seconds from one frame of a group to its next, whatever the gateway."""
        gaps, last = [], {}
        for addr, _, line in self.fragments:
            if addr in last:
                gaps.append(line["time"] - last[addr])
            last[addr] = line["time"]
        return [round(g, 3) for g in sorted(gaps)]

    def falling(self):
        """Frames with a counter below that of one before, of the same group."""
        top, bad = {}, 0
        for addr, fcnt, _ in self.fragments:
            bad += fcnt < top.get(addr, 0)
            top[addr] = max(fcnt, top.get(addr, 0))
        return bad


def at_half(stack, command, done):
    """Run a command when a third of the image's fragments are out: kill or restart things."""
    need = stack.path("image.bin").stat().st_size // 600
    while not done.wait(1):
        if len(Air(stack.airlog()).fragments) >= need:
            print(f"meanwhile: {command}", flush=True)
            subprocess.run(shlex.split(command), check=False)
            return


def check(stack, setup, before):
    problems = []
    state = stack.state()
    image = stack.path("image.bin").read_bytes()
    flash = [p.read_bytes() == image for p in sorted(stack.path("flash").glob("*.bin"))]
    if flash.count(True) != stack.devices:
        problems.append(f"{flash.count(True)} of {stack.devices} devices have the image")
    if state["devices"]["succeeded"] != stack.devices:
        problems.append(f"outcomes: {state['devices']}")
    air = Air(stack.airlog())
    if air.falling():
        problems.append(f"{air.falling()} multicast frames with a counter that fell")
    if air.unheard:
        problems.append(f"{air.unheard} of {air.commands} commands on air while nobody listened")
    if setup.groups() != before:
        problems.append("multicast groups were left at the server")
    demo = subprocess.run([sys.executable, stack.args.source / "scripts/check-demo.py",
                           "--devices", str(stack.devices), "--loss", "0", "--keys",
                           stack.path("inventory.csv"), stack.folder],
                          capture_output=True, text=True, check=False)
    problems += [x for x in demo.stdout.splitlines() if not x.startswith("ok")]
    gaps = air.spacing()
    return {"devices": stack.devices, "gateways": stack.args.gateways,
            "joins": air.joins, "commands": air.commands, "commands_unheard": air.unheard,
            "fragment_frames": len(air.fragments),
            "fragments": len({(a, f) for a, f, _ in air.fragments}),
            "spacing_s": {"min": gaps[0], "median": statistics.median(gaps), "max": gaps[-1]}
            if gaps else None,
            "problems": problems}


def open_for(stack):
    """Seconds until the last session is over: devices that were lost may still listen."""
    ends = [datetime.datetime.fromisoformat(t["end"]).timestamp() - time.time()
            for t in stack.state()["sessions"] if t.get("end")]
    return max([0, *ends])


def run(args, folder):
    api = Api(args.api, pathlib.Path(args.key_file).read_text(encoding="ascii").strip())
    image = pathlib.Path(folder) / "source.bin"
    image.write_bytes(bytes((i * 193 + i // 251) & 0xff for i in range(args.image_bytes)))
    with Setup(api, args) as setup, RealStack(folder, args, image, setup) as stack:
        before = setup.groups()
        done = threading.Event()
        if args.meanwhile:
            threading.Thread(target=at_half, args=(stack, args.meanwhile, done),
                             daemon=True).start()
        started = time.monotonic()
        try:
            wait_for("a plan", lambda: stack.ctl("plan", stack.path(f"{CAMPAIGN}.yaml"))
                     .returncode == 0, args.timeout)
            stack.ctl("apply", stack.path(f"{CAMPAIGN}.yaml"), check=0)
            r = stack.ctl("wait", CAMPAIGN, "--for", "completed", "--timeout",
                          f"{args.timeout}s", timeout=args.timeout + 20)
        finally:
            done.set()
        seconds = round(time.monotonic() - started)
        with contextlib.suppress(AssertionError):  # a group goes when its session is over
            wait_for("no group", lambda: setup.groups() == before, open_for(stack) + 60)
        stack.stop("sim")
        told = check(stack, setup, before)
        told["seconds"] = seconds
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
    parser.add_argument("--key-file", required=True, help="an API key that may make tenants")
    parser.add_argument("--api", default="http://127.0.0.1:8080")
    parser.add_argument("--mqtt", default="mqtt://127.0.0.1:1883",
                        help="of the gateways and of the applications")
    parser.add_argument("--region", default="eu868", choices=sorted(REGIONS))
    parser.add_argument("--devices", type=int, default=6)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--class-c", action="store_true", help="ticked in the device profile")
    parser.add_argument("--interval", default="20s", help="between two uplinks of a device")
    parser.add_argument("--setup-lead", default="4m",
                        help="for devices to be told; by itself fuotad takes an hour, as it has "
                        "never heard them")
    parser.add_argument("--loss", default="10%")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--image-bytes", type=int, default=3000)
    parser.add_argument("--inventory", default="file", choices=["file", "server"])
    parser.add_argument("--marshaler", default="auto", help="of the application's events")
    parser.add_argument("--gateway-marshaler", default="protobuf",
                        choices=["json", "protobuf", "mixed"])
    parser.add_argument("--margin", help="multicast_class_c_margin of the server, if not 5s")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for the campaign")
    parser.add_argument("--meanwhile", help="a command to run when fragments are on their way")
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
        print(f"chirpstack.py: {args.api}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
