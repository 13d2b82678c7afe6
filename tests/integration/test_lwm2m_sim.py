#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_sim.py BUILD SOURCE [CASE...] - fuota-sim --dialect lwm2m against peers that
are not ours: a server of a few lines of Python, and libcoap's client and server.
"""
import contextlib
import csv
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib

from cases import run_cases
from lwm2m_peer import DELETE, GET, POST, PUT, Server, block, code, tlv
from stack import free_port, wait_for

BUILD = pathlib.Path(sys.argv[1])
IMAGE = bytes((i * 31 + i // 256) % 256 for i in range(9000))
VERSION = f"{zlib.crc32(IMAGE):08x}"
SCALE = "20@1790000000"


@contextlib.contextmanager
def simulated(folder, server, *options, devices=1, scale=SCALE):
    """The devices, and what is left of them: folder/flash, air.jsonl, inventory.csv."""
    folder = pathlib.Path(folder)
    args = [BUILD / "fuota-sim", "--dialect", "lwm2m", "--server",
            f"coap://127.0.0.1:{server.port}", "--devices", str(devices), "--flash",
            folder / "flash", "--airlog", folder / "air.jsonl", "--inventory",
            folder / "inventory.csv", "--time-scale", scale, *options]
    sim = subprocess.Popen([str(a) for a in args], stderr=subprocess.PIPE, text=True)
    try:
        server.pump("registrations", lambda: len(server.devices) >= devices or
                    sim.poll() is not None, 120)
        assert sim.poll() is None, sim.stderr.read()
        yield sim
    finally:
        sim.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sim.wait(60)
        if sim.poll() is None:
            sim.kill()
    assert sim.returncode == 0, sim.stderr.read()


def flash(folder, ep):
    return (pathlib.Path(folder) / "flash" / f"{ep}.bin").read_bytes()


def install(server, device, seconds=60):
    """Execute, and it registers again."""
    before = device.registered
    assert server.ask(device, POST, "/5/0/2").code == code("2.04")
    server.pump("reboot", lambda: device.registered > before, seconds)


def settle(server, device, state, seconds=60):
    """Until it says that State."""
    end = time.monotonic() + seconds
    while server.status(device)[0] != state:
        assert time.monotonic() < end, server.status(device)
        server.pump("pause", lambda: True)


def case_a_device_registers_and_answers(folder):
    with Server() as server, simulated(folder, server):
        device = server.devices["70b3d57ed0060001"]
        assert device.params == {"ep": "70b3d57ed0060001", "lt": "86400", "lwm2m": "1.1",
                                 "b": "U"}, device.params
        assert "</5>;ver=1.1,</5/0>" in device.links
        assert server.status(device) == (0, 0, "1.0.0")
        assert server.ask(device, GET, "/9/0").code == code("4.04")
        assert server.ask(device, DELETE, "/5/0").code == code("4.05")
        assert flash(folder, "70b3d57ed0060001") == b"fuota-sim factory firmware\n"
    rows = list(csv.DictReader((pathlib.Path(folder) / "inventory.csv").open()))
    assert [r["dev_eui"] for r in rows] == ["70b3d57ed0060001"]
    assert re.fullmatch("[0-9a-f]{32}", rows[0]["app_key"])
    air = [json.loads(line) for line in
           (pathlib.Path(folder) / "air.jsonl").read_text().splitlines()]
    assert {a["direction"] for a in air} == {"up", "down"}
    assert bytes.fromhex(air[0]["coap"])[1] == POST
    assert bytes.fromhex(air[-1]["coap"])[1] == DELETE  # its registration has ended


def case_an_image_is_pushed_observed_and_installed(folder):
    for kind, szx in (("plain", 6), ("plain", 2), ("small-blocks", 6)):
        with Server() as server, simulated(folder, server, "--kind", kind):
            ep, device = next(iter(server.devices.items()))
            assert server.ask(device, GET, "/5/0/3", observe=0).code == code("2.05")
            assert server.push(device, IMAGE, szx) == code("2.04")
            server.pump("notifications", lambda d=device: len(d.notified) >= 2)
            assert [tlv(p)[3] for _, p in device.notified] == [b"\1", b"\2"]
            assert server.status(device) == (2, 0, "1.0.0")
            install(server, device)
            assert server.status(device) == (0, 1, VERSION)
            assert len(device.addresses) == 2  # another port after the reboot
            assert flash(folder, ep) == IMAGE


def case_an_image_is_pulled_and_installed(folder):
    for kind in ("plain", "small-blocks", "roaming", "v1.0"):
        with Server() as server, simulated(folder, server, "--kind", kind,
                                           "--firmware-version", "2.0"):
            ep, device = next(iter(server.devices.items()))
            server.files["fw/x"] = IMAGE
            uri = f"coap://127.0.0.1:{server.port}/fw/x".encode()
            assert server.ask(device, PUT, "/5/0/1", uri, form=0).code == code("2.04")
            server.pump("download", lambda s=server: s.served * (
                64 if kind == "small-blocks" else 1024) >= len(IMAGE))
            settle(server, device, 2)
            install(server, device)
            assert server.status(device) == (0, 1, "2.0")
            assert flash(folder, ep) == IMAGE
            assert len(device.addresses) == (3 if kind == "roaming" else 2)


def case_a_quarter_of_the_datagrams_is_lost_and_nothing_else(folder):
    with Server() as server, simulated(folder, server, "--loss", "25%"):
        ep, device = next(iter(server.devices.items()))
        server.files["fw"] = IMAGE[:4000]
        uri = f"coap://127.0.0.1:{server.port}/fw".encode()
        assert server.ask(device, PUT, "/5/0/1", uri, form=0, tries=9).code == code("2.04")
        server.pump("download", lambda: server.served >= 4, 120)
        settle(server, device, 2, 60)
        install(server, device, 120)
        assert server.status(device)[:2] == (0, 1)
        assert flash(folder, ep) == IMAGE[:4000]


def case_each_kind_ends_as_it_should(folder):
    """All kinds at once: Result and version after a push, or a pull where it takes none."""
    bad = {"no-flash": (0, 2), "no-ram": (0, 3), "lost": (0, 4), "corrupt": (0, 5),
           "wrong-type": (0, 6), "bad-uri": (0, 7), "bad-protocol": (0, 9), "conflict": (0, 12)}
    ends = {"zephyr": (0, 0, VERSION), "wakaama": (1, 1, VERSION), "liar": (0, 1, "1.0.0"),
            "fails": (0, 8, "1.0.0"), "fails-kept": (2, 8, "1.0.0"),
            "corrupt-late": (0, 5, "1.0.0"), "dependency": (0, 13, "1.0.0"),
            "dependency-kept": (2, 13, "1.0.0"),
            "stuck": (3, 0, "1.0.0"), "deferring": (2, 11, "1.0.0"), "silent": None}
    text = subprocess.run([BUILD / "fuota-sim", "--kind", "help"], capture_output=True,
                          text=True, check=True).stdout
    kinds = [line.split()[0] for line in text.splitlines()]
    assert len(kinds) > 20 and set(bad) | set(ends) <= set(kinds), kinds
    with Server() as server, simulated(folder, server, "--kind", "mix",
                                       devices=len(kinds)):
        server.files["fw"] = IMAGE
        devices = dict(zip(kinds, (server.devices[ep] for ep in sorted(server.devices))))
        for kind, device in devices.items():
            if kind == "pull-only":
                uri = f"coap://127.0.0.1:{server.port}/fw".encode()
                assert server.ask(device, PUT, "/5/0/1", uri).code == code("2.04")
                settle(server, device, 2)
            else:
                assert server.push(device, IMAGE) == code("2.04"), kind
            if kind in bad:
                assert server.status(device)[:2] == bad[kind], kind
        for kind, device in devices.items():
            if kind not in bad:
                assert server.ask(device, POST, "/5/0/2").code == code("2.04"), kind
        good = [d for k, d in devices.items() if k not in bad and (
            k not in ends or k in ("zephyr", "wakaama", "liar", "fails", "corrupt-late",
                                   "dependency"))]
        server.pump("reboots", lambda: all(d.registered >= 2 for d in good))
        for kind, device in devices.items():
            want = ends.get(kind, (0, 1, VERSION))
            if kind in bad or want is None:
                continue
            if kind == "anjay":
                settle_result(server, device, 1)
            assert server.status(device) == want, (kind, server.status(device), want)
        assert devices["silent"].registered == 1


# lwm2m.md 1.2: number, kind, what is asked of the device, and its State and Result then.
ROWS = [
    ("1", "plain", [], (0, 0)),
    ("2", "plain", ["begin"], (1, 0)),
    ("3", "plain", ["uri nobody"], (1, 0)),
    ("4", "plain", ["uri ftp://127.0.0.1/fw"], (0, 9)),
    ("4", "plain", ["uri fw"], (0, 7)),
    ("5", "plain", ["push"], (2, 0)),
    ("5", "pull-only", ["uri here"], (2, 0)),
    ("6", "no-flash", ["push"], (0, 2)),
    ("6", "no-ram", ["uri here"], (0, 3)),
    ("6", "lost", ["push"], (0, 4)),
    ("7", "corrupt", ["uri here"], (0, 5)),
    ("7", "wrong-type", ["push"], (0, 6)),
    ("7", "plain", ["uri absent"], (0, 7)),
    ("7", "bad-protocol", ["uri here"], (0, 9)),
    ("8", "plain", ["begin", "cancel"], (0, 10)),
    ("9", "v1.0", ["begin", "clear"], (0, 0)),
    ("9", "zephyr", ["begin", "clear"], (1, 0)),
    ("10", "conflict", ["push"], (0, 12)),
    ("11", "plain", ["push", "clear"], (0, 0)),
    ("11", "v1.0", ["push", "nul"], (0, 0)),
    ("12", "plain", ["push", "cancel"], (0, 10)),
    ("13", "deferring", ["push", "execute"], (2, 11)),
    ("14", "stuck", ["push", "execute"], (3, 0)),
    ("14", "deferring", ["defer 40", "push", "execute"], (0, 1)),
    ("14", "v1.2", ["automatic", "push"], (0, 1)),
    ("15", "plain", ["push", "execute"], (0, 1)),
    ("16", "fails", ["push", "execute"], (0, 8)),
    ("16", "corrupt-late", ["push", "execute"], (0, 5)),
    ("16", "dependency", ["push", "execute"], (0, 13)),
    ("17", "fails-kept", ["push", "execute"], (2, 8)),
    ("17", "dependency-kept", ["push", "execute"], (2, 13)),
    ("again", "fails-kept", ["push", "execute", "wait 2", "execute"], (2, 8)),
    ("late", "anjay", ["uri absent"], (0, 7)),
    ("from 1", "wakaama", ["push", "execute"], (1, 1)),
    ("lost", "zephyr", ["push", "execute"], (0, 0)),
]
# In that State, after that, these are refused, and nothing changes.
REFUSED = [
    ("plain", [], "execute", "4.05", (0, 0)),
    ("plain", [], "cancel", "4.05", (0, 0)),
    ("plain", ["begin"], "execute", "4.05", (1, 0)),
    ("plain", ["begin"], "uri here", "4.05", (1, 0)),
    ("plain", ["uri nobody"], "push", "4.05", (1, 0)),
    ("anjay", ["begin"], "uri here", "4.00", (1, 0)),
    ("plain", ["push"], "uri here", "4.05", (2, 0)),
    ("plain", ["push"], "push", "4.05", (2, 0)),
    ("v1.0", ["push"], "cancel", "4.05", (2, 0)),
    ("stuck", ["push", "execute"], "execute", "4.05", (3, 0)),
    ("stuck", ["push", "execute"], "cancel", "4.05", (3, 0)),
    ("stuck", ["push", "execute"], "uri here", "4.05", (3, 0)),
    ("stuck", ["push", "execute"], "clear", "4.05", (3, 0)),
    ("stuck", ["push", "execute"], "push", "4.05", (3, 0)),
]
GOOD = {code("2.04"), code("2.31")}


def ask_for(server, device, action):
    """The code of the last answer."""
    verb, _, what = action.partition(" ")
    uris = {"here": f"coap://127.0.0.1:{server.port}/fw", "nobody": "coap://127.0.0.1:9/fw",
            "absent": f"coap://127.0.0.1:{server.port}/absent"}
    if verb == "push":
        return server.push(device, IMAGE)
    if verb == "wait":
        settle(server, device, int(what))
        return code("2.04")
    method, path, payload, more = {
        "begin": (PUT, "/5/0/0", IMAGE[:1024], {"form": 42, "block1": block(0, True, 6)}),
        "uri": (PUT, "/5/0/1", uris.get(what, what).encode(), {"form": 0}),
        "clear": (PUT, "/5/0/1", b"", {"form": 0}),
        "nul": (PUT, "/5/0/0", b"\0", {"form": 42}),
        "cancel": (POST, "/5/0/10", b"", {}),
        "execute": (POST, "/5/0/2", b"", {}),
        "defer": (PUT, "/5/0/13", what.encode(), {"form": 0}),
        "automatic": (PUT, "/5/0/14", b"1", {"form": 0}),
    }[verb]
    return server.ask(device, method, path, payload, **more).code


def until(server, device, wanted, seconds=60):
    end = time.monotonic() + seconds
    while server.status(device)[:2] != wanted:
        assert time.monotonic() < end, (server.status(device), wanted)
        server.pump("pause", lambda: True)


def case_every_row_of_the_state_machine(folder):
    """Over the wire, each with a device of its own."""
    kinds = [kind for _, kind, _, _ in ROWS] + [kind for kind, *_ in REFUSED]
    with Server() as server, simulated(folder, server, "--kind", ",".join(kinds),
                                       devices=len(kinds)):
        server.files["fw"] = IMAGE
        devices = [server.devices[ep] for ep in sorted(server.devices)]
        assert {number for number, *_ in ROWS} >= {str(n) for n in range(1, 18)}
        for device, (number, kind, actions, wanted) in zip(devices, ROWS):
            print(f"# row {number}: {kind}, {actions}")
            for action in actions:
                assert ask_for(server, device, action) in GOOD, action
            until(server, device, wanted)
        for device, (kind, before, action, answer, wanted) in zip(devices[len(ROWS):], REFUSED):
            print(f"# {wanted[0]}: {kind}, {action}")
            for good in before:
                assert ask_for(server, device, good) in GOOD, good
            until(server, device, wanted)
            assert ask_for(server, device, action) == code(answer), (kind, action)
            assert server.status(device)[:2] == wanted, (kind, action)


def settle_result(server, device, result, seconds=60):
    end = time.monotonic() + seconds
    while server.status(device)[1] != result:
        assert time.monotonic() < end, server.status(device)


# ---- libcoap ----

def libcoap(*args, **options):
    tool = shutil.which("coap-client-openssl")
    assert tool, "libcoap3-bin is not installed; run ./scripts/test"
    return subprocess.run([tool, *[str(a) for a in args]], capture_output=True, timeout=60,
                          check=False, **options)


def case_libcoap_pushes_an_image(folder):
    """coap-client takes the server's place, with its port and its own Block1."""
    image = pathlib.Path(folder) / "image.bin"
    image.write_bytes(IMAGE)
    for size in (1024, 64):
        with Server() as server, simulated(folder, server):
            ep, device = next(iter(server.devices.items()))
            server.close()
            base = f"coap://127.0.0.1:{device.address[1]}"
            mine = ("-p", server.port, "-B", "20")
            r = libcoap(*mine, "-m", "put", "-b", size, "-t", 42, "-f", image,
                        f"{base}/5/0/0")
            assert r.returncode == 0, r.stderr
            r = libcoap(*mine, "-A", "0", f"{base}/5/0/3")
            assert r.stdout.strip() == b"2", (r.stdout, r.stderr)
            r = libcoap(*mine, "-m", "post", f"{base}/5/0/2")
            server.open()
            server.pump("reboot", lambda d=device: d.registered >= 2, 60)
            assert server.status(device) == (0, 1, VERSION)
            assert flash(folder, ep) == IMAGE


