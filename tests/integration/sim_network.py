#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fuota-sim on a real broker: joins and uplinks, unicast, the API, multicast on air.

usage: sim_network.py FUOTA_SIM
Standard library only; protobuf and gRPC-Web are written by hand.
"""

import base64
import datetime
import http.client
import json
import os
import queue
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from stack import free_port

APP = "5a1c0e1e-0000-4000-8000-000000000001"
DEVICES = 3
COUNT = 5  # of frames to all of them
SCALE = 100
MARGIN_S = 120  # between two of them: a second of a machine that may stand still for a while
LEAVES_S = 2.0  # a frame leaves its queue at most so long before it is on air
GPS_EPOCH = 315964800 - 18
TOKEN = "a-token"
FREQUENCY = 869525000
DR = 3


def fail(text):
    raise AssertionError(text)


def wait_for(what, seconds, step):
    """Calls step(), which may block for a moment, until it returns something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = step()
        if result:
            return result
    return fail("timed out: " + what)


# ---- protobuf and gRPC-Web ----


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(**fields):
    return b"".join(field(int(k[1:]), v) for k, v in fields.items())


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at


def parse(data):
    """{number: [values]}; varints and length-delimited fields only."""
    fields, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        fields.setdefault(key >> 3, []).append(value)
    return fields


class Api:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def raw(self, path, body, headers):
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        return response, response.read()

    def call(self, method, request, token=TOKEN, service="MulticastGroupService"):
        """(grpc-status, parsed message or None)"""
        response, body = self.raw(
            f"/api.{service}/{method}",
            b"\0" + struct.pack(">I", len(request)) + request,
            {
                "content-type": "application/grpc-web+proto",
                "x-grpc-web": "1",
                "authorization": "Bearer " + token,
            },
        )
        assert response.status == 200, response.status
        if response.getheader("grpc-status"):
            assert not body
            return int(response.getheader("grpc-status")), None
        length = struct.unpack(">I", body[1:5])[0]
        assert body[0] == 0
        trailer = body[5 + length :]
        assert trailer[0] == 0x80
        assert len(trailer) == 5 + struct.unpack(">I", trailer[1:5])[0]
        status = re.search(rb"grpc-status: ?(\d+)\r\n", trailer)
        return int(status.group(1)), parse(body[5 : 5 + length])

    def ok(self, method, request, **how):
        status, answer = self.call(method, request, **how)
        assert status == 0, (method, status)
        return answer


# ---- processes ----


class Rig:
    def __init__(self, program):
        self.dir = tempfile.mkdtemp(prefix="sim-network-")
        self.processes = []
        self.port = free_port()
        self.events = []
        self.inbox = queue.Queue()
        self.start_broker()
        self.start_subscriber()
        self.start_sim(program)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *args, **how):
        process = subprocess.Popen(args, **how)
        self.processes.append(process)
        return process

    def start_broker(self):
        with open(self.path("mosquitto.conf"), "w", encoding="ascii") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.start(program, "-c", f.name, stderr=subprocess.DEVNULL)

        def connect():
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                return False

        wait_for("broker", 60, connect)

    def start_subscriber(self):
        self.sub = self.start(
            "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", "-v",
            "-t", "application/+/device/+/event/+", "-t", "ready",
            stdout=subprocess.PIPE, text=True,
        )

        def read():
            for line in self.sub.stdout:
                self.inbox.put(line)

        threading.Thread(target=read, daemon=True).start()

        def ready():
            self.publish("ready", "{}")
            return self.next(0.2)

        wait_for("subscription", 60, ready)

    def publish(self, topic, text):
        subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "5",
             "-t", topic, "-m", text],
            check=True,
        )

    def start_sim(self, program):
        with open(self.path("token"), "w", encoding="ascii") as f:
            f.write(TOKEN + "\n")
        self.epoch = int(time.time())
        self.sim = self.start(
            program, "--broker", f"mqtt://127.0.0.1:{self.port}", "--api", "127.0.0.1:0",
            "--devices", str(DEVICES), "--seed", "7", "--interval", "60s",
            "--margin", f"{MARGIN_S}s",
            "--time-scale", f"{SCALE}@{self.epoch}", "--airlog", self.path("air.jsonl"),
            "--flash", self.path("flash"), "--inventory", self.path("devices.csv"),
            "--token-file", f.name, stderr=subprocess.PIPE, text=True,
        )
        lines = []
        for line in self.sim.stderr:
            lines.append(line)
            match = re.search(r"ready: .*api=127\.0\.0\.1:(\d+)", line)
            if match:
                self.api = Api(int(match.group(1)))
                break
        else:
            fail("fuota-sim did not start: " + "".join(lines))
        threading.Thread(target=self.sim.stderr.read, daemon=True).start()

    def now(self):
        return self.epoch + (time.time() - self.epoch) * SCALE

    def next(self, seconds):
        """The next event, which is also kept; None if none comes. Clocks are answered."""
        try:
            line = self.inbox.get(timeout=seconds)
        except queue.Empty:
            return None
        topic, _, text = line.partition(" ")
        event = json.loads(text)
        event["topic"] = topic
        event["type"] = topic.rpartition("/")[2]
        event["device"] = topic.split("/")[3] if "/" in topic else ""
        self.events.append(event)
        if event["type"] == "up" and event["fPort"] == 202:
            self.answer_clock(event)
        return event

    def answer_clock(self, event):
        data = base64.b64decode(event["data"])
        device_time = struct.unpack("<I", data[1:5])[0]
        received = float(event["rxInfo"][0]["timeSinceGpsEpoch"].rstrip("s"))
        correction = (int(received) - device_time) & 0xFFFFFFFF
        self.down(
            event["device"], 202, struct.pack("<BIB", 1, correction, data[5] & 0x0F)
        )

    def down(self, device, port, data, item=None, **more):
        command = {
            "devEui": device,
            "confirmed": False,
            "fPort": port,
            "data": base64.b64encode(data).decode(),
            **more,
        }
        if item:
            command["id"] = item
        self.publish(f"application/{APP}/device/{device}/command/down", json.dumps(command))

    def event(self, what, seconds, match):
        """The first matching event, of those seen already too."""
        for event in self.events:
            if match(event):
                return event

        def step():
            event = self.next(0.5)
            return event if event and match(event) else None

        return wait_for(what, seconds, step)

    def later(self):
        """Matches an uplink that was sent from now on."""
        now = self.now()
        return lambda e: (
            e["type"] == "up"
            and datetime.datetime.fromisoformat(e["time"]).timestamp() > now + 5
        )

    def ask(self, device, port, data, answer):
        """One command, and its answer on the same port that starts with `answer`."""
        item = f"00000000-0000-4000-8000-{int(device[-4:], 16):04x}{port:04x}{data[0]:04x}"
        seen = len(self.events)
        self.down(device, port, data, item)
        self.event("txack " + item, 60, lambda e: e.get("queueItemId") == item)
        return self.event(
            f"answer of {device} on {port}",
            60,
            lambda e: e["type"] == "up"
            and e["device"] == device
            and e["fPort"] == port
            and self.events.index(e) >= seen
            and base64.b64decode(e["data"]).startswith(answer),
        )

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                process.wait(60)
        shutil.rmtree(self.dir)


