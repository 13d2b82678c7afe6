#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_doctor.py BUILD SOURCE - `fuotactl doctor` on the real stack, one thing broken a case.

Prints a line per case and exits with the number of failures.
"""
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys

from cases import run_cases
from stack import wait_for
from test_campaign import applied

DONE, FAILED = 0, 10


def doctor(stack, *args, code):
    """The findings, by (check, level)."""
    r = stack.ctl("doctor", "--json", *args, check=code)
    answer = json.loads(r.stdout)
    assert answer["type"] == "doctor", answer
    for level in ("fail", "warn"):
        assert answer[level] == sum(f["level"] == level for f in answer["findings"]), answer
    return answer["findings"]


def wait_for_brokers(stack):
    """A daemon that has begun connects while it is asked already."""
    def away():
        found = json.loads(stack.ctl("doctor", "--json").stdout)["findings"]
        return texts(found, "fail", "broker") + texts(found, "fail", "status")

    wait_for("brokers", lambda: not away())


def texts(findings, level, check):
    return [f"{f['what']}: {f['text']}" for f in findings
            if f["level"] == level and f["check"] == check]


def only_fails(findings, *checks):
    got = sorted({f["check"] for f in findings if f["level"] == "fail"})
    assert got == sorted(checks), (got, [f for f in findings if f["level"] == "fail"])


def case_a_healthy_stack_has_nothing_that_failed(folder):
    with applied(folder, devices=2) as s:
        wait_for_brokers(s)
        wait_for("uplinks", lambda: not texts(doctor(s, code=DONE), "warn", "devices"))
        findings = doctor(s, code=DONE)
        oks = {f["check"] for f in findings if f["level"] == "ok"}
        assert oks >= {"daemon", "key", "store", "broker", "api", "status", "trust",
                       "gateways", "devices", "profiles"}, findings
        assert "token is accepted" in texts(findings, "ok", "api")[0]
        assert "--time-scale" in texts(findings, "warn", "clock")[0]
        lines = s.ctl("doctor", check=DONE).stdout.splitlines()
        assert len(lines) == len(findings), lines
        assert "ok    API of fleet wm1  - it answers, and the token is accepted" in lines


def case_a_broker_that_is_down(folder):
    with applied(folder, devices=1) as s:
        s.stop("mosquitto", signal.SIGKILL)
        wait_for("the daemon to notice", lambda: s.ctl("doctor").returncode == FAILED)
        findings = doctor(s, code=FAILED)
        only_fails(findings, "broker", "status")
        assert str(s.mqtt_port) in texts(findings, "fail", "broker")[0], findings
        s.start_broker()
        wait_for("the daemon to come back", lambda: s.ctl("doctor").returncode == DONE)


def case_an_api_that_refuses_the_token(folder):
    with applied(folder, devices=1) as s:
        s.stop("fuotad")
        s.path("token").write_text("not-the-token\n")
        s.start_daemon()
        wait_for_brokers(s)
        findings = doctor(s, code=FAILED)
        only_fails(findings, "api")
        assert "refuses the token" in texts(findings, "fail", "api")[0], findings
        assert "tokenFile" in texts(findings, "fail", "api")[0], findings
        assert "not-the-token" not in json.dumps(findings)


def case_an_api_that_is_away(folder):
    with applied(folder, devices=1) as s:
        wait_for_brokers(s)
        s.proxy.down()
        findings = doctor(s, code=FAILED)
        only_fails(findings, "api")
        assert str(s.proxy.port) in texts(findings, "fail", "api")[0], findings


def case_an_api_that_never_answers(folder):
    with applied(folder, devices=1) as s:
        wait_for_brokers(s)
        s.proxy.hook = lambda path: "hold"
        findings = doctor(s, code=FAILED)
        only_fails(findings, "api")
        assert "does not answer within 5 s" in texts(findings, "fail", "api")[0], findings


def on_small_disk(folder, size, look):
    state = pathlib.Path(folder) / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", state], check=True)
    try:
        with applied(folder, devices=1) as s:
            wait_for_brokers(s)
            look(s)
    finally:
        subprocess.run(["umount", "-l", state], check=True)


def case_a_disk_that_is_nearly_full(folder):
    def look(s):
        findings = doctor(s, code=FAILED)
        only_fails(findings, "disk")
        assert "only 1" in texts(findings, "fail", "disk")[0], findings
        s.stop("fuotad")
        assert texts(doctor(s, "--config", s.path("fuotad.yaml"), code=FAILED), "fail", "disk")
    on_small_disk(folder, "16m", look)


def case_a_disk_that_will_be_full_soon(folder):
    def look(s):
        findings = doctor(s, code=DONE)
        assert "free some room soon" in texts(findings, "warn", "disk")[0], findings
    on_small_disk(folder, "100m", look)


def case_keys_that_are_missing(folder):
    with applied(folder, devices=1) as s:
        inventory = s.path("inventory.csv")
        header = inventory.read_text().splitlines()[0].split(",")
        bare = {"dev_eui": "70b3d57ed0ffff01", "lorawan": "1.0.4"}
        s.stop("fuotad")
        with open(inventory, "a", encoding="ascii") as f:
            f.write(",".join(bare.get(key, "") for key in header) + "\n")
        s.start_daemon()
        s.path("state/sealing.key").chmod(0o644)
        findings = doctor(s, code=FAILED)
        assert "chmod o-rwx" in texts(findings, "fail", "key")[0], findings
        assert any("no root key" in x and "70b3d57ed0ffff01" in x
                   for x in texts(findings, "warn", "devices")), findings


def case_devices_that_contradict_their_profile(folder):
    with applied(folder, devices=1, ts004="2") as s:
        inventory = s.path("inventory.csv")
        eui = inventory.read_text().splitlines()[1].split(",")[0]
        s.stop("fuotad")
        assert ",lbm-v2," in inventory.read_text()
        inventory.write_text(inventory.read_text().replace(",lbm-v2,", ",lbm-v1,"))
        s.start_daemon()
        wait_for_brokers(s)
        assert texts(doctor(s, code=DONE), "ok", "profiles")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("versions", lambda: texts(doctor(s, code=DONE), "warn", "profiles"))
        assert eui in texts(doctor(s, code=DONE), "warn", "profiles")[0]


def case_a_paused_campaign_and_gateways_nobody_heard(folder):
    with applied(folder, devices=1) as s:
        s.stop("fuotad")
        s.stop("sim")
        shutil.rmtree(s.path("state"))
        s.path("state").mkdir(0o700)
        s.start_daemon()
        wait_for_brokers(s)
        findings = doctor(s, code=FAILED)
        only_fails(findings, "api")
        assert "none has been heard" in texts(findings, "warn", "gateways")[0], findings
        assert "never heard" in texts(findings, "warn", "devices")[0], findings
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        s.ctl("pause", "wm1-1-4-3", "--reason", "storm", check=0)
        paused = texts(doctor(s, code=FAILED), "warn", "campaigns")[0]
        assert "paused, storm" in paused and "fuotactl resume wm1-1-4-3" in paused, paused


def case_without_a_daemon_the_files_are_looked_at(folder):
    with applied(folder, devices=1) as s:
        s.stop("fuotad")
        config = ("--config", s.path("fuotad.yaml"))
        findings = doctor(s, *config, code=DONE)
        assert "no daemon answers" in texts(findings, "warn", "daemon")[0], findings
        oks = {f["check"] for f in findings if f["level"] == "ok"}
        assert oks >= {"config", "key", "store", "trust", "broker", "api", "status"}, findings

        s.stop("mosquitto")
        only_fails(doctor(s, *config, code=FAILED), "broker", "status")
        s.start_broker()

        s.path("token").chmod(0o644)
        findings = doctor(s, *config, code=FAILED)
        only_fails(findings, "api")
        assert "mode 0644 lets others in" in texts(findings, "fail", "api")[0], findings
        s.path("token").chmod(0o600)

        s.path("trust/release.pub").write_text("nonsense\n")
        only_fails(doctor(s, *config, code=FAILED), "trust")

        fleet = s.path("fleets/wm1.yaml")
        fleet.write_text(fleet.read_text().replace("region:", "regoin:"))
        findings = doctor(s, *config, code=FAILED)
        assert any("wm1.yaml:6:" in x for x in texts(findings, "fail", "config")), findings

        with sqlite3.connect(s.path("state/fuotad.db")) as db:
            db.execute("PRAGMA user_version = 999")
        db.close()
        findings = doctor(s, *config, code=FAILED)
        assert "schema 999" in texts(findings, "fail", "store")[0], findings

        s.path("state/sealing.key").unlink()
        findings = doctor(s, *config, code=FAILED)
        assert "bring it back from a backup" in texts(findings, "fail", "key")[0], findings


def case_no_files_at_all_is_said(folder):
    with applied(folder, devices=1) as s:
        s.stop("fuotad")
        findings = doctor(s, "--config", s.path("nothing.yaml"), code=FAILED)
        assert "nothing.yaml" in texts(findings, "fail", "config")[0], findings


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
