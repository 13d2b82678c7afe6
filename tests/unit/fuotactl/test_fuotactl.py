#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_fuotactl.py FUOTACTL - the program on files, and against a daemon of a few lines.

Exit codes, progress, detaching, plans, paging, completion; what the protocol carries is
checked from the other side.
"""
import hashlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from html.parser import HTMLParser
from xml.etree import ElementTree

from fake_daemon import PLAN, Daemon, Refusal, budget, device, finding, state
from fake_fleet import Fleet

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


def mcuboot_image(body, minor=4):
    le = lambda value, size: value.to_bytes(size, "little")
    head = (le(0x96f3b83d, 4) + le(0, 4) + le(32, 2) + le(0, 2) + le(len(body), 4) + le(0, 4) +
            bytes([1, minor]) + le(3, 2) + le(0, 4) + le(0, 4))
    digest = hashlib.sha256(head + body).digest()
    return head + body + le(0x6907, 2) + le(40, 2) + le(0x10, 2) + le(32, 2) + digest


class Page(HTMLParser):
    """Tags that are open at the end, and what there is of tags and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


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


class Files(Case):
    def test_validate_reports_everything_at_once(self):
        with open("bad.yaml", "w", encoding="utf-8") as f:
            f.write("apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: wm1 }\n"
                    "spec:\n  image: { file: nope.bin, version: \"1\", signatures: [] }\n"
                    "  targets: { fleeet: f }\n")
        result = self.run_ctl("validate", "bad.yaml", "gone.yaml", code=INVALID)
        self.assertRegex(result.stdout, r"bad.yaml:5:18: spec.image.file: .*nope.bin")
        self.assertRegex(result.stdout, r"bad.yaml:6:14: spec.targets: unknown key .*fleet")
        self.assertIn("gone.yaml", result.stdout)
        self.assertIn("2 of 2 files", result.stderr)
        bad, gone = self.lines("validate", "bad.yaml", "gone.yaml", code=INVALID)
        self.assertEqual((bad["type"], bad["file"], bad["valid"]), ("file", "bad.yaml", False))
        self.assertFalse(gone["valid"])
        self.assertIn((6, 14), [(p["line"], p["column"]) for p in bad["problems"]])

    def test_a_missing_image_has_its_place_in_the_file(self):
        with open("c.yaml", "w", encoding="utf-8") as f:
            f.write(CAMPAIGN)
        for command in ("plan", "apply"):
            result = self.run_ctl(command, "c.yaml", code=INVALID)
            self.assertRegex(result.stderr, r"c.yaml:5:18: spec.image.file: ")
            self.assertRegex(result.stderr, r"c.yaml:5:57: spec.image.signatures")
        error = self.lines("plan", "c.yaml", code=INVALID)[-1]
        self.assertEqual((error["type"], error["code"]), ("error", INVALID))
        self.assertEqual(error["errors"][0]["path"], "spec.image.file")

    def test_an_mcuboot_image_must_be_what_the_campaign_says(self):
        image = mcuboot_image(b"firmware" * 9)
        raw = CAMPAIGN.replace(", devicesFile: devices.txt", "")
        text = raw.replace("fw.bin,", "fw.bin, format: mcuboot,")
        for name, data in (("fw.bin.minisig", b"x"), ("c.yaml", text.encode())):
            with open(name, "wb") as f:
                f.write(data)
        for data, problem in (
                (image, None), (image[:-1], "truncated or damaged"),
                (b"raw", "does not begin like an MCUboot image"),
                (image.replace(b"firmware", b"Firmware", 1), "altered after imgtool signed"),
                (mcuboot_image(b"x", minor=5), "says version 1.5.3 in its header, the campaign 1.4.3"),
                (image + b"pad", "warning: .*3 bytes follow the image")):
            with open("fw.bin", "wb") as f:
                f.write(data)
            warns = problem is not None and "warning" in problem
            result = self.run_ctl("validate", "c.yaml", code=OK if not problem or warns else INVALID)
            if problem:
                self.assertRegex(result.stdout, rf"c.yaml:5:18: .*{problem}")
            else:
                self.assertNotIn("spec.image", result.stdout)
            with open("raw.yaml", "w", encoding="utf-8") as f:
                f.write(raw)
            self.run_ctl("validate", "raw.yaml")  # which may be anything

    def test_schema_is_json_and_explain_knows_the_same_keys(self):
        for kind in ("campaign", "Fleet", "trust-policy", "TrustPolicy", "daemon", "window"):
            schema = json.loads(self.run_ctl("schema", kind).stdout)
            self.assertIn("draft-07", schema["$schema"])
        self.assertIn("campaign fleet", self.run_ctl("schema", "x", code=USAGE).stderr)
        for path in ("spec.rollout", "fleet.spec.region", "daemon",
                     "spec.rollout.waves[0].name", "spec.targets.match.labels"):
            self.assertIn("KIND:", self.run_ctl("explain", path).stdout)
            line = self.lines("explain", path)[0]
            self.assertEqual(line["path"], path)
            self.assertIsInstance(line["schema"], dict)
        self.assertRegex(self.run_ctl("explain", "spec.rolout", code=NOT_FOUND).stderr,
                         "did you mean rollout")

    def test_airtime_is_exact_and_says_what_does_not_fit(self):
        line = self.lines("airtime", "--region", "EU868", "--dr", "5", "--bytes", "242")[0]
        self.assertEqual((line["type"], line["airtime_us"], line["fits"]),
                         ("airtime", 394496, True))
        result = self.run_ctl("airtime", "--region=eu868", "--dr=DR0", "--bytes=242")
        self.assertIn("9019392", result.stdout)
        self.assertIn("51 bytes", result.stderr)
        for args, code in ((("EU868", "5", "243"), NO_FIT), (("EU868", "8", "1"), NO_FIT),
                           (("US915", "7", "1"), NO_FIT), (("EU999", "5", "1"), USAGE), (("EU868", "16", "1"), USAGE),
                           (("EU868", "5", "x"), USAGE)):
            self.run_ctl("airtime", "--region", args[0], "--dr", args[1], "--bytes",
                         args[2], code=code)
        self.run_ctl("airtime", code=USAGE)

    def test_a_simulation_is_its_seed(self):
        with open("sim.yaml", "w", encoding="utf-8") as f:
            f.write(CAMPAIGN.replace("f, devicesFile: devices.txt", "f")
                    .replace("fw.bin", "sim.bin"))
        with open("sim.bin", "wb") as f:
            f.write(bytes(8000))
        with open("sim.bin.minisig", "w", encoding="utf-8") as f:
            f.write("untrusted comment: not looked at\n")
        runs = [self.lines("simulate", "sim.yaml", "--devices", "30", "--seed", seed)[0]
                for seed in ("5", "5", "6")]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])
        self.assertEqual((runs[0]["type"], runs[0]["seed"], runs[0]["devices"]),
                         ("simulation", 5, 30))
        self.assertEqual(runs[0]["duty_cycle_violations"], 0)
        for run in runs:
            self.assertEqual((run["outcomes"]["succeeded"], run["cut"]), (30, False))
        self.assertEqual((runs[0]["name"], runs[0]["image_bytes"]), ("wm1", 8000))
        self.assertLessEqual(runs[0]["complete_95_us"], runs[0]["complete_us"])
        told = self.run_ctl("simulate", "sim.yaml", "--devices", "30", "--seed", "5").stdout
        self.assertIn("simulated    30 devices, 1 gateway, timing stock, seed 5\n", told)
        self.assertIn("duty cycle   never above the legal limit\n", told)
        for option in (("--loss", "91%"), ("--devices", "0"), ("--seed", "x"),
                       ("--timing", "soon"), ("--broken", "101%"), ("--apart", "6"),
                       ("--abort-after", "0s"), ("--approve-after", "x")):
            self.run_ctl("simulate", "sim.yaml", *option, code=USAGE)

    def test_a_simulation_keeps_to_the_schedule(self):
        with open("sim.bin", "wb") as f:
            f.write(bytes(8000))
        with open("sim.bin.minisig", "w", encoding="utf-8") as f:
            f.write("untrusted comment: not looked at\n")

        def simulate(schedule, *options, code=0):
            with open("sim.yaml", "w", encoding="utf-8") as f:
                f.write(CAMPAIGN.replace("f, devicesFile: devices.txt", "f")
                        .replace("fw.bin", "sim.bin") + f"  schedule: {schedule}\n")
            return self.run_ctl("simulate", "sim.yaml", "--devices", "20", "--json", *options,
                                code=code)

        night = json.loads(simulate(
            '{ timezone: Europe/Berlin, windows: [{ start: "22:00", end: "23:30" }] }',
            "--start", "2026-07-01T12:00").stdout)
        self.assertEqual(night["start"], "2026-07-01T12:00:00+02:00")
        self.assertEqual((night["schedule_violations"], night["outcomes"]["succeeded"]), (0, 20))
        self.assertGreaterEqual(night["complete_us"], 10 * 3600 * 1000000)
        over = json.loads(simulate('{ deadline: "2026-07-01" }', "--start", "2026-07-02").stdout)
        self.assertEqual((over["frames"], over["reasons"]), (0, {"deadline": 20}))
        simulate('{ deadline: "2026-07-01" }', "--start", "soon", code=USAGE)
        simulate("{ blackouts: [{ window: freeze }] }", code=NOT_FOUND)

    def test_a_simulation_of_what_does_not_fit_is_none(self):
        with open("sim.yaml", "w", encoding="utf-8") as f:
            f.write(CAMPAIGN.replace("f, devicesFile: devices.txt", "f")
                    .replace("fw.bin", "sim.bin"))
        with open("sim.bin", "wb") as f:
            f.write(bytes(900000))  # more fragments than N can count
        with open("sim.bin.minisig", "w", encoding="utf-8") as f:
            f.write("untrusted comment: not looked at\n")
        result = self.run_ctl("simulate", "sim.yaml", "--devices", "3", code=NO_FIT)
        self.assertEqual(result.stdout, "")
        self.assertIn("does not fit the simulated fleet: 900000 bytes", result.stderr)

    def test_usage_errors_are_one_line_and_the_usage(self):
        for args in ((), ("nope",), ("plan",), ("status", "--nope"), ("plan", "a", "b"),
                     ("apply", "x", "--timeout", "1h"), ("device", "12"), ("budget", "12"),
                     ("wait", "x", "--timeout", "soon"), ("help", "nope"),
                     ("plan", "x", "--max-airtime", "7"), ("completion", "tcsh")):
            result = self.run_ctl(*args, code=USAGE)
            self.assertEqual(result.stdout, "")
            self.assertRegex(result.stderr, r"\Afuotactl: .*\nusage: fuotactl .*\n\Z")

    def test_help_version_and_the_usage_of_image_agree(self):
        self.assertIn("Commands:", self.run_ctl("--help").stdout)
        self.assertRegex(self.run_ctl("--version").stdout, r"\Afuotactl \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.run_ctl("help", "plan").stdout,
                         self.run_ctl("plan", "--help").stdout)
        for word in ("image", "key"):
            told = self.run_ctl(word, "--help").stdout
            ours = self.run_ctl("help", word).stdout
            for usage in [l for l in ours.splitlines() if l.startswith("usage: ")]:
                self.assertIn(usage[len("usage: "):], told)
        with open("fw.bin", "wb") as f:
            f.write(b"x" * 100)
        self.assertEqual(self.lines("image", "inspect", "fw.bin")[0]["size_bytes"], 100)
        self.assertEqual(json.loads(self.run_ctl("--json", "image", "inspect",
                                                 "fw.bin").stdout)["size_bytes"], 100)

    def test_completion_works_in_bash(self):
        for shell in ("bash", "zsh", "fish"):
            with open(shell, "w", encoding="utf-8") as f:
                f.write(self.run_ctl("completion", shell).stdout)
            if shutil.which(shell):
                subprocess.run([shell, "-n", shell], check=True)
        for words, want in ((["pl"], "plan"), (["image", "v"], "verify"),
                            (["wait", "x", "--for", "pau"], "paused"),
                            (["--socket", "s", "schema", "trust"], "trustpolicy"),
                            (["image", "fragment", "--ts004", ""], "1\n2"),
                            (["apply", "x", "--wai"], "--wait"),
                            (["devices", "x", "-o", "cs"], "")):
            script = ('source ./bash; COMP_WORDS=(fuotactl "$@"); COMP_CWORD=$#; _fuotactl;'
                      'printf "%s\\n" "${COMPREPLY[@]}"')
            out = subprocess.run(["bash", "-c", script, "bash", *words], check=True,
                                 capture_output=True, text=True).stdout
            self.assertEqual(out.strip(), want, words)


