#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_activation.py BUILD SOURCE - how devices are made to install, and what proves it, on the
real stack.

Prints a line per case and exits with the number of failures.
"""
import json
import pathlib
import sys
import zlib

from cases import run_cases
from stack import Stack, wait_for

BUILD = pathlib.Path(sys.argv[1])
NAME = "wm1-1-4-3"


def make_image(folder, size=4000):
    path = pathlib.Path(folder) / "source.bin"
    path.write_bytes(bytes((i * 7919 >> 5) % 251 for i in range(size)))
    return path


def stack(folder, **options):
    options.setdefault("devices", 6)
    return Stack(folder, BUILD, make_image(folder), **options)


def rows_of(s):
    return [json.loads(x) for x in s.ctl("devices", NAME, "-o", "jsonl",
                                         check=0).stdout.splitlines()]


def flash_of(s):
    """How many devices have the image, how many there are; after the simulator has ended."""
    image = s.path("image.bin").read_bytes()
    flash = [f.read_bytes() for f in s.path("flash").glob("*.bin")]
    return flash.count(image), len(flash)


def case_manual_installs_on_the_operators_word(folder):
    with stack(folder, spec={"activation": {"mode": "manual", "jitter": "1m"}}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("all to wait", lambda: s.state()["devices"]["installable"] == 6, 120)
        assert {(x["phase"], x["state"], x["outcome"]) for x in rows_of(s)} == {
            ("complete", 2, "none")}
        r = s.ctl("status", NAME, check=0)
        assert "6 of them wait for: fuotactl approve --install" in r.stdout, r.stdout
        s.kill_daemon()
        s.start_daemon()
        assert s.state()["devices"]["installable"] == 6
        s.ctl("approve", NAME, "--install", "--reason", "site is closed", check=0)
        r = s.ctl("wait", NAME, "--timeout", "300s")
        assert r.returncode == 0, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
        assert s.state()["devices"]["succeeded"] == 6
        s.stop("fuotad")
        s.stop("sim")
        assert flash_of(s) == (6, 6)


def case_manual_aborted_installs_nothing(folder):
    with stack(folder, spec={"activation": {"mode": "manual"}}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("all to wait", lambda: s.state()["devices"]["installable"] == 6, 120)
        s.ctl("abort", NAME, check=0)
        r = s.ctl("wait", NAME, "--for", "completed", "--timeout", "300s")
        assert r.returncode == 10, r.returncode
        assert s.state()["devices"]["cancelled"] == 6
        s.stop("fuotad")
        s.stop("sim")
        assert flash_of(s)[0] == 0


def image_with_version(folder):
    """spec.image whose firmwareVersion is what simulated devices tell of it."""
    version = zlib.crc32(make_image(folder).read_bytes())
    return {"file": "image.bin", "version": "1.4.3", "signatures": ["image.bin.minisig"],
            "firmwareVersion": f"0x{version:08x}"}


def apply_and_end(s, *ends):
    s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
    r = s.ctl("wait", NAME, "--timeout", "300s")
    assert r.returncode in ends, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
    return rows_of(s)


def case_a_vendors_command_installs_and_decoded_uplinks_prove_it(folder):
    command = {"fPort": 10, "data": "AA${version_u32_le}"}
    spec = {"image": image_with_version(folder), "activation": {"command": command}}
    with stack(folder, spec=spec, sim_args=["--vendor-fport", 10],
               fleet="  versionDecoder: /firmware/version\n") as s:
        rows = apply_and_end(s, 0)
        assert {(x["outcome"], x["reason"]) for x in rows} == {("succeeded", "verified")}, rows
        device = json.loads(s.ctl("device", rows[0]["dev_eui"], "--json", check=0).stdout)
        assert device["reported"]["firmware_version"] == spec["image"]["firmwareVersion"]
        assert "6" not in (device["packages"] or {}), device["packages"]
        s.stop("fuotad")
        s.stop("sim")
        assert flash_of(s) == (6, 6)


def case_without_its_command_such_devices_are_left_out(folder):
    with stack(folder, sim_args=["--vendor-fport", 10]) as s:
        rows = apply_and_end(s, 9, 10)
        assert {(x["outcome"], x["reason"]) for x in rows} == {("failed", "no-package")}, rows


def case_uplinks_of_tlv_are_the_record(folder):
    pathlib.Path(folder, "profiles").mkdir()  # one's own wins over the shipped one
    pathlib.Path(folder, "profiles/lbm-v2.yaml").write_text(
        "apiVersion: fuotad/v1\nkind: DeviceProfile\nmetadata: { name: lbm-v2 }\n"
        "spec: { stack: \"simulated, with LwM2M\", firmware: { lwm2mPort: 5 } }\n")
    with stack(folder, spec={"image": image_with_version(folder)},
               sim_args=["--lwm2m-fport", 5]) as s:
        rows = apply_and_end(s, 0)
        assert {(x["outcome"], x["reason"]) for x in rows} == {("succeeded", "verified")}, rows
        states = set()
        for row in rows:
            device = json.loads(s.ctl("device", row["dev_eui"], "--json", check=0).stdout)
            states |= {(x["state"], x["result"]) for x in device["history"]
                       if x["source"] == "reported"}
        assert (0, 1) in states, states
        # a state that is over before the next uplink is not seen; which are is chance
        assert states & {(1, 0), (2, 0), (3, 0)}, states


def case_low_batteries_are_skipped_when_the_wave_begins(folder):
    spec = {"targets": {"fleet": "wm1", "preconditions": {
        "battery": {"min": "97%", "unknown": "skip"}}}}
    with stack(folder, spec=spec) as s:
        def levels():
            euis = [x.split(",")[0] for x in
                    s.path("inventory.csv").read_text().splitlines()[1:]]
            return [json.loads(s.ctl("device", e, "--json", check=0).stdout)["battery_percent"]
                    for e in euis]
        s.stop("sim")  # what it said before the daemon was there is lost, for a day
        s.start_sim()
        wait_for("all to tell", lambda: None not in levels())
        assert levels() == [100, 99, 98, 97, 96, 95]
        rows = apply_and_end(s, 0)
        ends = sorted((x["outcome"], x["reason"]) for x in rows)
        assert ends == [("skipped", "battery")] * 2 + [("succeeded", "verified")] * 4, ends
        csv = s.ctl("devices", NAME, "-o", "csv", check=0).stdout
        assert csv.count("skipped") == 2 and csv.count("battery") >= 2, csv
        report = s.ctl("report", NAME, "--format", "json", check=0).stdout
        assert '"battery"' in report, report[:2000]


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
