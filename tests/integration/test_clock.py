#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_clock.py BUILD SOURCE [CASE...] - who answers the devices' AppTimeReq (TS003)."""
import base64
import json
import sys

from cases import run_cases
from stack import Stack
from test_campaign import BUILD, finish, make_image

CLOCK_FPORT = 202


class ClockStack(Stack):
    clock_sync = "server"

    def network_server(self):
        return super().network_server().replace(
            "tap:", f"clockSync: {self.clock_sync}, tap:")


def commands_on_clock_port(lines):
    commands = [json.loads(line.split(" ", 3)[3]) for line in list(lines)]
    assert commands
    return [base64.b64decode(c["data"]) for c in commands if c["fPort"] == CLOCK_FPORT]


def run(folder, clock_sync, sim_args):
    """Devices come up with wrong clocks; what fuotad said to theirs."""
    ClockStack.clock_sync = clock_sync
    with ClockStack(folder, BUILD, make_image(folder, 3000), loss="0%",
                    sim_args=sim_args) as s:
        lines = s.subscribe(s.mqtt_port, "application/+/device/+/command/down")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        finish(s, 12, loss=0)
        return commands_on_clock_port(lines)


def case_a_server_that_sets_the_clocks_is_left_to_it(folder):
    assert run(folder, "server", ["--server-clock"]) == []


def case_else_fuotad_sets_them(folder):
    assert run(folder, "fuotad", []) != []


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
