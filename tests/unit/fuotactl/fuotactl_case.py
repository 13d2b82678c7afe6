# SPDX-License-Identifier: MIT
"""What the tests of fuotactl share: the program, its exit codes, and a daemon to talk to."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from fake_daemon import Daemon

FUOTACTL = os.path.abspath(sys.argv[1])
OK, USAGE, INVALID, NOT_FOUND, CONFLICT, UNTRUSTED = 0, 2, 3, 5, 6, 7
RUNNING, PAUSED, FAILED, NO_FIT, UNREACHABLE, INTERRUPTED = 8, 9, 10, 11, 12, 130
CAMPAIGN = """apiVersion: fuotad/v1
kind: Campaign
metadata: { name: wm1 }
spec:
  image: { file: fw.bin, version: "1.4.3", signatures: [fw.bin.minisig] }
  targets: { fleet: f, devicesFile: devices.txt }
  rollout: { waves: [{ name: all, size: 100% }] }
"""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("CI", "NO_COLOR", "FUOTAD_SOCKET")}
        self.env["TERM"] = "xterm"
        self.env["FUOTAD_SOCKET"] = os.path.join(folder.name, "s")

    def run_ctl(self, *args, code=OK, **env):
        result = subprocess.run([FUOTACTL, *args], capture_output=True, text=True,
                                timeout=60, env={**self.env, **env},
                                stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def lines(self, *args, code=OK):
        out = self.run_ctl(*args, "--json", code=code).stdout
        return [json.loads(line) for line in out.splitlines()]


class DaemonCase(Case):
    """Against a daemon of a few lines; what the protocol carries is checked from there."""

    def setUp(self):
        super().setUp()
        self.daemon = Daemon(self.env["FUOTAD_SOCKET"])
        self.addCleanup(self.daemon.go_on.set)
        self.firmware = bytes(range(250)) * 1200
        for name, data in (("c.yaml", CAMPAIGN.encode()), ("fw.bin", self.firmware),
                           ("fw.bin.minisig", b"untrusted comment: x\n"),
                           ("devices.txt", b"0000000000000001\n")):
            with open(name, "wb") as f:
                f.write(data)

    # ---- plan and apply ----
