#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_deltas.py BUILD SOURCE [CASE...] - image variants: deltas, and the image behind them.

Devices are brought to 1.4.2 by a campaign, so that the daemon has the base of the delta; on
one of them the delta goes wrong, and others never had the base.
"""
import bz2
import hashlib
import json
import random
import socket
import subprocess
import sys

from cases import run_cases
from stack import Stack
from test_campaign import BUILD, make_image

FIRST = 0x70b3d57ed0060001
DELTA = "base-next.patch"


def number(value):
    """As bsdiff writes it: 8 bytes, the highest bit is the sign."""
    return (abs(value) | (1 << 63 if value < 0 else 0)).to_bytes(8, "little")


def make_patch(old, new):
    """BSDIFF40 of images that are alike byte by byte, the new one being no shorter."""
    same = min(len(old), len(new))
    control = bz2.compress(number(same) + number(len(new) - same) + number(0))
    add = bz2.compress(bytes((n - o) % 256 for n, o in zip(new, old)))
    return (b"BSDIFF40" + number(len(control)) + number(len(add)) + number(len(new)) + control
            + add + bz2.compress(new[same:]))


def eui(index):
    return f"{FIRST + index:016x}"


class Fleet(Stack):
    """The image of the stack is 1.4.2; next.bin is 1.4.3."""

    def __init__(self, folder, devices=6, sim_args=(), **options):
        image = make_image(folder)
        old = image.read_bytes() if hasattr(image, "read_bytes") else open(image, "rb").read()
        changes = random.Random(5)
        new = bytearray(old)
        for _ in range(40):
            new[changes.randrange(len(new))] ^= changes.randrange(1, 256)
        self.old, self.new = old, bytes(new) + b"and a little more"
        super().__init__(folder, BUILD, image, devices=devices, loss="5%",
                         sim_args=["--genuine", f"{folder}/next.bin", *sim_args], **options)

    def write_files(self):
        super().write_files()
        self.write("next.bin", self.new)
        self.write(DELTA, make_patch(self.old, self.new))
        self.sign_as("image.bin", "1.4.2")
        self.sign_as("next.bin", "1.4.3")
        self.sign_as(DELTA, "1.4.3")

    def write(self, name, content):
        self.path(name).write_bytes(content)

    def sign_as(self, name, version):
        subprocess.run([self.build / "fuotactl", "image", "sign", self.path(name),
                        "--key", self.path("trust/release.key"), "--product", "wm1",
                        "--version", version], check=True, capture_output=True)

    def campaign(self, name, file, version, **more):
        """The file of a campaign; image and targets may have more keys."""
        document = {
            "apiVersion": "fuotad/v1", "kind": "Campaign", "metadata": {"name": name},
            "spec": {
                "image": {"file": file, "version": version,
                          "signatures": [f"{file}.minisig"], **more.get("image", {})},
                "targets": {"fleet": "wm1", **more.get("targets", {})},
                "retry": {"cooldown": "1m", "device": 9}, "activation": {"jitter": "1m"},
                "rollout": {"waves": [{"name": "all", "size": "100%"}]}}}
        path = self.path(f"{name}.yaml")
        path.write_text(json.dumps(document, indent=1))
        return path

    def bring_base(self, without=()):
        path = self.campaign("base", "image.bin", "1.4.2",
                             targets={"exclude": {"devices": list(without)}})
        self.ctl("apply", path, "--wait", "--timeout", "300s", check=0)

    def delta_campaign(self, **delta):
        delta = {"from": "1.4.2", "file": DELTA, "format": "bsdiff", **delta}
        delta.setdefault("signatures", [f"{delta['file']}.minisig"])
        return self.campaign("next", "next.bin", "1.4.3", image={"deltas": [delta]})

    def devices_of(self, name):
        r = self.ctl("devices", name, "-o", "jsonl", check=0)
        return {d["dev_eui"]: d for d in map(json.loads, r.stdout.splitlines())}

    def history(self, dev_eui):
        r = self.ctl("device", dev_eui, "--json", check=0)
        return [h for h in json.loads(r.stdout)["history"] if h["campaign"] == "next"]


def case_a_delta_where_it_fits_and_the_image_where_it_fails(folder):
    """Device 0 has something of its own in its firmware; 4 and 5 never had the base."""
    with Fleet(folder, sim_args=["--altered", 1]) as s:
        s.bring_base(without=[eui(4), eui(5)])
        assert s.path(f"flash/{eui(0)}.bin").read_bytes() == s.old
        plan = json.loads(s.ctl("plan", s.delta_campaign(), "--json", check=0).stdout)
        planned = {v["variant"]: v["devices"] for v in plan["variants"]}
        assert planned == {"full": 2, "1.4.2": 4}, plan  # what they have said by now
        assert {c["variant"] for c in plan["cohorts"]} == {"full", "1.4.2"}, plan
        r = s.ctl("apply", s.delta_campaign(), "--wait", "--timeout", "300s", check=0)
        assert "6 succeeded" in r.stdout + r.stderr, r.stdout + r.stderr
        devices = s.devices_of("next")
        got = {d: (v["variant"], v["delta_failures"]) for d, v in devices.items()}
        assert got == {eui(0): ("full", 1), eui(1): ("1.4.2", 0), eui(2): ("1.4.2", 0),
                       eui(3): ("1.4.2", 0), eui(4): ("full", 0), eui(5): ("full", 0)}, got
        for i in range(6):
            assert s.path(f"flash/{eui(i)}.bin").read_bytes() == s.new, i
        past = s.history(eui(0))
        assert [h for h in past if h["reason"] == "image-refused" and h["result"] == 5], past
        assert [h for h in past if h["reason"] == "delta-failed"], past
        sizes = {x["fragment_size"] * x["uncoded"] >= len(s.new)
                 for x in json.loads(s.ctl("report", "next", "--format", "json",
                                           check=0).stdout)["sessions"]}
        assert sizes == {True, False}, sizes  # of both variants


def case_a_delta_that_is_wrong_is_refused_with_what_is_wrong(folder):
    with Fleet(folder, devices=2) as s:
        s.write("huge.patch", b"x" * len(s.new))
        s.write("other.patch", make_patch(s.old, s.new[:-1] + b"!"))
        s.write("short.patch", make_patch(s.old, s.new + b"longer"))
        s.write("vendor.patch", b"nothing that bsdiff would write")
        s.write("cut.patch", make_patch(s.old, s.new)[:-9])
        for name in ("huge", "other", "short", "vendor", "cut"):
            s.sign_as(f"{name}.patch", "1.4.3")
        rows = [
            (3, "deltas[0].from: no campaign of fleet 'wm1' had an image of version 1.4.2",
             {}),
            (3, "deltas[0].file: huge.patch has", {"file": "huge.patch", "format": "opaque"}),
            (3, "deltas[0].file: short.patch makes 9023 bytes and the image has 9017",
             {"file": "short.patch"}),
            (3, "deltas[0].file: vendor.patch does not begin as a patch of bsdiff 4",
             {"file": "vendor.patch"}),
            (3, "deltas[0].from: is the version of the image itself", {"from": "1.4.3"}),
            (7, "spec.image.deltas[0].file: base-next.patch is not trusted",
             {"signatures": ["next.bin.minisig"]}),
        ]
        later = [
            (3, "deltas[0].file: other.patch, applied to the image of version 1.4.2, does not "
             "make next.bin", {"file": "other.patch"}),
            (3, "deltas[0].file: cut.patch is damaged", {"file": "cut.patch"}),
        ]

        def refused(code, text, delta):
            for command in ("plan", "apply"):
                r = s.ctl(command, s.delta_campaign(**delta), check=code)
                assert text in r.stdout + r.stderr, (text, r.stdout + r.stderr)
            s.ctl("status", "next", check=5)

        for row in rows:
            refused(*row)
        s.bring_base()
        for row in later:
            refused(*row)


def ask(stack, params):
    """The code and text of the answer to a plan, past fuotactl."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(stack.path("ctl.sock")))
        line = json.dumps({"id": 1, "method": "plan", "params": params}) + "\n"
        client.sendall(line.encode())
        for answer in client.makefile("r", encoding="utf-8"):
            answer = json.loads(answer)
            if answer.get("id") == 1:
                return answer.get("code", 0), json.dumps(answer)
    return None, ""


