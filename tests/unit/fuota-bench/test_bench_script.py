#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_bench_script.py BENCH - medians, quartiles and verdicts of scripts/bench.

On results made up here, and with a program in the place of fuota-bench that makes some up.
"""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop()
GOOD = {"duty_cycle_violations": 0, "rho_fragments": 1.02, "rho_makespan": 1.2,
        "rho_cover": 1.1, "rho_cover_lp": 1.4, "completion": 1,
        "speedup_vs_chirpstack_best": 2.5, "speedup_vs_chirpstack_dr0": 6,
        "energy_vs_chirpstack_best": 3, "energy_vs_chirpstack_dr0": 20, "makespan_s": 1000,
        "t95_s": 500, "fragments_sent": 300, "wall_run_s": 5, "wall_events_per_s": 900000,
        "bounds": {"makespan_s": 800, "median_s": 900},
        "chirpstack_best": {"completion": 0.97}, "chirpstack_dr0": {"completion": 0.98}}
ROLLOUT = {"wall_ratio": 14189.4, "engine_bytes_share": 0.9046, "completion": 0.99999,
           "duty_cycle_violations": 0, "schedule_violations": 0, "virtual_s": 1854000, "cut": 0,
           "outcomes": {"none": 0, "succeeded": 99999, "failed": 1}, "wall_run_s": 130}
# A program that prints its arguments as a result, and fails for seed 13.
FAKE = """#!/bin/sh
[ "$4" = 13 ] && { echo "no such luck" >&2; exit 11; }
echo "a line of talk"
echo "{\\"direct\\": {\\"completion\\": 1, \\"rho_makespan\\": $4}, \\"args\\": \\"$*\\"}"
"""
# Two processes with 32 MiB each, until stdin ends.
LARGE = """
import os, sys
other = os.fork()
block = bytearray(b"x" * (32 << 20))
os.write(1, b".")
os.read(0, 1)
if other:
    os.waitpid(other, 0)
