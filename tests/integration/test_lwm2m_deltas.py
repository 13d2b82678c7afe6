#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_deltas.py BUILD SOURCE [CASE...] - deltas for devices that are brought Packages one
by one: who gets which, and the image for those on which one fails."""
import bz2
import json
import random
import subprocess
import sys

from cases import run_cases
from lwm2m_stack import Lwm2mStack
from stack import wait_for
from test_deltas import DELTA, make_patch

NEXT = "next"


def read_number(data):
    value = int.from_bytes(data, "little")
    return -(value & ~(1 << 63)) if value >> 63 else value


def apply_patch(old, patch):
    """What BSDIFF40 makes of the old image, as a device would."""
    sizes = [read_number(patch[8 + 8 * i:16 + 8 * i]) for i in range(3)]
    ends = [32, 32 + sizes[0], 32 + sizes[0] + sizes[1], len(patch)]
    control, add, extra = (bz2.decompress(patch[a:b]) for a, b in zip(ends, ends[1:]))
    made, at, added, copied = b"", 0, 0, 0
    for i in range(0, len(control), 24):
        take, copy, skip = (read_number(control[i + j:i + j + 8]) for j in (0, 8, 16))
        made += bytes((a + o) % 256 for a, o in zip(add[added:added + take], old[at:at + take]))
        made += extra[copied:copied + copy]
        at, added, copied = at + take + skip, added + take, copied + copy
    return made


class Fleet(Lwm2mStack):
    """image.bin is 1.4.2; next.bin is 1.4.3."""

    def write_files(self):
        super().write_files()
        changes = random.Random(5)
        self.old = self.path("image.bin").read_bytes()
        new = bytearray(self.old)
        for _ in range(3000):  # a patch of several blocks
            new[changes.randrange(len(new))] ^= changes.randrange(1, 256)
        self.new = bytes(new) + b"and a little more"
        self.patch = make_patch(self.old, self.new)
        self.path("next.bin").write_bytes(self.new)
        self.path(DELTA).write_bytes(self.patch)
        for name, version in (("image.bin", "1.4.2"), ("next.bin", "1.4.3"), (DELTA, "1.4.3")):
            subprocess.run([self.build / "fuotactl", "image", "sign", self.path(name), "--key",
                            self.path("trust/release.key"), "--product", "wm1", "--version",
                            version], check=True, capture_output=True)

    def campaign_file(self, name, file, version, **image):
        path = self.path(f"{name}.yaml")
        path.write_text(json.dumps({
            "apiVersion": "fuotad/v1", "kind": "Campaign", "metadata": {"name": name},
            "spec": {"image": {"file": file, "version": version,
                               "signatures": [f"{file}.minisig"], **image},
                     "targets": {"fleet": "wm1"}, "activation": {"jitter": "0s"},
                     "retry": {"cooldown": "1m"},
                     "rollout": {"waves": [{"name": "all", "size": "100%"}]}}}))
        return path

    def device(self, number, version="1.4.2", altered=False, **options):
        """altered: it keeps something of its own in its firmware, so what a patch makes of it
        is not what was signed."""
        running = b"!" + self.old[1:] if altered else self.old

        def maker(brought):
            made = apply_patch(running, brought) if brought[:8] == b"BSDIFF40" else brought
            return made if made == self.new else None

        return self.client(number, version=version, maker=maker, **options)

    def delta_campaign(self):
        return self.campaign_file(NEXT, "next.bin", "1.4.3", deltas=[
            {"from": "1.4.2", "file": DELTA, "format": "bsdiff",
             "signatures": [f"{DELTA}.minisig"]}])

    def rows_of_next(self):
        r = self.ctl("devices", NEXT, "-o", "jsonl", check=0)
        return [json.loads(x) for x in r.stdout.splitlines()]


def case_each_is_brought_what_its_version_needs_and_the_image_where_that_fails(folder):
    with Fleet(folder, devices=5) as s:
        clients = [
            s.device(0),  # fetches
            s.device(1, method=1, szx=2),  # is pushed to
            s.device(2, version="1.4.1"),  # never had the base
            s.device(3, altered=True),  # finds out when it installs
            s.device(4, altered=True, method=1, faults=["checks"]),  # ... when it has it
        ]
        r = s.ctl("plan", s.delta_campaign(), check=3)
        assert "no campaign of fleet 'wm1' had an image of version 1.4.2" in r.stderr, r.stderr
        base = s.campaign_file("base", "image.bin", "1.4.2")
        text = json.loads(base.read_text())
        text["spec"]["targets"]["exclude"] = {"devices": ["70b3d50000000002"]}
        base.write_text(json.dumps(text))
        s.ctl("apply", base, "--wait", "--timeout", "300s", check=0)  # they run it
        plan = json.loads(s.ctl("plan", s.delta_campaign(), "--json", check=0).stdout)
        planned = {v["variant"]: (v["devices"], v["bytes"]) for v in plan["variants"]}
        assert planned == {"full": (1, len(s.new)), "1.4.2": (4, len(s.patch))}, plan
        r = s.ctl("apply", s.delta_campaign(), "--wait", "--timeout", "300s", check=0)
        got = [(x["outcome"], x["variant"], x["delta_failures"]) for x in s.rows_of_next()]
        assert got == [("succeeded", "1.4.2", 0), ("succeeded", "1.4.2", 0),
                       ("succeeded", "full", 0), ("succeeded", "full", 1),
                       ("succeeded", "full", 1)], got
        delta, full = len(s.patch), len(s.new)
        assert [c.brought for c in clients] == [[delta], [delta], [full], [delta, full],
                                                [delta, full]], [c.brought for c in clients]
        assert {c.flash for c in clients} == {s.new}
        for number, result in ((3, 8), (4, 5)):
            r = s.ctl("device", f"70b3d5{number:010x}", "--json", check=0)
            past = [h for h in json.loads(r.stdout)["history"] if h["campaign"] == NEXT]
            assert [h for h in past if h["result"] == result and h["source"] == "reported"], past
            assert [h for h in past if h["reason"] == "delta-failed"], past


def case_a_restart_while_a_delta_is_fetched_goes_on_with_it(folder):
    with Fleet(folder, options="blockInterval: 200ms") as s:
        client = s.device(0, szx=1)
        s.ctl("apply", s.campaign_file("base", "image.bin", "1.4.2"), "--wait", "--timeout",
              "60s", check=0)
        s.ctl("apply", s.delta_campaign(), check=0)
        wait_for("its first block", lambda: client.image[:8] == b"BSDIFF40")
        s.kill_daemon()
        s.start_daemon()
        client.register()  # it may have had all of it by then, and does not update by itself
        s.ctl("wait", NEXT, "--timeout", "300s", check=0)
        row = s.rows_of_next()[0]
        assert (row["outcome"], row["variant"]) == ("succeeded", "1.4.2"), row
        assert set(client.brought) == {len(s.patch)} and client.flash == s.new, client.brought


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
