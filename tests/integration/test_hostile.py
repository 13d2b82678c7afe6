#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_hostile.py BUILD SOURCE - the whole stack under attack and in bad weather.

Each case ends with every device on the new image and a clean air log, whatever happened
on the way. Prints a line per case and exits with the number of failures.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from cases import run_cases
from stack import MOSQUITTO, free_port, port_open, wait_for
from test_campaign import BUILD, applied, finish, wait_for_uplinks

APPLICATION = "5a1c0e1e-0000-4000-8000-000000000001"
RSS_MAX_KIB = 60 * 1024  # bounded, not small: the queues may fill
# A sanitizer keeps shadow memory of its own: the bound says nothing then.
SHADOWED = bool({"ASAN_OPTIONS", "TSAN_OPTIONS"} & set(os.environ))
GRPC_500 = b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\nOops"


def rss_kib(stack):
    status = pathlib.Path(f"/proc/{stack.processes['fuotad'].pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def publish(stack, topic, payload, *options):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.mqtt_port), "-t", topic,
                    "-s" if payload else "-n", *options], input=payload, check=True)


def uplink(dev_eui, data="AQ==", port=202, at="2026-01-01T00:00:00Z"):
    return {"deduplicationId": "x", "time": at, "fPort": port,
            "deviceInfo": {"applicationId": APPLICATION, "devEui": dev_eui}, "fCnt": 1,
            "data": data, "rxInfo": [{"gatewayId": "0016c001f1000001", "rssi": -40,
                                      "snr": 9}]}


def case_an_api_with_every_fault_only_delays(folder):
    with applied(folder) as s:
        dice = random.Random(7)
        huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"A" * 5000000
        faults = [GRPC_500, b"\x00\xff garbage \r\n\r\n", huge, "reset", 2,
                  b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\n"
                  b"Content-Length: 7\r\n\r\n\x00\xff\xff\xff\xff\x00\x00",
                  b"HTTP/1.1 200 OK\r\ngrpc-status: 14\r\ngrpc-message: later\r\n"
                  b"Content-Length: 0\r\n\r\n"]
        def hook(path):
            """Opening a group takes many calls that have to succeed in a row."""
            often = "Queue" in path or path.endswith("/Enqueue")
            return dice.choice(faults) if dice.random() < (0.15 if often else 0.02) else None

        s.proxy.hook = hook
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12)


def hostile_messages(stack):
    """Topic below application/, payload."""
    ok = f"{APPLICATION}/device/70b3d57ed0060001/event"
    good = json.dumps(uplink("70b3d57ed0060001")).encode()
    yield f"{ok}/up", b""
    yield f"{ok}/up", b"null"
    yield f"{ok}/up", b"\xff\xfe\x00\x01"
    yield f"{ok}/up", b"[" * 100000
    yield f"{ok}/up", b'{"a":' * 50000 + b"1" + b"}" * 50000
    yield f"{ok}/up", b"A" * 3000000
    yield f"{ok}/up", good[:-1]
    yield f"{ok}/up", good.replace(b"70b3d57ed0060001", b"70b3d57ed006zzzz")
    yield f"{ok}/up", good.replace(b'"AQ=="', b'"%%%%"')
    yield f"{ok}/up", good.replace(b'"AQ=="', b'"' + b"QUFB" * 20000 + b'"')
    yield f"{ok}/up", good.replace(b'"fPort": 202', b'"fPort": "202"')
    yield f"{ok}/up", good.replace(b'"fPort": 202', b'"fPort": 1e300')
    yield f"{ok}/up", good.replace(b'"deviceInfo": {', b'"deviceInfo": [], "x": {')
    yield f"{ok}/up", good.replace(b'"rxInfo": [{', b'"rxInfo": [' + b"{}," * 5000 + b"{")
    yield f"{ok}/up", good.replace(b'"snr": 9', b'"snr": -1e308')
    yield f"{ok}/up", good.replace(b"2026-01-01T00:00:00Z", b"9999-99-99T99:99:99Z")
    yield f"{ok}/nonsense", good
    yield f"{ok}/txack", b'{"queueItemId":7}'
    yield f"{ok}/ack", b'{"queueItemId":"' + b"f" * 70000 + b'"}'
    yield f"{ok}/log", b'{"level":"ERROR","code":"EXPIRED","context":[1,2]}'
    yield f"{APPLICATION}/device/not-an-eui/event/up", good
    yield f"{APPLICATION}/device/ffffffffffffffff/event/up", json.dumps(
        uplink("ffffffffffffffff")).encode()
    yield "other/device/70b3d57ed0060001/event/up", good
    yield f"{APPLICATION}/device/70b3d57ed0060002/event/up", good
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stack.now()))
    for port, data in ((200, "AQ=="), (201, "AQID"), (202, "////////////"), (203, "AgEC")):
        yield f"{APPLICATION}/device/70b3d57ed0060001/event/up", json.dumps(
            uplink("70b3d57ed0060001", data, port, now)).encode()