# ---- the test ----


def check_event(event):
    info = event["deviceInfo"]
    assert info["applicationId"] == APP
    assert info["devEui"] == event["device"]
    assert info["deviceClassEnabled"] == "CLASS_A"
    when = datetime.datetime.fromisoformat(event["time"])
    assert when.utcoffset() == datetime.timedelta(0)


def joins_and_uplinks(rig):
    with open(rig.path("devices.csv"), encoding="ascii") as f:
        rows = [line.split(",") for line in f.read().splitlines()]
    assert rows[0][:6] == "dev_eui,name,lorawan,gen_app_key,app_key,profile".split(",")
    devices = [row[0] for row in rows[1:]]
    assert len(devices) == DEVICES
    for device in devices:
        join = rig.event(
            "join", 60, lambda e: e["type"] == "join" and e["device"] == device
        )
        up = rig.event("up", 60, lambda e: e["type"] == "up" and e["device"] == device)
        assert rig.events.index(join) < rig.events.index(up)
        check_event(join)
        check_event(up)
        assert up["devAddr"] == join["devAddr"]
        rx = up["rxInfo"][0]
        gps = float(rx["timeSinceGpsEpoch"].rstrip("s"))
        unix = datetime.datetime.fromisoformat(rx["gwTime"]).timestamp()
        assert abs(gps - (unix - GPS_EPOCH)) < 0.01
        assert up["txInfo"]["modulation"]["lora"]["bandwidth"] == 125000
    return devices


def unicast(rig, device):
    answer = rig.ask(device, 203, b"\x01", b"\x01")
    assert len(base64.b64decode(answer["data"])) == 9
    txack = rig.event("txack", 1, lambda e: e["type"] == "txack")
    check_event(txack)
    assert txack["txInfo"]["modulation"]["lora"]["polarizationInversion"] is True
    # what is expired at its turn comes back as a log event
    item = "00000000-0000-4000-8000-0000000000ff"
    rig.down(device, 203, b"\x01", item, expiresAt="2020-01-01T00:00:00Z")
    log = rig.event("EXPIRED", 60, lambda e: e.get("code") == "EXPIRED")
    assert log["context"]["queue_item_id"] == item
    # nonsense is survived
    rig.publish(f"application/{APP}/device/{device}/command/down", "{")
    rig.publish(f"application/{APP}/device/{device}/command/down", '{"devEui":"x"}')


