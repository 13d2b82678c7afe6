#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_fleets.py BUILD SOURCE [CASE...] - one campaign over fleets of different servers.

ChirpStack, The Things Stack and devices with IP, each with devices and air of its own; one
file, one result of each device, and one report.
"""
import json
import subprocess
import sys

from cases import run_cases
from stack import free_port, wait_for
from test_campaign import BUILD, check_air, make_image
from test_servers import TwoServers

NAME = "wm1-1-4-3"
DEVICES = 12


class Fleets(TwoServers):
    """The campaign of the stack is for both fleets, or for those that are given."""

    def __init__(self, folder, fleets=("wm1", "wm2"), **options):
        super().__init__(folder, BUILD, make_image(folder), **options)
        self.names = list(fleets)

    def write_campaign(self, name, **changes):
        path = super().write_campaign(name)
        document = json.loads(path.read_text())
        document["spec"]["targets"] = {"fleets": getattr(self, "names", ["wm1"])}
        document["spec"].update(changes)
        path.write_text(json.dumps(document, indent=1))
        return path

    def lines(self, *args):
        """What a command prints as JSON, a value a line."""
        return [json.loads(x) for x in self.ctl(*args, check=0).stdout.splitlines()]


class WithIp(Fleets):
    """A third fleet, wm3, whose server is fuotad."""

    def write_fleet(self):
        super().write_fleet()
        port = free_port()
        self.start("ip", self.build / "fuota-sim", "--dialect", "lwm2m", "--server",
                   f"coap://127.0.0.1:{port}", "--devices", DEVICES, "--first-dev-eui",
                   "70b3d57ed0080001", "--flash", self.path("ip-flash"), "--inventory",
                   self.path("ip.csv"), "--firmware-version", "1.4.3", "--seed", "7",
                   "--interval", "10m", "--time-scale", self.scale)
        wait_for("the inventory", self.path("ip.csv").exists)
        self.path("fleets/wm3.yaml").write_text(f"""apiVersion: fuotad/v1
kind: Fleet
metadata: {{ name: wm3 }}
spec:
  trustPolicy: release-wm1
  networkServer:
    plugin: lwm2m
    options: {{ address: 127.0.0.1, coapsPort: 0, coapPort: {port} }}
  inventory: {{ source: file, file: ../ip.csv }}