"""


def script():
    """scripts/bench as a module."""
    loader = importlib.machinery.SourceFileLoader("bench", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name, "results")
        self.dir.mkdir()

    def put(self, scenario, seed, timing="direct", **figures):
        path = self.dir / f"{scenario}-{seed}.json"
        whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        whole[timing] = {**GOOD, **figures}
        whole["wall_s"] = 50
        whole["memory_gib"] = 3
        path.write_text(json.dumps(whole) + "\n", encoding="utf-8")

    def bench(self, *args):
        done = subprocess.run([sys.executable, SCRIPT, "--dir", self.dir, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def judged(self, scenario="city", seeds="1-5", *more):
        return self.bench("--judge", "--scenario", scenario, "--seeds", seeds, *more)

    def row(self, text, *words):
        rows = [line.split() for line in text.splitlines()
                if line.split()[:len(words)] == list(words)]
        self.assertEqual(len(rows), 1, (words, text))
        return rows[0][len(words):]

    def test_median_and_quartiles_are_those_of_the_seeds(self):
        for seed, value in enumerate((1.01, 1.30, 1.02, 1.03, 1.00), 1):
            self.put("city", seed, rho_fragments=value)
        status, out, _ = self.judged()
        self.assertEqual(self.row(out, "rho_fragments", "direct"),
                         ["1.02", "(1.01", "to", "1.03)", "<=", "1.03", "met"])
        self.assertEqual(status, 0)

    def test_of_an_even_number_the_median_lies_between(self):
        for seed, value in enumerate((1.0, 1.2, 1.4, 1.6), 1):
            self.put("city", seed, rho_makespan=value)
        status, out, _ = self.judged(seeds="1-4")
        self.assertEqual(self.row(out, "rho_makespan", "direct")[:1], ["1.3"])
        self.assertEqual(status, 0)

    def test_one_target_that_is_missed_is_enough(self):
        for name, value in (("rho_fragments", 1.04), ("rho_makespan", 1.31),
                            ("rho_cover", 1.16), ("completion", 0.99),
                            ("wall_run_s", 61), ("wall_events_per_s", 200000)):
            with self.subTest(name):
                self.put("city", 1, **{name: value})
                status, out, _ = self.judged(seeds="1")
                self.assertEqual(self.row(out, name, "direct")[-1], "MISSED")
                self.assertEqual(status, 1)
                self.assertIn("1 missed", out)

    def test_all_timings_together_have_their_time_and_a_nation_its_memory(self):
        for scenario, name, most in (("city", "wall_s", 60), ("national", "wall_s", 600),
                                     ("national", "memory_gib", 4)):
            for value, verdict in ((most, "met"), (most + 1, "MISSED")):
                with self.subTest(scenario, **{name: value}):
                    self.put(scenario, 1, wall_run_s=1)
                    path = self.dir / f"{scenario}-1.json"
                    whole = json.loads(path.read_text(encoding="utf-8"))
                    path.write_text(json.dumps({**whole, name: value}), encoding="utf-8")
                    status, out, _ = self.judged(scenario, "1")
                    self.assertEqual(self.row(out, name, "all")[-1], verdict)
                    self.assertEqual(status, int(verdict == "MISSED"))

    def test_covers_of_a_nation_are_judged_as_others_are(self):
        for cover, verdict in ((1.15, "met"), (1.16, "MISSED"), (None, "MISSED")):
            with self.subTest(cover=cover):
                self.put("national", 1, rho_cover=cover)
                status, out, _ = self.judged("national", "1")
                self.assertEqual(self.row(out, "rho_cover", "direct")[-1], verdict)
                self.assertEqual(status, int(verdict == "MISSED"))

    def test_covers_that_cbc_did_not_find_are_told(self):
        for seed in (1, 2):
            self.put("national", seed, cover_left_out=0)
        self.assertNotIn("cover_left_out", self.judged("national", "1-2")[1])
        self.put("national", 2, cover_left_out=3)
        status, out, _ = self.judged("national", "1-2")
        self.assertEqual(self.row(out, "cover_left_out", "direct")[0], "3")
        self.assertEqual(status, 0)

    def test_a_violation_in_one_run_of_five_is_one_too_many(self):
        for seed in range(1, 6):
            self.put("city", seed, duty_cycle_violations=int(seed == 3))
        status, out, _ = self.judged()
        self.assertEqual(self.row(out, "duty_cycle_violations", "direct")[-1], "MISSED")
        self.assertEqual(status, 1)

    def test_less_complete_than_chirpstack_in_one_run_is_missed(self):
        for seed in range(1, 6):
            theirs = 0.9995 if seed == 2 else 0.97
            self.put("city", seed, completion=0.999, chirpstack_best={"completion": theirs})
        status, out, _ = self.judged()
        self.assertEqual(self.row(out, "completion", "direct")[-1], "met")
        self.assertEqual(self.row(out, "completion_ahead", "direct")[-1], "MISSED")
        self.assertEqual(status, 1)

    def test_targets_are_those_of_scenario_and_timing(self):
        slow = {"speedup_vs_chirpstack_best": 1.5, "rho_makespan": 1.25}
        self.put("city", 1, "direct", **slow)
        self.assertEqual(self.judged(seeds="1")[0], 0)  # faster in stock is what is asked for
        self.put("city", 1, "stock", **slow)
        self.assertEqual(self.judged(seeds="1")[0], 1)
        self.put("town", 1, "direct", rho_makespan=1.05, rho_fragments=1.5)
        self.assertEqual(self.judged("town", "1")[0], 0)
        self.put("town", 1, "direct", **slow)
        self.assertEqual(self.judged("town", "1")[0], 1)
        self.put("national", 1, "direct", completion=0.992, wall_run_s=599, rho_makespan=9)
        self.assertEqual(self.judged("national", "1")[0], 0)

    def test_a_figure_that_is_lacking_has_not_met_its_target(self):
        for seed in range(1, 6):
            self.put("city", seed, rho_cover=None if seed == 4 else 1.0)
        status, out, _ = self.judged()
        self.assertEqual(self.row(out, "rho_cover", "direct")[-1], "MISSED")
        self.assertIn("1 lack it", out)
        self.assertEqual(status, 1)
        status, out, _ = self.judged("city", "1-5", "--no-solver")
        self.assertNotIn("rho_cover", out)
        self.assertEqual(status, 0)

    def test_what_no_schedule_beats_is_told_beside(self):
        self.put("city", 1)
        _, out, _ = self.judged(seeds="1")
        self.assertEqual(self.row(out, "least_rho_makespan", "direct")[0], "1.125")

    def test_twins_are_judged_by_their_neighbour(self):
        for seed, (ours, others) in enumerate(((102, 100), (300, 200), (90, 99)), 1):
            self.put("twins", seed, fragments_sent=ours)
            self.put("twins769", seed, fragments_sent=others)
        status, out, _ = self.judged("twins", "1-3")
        self.assertEqual(self.row(out, "fragments_sent", "/", "769", "direct"),
                         ["1.02", "(0.9645", "to", "1.26)", "<=", "1.02", "met"])
        self.assertEqual(self.row(out, "makespan_s", "/", "769", "direct")[-1], "met")
        self.assertEqual(self.row(out, "t95_s", "/", "769", "direct"),
                         ["1", "(1", "to", "1)"])  # told, not judged
        self.assertEqual(status, 0)
        self.put("twins", 1, fragments_sent=103, makespan_s=1021)
        self.put("twins", 2, makespan_s=1021)
        status, out, _ = self.judged("twins", "1-3")
        self.assertEqual(self.row(out, "fragments_sent", "/", "769", "direct")[-1], "MISSED")
        self.assertEqual(self.row(out, "makespan_s", "/", "769", "direct")[-1], "MISSED")
        self.assertEqual(status, 1)

    def put_rollout(self, **figures):
        path = self.dir / "rollout-1.json"
        path.write_text(json.dumps({"stock": {**ROLLOUT, **figures}}) + "\n", encoding="utf-8")

    def test_a_rollout_is_judged_by_what_it_prints(self):
        self.put_rollout()
        status, out, _ = self.judged("rollout", "1")
        self.assertEqual(status, 0, out)
        self.assertEqual(self.row(out, "wall_ratio", "stock")[-1], "met")
        for name in ("rho_cover", "completion_ahead", "no figure"):
            self.assertNotIn(name, out)
        for name, figures in (("wall_ratio", {"wall_ratio": 199}),
                              ("engine_bytes_share", {"engine_bytes_share": 1.01}),
                              ("schedule_violations", {"schedule_violations": 1}),
                              ("duty_cycle_violations", {"duty_cycle_violations": 1}),
                              ("without_outcome", {"outcomes": {"none": 1}}),
                              ("without_outcome", {"cut": 1}),
                              ("completion", {"completion": 0.994})):
            with self.subTest(name):
                self.put_rollout(**figures)
                status, out, _ = self.judged("rollout", "1")
                self.assertEqual(self.row(out, name, "stock")[-1], "MISSED")
                self.assertEqual(status, 1)
                self.assertIn("1 missed", out)

    def test_a_rollout_that_broke_a_law_is_judged_and_no_other_run_is(self):
        path = self.dir.parent / "fake"
        path.write_text("#!/bin/sh\necho '" + json.dumps(
            {"stock": {**ROLLOUT, "schedule_violations": 3}}) + "'\nexit 1\n", encoding="ascii")
        path.chmod(0o755)
        for scenario, code in (("rollout", 1), ("town", 2)):
            status, out, _ = self.bench("--bench", path, "--scenario", scenario, "--seeds", "1")
            self.assertEqual(status, code, out)

    def fake(self):
        path = self.dir.parent / "fake"
        path.write_text(FAKE, encoding="ascii")
        path.chmod(0o755)
        return path

    def test_runs_are_kept_and_what_was_asked_for_is_passed_on(self):
        status, out, _ = self.bench("--bench", self.fake(), "--scenario", "town", "--seeds",
                                    "1,3-4", "--jobs", "2", "--timing", "direct",
                                    "--no-solver")
        self.assertEqual(status, 1)
        self.assertEqual(self.row(out, "rho_makespan", "direct")[0], "3")
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()),
                         ["town-1.json", "town-3.json", "town-4.json"])
        kept = json.loads((self.dir / "town-4.json").read_text(encoding="utf-8"))
        self.assertEqual(kept["args"],
                         "--scenario town --seed 4 --json --timing direct --no-solver")

    def test_memory_is_that_of_a_process_and_of_those_it_started(self):
        memory_of = script().memory_of
        with subprocess.Popen([sys.executable, "-c", LARGE], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            for _ in range(2):
                self.assertEqual(process.stdout.read(1), b".")
            found = memory_of(process.pid)
            process.stdin.close()
        self.assertGreater(found, 64 << 20)
        self.assertLess(found, 128 << 20)
        self.assertEqual(memory_of(process.pid), 0)

    def test_a_run_that_fails_is_no_verdict_and_leaves_no_old_result(self):
        self.put("town", 13)
        status, out, err = self.bench("--bench", self.fake(), "--scenario", "town",
                                      "--seeds", "13")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("town, seed 13: exit 11: no such luck", err)
        self.assertFalse((self.dir / "town-13.json").exists())

    def test_nothing_to_judge_is_an_error(self):
        for args in (("--judge", "--seeds", "1"), ("--seeds", "x"), ("--jobs", "0"),
                     ("--scenario", "village")):
            with self.subTest(args):
                self.assertEqual(self.bench(*args)[0], 2)


unittest.main()
