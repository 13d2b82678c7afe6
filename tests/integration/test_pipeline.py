#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_pipeline.py BUILD SOURCE [CASE...] - a campaign, rolled out as CI would do it.

Runs the jobs of campaigns/gitlab-ci.yml in their order: each in a folder of its own with what is
in the repository and the artifacts of the jobs before, with nothing but the variables of the file
and an operator's key, by way of the broker. Prints a line per case and exits with the number of
failures.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

from cases import run_cases
from stack import Stack, wait_for

BUILD = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
EXAMPLE = SOURCE / "campaigns/gitlab-ci.yml"
NAME, FILE, DEVICES = "wm1-tariff-2027", "configuration.yaml", 24
Job = collections.namedtuple("Job", "name script artifacts")


def read_example():
    """Its variables and its jobs; of YAML only what stands there."""
    variables, jobs = {}, []
    for line in EXAMPLE.read_text().splitlines():
        if match := re.fullmatch(r"([a-z-]+):", line):
            jobs.append(Job(match[1], [], []))
        elif match := re.fullmatch(r"  ([A-Z_]+): (\S+)", line):
            variables[match[1]] = match[2]
        elif match := re.fullmatch(r"    - (.+)", line):
            jobs[-1].script.append(match[1])
        elif match := re.fullmatch(r"    paths: \[(.+)\]", line):
            jobs[-1].artifacts.extend(match[1].split(", "))
    return variables, [job for job in jobs if job.script]