def case_libcoap_serves_an_image(folder):
    """The device fetches by Block2 from coap-server."""
    tool = shutil.which("coap-server-openssl")
    assert tool, "libcoap3-bin is not installed; run ./scripts/test"
    port = free_port()
    image = pathlib.Path(folder) / "image.bin"
    image.write_bytes(IMAGE)
    files = subprocess.Popen([tool, "-A", "127.0.0.1", "-p", str(port), "-d", "10"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        uri = f"coap://127.0.0.1:{port}/fw"
        wait_for("coap-server", lambda: libcoap(
            "-m", "put", "-b", 1024, "-t", 42, "-f", image, "-B", 5, uri).returncode == 0 and
            libcoap("-B", 5, "-b", 1024, uri).stdout[:len(IMAGE)] == IMAGE)
        for kind in ("plain", "small-blocks"):
            with Server() as server, simulated(folder, server, "--kind", kind):
                ep, device = next(iter(server.devices.items()))
                assert server.ask(device, PUT, "/5/0/1", uri.encode()).code == code("2.04")
                settle(server, device, 2)
                install(server, device)
                assert server.status(device) == (0, 1, VERSION)
                assert flash(folder, ep) == IMAGE
    finally:
        files.terminate()
        files.wait(60)


def case_five_thousand_devices_register(folder):
    """In one process, and each is at home to its server."""
    count = 5000
    with Server() as server, simulated(folder, server, "--quiet", devices=count,
                                       scale="1@1790000000") as sim:
        assert len(server.devices) == count
        for ep in sorted(server.devices)[::500]:
            assert server.status(server.devices[ep]) == (0, 0, "1.0.0")
        rss = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(
            f"/proc/{sim.pid}/status").read_text()).group(1)
        print(f"# {count} devices: {int(rss) // 1024} MiB")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
