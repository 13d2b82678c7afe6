#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_fleet.py BUILD SOURCE - hundreds of simulated LwM2M devices, of every kind.

Prints a line per case and exits with the number of failures.
"""
import csv
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
    "small-blocks": "succeeded", "deferring": "succeeded", "hasty": "succeeded",
    "odd-state": "succeeded", "wakaama": "failed", "no-flash": "failed", "no-ram": "failed",
    "lost": "failed", "bad-uri": "failed", "bad-protocol": "failed", "conflict": "failed",
    "corrupt-late": "failed", "dependency": "failed", "dependency-kept": "failed",
}


class Fleet(Lwm2mStack):
    """The devices are fuota-sim's; their inventory, too."""

    def inventory_text(self):
        self.sim = subprocess.Popen([str(a) for a in [
            BUILD / "fuota-sim", "--dialect", "lwm2m", "--server",
            f"coap://127.0.0.1:{self.port}", "--devices", self.devices, "--kind",
            ",".join(ENDS), "--flash", self.path("flash"), "--inventory",
            self.path("sim.csv"), "--firmware-version", "1.4.3", "--seed", "7", "--interval",
            "10m", "--loss", "1%", "--time-scale", self.scale]])
        wait_for("the inventory", self.path("sim.csv").exists, 10)
        return self.path("sim.csv").read_text()

    def __exit__(self, *exc):
        self.sim.terminate()
        self.sim.wait(30)
        super().__exit__(*exc)


def case_a_campaign_of_every_kind_ends_as_each_kind_does(folder):
    kinds = list(ENDS)
    spec = {"retry": {"cooldown": "2m", "device": 3}, "rollout": {
        "onFailure": "continue", "waves": [{"name": "all", "size": "100%"}]},
        "verification": {"within": "45m"}}
    with Fleet(folder, devices=DEVICES, spec=spec,
               options="severity: mandatory\n      maxDefer: 10m") as s:
        euis = [row["dev_eui"] for row in csv.DictReader(s.path("sim.csv").open())]
        rows = {r["dev_eui"]: r for r in s.campaign(10, 400)}
        ends = [(kinds[i % len(kinds)], rows[eui]) for i, eui in enumerate(euis)]
        wrong = [(kind, r) for kind, r in ends if ENDS[kind] != r["outcome"]]
        assert not wrong and len(rows) == DEVICES, wrong
        results = {kind: r["result"] for kind, r in ends}
        said = {"no-flash": 2, "no-ram": 3, "lost": 4, "corrupt": 5, "corrupt-late": 5,
                "wrong-type": 6, "bad-uri": 7, "fails": 8, "fails-kept": 8, "bad-protocol": 9,
                "conflict": 12, "dependency": 13, "dependency-kept": 13}
        assert {kind: results[kind] for kind in said} == said, results

if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