def case_a_client_that_sends_other_deltas_than_the_file_names_is_refused(folder):
    with Fleet(folder, devices=2) as s:
        s.bring_base()
        path = s.delta_campaign()
        s.ctl("plan", path, check=0)  # image and delta are uploaded by now

        def digest(name):
            return hashlib.blake2b(s.path(name).read_bytes(), digest_size=32).hexdigest()

        def text(name):
            return s.path(f"{name}.minisig").read_text()

        delta = {"digest": digest(DELTA), "signatures": [text(DELTA)]}
        params = {"file": "next.yaml", "campaign": path.read_text(),
                  "digest": digest("next.bin"), "signatures": [text("next.bin")]}
        rows = [
            ("the right one", 0, [delta], ""),
            ("none", 2, None, "one for each of spec.image.deltas"),
            ("too many", 2, [delta, delta], "one for each of spec.image.deltas"),
            ("no list", 2, "x", "one for each of spec.image.deltas"),
            ("no object", 2, ["x"], "each delta in params needs a digest"),
            ("no digest", 2, [{"signatures": []}], "each delta in params needs a digest"),
            ("a digest of nothing that is here", 5, [{**delta, "digest": "0" * 64}],
             "base-next.patch has not been uploaded with its digest"),
            ("the image in its place", 7, [{**delta, "digest": digest("next.bin")}],
             "does not match the image"),
            ("no signatures", 2, [{"digest": delta["digest"]}], "needs signatures"),
            ("none that counts", 7, [{**delta, "signatures": []}], "is not trusted"),
        ]
        for name, want, deltas, words in rows:
            code, answer = ask(s, params if deltas is None else {**params, "deltas": deltas})
            assert code == want and words in answer, (name, code, answer)


def case_a_restart_in_the_session_of_a_delta_changes_nothing(folder):
    with Fleet(folder, devices=3, sim_args=["--altered", 1]) as s:
        s.bring_base()
        s.ctl("apply", s.delta_campaign(), check=0)
        s.ctl("wait", "next", "--for", "sending", "--timeout", "300s")
        s.kill_daemon()
        s.start_daemon()
        s.ctl("wait", "next", "--timeout", "300s", check=0)
        devices = s.devices_of("next")
        assert {d["outcome"] for d in devices.values()} == {"succeeded"}, devices
        assert devices[eui(0)]["variant"] == "full", devices[eui(0)]
        assert devices[eui(1)]["variant"] == "1.4.2", devices[eui(1)]
        for i in range(3):
            assert s.path(f"flash/{eui(i)}.bin").read_bytes() == s.new, i


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