""")

    def write_files(self):
        self.path("ip-flash").mkdir()
        super().write_files()


def all_have_their_result(stack):
    """Every device of every fleet, wherever it is looked at."""
    want = {fleet: DEVICES for fleet in stack.names}
    rows = stack.lines("devices", NAME, "-o", "jsonl")
    assert {x["outcome"] for x in rows} == {"succeeded"}, rows
    assert {x["result"] for x in rows} == {1}, rows
    assert counts(x["fleet"] for x in rows) == want, rows
    state = stack.state()
    assert state["phase"] == "completed" and state["fleets"] == stack.names, state
    assert state["devices"]["succeeded"] == len(rows), state
    report = json.loads(stack.ctl("report", NAME, "--format", "json", check=0).stdout)
    assert counts(x["fleet"] for x in report["devices"]) == want, report["devices"]
    assert {x["name"]: x["devices"]["succeeded"] for x in report["fleets"]} == want, report["fleets"]
    lora = set(stack.names) - {"wm3"}
    assert {x["fleet"] for x in report["sessions"]} == lora, report["sessions"]
    html = stack.ctl("report", NAME, "--format", "html", check=0).stdout
    assert "<h2>Fleets</h2>" in html and all(f"<td>{x}</td>" in html for x in stack.names)


def counts(values):
    found = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


def finish(stack):
    stack.ctl("wait", NAME, "--for", "completed", "--timeout", "300s", check=0, timeout=320)
    all_have_their_result(stack)
    stack.stop("fuotad")
    for server in (stack, stack.second):
        server.stop("sim")
        check_air(server, DEVICES)


def succeeded(stack):
    """How many devices of each fleet have."""
    return counts(x["fleet"] for x in stack.lines("devices", NAME, "-o", "jsonl")
                  if x["outcome"] == "succeeded")


def fleets_begun(stack):
    """Those that fragments were sent to, whatever has become of it."""
    report = json.loads(stack.ctl("report", NAME, "--format", "json", check=0).stdout)
    return {x["fleet"] for x in report["sessions"] if x["sent"] > 0}


def case_a_plan_tells_what_each_fleet_costs(folder):
    with WithIp(folder, fleets=("wm1", "wm2", "wm3")) as s:
        plan = s.lines("plan", s.path(f"{NAME}.yaml"), "--json")[-1]
        parts = {x["fleet"]: x for x in plan["by_fleet"]}
        assert set(parts) == set(s.names), plan
        assert plan["fleet"] == "wm1, wm2, wm3" and plan["devices"] == 3 * DEVICES, plan
        assert all(x["devices"] == x["planned"] == DEVICES for x in parts.values()), parts
        assert parts["wm3"]["delivered"] and parts["wm3"]["airtime_us"] == 0, parts
        assert plan["airtime_us"] == sum(x["airtime_us"] for x in parts.values()), plan
        assert plan["duration_us"] == max(x["duration_us"] for x in parts.values()), plan
        assert {x["fleet"] for x in plan["cohorts"]} == {"wm1", "wm2"}, plan["cohorts"]
        assert plan["waves"][0]["planned"] == 3 * DEVICES, plan["waves"]
        text = s.ctl("plan", s.path(f"{NAME}.yaml"), check=0).stdout
        assert "fleet        wm3: 12 devices, each over IP by itself" in text, text


def case_crashes_amid_sessions_of_two_servers_cost_nobody_the_image(folder):
    with Fleets(folder) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        for count in (1, 2):
            wait_for("fragments", lambda n=count: len(fleets_begun(s)) >= n, 160)
            s.kill_daemon()
            s.start_daemon()
        finish(s)


def case_a_campaign_spans_two_chirpstacks_and_a_crash(folder):
    """Two servers of the same kind, with gateways of the same names: only broker and API tell
    them apart. One comes back late after the crash, and the other goes on meanwhile."""
    with Fleets(folder, second="chirpstack") as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("fragments of both", lambda: fleets_begun(s) == set(s.names), 120)
        s.kill_daemon()
        s.second.proxy.down()
        s.start_daemon()
        wait_for("who needs no API of the second", lambda: succeeded(s).get("wm1") == DEVICES,
                 200)
        s.second.proxy.up()
        finish(s)


def case_lorawan_and_lwm2m_devices_share_a_campaign(folder):
    with WithIp(folder, fleets=("wm1", "wm2", "wm3")) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("fragments", lambda: fleets_begun(s), 160)
        s.kill_daemon()
        s.start_daemon()
        finish(s)


def refused(stack, code, text, command="plan", **changes):
    path = stack.write_campaign("wrong", **changes)
    r = stack.ctl(command, path)
    assert r.returncode == code and text in r.stderr, f"{r.returncode}: {r.stderr}"


def case_what_is_wrong_with_fleets_is_told_at_once(folder):
    with WithIp(folder) as s:
        both = ["wm1", "wm2"]
        refused(s, 5, "there is no fleet 'wm9'", targets={"fleets": ["wm1", "wm9"]})
        refused(s, 3, "spec.targets.fleets[1]: is named twice",
                targets={"fleets": ["wm1", "wm1"]})
        refused(s, 3, "is given beside fleet", targets={"fleet": "wm1", "fleets": both})
        refused(s, 3, "spec.radio.gateways: cannot be told of several fleets",
                radio={"gateways": ["0016c001f1500000"]})
        first = s.path("inventory.csv").read_text().splitlines()[1].split(",")[0]
        refused(s, 5, "selects no device of fleet 'wm2'",
                targets={"fleets": both, "devices": [first]})
        refused(s, 5, "is not in one of the fleets",
                targets={"fleets": both, "devices": ["00000000000000ee"]})
        refused(s, 11, "devices are selected, the limit is 23",
                targets={"fleets": both, "limit": 2 * DEVICES - 1})
        # One of them trusts another key.
        fleet = s.path("fleets/wm2.yaml")
        fleet.write_text(fleet.read_text().replace("release-wm1", "other"))
        subprocess.run([s.build / "fuotactl", "key", "generate", "-o", s.path("trust/other")],
                       check=True, capture_output=True)
        s.path("trust/other.yaml").write_text("""apiVersion: fuotad/v1
kind: TrustPolicy
metadata: { name: other }
spec:
  keys: [{ file: other.pub }]
  product: wm1
""")
        s.stop("fuotad")
        s.start_daemon()
        refused(s, 7, "fleet 'wm2': the image is not trusted", command="apply")
        r = s.ctl("status", "wrong")
        assert r.returncode == 5, r.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