def case_hostile_messages_are_counted_and_bounded(folder):
    with applied(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        for topic, payload in hostile_messages(s):
            publish(s, f"application/{topic}", payload)
            publish(s, f"application/{topic}", payload, "-r", "-q", "1")
        flood = json.dumps(uplink("70b3d57ed0ffffff")).encode()
        lines = (flood + b"\n") * 20000
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(s.mqtt_port), "-l", "-t",
                        f"application/{APPLICATION}/device/70b3d57ed0ffffff/event/up"],
                       input=lines, check=True)
        rss = rss_kib(s)
        assert rss < RSS_MAX_KIB or SHADOWED, f"{rss} KiB"
        finish(s, 12)
        log = s.path("fuotad.log").read_text(errors="replace")
        ignored = [line for line in log.splitlines() if "ignored:" in line]
        kinds = [re.search(r"ignored: (.*?) \(", line)[1] for line in ignored]
        assert kinds and len(kinds) == len(set(kinds)), kinds
        assert len(log.splitlines()) < 400, "the log grows with what others send"


def case_the_control_socket_survives_anything(folder):
    with applied(folder) as s:
        path = str(s.path("ctl.sock"))
        threads = []
        answers = []

        def apply():
            answers.append(s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--json"))

        for _ in range(4):
            threads.append(threading.Thread(target=apply))
            threads[-1].start()
        for junk in (b"\n", b"\x00\n", b"{}\n", b"[" * 60000 + b"\n", b"\xff\xfe\n",
                     b'{"id":1,"method":"status","params":[]}\n',
                     b'{"id":99999999999999999999,"method":"status"}\n',
                     b'{"id":1,"method":"nonsense"}\n', b"A" * 400000,
                     b'{"id":1,"method":"watch","params":{"name":"' + b"x" * 9000 + b'"}}\n',
                     b'{"id":1,"method":"status"}\n' * 3000):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                try:
                    client.sendall(junk)
                except OSError:
                    pass
        for thread in threads:
            thread.join()
        idle = []
        for _ in range(100):  # more than are let in
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(path)
        for client in idle:
            client.close()
        wait_for("the daemon to notice", lambda: s.ctl("status").returncode == 0)
        assert [a.returncode for a in answers] == [0] * 4, answers
        ids = {json.loads(a.stdout.splitlines()[0]).get("id") for a in answers}
        assert len(ids) == 1, ids
        finish(s, 12)


def case_a_second_daemon_does_no_harm(folder):
    with applied(folder, devices=2) as s:
        second = subprocess.run([BUILD / "fuotad", "--config", s.path("fuotad.yaml")],
                                capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and "in use by another process" in second.stderr
        assert s.ctl("status").returncode == 0
        s.kill_daemon()
        assert s.path("ctl.sock").exists()  # left over
        s.start_daemon()


def assert_drains(stack):
    """In order, and not much later than DRAIN_MAX_MS of src/loop/daemon.c, which is well below the
    five seconds that are promised; a machine that stands still may take some more."""
    begin = time.monotonic()
    assert stack.stop("fuotad") == 0
    took = time.monotonic() - begin
    assert took < 15, took


def case_sigterm_at_any_time_is_a_clean_end(folder):
    with applied(folder) as s:
        dice = random.Random(15)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        for _ in range(10):
            time.sleep(dice.uniform(0.05, 1.5))
            assert_drains(s)
            state = subprocess.run(
                ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(s.mqtt_port),
                 "-t", "fuotad/v1/test/$state",
                 "-C", "1", "-W", "60"], capture_output=True, text=True, check=True)
            assert json.loads(state.stdout)["state"] == "draining", state.stdout
            # Now and then before it has started. Not under TSan, whose runtime may hang when
            # a signal comes while it sets itself up, before main().
            if "TSAN_OPTIONS" not in os.environ:
                s.start("fuotad", BUILD / "fuotad", "--config", s.path("fuotad.yaml"),
                        "--time-scale", s.scale)
                time.sleep(dice.uniform(0, 0.1))
                assert s.stop("fuotad") in (0, -signal.SIGTERM)
            s.start_daemon()
        finish(s, 12)


def in_session(stack):
    stack.ctl("apply", stack.path("wm1-1-4-3.yaml"), check=0)
    wait_for("fragments", lambda: stack.state()["fragments"]["sent"] > 3, 90)


def case_sigterm_ends_in_time_though_the_broker_hangs(folder):
    with applied(folder) as s:
        in_session(s)
        broker = s.processes["mosquitto"]
        broker.send_signal(signal.SIGSTOP)
        sent = s.state()["fragments"]["sent"]  # which is published, and not acknowledged
        wait_for("more fragments", lambda: s.state()["fragments"]["sent"] > sent + 1)
        assert_drains(s)
        s.start_daemon()  # it connects, and nobody answers
        assert_drains(s)
        broker.send_signal(signal.SIGCONT)
        s.start_daemon()
        finish(s, 12)


def case_sigterm_ends_in_time_though_the_api_hangs(folder):
    with applied(folder) as s:
        in_session(s)
        s.proxy.hook = lambda path: "hold"
        assert s.proxy.held.wait(60), "no call"
        assert_drains(s)
        s.proxy.hook = lambda path: None
        s.start_daemon()
        finish(s, 12)


def case_sigterm_ends_in_time_though_everything_hangs(folder):
    """And somebody holds the socket open, without reading what a watch tells."""
    with applied(folder) as s:
        in_session(s)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(s.path("ctl.sock")))
            client.sendall(b'{"id":1,"method":"watch","params":{"name":"wm1-1-4-3",'
                           b'"devices":true}}\n')
            s.processes["mosquitto"].send_signal(signal.SIGSTOP)
            s.proxy.hook = lambda path: "hold"
            assert s.proxy.held.wait(60), "no call"
            client.sendall(b'{"id":2,"method":"doctor"}\n')
            assert_drains(s)
        s.proxy.hook = lambda path: None
        s.processes["mosquitto"].send_signal(signal.SIGCONT)
        s.start_daemon()
        finish(s, 12)


