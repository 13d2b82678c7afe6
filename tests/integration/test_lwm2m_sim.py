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
from lwm2m_peer import DELETE, GET, POST, PUT, Server, code, tlv
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
                    sim.poll() is not None, 30)
        assert sim.poll() is None, sim.stderr.read()
        yield sim
    finally:
        sim.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sim.wait(20)
        if sim.poll() is None:
            sim.kill()
    assert sim.returncode == 0, sim.stderr.read()


def flash(folder, ep):
    return (pathlib.Path(folder) / "flash" / f"{ep}.bin").read_bytes()


def install(server, device, seconds=20):
    """Execute, and it registers again."""
    before = device.registered
    assert server.ask(device, POST, "/5/0/2").code == code("2.04")
    server.pump("reboot", lambda: device.registered > before, seconds)


def settle(server, device, state, seconds=30):
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
           "wrong-type": (0, 6)}
    ends = {"zephyr": (0, 0, VERSION), "wakaama": (1, 1, VERSION), "liar": (0, 1, "1.0.0"),
            "fails": (0, 8, "1.0.0"), "fails-kept": (2, 8, "1.0.0"),
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
            k not in ends or k in ("zephyr", "wakaama", "liar", "fails"))]
        server.pump("reboots", lambda: all(d.registered == 2 for d in good))
        for kind, device in devices.items():
            want = ends.get(kind, (0, 1, VERSION))
            if kind in bad or want is None:
                continue
            if kind == "anjay":
                settle_result(server, device, 1)
            assert server.status(device) == want, (kind, server.status(device), want)
        assert devices["silent"].registered == 1


def settle_result(server, device, result, seconds=20):
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
            server.pump("reboot", lambda d=device: d.registered == 2, 20)
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
        files.wait(10)


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