class Pipeline(Stack):
    """The daemon names one operator, the pipeline's; the repository is the folder `repo`."""

    def __init__(self, folder, **options):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(b"".join((i * 2654435761 % 2 ** 32).to_bytes(4, "little")
                                   for i in range(1000)))
        super().__init__(folder, BUILD, image, devices=DEVICES, loss="5%", **options)
        self.variables, self.jobs = read_example()

    def write_files(self):
        super().write_files()
        self.path("operators").mkdir()
        self.key("operators/ci")
        text = self.path("fuotad.yaml").read_text()
        self.path("fuotad.yaml").write_text(text + "  operators: [operators/ci.pub]\n")
        self.path("repo").mkdir()
        shutil.copy(SOURCE / "campaigns" / FILE, self.path("repo"))
        shutil.copy(self.image, self.path("repo/wm1-tariff-2027.bin"))
        subprocess.run([BUILD / "fuotactl", "image", "sign", self.path("repo/wm1-tariff-2027.bin"),
                        "--key", self.path("trust/release.key"), "--product", "wm1", "--version",
                        "2027.1"], check=True, capture_output=True)

    def key(self, name):
        subprocess.run([BUILD / "fuotactl", "key", "generate", "-o", self.path(name)], check=True,
                       capture_output=True)

    def environment(self, **more):
        return {**self.variables, "PATH": f"{BUILD}:{os.environ['PATH']}", "CI": "true",
                "CI_PIPELINE_ID": "4711", "FUOTAD_SERVER": f"mqtt://127.0.0.1:{self.mqtt_port}",
                "FUOTAD_KEY": str(self.path("operators/ci.key")), "HOME": str(self.folder),
                # Not in the file: this daemon is not the only one of the broker.
                "FUOTAD_SOCKET": "/nonexistent/socket", **more}

    def checkout(self, job):
        """The folder that a runner makes for it."""
        folder = self.path(f"job-{job.name}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.path("repo"), folder)
        for before in self.jobs[:self.jobs.index(job)]:
            for name in before.artifacts:
                if (made := self.path(f"job-{before.name}") / name).exists():
                    shutil.copy(made, folder)
        return folder

    def begin(self, name, **variables):
        job = next(job for job in self.jobs if job.name == name)
        script = "set -eu\n" + "\n".join(
            re.sub(r"^fuotactl", "fuotactl --instance test", line) for line in job.script)
        return subprocess.Popen(["sh", "-c", script], cwd=self.checkout(job), text=True,
                                env=self.environment(**variables), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def job(self, name, code=0, **variables):
        process = self.begin(name, **variables)
        try:
            out, err = process.communicate(timeout=200)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert process.returncode == code, f"{name}: {process.returncode}\n{out}\n{err}"
        return out + err

    def artifact(self, job, name):
        return (self.path(f"job-{job}") / name).read_text()


def started(folder):
    return Pipeline(folder)


def ready(stack):
    """Devices are known as those of a real fleet are: a plan of now is one of in a minute."""
    wait_for("the daemon at the broker", lambda: subprocess.run(
        ["fuotactl", "--instance", "test", "status"], env=stack.environment(), check=False,
        capture_output=True).returncode == 0)
    seen = collections.deque(maxlen=5)

    def is_settled():
        plan = json.loads(stack.ctl("plan", stack.path("repo") / FILE, "--json", check=0).stdout)
        unheard = sum(x["devices"] for x in plan["cohorts"] if x["assumed"])
        seen.append((unheard, plan["airtime_us"]))
        return len(seen) == seen.maxlen and set(seen) == {(0, plan["airtime_us"])}

    wait_for("a fleet that is known", is_settled, 90)


def suites_of(stack):
    """Of each wave its devices; counts are those of the cases."""
    root = xml.etree.ElementTree.fromstring(stack.artifact("report", "report.xml"))
    assert root.tag == "testsuites" and root.get("name") == NAME, root.attrib
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases), suite.attrib
        for tag, count in (("failure", "failures"), ("skipped", "skipped"), ("error", "errors")):
            assert int(suite.get(count)) == sum(x.find(tag) is not None for x in cases), tag
        assert {x.get("classname") for x in cases} <= {f"{NAME}.{suite.get('name')}"}
    return {suite.get("name"): {x.get("name"): x for x in suite.findall("testcase")}
            for suite in root}


def euis(stack):
    return {x.split(",")[0] for x in stack.path("inventory.csv").read_text().splitlines()[1:]}


def case_the_jobs_of_the_example_roll_a_campaign_out(folder):
    with started(folder) as s:
        assert [job.name for job in s.jobs] == ["validate", "plan", "apply", "report"], s.jobs
        assert (s.variables["CAMPAIGN"], s.variables["FILE"]) == (NAME, FILE)
        ready(s)
        for name in ("validate", "plan", "apply"):
            s.job(name)
        s.job("apply")  # run again: it attaches, and nothing is sent twice
        s.job("report")
        suites = suites_of(s)
        assert list(suites) == ["canary", "rest"] and len(suites["canary"]) == 10, suites
        assert set(suites["canary"]) | set(suites["rest"]) == euis(s)
        assert not any(list(x) for cases in suites.values() for x in cases.values())
        report = json.loads(s.artifact("report", "report.json"))
        assert report["campaign"]["phase"] == "completed", report["campaign"]
        assert report["campaign"]["devices"]["succeeded"] == DEVICES, report["campaign"]
        html = s.artifact("report", "report.html")
        assert html.startswith("<!DOCTYPE html>") and html.count("<svg") >= 3
        assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html
        assert all(eui in html for eui in euis(s))
        assert s.artifact("report", "report.md").startswith("## ")
        audit = json.loads(s.ctl("audit", "--json", check=0).stdout.splitlines()[0])
        assert (audit["action"], audit["reason"]) == ("apply", "pipeline 4711"), audit
        assert audit["actor"].startswith("key:"), audit


def case_every_job_fails_with_the_code_that_the_example_names(folder):
    with started(folder) as s:
        ready(s)
        file = s.path("repo") / FILE
        good = file.read_text()
        file.write_text(good.replace("fragmentation:", "fragmantation:"))
        assert f"{FILE}:" in s.job("validate", code=3)
        file.write_text(good)
        s.job("plan")
        image = s.path("repo/wm1-tariff-2027.bin")
        bytes_ = image.read_bytes()
        image.write_bytes(bytes_[::-1])
        s.job("apply", code=6)  # it is not what was planned
        s.job("plan", code=7)
        image.write_bytes(bytes_)
        s.job("plan")
        s.key("operators/other")
        other = str(s.path("operators/other.key"))
        assert "not one of spec.operators" in s.job("apply", code=4, FUOTAD_KEY=other)
        s.job("plan", code=12, FUOTAD_SERVER="mqtt://127.0.0.1:1")
        tight = next(job for job in s.jobs if job.name == "plan")
        tight.script[:] = [x.replace("--max-airtime 4h", "--max-airtime 1s") for x in tight.script]
        assert "--max-airtime" in s.job("plan", code=11)
        s.job("report", code=5)  # nothing of all that began
        assert "no campaigns" in s.ctl("status", check=0).stderr


def case_an_abort_fails_the_job_and_the_report_shows_it(folder):
    with started(folder) as s:
        ready(s)
        s.job("plan")
        waiting = s.begin("apply")
        wait_for("fragments", lambda: s.ctl("status", NAME).returncode == 0
                 and s.state(NAME)["fragments"]["sent"] > 3, 90)
        s.ctl("abort", NAME, "--reason", "wrong tariff", check=0)
        _, err = waiting.communicate(timeout=100)
        assert waiting.returncode == 10, f"{waiting.returncode}\n{err}"
        s.job("report")
        suites = suites_of(s)
        assert sum(map(len, suites.values())) == DEVICES
        failed = {eui for cases in suites.values() for eui, x in cases.items()
                  if x.find("failure") is not None}
        r = s.ctl("devices", NAME, "-o", "jsonl", check=0)  # a busy machine may come too late
        rows = {row["dev_eui"]: row["outcome"] for row in map(json.loads, r.stdout.splitlines())}
        assert failed == {eui for eui, outcome in rows.items() if outcome != "succeeded"}, rows
        assert "cancelled" in rows.values(), rows
        assert "wrong tariff" in s.artifact("report", "report.md")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
