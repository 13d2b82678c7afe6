#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_rollback.py BUILD SOURCE [CASE...] - there and back again, without the files of before."""
import json
import pathlib
import shutil
import subprocess
import sys

from cases import run_cases
from stack import Stack, wait_for
from test_campaign import BUILD, make_image

FIRST = 0x70b3d57ed0060001


def eui(index):
    return f"{FIRST + index:016x}"


class Fleet(Stack):
    """image.bin is 1.4.2 and next.bin 1.4.3; the policy allows downgrades, or not yet."""

    def __init__(self, folder, **options):
        image = make_image(folder)
        self.old = pathlib.Path(image).read_bytes()
        self.new = bytes(reversed(self.old))
        super().__init__(folder, BUILD, image, devices=4, loss="5%",
                         sim_args=["--genuine", f"{folder}/next.bin"], **options)

    def write_files(self):
        super().write_files()
        self.path("files").mkdir()
        subprocess.run([self.build / "fuotactl", "key", "generate", "-o",
                        self.path("operator")], check=True, capture_output=True)
        with open(self.path("fuotad.yaml"), "a", encoding="ascii") as f:
            f.write("  operators: [operator.pub]\n")
        self.path("next.bin").write_bytes(self.new)
        for name, version in (("image.bin", "1.4.2"), ("next.bin", "1.4.3")):
            subprocess.run([self.build / "fuotactl", "image", "sign", self.path(name), "--key",
                            self.path("trust/release.key"), "--product", "wm1", "--version",
                            version], check=True, capture_output=True)
            for file in (name, f"{name}.minisig"):
                shutil.copy(self.path(file), self.path("files") / file)

    def allow_downgrades(self):
        with open(self.path("trust/release-wm1.yaml"), "a", encoding="ascii") as f:
            f.write("  downgrade: allow\n")

    def bring(self, name, file, version, exclude=()):
        path = self.path("files") / f"{name}.yaml"
        path.write_text(json.dumps({
            "apiVersion": "fuotad/v1", "kind": "Campaign", "metadata": {"name": name},
            "spec": {"image": {"file": file, "version": version,
                               "signatures": [f"{file}.minisig"]},
                     "targets": {"fleet": "wm1", "exclude": {"devices": list(exclude)}},
                     "retry": {"cooldown": "1m", "device": 9}, "activation": {"jitter": "1m"},
                     "rollout": {"waves": [{"name": "all", "size": "100%"}]}}}))
        self.ctl("apply", path, "--wait", "--timeout", "300s", check=0)


def case_back_to_what_an_earlier_campaign_brought(folder):
    """The fourth device is brought 1.4.3 only: nobody knows what it ran before."""
    with Fleet(folder) as s:
        s.bring("base", "image.bin", "1.4.2", exclude=[eui(3)])
        r = s.ctl("rollback", "base", "-o", s.path("b.yaml"), check=5)
        assert "no earlier campaign has brought another version" in r.stderr, r.stderr
        s.bring("next", "next.bin", "1.4.3")
        assert s.path(f"flash/{eui(0)}.bin").read_bytes() == s.new
        shutil.rmtree(s.path("files"))  # whoever goes back has nothing of all that
        s.stop("fuotad")
        s.start_daemon()  # ended campaigns have no image in memory then
        s.path("ci").mkdir()
        back = s.path("ci/back.yaml")
        r = s.ctl("rollback", "next", "-o", back, check=0)
        assert "1 more that 'next' has updated are left out" in r.stderr, r.stderr
        assert (s.path("ci/back.yaml.devices").read_text().split()
                == [eui(0), eui(1), eui(2)])
        assert s.path("ci/back.yaml.image").read_bytes() == s.old
        s.ctl("validate", back, check=0)
        s.path("far").mkdir()  # the same by way of the broker
        far = ("--server", f"mqtt://127.0.0.1:{s.mqtt_port}", "--key", s.path("operator.key"),
               "--instance", "test")
        wait_for("the daemon at the broker", lambda: s.ctl(*far, "status").returncode == 0)
        s.ctl(*far, "rollback", "next", "-o", s.path("far/back.yaml"), check=0)
        for file in sorted(s.path("ci").iterdir()):
            assert (s.path("far") / file.name).read_bytes() == file.read_bytes(), file
        assert len(list(s.path("far").iterdir())) == 4
        r = s.ctl("apply", back, check=7)  # the policy lets nothing older in
        assert "older" in r.stderr, r.stderr
        s.stop("fuotad")
        s.allow_downgrades()
        s.start_daemon()
        s.ctl("plan", back, check=0)
        s.ctl("apply", back, "--wait", "--timeout", "300s", check=0)
        got = [s.path(f"flash/{eui(i)}.bin").read_bytes() for i in range(4)]
        assert got == [s.old, s.old, s.old, s.new]


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
