#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_bad_input.py BUILD SOURCE [CASE...] - what is wrong is refused as a whole.

Every problem is listed, the exit code is that of its kind, and afterwards the daemon holds what it
held before: no campaign, no device, no line in the audit log. Prints a line per case and exits with
the number of failures.
"""
import contextlib
import json
import pathlib
import re
import secrets
import subprocess
import sys
import time

from cases import run_cases
from stack import Stack, wait_for

BUILD = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
OK, INVALID, FORBIDDEN, NOT_FOUND, CONFLICT, UNTRUSTED, FAILED, NO_FIT = 0, 3, 4, 5, 6, 7, 10, 11
NAME = "wm1-1-4-3"


class Daemon(Stack):
    """Six devices of two sites; nobody minds how long anything takes on air."""

    def __init__(self, folder, operators=(), **options):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(b"".join((i * 2654435761 % 2 ** 32).to_bytes(4, "little")
                                   for i in range(500)))
        self.operators = operators
        super().__init__(folder, BUILD, image, devices=6, loss="0%", **options)

    def write_files(self):
        super().write_files()
        self.path("operators").mkdir()
        for name in self.operators:
            subprocess.run([BUILD / "fuotactl", "key", "generate", "-o",
                            self.path(f"operators/{name}")], check=True, capture_output=True)
        if self.operators:
            text = self.path("fuotad.yaml").read_text()
            self.path("fuotad.yaml").write_text(
                f"{text}  operators: [operators/{self.operators[0]}.pub]\n")

    def audit(self):
        return [json.loads(x) for x in self.ctl("audit", "--json", check=OK).stdout.splitlines()]

    def campaign(self, name=NAME, **spec):
        self.spec = spec
        return self.write_campaign(name)

    def euis(self):
        return [x.split(",")[0] for x in
                self.path("inventory.csv").read_text().splitlines()[1:]]

    def refused(self, path, code, *texts, commands=("plan", "apply")):
        for command in commands:
            r = self.ctl(command, path, check=code)
            for text in texts:
                assert text in r.stderr, f"{command}: no {text!r} in\n{r.stderr}"

    @contextlib.contextmanager
    def nothing_changes(self):
        def held():
            status = self.ctl("status", "--json", check=OK).stdout.splitlines()
            return ([json.loads(x)["name"] for x in status if '"campaign"' in x], self.audit())

        before = held()
        yield
        assert held() == before, (before, held())


def local(seconds, form="%Y-%m-%dT%H:%M"):
    return time.strftime(form, time.gmtime(seconds))


def case_every_problem_of_a_file_is_listed_at_once(folder):
    with Daemon(folder) as s, s.nothing_changes():
        path = s.campaign(
            schedule={"timezone": "Europe/Atlantis", "notBefore": "2026-12-02",
                      "deadline": "2026-12-01", "windows": [{"days": ["noday"], "start": "22:00",
                                                             "end": "05:00"}]},
            rollout={"waves": [{"name": "all", "size": "100%"}, {"name": "none", "size": "50%"}]},
            budget={})
        for command in ("validate", "plan", "apply"):
            r = s.ctl(command, path, check=INVALID)
            said = r.stdout + r.stderr
            for text in ("spec.schedule.timezone: ", "Europe/Atlantis",
                         "spec.schedule.deadline: must be after notBefore",
                         "spec.schedule.windows[0].days", "noday",
                         "spec.rollout.waves[1].size: selects nobody", 'unknown key "budget"; did '
                         'you mean "budgets"'):
                assert text in said, f"{command}: no {text!r} in\n{said}"
            assert said.count(f"{path.name}:") >= 5, said


def case_what_the_daemon_has_against_a_campaign_is_listed_at_once(folder):
    with Daemon(folder) as s, s.nothing_changes():
        s.refused(s.campaign(targets={"fleets": ["wm1", "nobodys"]},
                             schedule={"blackouts": [{"window": "nowhere"}]}), NOT_FOUND,
                  "there is no fleet 'nobodys'", "the daemon has no Window 'nowhere'",
                  "2 problems")
        path = s.campaign(targets={"fleet": "wm1"}, budgets={"airtime": "1s"},
                          schedule={"deadline": local(s.now() - 86400)})
        r = s.ctl("plan", path, check=NO_FIT)
        for at in ("spec.budgets.airtime: ", "spec.schedule.deadline: "):
            assert re.search(rf"{re.escape(path.name)}:\d+:\d+: {re.escape(at)}", r.stderr), r.stderr


def case_a_campaign_that_can_never_end_is_refused(folder):
    with Daemon(folder) as s, s.nothing_changes():
        today = s.now()
        s.refused(s.campaign(schedule={"deadline": local(today - 86400)}), NO_FIT,
                  "spec.schedule.deadline: ", "is over already")
        s.refused(s.campaign(schedule={"deadline": local(today + 864000)}, rollout={"waves": [
            {"name": "one", "size": "50%", "soak": "20d"}, {"name": "two", "size": "100%"}]}),
                  NO_FIT, "the waves soak for 28800 min")
        s.refused(s.campaign(schedule={"blackouts": [
            {"from": local(today - 86400, "%Y-%m-%d"), "to": local(today + 90 * 86400, "%Y-%m-%d")}],
            "windows": [{"start": "22:00", "end": "05:30"}]}), NO_FIT,
                  "spec.schedule.windows: opens no window in 62 days")
        for share in ("0.1%", "0%"):
            s.refused(s.campaign(budgets={"dutyCycle": share}), NO_FIT, "spec.budgets.dutyCycle",
                      *s.euis())
        s.refused(s.campaign(radio={"datarate": "DR8"}), NO_FIT,
                  ":34:16: spec.radio.datarate: there is no DR8 for downlinks in EU868", *s.euis())
        # Each budget is looked at, whatever the others say.
        s.refused(s.campaign(budgets={"airtime": "1s", "duration": "1s", "deviceListening": "1s",
                                      "deviceEnergy": "1J"}), NO_FIT, "spec.budgets.airtime",
                  "spec.budgets.duration", "spec.budgets.deviceListening: 6 devices",
                  "spec.budgets.deviceEnergy: 6 devices")


def case_a_wave_that_selects_nobody_is_refused(folder):
    with Daemon(folder) as s, s.nothing_changes():
        nobody = {"labels": {"site": "nowhere"}}
        s.refused(s.campaign(rollout={"waves": [
            {"name": "one", "select": nobody, "size": "100%"},
            {"name": "two", "select": {"labels": {"site": "nowhere-else"}}, "size": "100%"},
            {"name": "rest", "size": "100%"}]}), NOT_FOUND, "spec.rollout.waves[0].select",
                  "spec.rollout.waves[1].select", "none of the 6 targets matches")
        s.refused(s.campaign(targets={"fleet": "wm1", "match": nobody}), NOT_FOUND,
                  "selects no device")
        s.refused(s.campaign(targets={"fleet": "nobodys"}), NOT_FOUND, "no fleet 'nobodys'")
        s.refused(s.campaign(targets={"fleet": "wm1", "devices": [
            s.euis()[0], "00000000000000a1", "00000000000000a2"]}), NOT_FOUND,
                  "00000000000000a1 is not in fleet", "00000000000000a2 is not in fleet")


def case_campaigns_that_want_the_same_devices_need_priorities(folder):
    with Daemon(folder) as s:
        euis = s.euis()
        s.ctl("apply", s.campaign("first", targets={"fleet": "wm1", "devices": euis[:2]}), check=OK)
        s.ctl("apply", s.campaign("second", targets={"fleet": "wm1", "devices": euis[2:4]}),
              check=OK)
        with s.nothing_changes():
            third = s.campaign("third")
            shown = json.loads(s.ctl("plan", third, "--json", check=OK).stdout)["conflicts"]
            assert [(x["campaign"], x["devices"]) for x in shown] == [("first", 2), ("second", 2)]
            s.refused(third, CONFLICT, "campaign 'first', which is under way, has 2 of the 6",
                      "campaign 'second', which is under way, has 2 of the 6", "spec.priority",
                      commands=("apply",))
            # Nobody would be left to it.
            s.refused(s.campaign("fourth", priority=100, targets={
                "fleet": "wm1", "devices": euis[1:3]}), CONFLICT, "campaign 'first'",
                      "campaign 'second'", "a higher priority (500)", commands=("apply",))
        s.ctl("apply", s.campaign("fifth", priority=900), check=OK)
        s.ctl("apply", s.campaign("sixth", targets={"fleet": "wm1", "devices": euis[:1]},
                                  priority=950), check=OK)


def case_another_image_under_the_same_name_is_refused(folder):
    with Daemon(folder) as s:
        s.ctl("apply", s.campaign(), check=OK)
        before = s.state()["digest"]
        with s.nothing_changes():
            image = s.path("image.bin")
            image.write_bytes(image.read_bytes()[::-1])
            for _ in range(2):
                s.refused(s.path(f"{NAME}.yaml"), CONFLICT, "spec.image.file: the image",
                          "another metadata.name")
                s.sign("image.bin")
            image.write_bytes(image.read_bytes() + b"?")
            s.refused(s.write_campaign("another"), UNTRUSTED, "signature")
        assert s.state()["digest"] == before


def case_every_bad_line_of_a_csv_is_listed(folder):
    with Daemon(folder) as s, s.nothing_changes():
        key = secrets.token_hex(16)
        file = s.path("new.csv")
        rows = [f"{i:016x},new-{i},{key},hall" for i in range(1, 2001)]
        rows[9] = f"xyz,new,{key},hall"
        rows[99] = f"{100:016x},new-100,{key[:-1]},hall"
        rows[999] = f"{5:016x},again,{key},hall"
        rows[1999] = f"{2000:016x},new-2000,{key}"
        file.write_text("dev_eui,name,gen_app_key,label:site\n" + "\n".join(rows) + "\n")
        r = s.ctl("devices", "import", file, check=INVALID)
        for line in (11, 101, 1001, 2001):
            assert f"new.csv:{line}:" in r.stderr, r.stderr
        assert "4 problems" in r.stderr and key not in r.stderr and key[:-1] not in r.stderr
        # What only the daemon can know.
        file.write_text("dev_eui,name,profile\n0000000000000001,ok,generic\n"
                        f"{s.euis()[0]},a,generic\n0000000000000002,b,no-such\n"
                        f"{s.euis()[1]},c,nor-this\n")
        r = s.ctl("devices", "import", file, check=INVALID)
        for line in (3, 4, 5):
            assert f"new.csv:{line}:" in r.stderr, r.stderr
        for number in (1, 2):
            s.ctl("device", f"{number:016x}", check=NOT_FOUND)
        # A list of a campaign.
        s.path("list.txt").write_text("0000000000000001\nnonsense\n12\n")
        s.refused(s.campaign(targets={"fleet": "wm1", "devicesFile": "list.txt"}), INVALID,
                  "list.txt:2:", "list.txt:3:")


def case_devices_are_removed_all_or_none(folder):
    with Daemon(folder) as s:
        file = s.path("new.csv")
        file.write_text("dev_eui,name,gen_app_key\n" + "".join(
            f"{i:016x},new-{i},{secrets.token_hex(16)}\n" for i in (1, 2, 3)))
        s.ctl("devices", "import", file, check=OK)
        s.ctl("apply", s.campaign(targets={"fleet": "wm1", "devices": [f"{2:016x}"]}), check=OK)
        with s.nothing_changes():
            for text, code, *said in (
                    ("0000000000000001\nnonsense\nmore\n", INVALID, "list:2:", "list:3:"),
                    (f"{1:016x}\n{8:016x}\n{9:016x}\n", NOT_FOUND, f"{8:016x}", f"{9:016x}"),
                    (f"{1:016x}\n{2:016x}\n{s.euis()[0]}\n", CONFLICT, f"{2:016x}", NAME,
                     "inventory file", s.euis()[0])):
                s.path("list").write_text(text)
                r = s.ctl("devices", "remove", s.path("list"), check=code)
                assert all(x in r.stderr for x in said), r.stderr
            s.ctl("device", f"{1:016x}", check=OK)
        s.path("list").write_text(f"{1:016x}\n{3:016x}\n")
        s.ctl("devices", "remove", s.path("list"), check=OK)
        s.ctl("devices", "remove", s.path("list"), check=NOT_FOUND)
        s.refused(s.campaign("other", targets={"fleet": "wm1", "devices": [f"{1:016x}"]}),
                  NOT_FOUND, f"{1:016x} is not in fleet")


def case_a_daemon_does_not_start_with_a_bad_inventory(folder):
    with Daemon(folder) as s:
        s.stop("fuotad")
        lines = s.path("inventory.csv").read_text().splitlines()
        lines[2], lines[4] = "nonsense" + lines[2], lines[1]
        s.path("inventory.csv").write_text("\n".join(lines) + "\n")
        r = subprocess.run([BUILD / "fuotad", "--config", s.path("fuotad.yaml")], timeout=60,
                           capture_output=True, text=True, check=False)
        assert r.returncode != 0
        assert "inventory.csv:3:" in r.stderr and "inventory.csv:5:" in r.stderr, r.stderr


def ask(stack, payload):
    """As anybody at the broker could; what comes back."""
    word = secrets.token_hex(8)
    heard = stack.subscribe(stack.mqtt_port, f"fuotad/v1/test/rsp/{word}")
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.mqtt_port), "-V", "5", "-q",
                    "1", "-t", "fuotad/v1/test/req/abort", "-s", "-D", "publish", "response-topic",
                    f"fuotad/v1/test/rsp/{word}", "-D", "publish", "correlation-data", word],
                   input=payload, text=True, check=True)
    wait_for("an answer", lambda: heard)
    return json.loads(heard[0].split(" ", 3)[3])


def case_a_request_with_an_old_nonce_or_a_wrong_key_does_nothing(folder):
    with Daemon(folder, operators=("alice", "mallory")) as s:
        def remote(key, *args):
            return subprocess.run(
                [BUILD / "fuotactl", "--server", f"mqtt://127.0.0.1:{s.mqtt_port}", "--instance",
                 "test", "--key", s.path(f"operators/{key}.key"), *args], text=True,
                capture_output=True, timeout=60, check=False)

        wait_for("the daemon at the broker", lambda: remote("alice", "status").returncode == OK)
        said = s.subscribe(s.mqtt_port, "fuotad/v1/test/req/abort")
        s.ctl("apply", s.campaign(), check=OK)
        assert remote("alice", "abort", NAME).returncode == OK
        wait_for("what was said", lambda: said)
        s.ctl("wait", NAME, "--for", "aborted", "--timeout", "300s", check=OK)
        recorded = said[0].rstrip("\n").split(" ", 3)[3]
        s.ctl("apply", s.campaign(retry={"cooldown": "2m"}), check=OK)
        with s.nothing_changes():
            answer = ask(s, recorded)
            assert answer["code"] == FORBIDDEN and "carried out before" in answer["error"], answer
            answer = ask(s, recorded.replace(NAME, "wm1-1-4-4"))
            assert answer["code"] == UNTRUSTED, answer
            r = remote("mallory", "abort", NAME)
            assert r.returncode == FORBIDDEN and "is not one of spec.operators" in r.stderr, r
        assert s.state()["phase"] == "running", s.state()


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
