#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_command.py FUOTA_BENCH - what its command line does not take, and where it cannot write.

Each is said in a sentence that names what is wrong and what would be right, and ends at once.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH = None
USAGE, INTERNAL = 2, 1
TOWN = ("--scenario", "town1", "--timing", "direct", "--no-solver", "--json")


def run(*args, bench=None, stdout=subprocess.PIPE):
    return subprocess.run([bench or BENCH, *args], stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=200, check=False)


class Command(unittest.TestCase):
    def refused(self, text, *args):
        done = run(*args)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""), args)
        self.assertEqual(done.stderr.splitlines()[0], f"fuota-bench: {text}")
        self.assertIn("--help", done.stderr)

    def test_a_bad_value_is_told_with_what_is_good(self):
        number = "a whole number from 0 to 18446744073709551615"
        for seed in ("-1", "1x", "", "0x1", "1.5", "18446744073709551616", 30 * "1"):
            self.refused(f"--seed '{seed}' is not {number}", *TOWN, "--seed", seed)
        self.refused("--scenario 'village' is not town, town1, city, twins, twins769, national "
                     "or rollout", "--scenario", "village")
        self.refused("--timing 'fast' is not stock, margin1s or direct", *TOWN, "--timing", "fast")
        self.refused("--capture '31' is not a whole number of dB from 1 to 30", *TOWN,
                     "--capture", "31")
        self.refused("--seeds '5-3' is not two whole numbers as 1-20, the second not below the "
                     "first", "--faults", "--seeds", "5-3")
        self.refused("--plant 'x' is not one of the names that --help lists", "--faults",
                     "--plant", "x")
        self.refused("--seed needs a value: " + number, *TOWN, "--seed")
        self.refused("there is no option '--verbos'", *TOWN, "--verbos", "1")
        self.refused("there is no option 'more'", *TOWN, "more")

    def test_what_would_be_passed_over_is_refused(self):
        self.refused("--scenario is missing")
        self.refused("--scenario is missing", "--json")
        both = "only one of --scenario, --plan-bench and --faults can be run"
        self.refused(both, *TOWN, "--faults")
        self.refused(both, *TOWN, "--plan-bench")
        self.refused(both, "--faults", "--plan-bench")
        self.refused("--devices is of --scenario rollout and of --plan-bench: other scenarios "
                     "have their own", *TOWN, "--devices", "5")
        self.refused("--dump is of a --scenario other than rollout", "--plan-bench", "--dump", "x")

    def test_where_nothing_can_be_written_it_says_so(self):
        done = run(*TOWN, "--dump", "/nonexistent/town.csv")
        self.assertEqual((done.returncode, done.stdout), (INTERNAL, ""))
        self.assertEqual(done.stderr, "fuota-bench: cannot write /nonexistent/town.csv: "
                                      "No such file or directory\n")
        done = run(*TOWN, "--dump", "/dev/full")  # the figures are there all the same
        self.assertEqual(done.returncode, INTERNAL)
        self.assertTrue(done.stdout.startswith('{"scenario": "town1"'), done.stdout)
        self.assertIn("fuota-bench: cannot write /dev/full: ", done.stderr)
        with open("/dev/full", "w", encoding="ascii") as full:
            for args in (TOWN, ("--help",)):
                done = run(*args, stdout=full)
                self.assertEqual(done.returncode, INTERNAL, args)
                self.assertIn("fuota-bench: cannot write stdout: No space left", done.stderr)

    def test_faults_end_without_plugins(self):
        with tempfile.TemporaryDirectory() as folder:
            alone = pathlib.Path(folder) / "fuota-bench"
            shutil.copy(BENCH, alone)
            done = run("--faults", "--seeds", "3-4", bench=alone)
        self.assertEqual((done.returncode, done.stdout), (INTERNAL, ""), done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2, done.stderr)
        self.assertIn("spec.networkServer.plugin: plugin 'chirpstack': ", lines[0])
        self.assertIn("faults: seed 3: the daemon does not start; its plugins are looked for in "
                      "the folder plugins beside the program: ", lines[1])


if __name__ == "__main__":
    BENCH = sys.argv.pop(1)
    unittest.main()
