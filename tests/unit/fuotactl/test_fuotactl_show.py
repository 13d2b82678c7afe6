#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_fuotactl_show.py FUOTACTL - what is shown: status, devices, reports, budget, doctor."""
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import unittest
from html.parser import HTMLParser
from xml.etree import ElementTree

from fake_daemon import Refusal, budget, device, finding, state
from fake_fleet import Fleet
from fuotactl_case import (
    CAMPAIGN, CONFLICT, FAILED, FUOTACTL, INVALID, NOT_FOUND, OK, UNREACHABLE, UNTRUSTED,
    USAGE, DaemonCase)


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


class Showing(DaemonCase):
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

    def test_who_has_ended_is_said_to_have(self):
        for verb, phase, said in (("pause", "completed", True), ("resume", "completed", False),
                                  ("pause", "aborted", True), ("abort", "failed", True),
                                  ("abort", "aborted", False), ("pause", "paused", False)):
            setattr(self.daemon, "do_" + verb, lambda *_, phase=phase: state(phase))
            text = f"wm1 has ended, it is {phase}: {verb} changes nothing"
            self.assertEqual(text in self.run_ctl(verb, "wm1").stderr, said, (verb, phase))
        self.daemon.do_pause = lambda *_: state("completed")
        self.assertEqual(self.run_ctl("pause", "wm1", "--quiet").stderr, "")

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
                      "3 left alone: another campaign has them",
                      f"fuotactl resume wm1 --socket {self.daemon.path}\n"):
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
        self.run_ctl("rollback", code=USAGE)
        self.run_ctl("rollback", "wm2", "--to", "old.yaml", "-o", "x.yaml", code=NOT_FOUND)
        self.daemon.do_devices = lambda *_: {"devices": [], "next": None}
        nobody = self.run_ctl("rollback", "wm1", "--to", "old.yaml", "-o", "x.yaml",
                              code=NOT_FOUND)
        self.assertIn("no device has succeeded", nobody.stderr)
        self.assertFalse(os.path.exists("x.yaml") or os.path.exists("x.yaml.devices"))

    def stored(self, signatures=("untrusted comment: a\n", "untrusted comment: b\n"), **more):
        """The daemon knows campaign wm0, with an image of three pieces, for even DevEUIs."""
        answer = {"name": "wm0", "campaign": CAMPAIGN.replace("1.4.3", "1.4.2"),
                  "signatures": list(signatures), "size": len(self.firmware),
                  "digest": hashlib.blake2b(self.firmware, digest_size=32).hexdigest(), **more}
        every = self.daemon.do_devices

        def devices(stream, request):
            page = every(stream, request)
            if request["params"]["name"] == "wm0":
                page["devices"] = [d for d in page["devices"] if int(d["dev_eui"], 16) % 2 == 0]
            return page

        def image(_stream, request):
            params = request["params"]
            assert params["name"] == "wm0", params
            offset = params.get("offset", 0)
            piece = self.firmware[offset:offset + 96 * 1024]
            return {"offset": offset, "data": base64.b64encode(piece).decode()}

        self.daemon.do_devices, self.daemon.do_image = devices, image
        self.daemon.do_rollback = lambda *_: dict(answer)

    def test_a_rollback_is_made_from_what_the_daemon_has_stored(self):
        self.stored()
        result = self.run_ctl("rollback", "wm1")
        self.assertEqual(result.stdout, "rollback-wm1.yaml\n")
        for words in ("back to 1.4.2, as campaign 'wm0' brought it: rollback-wm1.yaml.image",
                      "500 more that 'wm1' has updated are left out",
                      "500 devices in rollback-wm1.yaml.devices"):
            self.assertIn(words, result.stderr)
        with open("rollback-wm1.yaml.image", "rb") as f:
            self.assertEqual(f.read(), self.firmware)
        with open("rollback-wm1.yaml.image.2.minisig", encoding="ascii") as f:
            self.assertEqual(f.read(), "untrusted comment: b\n")
        with open("rollback-wm1.yaml.devices", encoding="ascii") as f:
            self.assertEqual(f.read().split(), [f"{i:016x}" for i in range(2, 1001, 2)])
        self.run_ctl("validate", "rollback-wm1.yaml")
        with open("rollback-wm1.yaml", encoding="utf-8") as f:
            text = f.read()
        for part in ('version: "1.4.2"', 'file: "rollback-wm1.yaml.image"',
                     'signatures: ["rollback-wm1.yaml.image.minisig",'
                     ' "rollback-wm1.yaml.image.2.minisig"]'):
            self.assertIn(part, text)
        self.assertEqual(self.lines("rollback", "wm1", "-o", "b.yaml")[0], {
            "type": "rollback", "file": "b.yaml", "devices_file": "b.yaml.devices",
            "name": "rollback-wm1", "version": "1.4.2", "from": "wm0", "devices": 500,
            "left_out": 500})

    def test_a_rollback_from_a_daemon_that_lies_leaves_no_file(self):
        before = sorted(os.listdir())
        for more in ({"digest": "00" * 32}, {"digest": "x"}, {"size": 0}, {"size": 1 << 30},
                     {"size": len(self.firmware) + 1}, {"name": None}, {"campaign": None},
                     {"campaign": "no campaign"}, {"signatures": [7]},
                     {"signatures": ["x"] * 17}, {"campaign": CAMPAIGN}):
            with self.subTest(more):
                self.stored(**more)
                result = self.run_ctl("rollback", "wm1", code=(
                    CONFLICT if more.get("campaign") == CAMPAIGN else
                    INVALID if more.get("campaign") else 1))
                self.assertRegex(result.stderr, r"(?m)^fuotactl: ")
                self.assertEqual(sorted(os.listdir()), before)
        self.stored()
        with open("rollback-wm1.yaml.image.2.minisig", "w", encoding="ascii") as f:
            f.write("mine")
        before = sorted(os.listdir())
        self.run_ctl("rollback", "wm1", code=4)
        self.assertEqual(sorted(os.listdir()), before)

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

    def test_a_device_by_its_name(self):
        self.assertEqual(self.lines("device", "meter")[0]["dev_eui"], "70b3d57ed005a1b2")
        self.assertIn("no fleet has a device of that name",
                      self.run_ctl("device", "70b3d5", code=5).stderr)

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
        line = self.report("--json")
        self.assertEqual(line.count("\n"), 1)
        again = json.loads(line)
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

    def test_a_report_of_several_fleets_and_deltas_says_which_is_whose(self):
        fleet = self.daemon.fleet
        for i, device in enumerate(reversed(fleet.devices)):  # the last wave comes first in it
            device.update(fleet="fg"[i % 2], variant=("full", "1.4.1", None)[i % 3],
                          delta_failures=int(i % 3 == 0))
        for i, session in enumerate(fleet.sessions):
            session["fleet"] = "fg"[i % 2]
        report = json.loads(self.report("--format", "json"))
        waves = [d["wave"] for d in fleet.devices]
        order = sorted(set(waves), key=waves.index)
        rows = [(x["wave"], x["variant"]) for x in report["variants"]]
        self.assertEqual(rows, sorted(rows, key=lambda x: (order.index(x[0]), x[1] != "full")))
        self.assertEqual({x[1] for x in rows}, {"full", "1.4.1"})
        text = self.report("--format", "html")
        page = Page()
        page.feed(text)
        self.assertEqual(page.open, [])
        for part, count in (("<h2>Fleets</h2>", 1), ("<h2>Image and deltas</h2>", 1),
                            ('<th class="far">fleet</th>', 2), ('<th class="far">sent</th>', 1),
                            ('<td class="far">g</td>', 20 + 3),
                            ('<td class="far">delta from 1.4.1</td>', 13),
                            ('<td class="far">-</td>', 13)):
            self.assertEqual(text.count(part), count, part)

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
