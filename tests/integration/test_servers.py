#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_servers.py BUILD SOURCE [CASE...] - several fleets on several servers, one daemon.

A fleet on ChirpStack and one on The Things Stack, each with a broker, devices and air of its
own, and gateways of the same names: what one server does is nothing to the other.
"""
import json
import pathlib
import sys

from cases import run_cases
from stack import Stack
from test_campaign import BUILD, check_air, make_image

NAMES = ["wm1-1-4-3", "wm2-1-4-3"]


class Server(Stack):
    """A second server beside a stack: its own folder, no daemon of its own."""

    def __enter__(self):
        for name in ("flash", "fleets"):
            self.path(name).mkdir(parents=True)
        self.start_broker()
        self.start_sim()
        self.proxy = self.make_proxy()
        return self

    def move_fleet(self, to):
        """Its file, under the name wm2, into the folder of the daemon's fleets."""
        self.write_fleet()
        text = self.path("fleets/wm1.yaml").read_text()
        text = text.replace("name: wm1 ", "name: wm2 ").replace(
            "../inventory.csv", str(self.path("inventory.csv")))
        pathlib.Path(to).write_text(text)


class TwoServers(Stack):
    def __init__(self, folder, build, image, second="tts", **options):
        super().__init__(folder, build, image, **options)
        self.second = Server(self.path("second"), build, image, dialect=second, seed=8,
                             sim_args=["--first-dev-eui", "70b3d57ed0070001"])
        self.second.scale, self.second.epoch = self.scale, self.epoch

    def write_files(self):
        super().write_files()
        self.path("second").mkdir()
        self.path("second/token").write_text(self.path("token").read_text())
        self.path("second/image.bin").write_bytes(self.path("image.bin").read_bytes())
        self.second.__enter__()
        path = self.write_campaign(NAMES[1])
        document = json.loads(path.read_text())
        document["spec"]["targets"]["fleet"] = "wm2"
        path.write_text(json.dumps(document))

    def write_fleet(self):
        super().write_fleet()
        self.second.move_fleet(self.path("fleets/wm2.yaml"))

    def __exit__(self, kind, *rest):
        self.second.__exit__(kind, *rest)
        super().__exit__(kind, *rest)


def overlap(states):
    """Whether both campaigns had a session under way at once, by what they told."""
    return all(s["sessions"] for s in states)


def finish(stack):
    for name in NAMES:
        stack.ctl("wait", name, "--for", "completed", "--timeout", "300s", check=0)
        state = stack.state(name)
        assert state["devices"]["succeeded"] == 12, state
    stack.stop("fuotad")
    for server in (stack, stack.second):
        server.stop("sim")
        check_air(server, 12)


def fleets_are_updated_at_once(folder, crash):
    with TwoServers(folder, BUILD, make_image(folder)) as s:
        for name in NAMES:
            s.ctl("apply", s.path(f"{name}.yaml"), check=0)
        together = False
        while not together and not all(s.state(n)["phase"] == "completed" for n in NAMES):
            together = overlap([s.state(name) for name in NAMES])
        assert together, "one campaign waited for the other"
        if crash:
            s.kill_daemon()
            s.start_daemon()
        finish(s)


def case_two_fleets_on_two_servers_are_updated_at_once(folder):
    fleets_are_updated_at_once(folder, False)


def case_a_crash_resumes_the_campaigns_on_both_servers(folder):
    fleets_are_updated_at_once(folder, True)


def case_a_server_that_is_away_is_nothing_to_the_other(folder):
    with TwoServers(folder, BUILD, make_image(folder)) as s:
        s.second.proxy.down()
        for name in NAMES:
            s.ctl("apply", s.path(f"{name}.yaml"), check=0)
        s.ctl("wait", NAMES[0], "--for", "completed", "--timeout", "300s", check=0)
        assert s.state(NAMES[1])["phase"] == "running", s.state(NAMES[1])
        s.second.proxy.up()
        finish(s)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
