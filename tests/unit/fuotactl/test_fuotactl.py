#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_fuotactl.py FUOTACTL - the program on files: checks, simulation, usage, completion."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest

from fuotactl_case import CAMPAIGN, FAILED, INVALID, NOT_FOUND, NO_FIT, OK, USAGE, Case


def mcuboot_image(body, minor=4):
    le = lambda value, size: value.to_bytes(size, "little")
    head = (le(0x96f3b83d, 4) + le(0, 4) + le(32, 2) + le(0, 2) + le(len(body), 4) + le(0, 4) +
            bytes([1, minor]) + le(3, 2) + le(0, 4) + le(0, 4))
    digest = hashlib.sha256(head + body).digest()
    return head + body + le(0x6907, 2) + le(40, 2) + le(0x10, 2) + le(32, 2) + digest


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
                for seed in ("5", "5", "7")]
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

    def test_a_simulation_of_a_fleet_without_radio_is_refused(self):
        fleet = ("apiVersion: fuotad/v1\nkind: Fleet\nmetadata: {{ name: {} }}\nspec:\n"
                 "  trustPolicy: p\n  region: EU868\n  networkServer: {{ plugin: {} }}\n"
                 "  inventory: {{ source: file, file: d.csv }}\n")
        with open("sim.yaml", "w", encoding="utf-8") as f:
            f.write(CAMPAIGN.replace("f, devicesFile: devices.txt", "f")
                    .replace("fw.bin", "sim.bin"))
        with open("sim.bin", "wb") as f:
            f.write(bytes(800))
        with open("sim.bin.minisig", "w", encoding="utf-8") as f:
            f.write("untrusted comment: not looked at\n")
        for name, plugin in (("meters", "lwm2m"), ("other", "other")):
            with open(f"{name}.yaml", "w", encoding="utf-8") as f:
                f.write(fleet.format("f" if name == "meters" else "g", plugin))
        told = self.run_ctl("simulate", "sim.yaml", "--fleet", "meters.yaml", code=NO_FIT)
        self.assertIn("speak LwM2M over IP, and only LoRaWAN is simulated", told.stderr)
        told = self.run_ctl("simulate", "sim.yaml", "--fleet", "other.yaml", code=INVALID)
        self.assertIn("other.yaml is of fleet 'g', and sim.yaml is for 'f'", told.stderr)
        self.run_ctl("simulate", "sim.yaml", "--fleet", "none.yaml", code=INVALID)
        os.mkdir("fleets")
        os.rename("meters.yaml", "fleets/f.yaml")
        self.run_ctl("simulate", "sim.yaml", code=NO_FIT)
        shutil.rmtree("fleets")

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
        over = json.loads(simulate('{ deadline: "2026-07-01" }', "--start", "2026-07-02",
                                   code=FAILED).stdout)
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
        self.assertIn("does not fit the simulated fleet: 900000 bytes; the image makes more "
                      "fragments than TS004", result.stderr)

    def test_usage_errors_are_one_line_and_the_usage(self):
        for args in ((), ("nope",), ("plan",), ("status", "--nope"), ("plan", "a", "b"),
                     ("apply", "x", "--timeout", "1h"), ("device", "12", "read"), ("budget", "12"),
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
