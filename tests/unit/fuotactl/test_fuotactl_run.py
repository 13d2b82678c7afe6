#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_fuotactl_run.py FUOTACTL - plan, apply, wait and watch; progress and detaching."""
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import unittest

from fake_daemon import PLAN, Refusal, device, state
from fuotactl_case import (
    CAMPAIGN, CONFLICT, FAILED, FUOTACTL, INTERRUPTED, INVALID, NOT_FOUND, NO_FIT, OK, PAUSED,
    RUNNING, UNTRUSTED, DaemonCase)


class Running(DaemonCase):
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
c.yaml: devices: 50 when it was planned, 52 now
c.yaml: duration_us: 9972488986 when it was planned, 12000000000 now
c.yaml: left_out: left out for no-clock: 0 devices when it was planned, 3 now
c.yaml: conflicts: conflict with other: 0 devices when it was planned, 4 now
fuotactl: the world is not the one of the plan: plan it again
""")
        error = self.lines("apply", "p.json", code=CONFLICT)[0]
        self.assertEqual([(e["path"], e["text"]) for e in error["errors"]], [
            ("devices", "50 when it was planned, 52 now"),
            ("duration_us", "9972488986 when it was planned, 12000000000 now"),
            ("left_out", "left out for no-clock: 0 devices when it was planned, 3 now"),
            ("conflicts", "conflict with other: 0 devices when it was planned, 4 now")])
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

    def test_a_pause_says_how_to_go_on_there(self):
        place = " --socket " + self.daemon.path
        for phase, verb in (("approval", "approve"), ("held", "resume")):
            paused = {**state("paused"), "wave": "ten",
                      "waves": [{"name": "canary", "phase": "done"},
                                {"name": "ten", "phase": phase}]}
            for args in (("wait", "wm1"), ("apply", "c.yaml", "--wait")):
                self.daemon.states = [paused]
                err = self.run_ctl(*args, code=PAUSED).stderr
                self.assertIn(f"go on with: fuotactl {verb} wm1{place}\n", err)

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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