def add_many_devices(stack, count, gateways):
    """To a daemon that is stopped: each heard by four of the gateways, as one was that is."""
    dice = random.Random(4)
    euis = [0x70b3d57ed0f00000 + i for i in range(count)]
    with open(stack.path("inventory.csv"), "a") as f:
        columns = stack.path("inventory.csv").read_text().splitlines()[0].count(",")
        f.writelines(f"{eui:016x}{',' * columns}\n" for eui in euis)
    with contextlib.closing(sqlite3.connect(stack.path("state/fuotad.db"))) as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("SELECT * FROM device WHERE link_count > 0 LIMIT 1").fetchone())
        row["link_count"] = 4
        for key, width in (("link_snr_p10_cdb", 2), ("link_snr_p50_cdb", 2),
                           ("link_heard_ppk", 2)):
            row[key] = row[key][:width] * 4
        def rows():
            for eui in euis:
                heard = dice.sample(range(1, gateways), 4)
                yield {**row, "dev_eui": eui - (1 << 64) if eui >> 63 else eui,
                       "link_gateway": struct.pack("=4Q", *heard)}
        db.executemany(f"INSERT INTO device VALUES ({','.join(':' + k for k in row)})", rows())
        db.commit()


def case_sigterm_ends_in_time_though_plans_are_made(folder):
    """As many as are allowed, each of seconds: they are given up."""
    plans = []
    with applied(folder, devices=2) as s:
        wait_for_uplinks(s)
        assert s.stop("fuotad") == 0
        add_many_devices(s, 60000, 3000)
        s.start_daemon()
        command = [BUILD / "fuotactl", "--socket", s.path("ctl.sock"), "plan",
                   s.path("wm1-1-4-3.yaml")]
        for _ in range(16):
            plans.append(subprocess.Popen(command, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True))
        time.sleep(1)
        try:
            assert_drains(s)
        finally:
            answers = [plan.communicate(timeout=60)[0] for plan in plans]
        refused = [p.returncode for p in plans if p.returncode in (1, 12)]
        assert refused, [(p.returncode, a[-300:]) for p, a in zip(plans, answers)]


