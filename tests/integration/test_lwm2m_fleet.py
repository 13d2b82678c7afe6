#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_fleet.py BUILD SOURCE - hundreds of simulated LwM2M devices, of every kind.

Prints a line per case and exits with the number of failures.
"""
import binascii
import csv
import pathlib
import struct
import subprocess
import sys

from cases import run_cases
from lwm2m_stack import BUILD, Lwm2mStack
from stack import wait_for

DEVICES = 300
# How each kind ends: by its reading of State, Result and version, or because nothing came.
ENDS = {
    "plain": "succeeded", "v1.0": "succeeded", "push-only": "succeeded",
    "pull-only": "succeeded", "queue": "succeeded", "zephyr": "succeeded",
    "anjay": "succeeded", "coap-node": "succeeded", "roaming": "succeeded",
    "liar": "failed", "fails": "failed", "fails-kept": "failed", "corrupt": "failed",
    "wrong-type": "failed", "stuck": "unknown", "silent": "unknown",
    "v1.2": "succeeded", "components": "succeeded", "queue-v1.0": "succeeded",
    "small-blocks": "succeeded", "small-push": "succeeded", "deferring": "succeeded",
    "hasty": "succeeded", "odd-state": "succeeded", "wakaama": "failed", "no-flash": "failed", "no-ram": "failed",
    "lost": "failed", "bad-uri": "failed", "bad-protocol": "failed", "conflict": "failed",
    "corrupt-late": "failed", "dependency": "failed", "dependency-kept": "failed",
}


class Fleet(Lwm2mStack):
    """The devices are fuota-sim's; their inventory, too. Half of them have DTLS, if the server
    has that."""

    def __init__(self, folder, kinds=(), loss="1%", **options):
        super().__init__(folder, **options)
        self.kinds, self.loss, self.sims = kinds or list(ENDS), loss, []

    def start_devices(self, uri, count, first):
        name = f"sim-{len(self.sims)}"
        self.sims.append(subprocess.Popen([str(a) for a in [
            BUILD / "fuota-sim", "--dialect", "lwm2m", "--server", uri, "--devices", count,
            "--first-dev-eui", f"{first:016x}", "--kind", ",".join(self.kinds), "--flash",
            self.path("flash"), "--inventory", self.path(name), "--firmware-version", "1.4.3",
            "--seed", "7", "--interval", "10m", "--loss", self.loss, "--time-scale",
            self.scale]]))
        wait_for("the inventory", lambda: self.path(name).exists() and
                 self.path(name).read_text().count("\n") > count)
        return self.path(name).read_text()

    def inventory_text(self):
        first = 0x70b3d57ed0060001
        if not self.secure_port:
            return self.start_devices(f"coap://127.0.0.1:{self.port}", self.devices, first)
        count = self.devices // 2
        plain = self.start_devices(f"coap://127.0.0.1:{self.port}", count, first)
        secure = self.start_devices(f"coaps://127.0.0.1:{self.secure_port}", count,
                                    first + count)
        return plain + secure.partition("\n")[2]

    def __exit__(self, *exc):
        for sim in self.sims:
            sim.terminate()
        for sim in self.sims:
            sim.wait(60)
        super().__exit__(*exc)

    def euis(self):
        return [row["dev_eui"] for row in csv.DictReader(self.path("inventory.csv").open())]


def case_a_campaign_of_every_kind_ends_as_each_kind_does(folder):
    kinds = list(ENDS)
    spec = {"retry": {"cooldown": "2m", "device": 3}, "rollout": {
        "onFailure": "continue", "waves": [{"name": "all", "size": "100%"}]},
        "verification": {"within": "45m"}}
    with Fleet(folder, devices=DEVICES, spec=spec,
               options="severity: mandatory\n      maxDefer: 10m") as s:
        rows = {r["dev_eui"]: r for r in s.campaign(10, 400)}
        ends = [(kinds[i % len(kinds)], rows[eui]) for i, eui in enumerate(s.euis())]
        wrong = [(kind, r) for kind, r in ends if ENDS[kind] != r["outcome"]]
        assert not wrong and len(rows) == DEVICES, wrong
        results = {kind: r["result"] for kind, r in ends}
        said = {"no-flash": 2, "no-ram": 3, "lost": 4, "corrupt": 5, "corrupt-late": 5,
                "wrong-type": 6, "bad-uri": 7, "fails": 8, "fails-kept": 8, "bad-protocol": 9,
                "conflict": 12, "dependency": 13, "dependency-kept": 13}
        assert {kind: results[kind] for kind in said} == said, results


# lwm2m.md 5: of a package of Anjay's demo, and what becomes of it.
PACKAGES = {
    "good": ("succeeded", 1), "bad CRC": ("failed", 5), "bad version": ("failed", 6),
    "1": ("failed", 3), "2": ("failed", 8), "3": ("succeeded", 1), "4": ("failed", 8),
    "5": ("succeeded", 1), "6": ("failed", 8), "7": ("unknown", 0),
}


def package(kind):
    payload = bytes(i * 7 % 251 for i in range(5000))
    crc = binascii.crc32(payload) ^ (kind == "bad CRC")
    return b"ANJAY_FW" + struct.pack("!HHI", 2 if kind == "bad version" else 1,
                                     int(kind) if kind.isdigit() else 0, crc) + payload


def case_packages_end_alike_by_every_way(folder):
    """Fetched and sent, in blocks of 1024 and 64 bytes, without security and with DTLS."""
    kinds = ["pull-only", "small-blocks", "push-only", "small-push"]
    spec = {"retry": {"cooldown": "1m", "device": 1}, "verification": {"within": "20m"},
            "rollout": {"onFailure": "continue",
                        "waves": [{"name": "all", "size": "100%"}]}}
    for number, (kind, end) in enumerate(PACKAGES.items()):
        own = pathlib.Path(folder) / str(number)
        own.mkdir()
        stack = Fleet(own, kinds, "0%", devices=2 * len(kinds), spec=spec, secure=True)
        stack.image.write_bytes(package(kind))
        with stack as s:
            rows = {r["dev_eui"]: r for r in s.campaign(0 if end[0] == "succeeded" else 10)}
            ends = [(rows[eui]["outcome"], rows[eui]["result"]) for eui in s.euis()]
            assert ends == [end] * 2 * len(kinds), (kind, ends)
            print(f"# {kind}: {end}")


def case_hundreds_of_devices_with_dtls_are_updated(folder):
    """More handshakes at once than the server takes; some lose datagrams, or change their port
    while they fetch."""
    kinds = ["plain", "roaming", "push-only", "queue"]
    with Fleet(folder, kinds, devices=300, secure=True) as s:
        rows = s.campaign(0, 400)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 300, rows

if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