def group(rig):
    api = rig.api
    settings = message(
        _2="campaign", _3=APP, _5="01020304", _6="00" * 16, _7="11" * 16,
        _8=0, _9=0, _10=DR, _11=FREQUENCY,
    )
    assert api.call("Create", message(_1=settings), token="wrong")[0] == 16
    assert api.call("Nonsense", b"")[0] == 12
    assert api.call("Create", b"\xff")[0] == 13
    gone = "00000000-0000-4000-8000-000000000000"
    assert api.call("Get", message(_1=gone))[0] == 16  # as to a tenant's key
    response, _ = api.raw("/", b"", {"content-type": "text/plain"})
    assert response.status == 415
    group_id = api.ok("Create", message(_1=settings))[1][0].decode()
    gateway = rig.event("up", 1, lambda e: e["type"] == "up")["rxInfo"][0]["gatewayId"]
    member = message(_1=group_id, _2=gateway)
    api.ok("AddGateway", member)
    assert api.call("AddGateway", member)[0] == 13
    listed = api.ok("List", message(_1=10, _3="camp", _4=APP))
    assert listed[1] == [1]
    assert parse(listed[2][0])[4] == [b"campaign"]
    return group_id


def sessions(rig, devices, group_id):
    for device in devices:
        rig.api.ok("AddDevice", message(_1=group_id, _2=device))
        setup = b"\x02\x00" + bytes.fromhex("04030201") + bytes(16)
        rig.ask(device, 200, setup + struct.pack("<II", 0, 1000), b"\x02\x00")
    start = int(rig.now()) + 2000
    request = struct.pack("<BBIB", 4, 0, start - GPS_EPOCH, 12)
    request += struct.pack("<I", FREQUENCY // 100)[:3] + bytes([DR])
    for device in devices:
        rig.ask(device, 200, request, b"\x04\x00")

    def begun():
        rig.next(0.1)
        return rig.now() > start + 10

    wait_for("session", 90, begun)


class Queue:
    """Virtual time by which each frame was enqueued, and by which the rows were listed."""

    def __init__(self, rig, group_id, count):
        self.enqueued = []
        for i in range(count):
            item = message(_1=group_id, _3=201, _4=bytes([8, i + 1, 0]) + bytes(40))
            assert rig.api.ok("Enqueue", message(_1=item)).get(1, [0]) == [i]
            self.enqueued.append(rig.now())
        self.rows = len(rig.api.ok("ListQueue", message(_1=group_id)).get(1, []))
        self.listed = rig.now()

    def check(self, starts):
        """Frames leave the queue a little before they are on air. One that was enqueued when
        the one before it had left goes at once: an empty queue spaces nothing."""
        left = [start - LEAVES_S for start in starts]
        assert sum(at > self.listed for at in left) <= self.rows <= len(starts), (self.rows, starts)
        for i in range(1, len(starts)):
            spaced = self.enqueued[i] < left[i - 1]
            least = MARGIN_S - 0.1 if spaced else 0
            assert starts[i] - starts[i - 1] >= least, (i, starts, self.enqueued)


def multicast(rig, group_id):
    sent = Queue(rig, group_id, COUNT)
    wait_for(
        "queue to drain", 60,
        lambda: rig.next(0.1) is None and not rig.api.ok("ListQueue", message(_1=group_id)),
    )
    rig.event("an uplink after the last frame has ended", 60, rig.later())
    got = parse(rig.api.ok("Get", message(_1=group_id))[1][0])
    assert got[8] == [COUNT] and got[2] == [b"campaign"]
    rig.api.ok("Delete", message(_1=group_id))
    return sent


def check_air(rig, devices, sent):
    rig.sim.send_signal(signal.SIGTERM)
    assert rig.sim.wait(60) == 0
    with open(rig.path("air.jsonl"), encoding="ascii") as f:
        frames = [json.loads(line) for line in f]
    mcast = [f for f in frames if f["phy_payload"].startswith("6004030201")]
    assert len(mcast) == COUNT
    for i, frame in enumerate(mcast):
        assert frame["direction"] == "down"
        assert frame["frequency"] == FREQUENCY and frame["dr"] == DR
        fcnt = int.from_bytes(bytes.fromhex(frame["phy_payload"])[6:8], "little")
        assert fcnt == i
        # a device that talks itself may miss one
        listeners = set(frame["received_by"]) | set(frame["missed_by"])
        assert listeners <= set(devices)
    assert sum(len(f["received_by"]) for f in mcast) >= COUNT * len(devices) - 3
    sent.check([f["time"] for f in mcast])
    assert {f["direction"] for f in frames} == {"up", "down"}
    for device in devices:
        assert os.path.getsize(os.path.join(rig.path("flash"), device + ".bin")) > 0


def main():
    rig = Rig(sys.argv[1])
    try:
        devices = joins_and_uplinks(rig)
        unicast(rig, devices[0])
        group_id = group(rig)
        sessions(rig, devices, group_id)
        sent = multicast(rig, group_id)
        check_air(rig, devices, sent)
    finally:
        rig.close()


if __name__ == "__main__":
    main()