def sessions_on(lines):
    """Topics of sessions that were told and have not been emptied yet."""
    on = {}
    for line in list(lines):
        _, _, topic, *payload = line.split(" ", 3)
        if "/session/" in topic:
            on[topic] = bool(payload and payload[0].strip())
    return [topic for topic, told in on.items() if told]


def case_results_wait_for_a_broker_that_is_away(folder):
    """The status broker comes when all is over: results without a gap, topics cleaned."""
    port = free_port()
    with applied(folder, status_port=port) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        r = s.ctl("wait", "wm1-1-4-3", "--for", "completed", "--timeout", "300s")
        assert r.returncode == 0, r.stderr
        config = s.path("status.conf")
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        daemon = s.processes["fuotad"]
        daemon.send_signal(signal.SIGSTOP)  # it tells nothing before somebody listens
        s.start("status", MOSQUITTO, "-c", config)
        wait_for("the broker", lambda: port_open(port))
        lines = s.subscribe(port, "fuotad/v1/#")
        daemon.send_signal(signal.SIGCONT)
        wait_for("the end", lambda: any("/state " in x and '"completed"' in x
                                        for x in lines))
        last, final = {}, {}
        for line in [x for x in lines if "/results/" in x]:
            _, qos, topic, payload = line.split(" ", 3)
            batch = json.loads(payload)
            assert qos == "1"
            assert batch["seq"] == last.get(topic, 0) + 1 == batch["prev"] + 1, line
            last[topic] = batch["seq"]
            final.update({r["dev_eui"]: r["outcome"] for r in batch["results"]})
        assert len(final) == 12 and set(final.values()) == {"succeeded"}, final
        # The last session may end after its campaign: an empty message takes its topic away.
        wait_for("the last session's end", lambda: not sessions_on(lines))
        kept = s.subscribe(port, "fuotad/v1/+/#")
        topics = {x.split(" ")[2].removeprefix("fuotad/v1/test/") for x in list(kept)
                  if x[0] == "1"}
        budgets = {t for t in topics if t.startswith("gw/budget/")}
        assert len(budgets) <= 1, topics  # of the one gateway
        assert topics - budgets == {"$state", "campaigns", "c/wm1-1-4-3/state",
                                    "c/wm1-1-4-3/wave/all/state"}, topics
        finish(s, 12)


def in_memory(pid, needles):
    """Names of the needles in memory that a core file would hold."""
    found = set()
    places = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ (\d+)", line)
        if head:
            places.append((int(head[1], 16), int(head[2], 16)))
        elif re.match(r"^[0-9a-f]+-", line):
            places.append(None)
        elif line.startswith("VmFlags") and "dd" in line.split():
            places[-1] = None
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for place in filter(None, places):
            try:
                memory.seek(place[0])
                data = memory.read(place[1] - place[0])
            except (OSError, ValueError, OverflowError):
                continue
            found |= {name for name, needle in needles.items() if needle in data}
    return found


def case_no_core_file_has_a_key(folder):
    os.environ["LD_BIND_NOW"] = "1"  # lazy binding spills registers onto the stack
    with applied(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("session", lambda: s.state()["fragments"]["sent"] > 3, 90)
        pid = s.processes["fuotad"].pid
        needles = {"sealing": s.path("state/sealing.key").read_bytes(),
                   "token": s.path("token").read_bytes().strip()}
        for line in s.path("inventory.csv").read_text().splitlines()[1:]:
            for text in [x for x in line.split(",")[3:5] if len(x) == 32]:
                needles[text] = bytes.fromhex(text)
                needles[text + " as text"] = text.encode()
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
        shared = pathlib.Path(f"/proc/{pid}/coredump_filter").read_text()
        assert int(shared, 16) == 0, shared
        if os.geteuid() != 0:
            assert not os.access(f"/proc/{pid}/mem", os.R_OK)
        elif "ASAN_OPTIONS" not in os.environ:  # which keeps what was freed
            # Libraries leave copies of the token behind: only the filter keeps it in.
            own = {name: key for name, key in needles.items() if name != "token"}
            assert not in_memory(pid, own), in_memory(pid, own)
        if os.geteuid() == 0 and shutil.which("gcore"):
            subprocess.run(["gcore", "-o", s.path("core"), str(pid)], capture_output=True,
                           check=False)
            core = s.path(f"core.{pid}").read_bytes()
            assert core and not [n for n, k in needles.items() if k in core]
        finish(s, 12)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