class WithDaemon(Case):
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

    def test_plan_uploads_what_belongs_to_the_file(self):
        result = self.run_ctl("plan", "c.yaml")
        self.assertRegex(result.stdout, r"(?m)^devices +50$")
        self.assertRegex(result.stdout, r"(?m)^fragments +1352 and 270 coded$")
        digest = hashlib.blake2b(self.firmware, digest_size=32).hexdigest()
        self.assertEqual(self.daemon.uploads[digest], self.firmware)
        self.assertEqual(self.daemon.puts, 5)  # 4 of the image, 1 of the list
        params = self.daemon.requests[-1]["params"]
        self.assertEqual(params["campaign"], CAMPAIGN)
        self.assertEqual((params["file"], params["digest"]), ("c.yaml", digest))
        self.assertEqual(params["signatures"], ["untrusted comment: x\n"])
        self.assertEqual(self.daemon.uploads[params["devices_file"]], b"0000000000000001\n")
        self.assertNotIn("exclude_devices_file", params)
        self.run_ctl("plan", "c.yaml")
        self.assertEqual(self.daemon.puts, 5)  # it had them
        self.assertEqual(self.lines("plan", "c.yaml"), [{"type": "plan", **PLAN}])

    def test_plan_fails_above_its_limits(self):
        self.run_ctl("plan", "c.yaml", "--max-airtime", "10m", "--max-duration", "3h")
        result = self.run_ctl("plan", "c.yaml", "--max-airtime=9m", "--max-duration=2h",
                              "-o", "p.json", code=NO_FIT)
        self.assertIn("--max-airtime: 9m 58s are needed, 9m 0s are allowed", result.stderr)
        self.assertIn("--max-duration: 2h 46m are needed", result.stderr)
        self.assertFalse(os.path.exists("p.json"))

    def test_refusals_keep_the_code_of_the_daemon(self):
        def refuse(_stream, _request):
            raise Refusal(code, "no\x1b[2J", [{"file": "c.yaml", "line": 2, "column": 3,
                                              "path": "spec", "text": "wrong"}])
        self.daemon.do_apply = self.daemon.do_plan = refuse
        for code, want in ((3, 3), (5, 5), (6, 6), (7, UNTRUSTED), (11, 11), (77, 1)):
            for command in ("plan", "apply"):
                result = self.run_ctl(command, "c.yaml", code=want)
                self.assertEqual(result.stdout, "")
                self.assertIn("c.yaml:2:3: spec: wrong\nfuotactl: no?[2J\n", result.stderr)
        error = self.lines("apply", "c.yaml", "--wait", code=1)[0]
        self.assertEqual((error["type"], error["code"], error["error"]),
                         ("error", 1, "no\x1b[2J"))

    def test_apply_shows_the_campaign_and_says_if_it_was_there(self):
        result = self.run_ctl("apply", "c.yaml")
        self.assertRegex(result.stdout, r"(?m)^phase +running$")
        self.assertIn("wm1 is applied", result.stderr)
        line = self.lines("apply", "c.yaml")[0]
        self.assertEqual((line["type"], line["name"], line["existing"]),
                         ("applied", "wm1", False))
        self.daemon.do_apply = lambda *_: {"name": "wm1", "id": 1, "existing": True,
                                           "state": state("paused"), "plan": None}
        self.assertIn("applied before", self.run_ctl("apply", "c.yaml").stderr)
        self.daemon.do_apply = lambda *_: {"name": "wm1", "id": 1, "existing": True,
                                           "changed": True, "state": state(), "plan": None}
        self.assertIn("wm1 is under way, and was changed", self.run_ctl("apply", "c.yaml").stderr)
        self.daemon.do_apply = lambda *_: {"name": "wm1", "id": 1, "existing": True,
                                           "changed": False, "state": state(), "plan": None}
        self.assertEqual(self.run_ctl("apply", "c.yaml", "--quiet").stderr, "")

    def test_apply_of_a_plan_takes_what_was_reviewed_only(self):
        self.run_ctl("plan", "c.yaml", "-o", "p.json")
        with open("p.json", encoding="utf-8") as f:
            plan = json.load(f)
        self.assertEqual((plan["kind"], plan["file"], plan["plan"]),
                         ("Plan", "c.yaml", PLAN))
        self.run_ctl("apply", "p.json")
        self.daemon.plan_data = {**PLAN, "devices": 51}  # within 2 %
        self.run_ctl("apply", "p.json")
        self.daemon.plan_data = {**PLAN, "devices": 52, "duration_us": 12000000000,
                                 "conflicts": [{"campaign": "other", "devices": 4}],
                                 "left_out": [{"reason": "no-clock", "count": 3}]}
        result = self.run_ctl("apply", "p.json", code=CONFLICT)
        self.assertEqual(result.stderr, """\
fuotactl: devices: 50 when it was planned, 52 now
fuotactl: duration_us: 9972488986 when it was planned, 12000000000 now
fuotactl: left out for no-clock: 0 devices when it was planned, 3 now
fuotactl: conflict with other: 0 devices when it was planned, 4 now
fuotactl: the world is not the one of the plan: plan it again
""")
        self.daemon.plan_data = {**PLAN, "duration_us": 10900000000}  # within 10 %
        self.run_ctl("apply", "p.json")
        self.daemon.plan_data = dict(PLAN)
        for name, change in (("edited", lambda p: p["plan"].update(airtime_us=1)),
                             ("another version", lambda p: p.update(format=2)),
                             ("not a whole one", lambda p: p.pop("plan_digest"))):
            other = json.loads(json.dumps(plan))
            change(other)
            with open("q.json", "w", encoding="utf-8") as f:
                json.dump(other, f, indent=1)
            self.assertIn(name, self.run_ctl("apply", "q.json", code=INVALID).stderr)
        with open("q.json", "w", encoding="utf-8") as f:
            json.dump(plan, f)  # blanks do not matter
        self.run_ctl("apply", "q.json")
        digest = hashlib.blake2b(self.firmware, digest_size=32).hexdigest()
        self.daemon.do_status = lambda *_: {"campaigns": [{**state(), "digest": digest}]}
        self.run_ctl("apply", "p.json")  # it runs already: re-attach
        with open("fw.bin", "ab") as f:
            f.write(b"x")
        self.assertIn("image", self.run_ctl("apply", "p.json", code=CONFLICT).stderr)
        with open("c.yaml", "a", encoding="utf-8") as f:
            f.write("# changed\n")
        self.assertIn("c.yaml has changed",
                      self.run_ctl("apply", "p.json", code=CONFLICT).stderr)
        with open("p.json", "w", encoding="utf-8") as f:
            json.dump({"kind": "Plan", "file": "c.yaml"}, f)
        self.run_ctl("apply", "p.json", code=INVALID)

    def test_apply_wait_ends_with_the_campaign(self):
        for last, code in ((state("completed", 1600, succeeded=50), OK),
                           (state("completed", 1600, succeeded=49, failed=1), FAILED),
                           (state("completed", 1600, succeeded=49, unknown=1), FAILED),
                           (state("aborted", cancelled=50), FAILED),
                           (state("failed", active=50), FAILED),
                           (state("paused", active=50), PAUSED)):
            self.daemon.states = [state(active=50), state(sent=5, active=50), dict(last)]
            result = self.run_ctl("apply", "c.yaml", "--wait", code=code)
            self.assertRegex(result.stdout, rf"(?m)^phase +{last['phase']}")
            progress = [l for l in result.stderr.splitlines() if l.startswith("wm1: ")]
            self.assertEqual(len(progress), 2, result.stderr)  # one per change
            self.assertIn("fragments 0/1352 | airtime 0.0 s", progress[0])
            self.assertNotIn("\r", result.stderr)
            self.assertNotIn("\033", result.stderr)

    def test_json_progress_is_one_object_a_line(self):
        self.daemon.states = [state(active=50), state("completed", succeeded=50)]
        lines = self.lines("apply", "c.yaml", "--wait")
        self.assertEqual([l["type"] for l in lines], ["applied", "state", "state", "end"])
        self.assertEqual((lines[-1]["code"], lines[-1]["devices"]["succeeded"]), (0, 50))
        self.daemon.states = [state(active=1), {**device(1), "event": "device"},
                              state("completed", failed=1)]
        lines = self.lines("watch", "wm1", "--devices", code=FAILED)
        self.assertEqual([l["type"] for l in lines], ["state", "device", "state", "end"])
        self.assertTrue(self.daemon.requests[-1]["params"]["devices"])

    # ---- watch and wait ----

    def test_wait_times_out_while_it_runs(self):
        self.daemon.states = [state(active=50)]
        result = self.run_ctl("apply", "c.yaml", "--wait", "--timeout", "1s", code=RUNNING)
        self.assertIn("fuotactl watch wm1", result.stderr)
        self.daemon.states = [state(active=50)]
        self.run_ctl("wait", "wm1", "--timeout", "0s", code=RUNNING)

    def test_wait_for_phases(self):
        for goal, phase, code in (("running", "running", OK), ("paused", "paused", OK),
                                  ("completed", "completed", OK),
                                  ("completed", "paused", PAUSED),
                                  ("paused", "completed", FAILED),
                                  ("ended", "aborted", OK), ("aborted", "aborted", OK)):
            self.daemon.states = [state(phase)]
            self.run_ctl("wait", "wm1", "--for", goal, code=code)

    def detach(self, signal_number, *args):
        self.daemon.states = [state(active=50)]
        self.daemon.watching.clear()
        with subprocess.Popen([FUOTACTL, *args], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertTrue(self.daemon.watching.wait(20))
            begin = time.monotonic()
            process.send_signal(signal_number)
            _, err = process.communicate(timeout=20)
            self.assertLess(time.monotonic() - begin, 1)
            return process.returncode, err

    def test_interrupting_detaches_within_a_second_and_says_how_to_come_back(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for args in (("apply", "c.yaml", "--wait"), ("watch", "wm1"), ("wait", "wm1")):
                code, err = self.detach(number, *args)
                self.assertEqual(code, INTERRUPTED)
                self.assertIn("fuotactl watch wm1 --socket " + self.daemon.path, err)
        self.assertNotIn("abort", [r["method"] for r in self.daemon.requests])

    def test_interrupting_works_while_the_daemon_does_not_answer(self):
        waiting = threading.Event()

        def hang(_stream, _request):
            waiting.set()
            self.daemon.go_on.wait(60)
            raise EOFError
        self.daemon.do_apply = hang
        with subprocess.Popen([FUOTACTL, "apply", "c.yaml", "--wait"], env=self.env,
                              text=True, stderr=subprocess.PIPE) as process:
            self.assertTrue(waiting.wait(20))
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
            self.assertEqual(process.returncode, INTERRUPTED)
            self.assertIn("fuotactl status wm1", err)

    def test_watch_survives_a_restart_of_the_daemon(self):
        self.daemon.states = [state(active=50), None, state("paused", active=50),
                              state("completed", succeeded=50)]
        result = self.run_ctl("watch", "wm1")
        self.assertIn("lost; trying again", result.stderr)
        self.assertEqual(self.daemon.connections, 2)

    def test_interrupting_works_while_the_daemon_is_away(self):
        self.daemon.states = [state(active=50), None]
        with subprocess.Popen([FUOTACTL, "watch", "wm1"], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertTrue(self.daemon.watching.wait(20))
            self.daemon.stop()
            while "trying again" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, INTERRUPTED)

    def test_watching_what_is_not_there_is_not_found(self):
        def refuse(_stream, _request):
            raise Refusal(5, "there is no campaign 'x'")
        self.daemon.do_watch = refuse
        self.run_ctl("watch", "x", code=NOT_FOUND)
        self.run_ctl("wait", "x", code=NOT_FOUND)

    def on_terminal(self, **env):
        self.daemon.states = [state(active=50), state(sent=5, active=50),
                              state("completed", sent=9, succeeded=50)]
        main, terminal = pty.openpty()
        with subprocess.Popen([FUOTACTL, "watch", "wm1"], env={**self.env, **env},
                              stdout=terminal, stderr=terminal) as process:
            os.close(terminal)
            out = b""
            try:
                while chunk := os.read(main, 4096):
                    out += chunk
            except OSError:
                pass
            os.close(main)
            self.assertEqual(process.wait(20), OK)
            return out.decode()

    def test_a_terminal_gets_one_live_line_and_ci_does_not(self):
        out = self.on_terminal()
        self.assertIn("\rwm1: running | 0/50 succeeded, 50 active | fragments 5/1352", out)
        self.assertIn("\r\033[K", out)
        self.assertIn("\033[32mcompleted\033[0m", out)
        out = self.on_terminal(NO_COLOR="1")
        self.assertIn("\rwm1: running", out)
        self.assertNotIn("\033[32m", out)
        for env in ({"CI": "true"}, {"TERM": "dumb"}):
            out = self.on_terminal(**env)
            self.assertNotIn("\033", out)
            self.assertEqual(out.count("wm1: running"), 1)

    # ---- the others ----

    def test_status_lists_or_shows_and_cleans(self):
        self.assertRegex(self.run_ctl("status").stdout, r"(?m)^NAME +PHASE .*\nwm1 +running")
        self.assertRegex(self.run_ctl("status", "wm1").stdout, r"(?m)^campaign +wm1$")
        self.assertEqual(self.lines("status")[0]["type"], "campaign")
        result = self.run_ctl("status", "x", code=NOT_FOUND)
        self.assertEqual(result.stderr, "fuotactl: there is no campaign 'x?'\n")
        self.daemon.do_status = lambda *_: {"campaigns": []}
        result = self.run_ctl("status")
        self.assertEqual((result.stdout, result.stderr),
                         ("", "fuotactl: there are no campaigns\n"))
        self.assertEqual(self.lines("status"), [])

    def test_status_says_what_the_daemon_dropped(self):
        daemon = {"instance": "main", "dropped": {"flood": 40, "backlog": 2, "oversize": 9}}
        self.daemon.do_status = lambda *_: {"campaigns": [], "daemon": daemon}
        self.assertEqual(self.lines("status"), [{"type": "daemon", **daemon}])
        self.assertIn("42 messages of network servers were dropped",
                      self.run_ctl("status").stderr)
        daemon["dropped"] = {"flood": 0, "backlog": 0}
        self.assertNotIn("dropped", self.run_ctl("status").stderr)

    def test_pause_carries_the_reason(self):
        result = self.run_ctl("pause", "wm1", "--reason", "storm \x1b")
        self.assertIn("paused (storm ?)", result.stdout)
        self.assertEqual(self.daemon.requests[-1]["params"],
                         {"name": "wm1", "reason": "storm \x1b"})
        for verb in ("resume", "abort"):
            setattr(self.daemon, "do_" + verb, self.daemon.do_pause)
            self.assertEqual(self.lines(verb, "wm1")[0]["phase"], "paused")
            self.assertEqual(self.daemon.requests[-1]["method"], verb)

    def test_devices_come_in_pages_and_three_formats(self):
        table = self.run_ctl("devices", "wm1").stdout.splitlines()
        self.assertEqual(len(table), 1001)
        self.assertRegex(table[0], r"^DEVEUI +OUTCOME")
        pages = [r["params"] for r in self.daemon.requests if r["method"] == "devices"]
        self.assertEqual([p.get("after") for p in pages],
                         [None, f"{400:016x}", f"{800:016x}"])
        csv = self.run_ctl("devices", "wm1", "-o", "csv").stdout.splitlines()
        self.assertEqual(len(csv), 1001)
        self.assertTrue(csv[0].startswith("dev_eui,outcome,"))
        self.assertTrue(csv[1].startswith("0000000000000001,succeeded,verified,0,idle,1,"))
        for args in (("-o", "jsonl"), ("--json",)):
            out = self.run_ctl("devices", "wm1", *args).stdout.splitlines()
            self.assertEqual(json.loads(out[999]), {"type": "device", **device(1000)})
        self.run_ctl("devices", "wm1", "--state", "updating", "--outcome", "active")
        params = self.daemon.requests[-1]["params"]
        self.assertEqual((params["state"], params["outcome"]), (3, "active"))
        self.run_ctl("devices", "wm1", "--state", "2")
        self.assertEqual(self.daemon.requests[-1]["params"]["state"], 2)

    def test_devices_go_again_by_name_label_and_outcome(self):
        result = self.run_ctl("retry", "wm1", "--devices", "70B3D57ED005A1B2,00000000000000ab",
                              "--label", "site=a,ring=2", "--outcome", "failed,skipped",
                              "--reason", "mended")
        self.assertEqual(self.daemon.requests[-1]["params"], {
            "name": "wm1", "reason": "mended", "outcomes": ["failed", "skipped"],
            "devices": ["70b3d57ed005a1b2", "00000000000000ab"],
            "labels": {"site": "a", "ring": "2"}})
        for words in ("2 devices go again", "1 had been told to before",
                      "3 left alone: another campaign has them", "fuotactl resume wm1"):
            self.assertIn(words, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^phase +paused$")
        line = self.lines("retry", "wm1")[0]
        self.assertEqual((line["type"], line["retried"], line["state"]["phase"]),
                         ("retry", 2, "paused"))
        self.assertEqual(self.daemon.requests[-1]["params"], {"name": "wm1"})
        refused = self.run_ctl("retry", "wm1", "--devices", "00000000000000AA", code=NOT_FOUND)
        self.assertIn("00000000000000aa: it is not in the campaign", refused.stderr)
        for args in (["--devices", "xyz"], ["--devices", ""], ["--label", "site"],
                     ["--label", "=a"], ["--label", "site="], ["--label", "a=b,"]):
            with self.subTest(args):
                result = self.run_ctl("retry", "wm1", *args, code=USAGE)
                self.assertIn("usage: fuotactl retry", result.stderr)

    def test_a_rollback_is_written_and_not_applied(self):
        with open("old.yaml", "w", encoding="utf-8") as f:
            f.write(CAMPAIGN.replace("1.4.3\"", "1.4.2\", firmwareVersion: 0x01040200")
                    + '  activation: { command: { fPort: 10, data: "AA${version_u32_le}" } }\n')
        result = self.run_ctl("rollback", "wm1", "--to", "old.yaml")
        self.assertEqual(result.stdout, "rollback-wm1.yaml\n")
        self.assertIn("nothing is applied", result.stderr)
        asked = [r["method"] for r in self.daemon.requests]
        self.assertEqual(set(asked), {"status", "devices"})
        self.assertEqual(self.daemon.requests[-1]["params"]["outcome"], "succeeded")
        with open("rollback-wm1.yaml.devices", encoding="ascii") as f:
            self.assertEqual(f.read().split(), [f"{i:016x}" for i in range(1, 1001)])
        self.run_ctl("validate", "rollback-wm1.yaml")
        with open("rollback-wm1.yaml", encoding="utf-8") as f:
            text = f.read()
        for part in ('version: "1.4.2"', 'firmwareVersion: "0x01040200"', 'fleet: "f"',
                     'file: "fw.bin"', 'devicesFile: "rollback-wm1.yaml.devices"',
                     "name: rollback-wm1 }", "fPort: 10", "From 1.4.3 back to 1.4.2"):
            self.assertIn(part, text)
        self.run_ctl("rollback", "wm1", "--to", "old.yaml", code=4)  # it is there already
        os.mkdir("out")
        line = self.lines("rollback", "wm1", "--to", "old.yaml", "-o", "out/back.yaml")[0]
        self.assertEqual((line["type"], line["file"], line["devices"]),
                         ("rollback", "out/back.yaml", 1000))
        self.run_ctl("validate", "out/back.yaml")
        same = self.run_ctl("rollback", "wm1", "--to", "c.yaml", "-o", "x.yaml", code=CONFLICT)
        self.assertIn("brings 1.4.3, as campaign 'wm1' does", same.stderr)
        self.run_ctl("rollback", "wm1", code=USAGE)
        self.run_ctl("rollback", "wm2", "--to", "old.yaml", "-o", "x.yaml", code=NOT_FOUND)
        self.daemon.do_devices = lambda *_: {"devices": [], "next": None}
        nobody = self.run_ctl("rollback", "wm1", "--to", "old.yaml", "-o", "x.yaml",
                              code=NOT_FOUND)
        self.assertIn("no device has succeeded", nobody.stderr)
        self.assertFalse(os.path.exists("x.yaml") or os.path.exists("x.yaml.devices"))

    def test_a_report_shows_both_tries_of_who_went_again(self):
        fleet = self.daemon.fleet
        again, still = fleet.devices[0], fleet.devices[1]
        again.update(outcome="succeeded", reason="verified", retries=1, outcome_before="failed",
                     reason_before="incomplete", time="2026-03-09T12:00:00.000000Z")
        still.update(outcome="failed", reason="mic", retries=2, outcome_before="unknown",
                     reason_before="silent")
        report = json.loads(self.report("--json"))
        self.assertEqual([(d["retries"], d["outcome_before"], d["reason_before"], d["outcome"])
                          for d in report["devices"][:2]],
                         [(1, "failed", "incomplete", "succeeded"),
                          (2, "unknown", "silent", "failed")])
        self.assertEqual(report["devices"][0]["ended"][:10], "2026-03-09")  # of the last try
        self.assertNotIn("outcome_before", report["devices"][2])
        suites = ElementTree.fromstring(self.report("--format", "junit"))
        case = next(c for c in suites.iter("testcase") if c.get("name") == again["dev_eui"])
        self.assertIsNone(case.find("failure"))
        self.assertIn("the try before ended as failed: incomplete", case.find("system-out").text)
        self.assertIn("2 devices were tried again after they had ended, and 1 of them succeeded",
                      self.report())

    def test_devices_are_imported_from_a_file(self):
        key = "00112233445566778899aabbccddeeff"
        with open("new.csv", "w", encoding="utf-8") as f:
            f.write("dev_eui,gen_app_key\n" + "".join(f"{i:016x},{key}\n" for i in range(1, 4)))
        result = self.run_ctl("devices", "import", "new.csv", "--fleet", "f", "--reason", "x")
        self.assertIn("3 devices are in fleet f now: 2 new, 1 replaced", result.stderr)
        params = self.daemon.requests[-1]["params"]
        self.assertEqual((params["file"], params["fleet"], params["reason"]),
                         ("new.csv", "f", "x"))
        line = self.lines("devices", "import", "new.csv")[0]
        self.assertEqual((line["type"], line["added"]), ("import", 2))
        before = len(self.daemon.requests)
        with open("bad.csv", "w", encoding="utf-8") as f:
            f.write(f"dev_eui,gen_app_key\nxyz,{key}\n{1:016x},{key}0\n{2:016x},{key}\n"
                    f"{2:016x}\n")
        result = self.run_ctl("devices", "import", "bad.csv", code=INVALID)
        for words in ("bad.csv:2:1: dev_eui: must be 16 hex digits",
                      "bad.csv:3:18: gen_app_key: must be 32 hex digits",
                      "bad.csv:5:1: has 1 fields, the header has 2", "3 problems"):
            self.assertIn(words, result.stderr)
        self.assertNotIn(key, result.stderr)
        self.assertEqual(len(self.daemon.requests), before)  # nothing has left this machine
        self.assertIn("FILE.csv is missing",
                      self.run_ctl("devices", "import", code=USAGE).stderr)
        self.run_ctl("devices", "import", "none.csv", code=INVALID)
        self.run_ctl("devices", "--", "import")  # a campaign of that name
        self.assertEqual(self.daemon.requests[-1]["params"]["name"], "import")

    def test_a_device_by_its_eui(self):
        out = self.run_ctl("device", "70B3D57ED005A1B2").stdout
        self.assertRegex(out, r"(?m)^device +70b3d57ed005a1b2$")
        self.assertEqual(self.lines("device", "70b3d57ed005a1b2")[0]["name"], "meter")

    def test_the_audit_log_is_listed_and_its_chain_verified(self):
        table = self.run_ctl("audit").stdout.splitlines()
        self.assertRegex(table[0], r"^NO +TIME +ACTOR +ACTION +OBJECT +REASON")
        self.assertRegex(table[2], r"^ 2 +2026-01-01T00:00:00.000001Z +user:alice +pause +wm2 "
                                   r"+storm \?$")
        self.assertEqual(len(table), 4)
        self.assertEqual(len(self.run_ctl("audit", "wm2").stdout.splitlines()), 2)
        head = self.daemon.audit[2]["hash"]
        self.assertEqual(self.lines("audit", "--verify"),
                         [{"type": "audit", **r} for r in self.daemon.audit] +
                         [{"type": "verified", "count": 3, "hash": head}])
        self.assertIn(head, self.run_ctl("audit", "--verify").stderr)
        self.assertEqual(self.run_ctl("apply", "missing.yaml", "--reason", "x", code=3).stdout, "")

    def test_a_tampered_audit_log_is_found(self):
        good = self.daemon.audit
        for change, says in (({"actor": "user:bob"}, "record 2: it is not what was written"),
                             ({"time": "yesterday"}, "record 2: it is not what was written"),
                             ({"hash": "00" * 32}, "record 2: it is not what was written"),
                             ({"previous": "00" * 32}, "record 2: it does not follow"),
                             ({"id": 9}, "record 9: records are missing")):
            self.daemon.audit = [good[0], {**good[1], **change}, good[2]]
            result = self.run_ctl("audit", "--verify", code=UNTRUSTED)
            self.assertIn(says, result.stderr)
            self.run_ctl("audit")
        self.daemon.audit = good[:2]
        result = self.run_ctl("audit", "--verify", code=UNTRUSTED)
        self.assertIn("3 records were written, behind 2 they are missing", result.stderr)

    def report(self, *args, name="north-1-4-3", code=OK):
        return self.run_ctl("report", name, *args, code=code).stdout

    def test_a_report_as_json_holds_all_there_is(self):
        self.daemon.fleet = Fleet(700, 3)  # more than two pages
        report = json.loads(self.report("--format", "json"))
        self.assertEqual((report["type"], report["format"], report["verdict"]),
                         ("report", 1, "failed"))
        fleet = self.daemon.fleet
        self.assertEqual([d["dev_eui"] for d in report["devices"]],
                         [d["dev_eui"] for d in fleet.devices])
        succeeded = sum(d["outcome"] == "succeeded" for d in fleet.devices)
        skipped = sum(d["outcome"] == "skipped" for d in fleet.devices)
        self.assertEqual(report["attempted"], 700 - skipped)
        self.assertEqual([w["name"] for w in report["waves"]], ["canary", "ten", "rest"])
        self.assertEqual(sum(w["devices"]["succeeded"] for w in report["waves"]), succeeded)
        self.assertEqual(report["completion"][-1]["succeeded"], succeeded)
        self.assertEqual(report["completion"][-1]["with_image"], report["with_image"])
        self.assertEqual(report["with_image"], sum(p["downloaded"] > 0 for p in fleet.progress))
        self.assertEqual(sum(g["airtime_us"] for g in report["gateways"]),
                         sum(r["airtime_us"] for r in fleet.airtime))
        for gateway in report["gateways"]:
            self.assertEqual(sum(gateway["loss"]), gateway["devices"])
            self.assertEqual(gateway["peak"]["own_cap_us"], 216000000)
        again = json.loads(self.report("--json"))
        self.assertTrue(report.pop("generated") <= again.pop("generated"))
        self.assertEqual(report, again)

    def test_a_report_as_junit_has_a_suite_per_wave_and_a_case_per_device(self):
        self.daemon.fleet = Fleet(700, 3)
        suites = ElementTree.fromstring(self.report("--format", "junit"))
        self.assertEqual([s.get("name") for s in suites], ["canary", "ten", "rest"])
        cases = {c.get("name"): c for c in suites.iter("testcase")}
        for device in self.daemon.fleet.devices:
            case = cases.pop(device["dev_eui"])
            failure, skip = case.find("failure"), case.find("skipped")
            self.assertEqual(failure is not None, device["outcome"] in ("failed", "unknown"))
            self.assertEqual(skip is not None, device["outcome"] == "skipped")
            if failure is not None:
                self.assertEqual(failure.get("type"), device["reason"])
                self.assertIn(device["reason_text"], failure.get("message"))
        self.assertEqual(cases, {})
        for suite in suites:
            self.assertEqual(int(suite.get("tests")), len(suite.findall("testcase")))
            self.assertEqual(int(suite.get("failures")), len(suite.findall(".//failure")))
            self.assertEqual(int(suite.get("skipped")), len(suite.findall(".//skipped")))

    def test_a_report_as_html_loads_nothing_and_is_replaced_as_a_whole(self):
        self.daemon.fleet = Fleet(700, 40)
        with open("r.html", "w", encoding="utf-8") as old:
            old.write("old")
        self.assertEqual(self.report("--format", "html", "-o", "r.html"), "")
        with open("r.html", encoding="utf-8") as file:
            text = file.read()
        page = Page()
        page.feed(text)
        self.assertEqual(page.open, [])
        self.assertEqual(page.attributes & {"src", "href", "onload", "onclick"}, set())
        self.assertNotIn("script", page.tags)
        self.assertNotRegex(text, r"url\(|@import|//")
        self.assertIn("Completion over time", text)
        self.assertIn("Airtime of each gateway", text)
        self.assertIn("and 10 more gateways", text)
        self.assertIn("and 400 more", text)

    def test_a_name_cannot_become_markup(self):
        evil = "<script>alert('1')</script>&\"|`x`"
        fleet = self.daemon.fleet = Fleet(40, 3, name="x")
        fleet.state.update(version=evil, fleet=evil, reason=evil, phase="paused")
        for device in fleet.devices:
            device.update(reason=evil, reason_text=evil, wave=evil, outcome="failed")
        html = self.report("--format", "html", name="x")
        self.assertNotIn("<script", html)
        self.assertIn("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;|`x`", html)
        suite = ElementTree.fromstring(self.report("--format", "junit", name="x"))[0]
        self.assertEqual(suite.get("name"), evil)
        markdown = self.report(name="x")
        self.assertNotIn("<script", markdown.replace("\\<", ""))
        self.assertIn("\\|\\`x\\`", markdown)
        self.assertEqual(json.loads(self.report("--json", name="x"))["campaign"]["fleet"], evil)

    def test_a_report_of_nothing_and_of_nobody(self):
        fleet = self.daemon.fleet = Fleet(0, 1, name="x", ended=False)
        fleet.airtime, fleet.sessions = [], []
        for form in ("html", "junit", "markdown", "json"):
            self.assertNotEqual(self.report("--format", form, name="x"), "")
        self.report(name="gone", code=NOT_FOUND)
        self.report("--format", "pdf", name="x", code=USAGE)
        self.run_ctl("report", "x", "-o", "no/such/folder", code=1)

    def test_the_budget_of_all_gateways_or_of_one(self):
        table = self.run_ctl("budget").stdout.splitlines()
        self.assertEqual(len(table), 501)
        self.assertRegex(table[0], r"^GATEWAY +BAND")
        self.assertRegex(table[500], r"^00000000000001f4  869\.400-869\.650 +1m 12s +0.0 s +3m 36s")
        pages = [r["params"] for r in self.daemon.requests if r["method"] == "budget"]
        self.assertEqual([p.get("after") for p in pages], [None, f"{400:016x}"])
        self.assertEqual(self.lines("budget"),
                         [{"type": "budget", "gateways": [budget(i) for i in range(1, 501)]}])
        self.assertEqual(self.lines("budget", "00000000000000FF"),
                         [{"type": "budget", "gateways": [budget(255)]}])
        self.daemon.do_budget = lambda _stream, _request: {"gateways": [], "next": None}
        result = self.run_ctl("budget")
        self.assertEqual(result.stdout, "")
        self.assertIn("nothing has been sent yet", result.stderr)

    def test_the_doctor_asks_the_daemon_and_fails_if_something_did(self):
        result = self.run_ctl("doctor")
        self.assertEqual(result.stdout, "ok    /var  - 7 MiB?\nwarn  /var  - 7 MiB?\n")
        self.assertIn("2 findings: 0 failed, 1 warnings", result.stderr)
        self.assertEqual(self.lines("doctor"), [
            {"type": "doctor", "findings": self.daemon.findings, "fail": 0, "warn": 1}])
        self.daemon.findings = [finding("ok"), finding("fail")]
        self.run_ctl("doctor", code=FAILED)
        self.assertEqual(self.lines("doctor", code=FAILED)[0]["fail"], 1)
        self.assertIn("nothing.yaml", self.run_ctl("doctor", "--config", "nothing.yaml",
                                                   code=FAILED).stdout)
        self.daemon.findings = []
        self.run_ctl("doctor", code=UNREACHABLE)

        def old(_stream, _request):
            raise Refusal(USAGE, "unknown method 'doctor'")
        self.daemon.do_doctor = old
        self.assertIn("unknown method", self.run_ctl("doctor", code=USAGE).stderr)

    def test_the_doctor_looks_at_files_when_no_daemon_answers(self):
        self.daemon.stop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.write_installation(port)
            out = self.run_ctl("doctor", "--config", "fuotad.yaml").stdout
            self.assertIn("warn  " + self.daemon.path + "  - no daemon answers", out)
            for line in ("fuotad.yaml  - valid", "trust policy r  - 1 keys readable",
                         f"broker of fleet f  - something listens at mqtt://127.0.0.1:{port}",
                         "API of fleet f  - readable, and closed to others",
                         "is not there yet: made at first start"):
                self.assertIn(line, out)
        out = self.run_ctl("doctor", "--config", "fuotad.yaml", code=FAILED).stdout
        self.assertIn(f"mqtt://127.0.0.1:{port} cannot be reached: 127.0.0.1 port {port}: "
                      "Connection refused", out)
        with open("state/fuotad.db", "w", encoding="ascii") as f:
            f.write("no database" * 100)
        out = self.run_ctl("doctor", "--config", "fuotad.yaml", code=FAILED).stdout
        self.assertRegex(out, "fail +sealing key  - .*bring it back from a backup")
        self.assertRegex(out, "fail +database  - .*not a database")
        shutil.rmtree("trust")
        os.mkdir("trust")
        shutil.rmtree("fleets")
        out = self.run_ctl("doctor", "--config", "fuotad.yaml", code=FAILED).stdout
        self.assertIn("trust  - holds no .yaml file", out)
        self.assertIn("fleets  - cannot be read: No such file", out)

    def write_installation(self, port):
        """A daemon's files, with a broker and an API at that port."""
        for folder in ("fleets", "trust", "profiles", "state"):
            os.mkdir(folder)
        self.run_ctl("key", "generate", "-o", "trust/r")
        files = {
            "fuotad.yaml": ("Daemon", "main", "{ stateDir: state, control: { socket: sock } }"),
            "trust/r.yaml": ("TrustPolicy", "r", "{ keys: [{ file: r.pub }], product: p }"),
            "fleets/f.yaml": ("Fleet", "f", f"""
  trustPolicy: r
  region: EU868
  networkServer:
    plugin: chirpstack
    mqtt: {{ url: "mqtt://127.0.0.1:{port}" }}
    api: {{ url: "http://127.0.0.1:{port}/", tokenFile: ../token }}
    options: {{ applicationId: "5a1c0e1e-0000-4000-8000-000000000001" }}
  inventory: {{ source: file, file: ../f.csv }}
"""),
            "f.csv": "dev_eui\n0000000000000101\n", "token": "secret\n"}
        for name, content in files.items():
            if isinstance(content, tuple):
                kind, label, spec = content
                content = (f"apiVersion: fuotad/v1\nkind: {kind}\n"
                           f"metadata: {{ name: {label} }}\nspec: {spec}\n")
            with open(name, "w", encoding="ascii") as f:
                f.write(content)
        os.chmod("token", 0o600)

    def test_a_daemon_that_is_away_or_none(self):
        self.daemon.hello = lambda: b'{"fuotad":"9","protocol":9}\n'
        self.assertIn("not a fuotad of this protocol",
                      self.run_ctl("status", code=UNREACHABLE).stderr)
        self.daemon.hello = lambda: b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self.run_ctl("status", code=UNREACHABLE)
        self.daemon.hello = lambda: b""
        self.daemon.serve = lambda connection: connection.close()
        self.run_ctl("status", code=UNREACHABLE)
        self.daemon.stop()
        for args in (("status",), ("plan", "c.yaml"), ("apply", "c.yaml", "--wait"),
                     ("watch", "x"), ("wait", "x"), ("pause", "x"), ("devices", "x"),
                     ("device", "0" * 16), ("budget",)):
            result = self.run_ctl(*args, code=UNREACHABLE)
            self.assertIn("cannot reach fuotad at " + self.daemon.path, result.stderr)
        error = self.lines("status", code=UNREACHABLE)[0]
        self.assertEqual((error["type"], error["code"]), ("error", UNREACHABLE))
        self.run_ctl("status", "--socket", "/" + "x" * 200, code=UNREACHABLE)

    def test_a_full_disk_behind_stdout_is_no_success(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([FUOTACTL, "status", "--json"], stdout=full,
                                    stderr=subprocess.PIPE, env=self.env, timeout=60)
        self.assertEqual(result.returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
