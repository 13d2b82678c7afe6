#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_folder.py BUILD SOURCE - campaigns that are put into the folder that fuotad watches.

Prints a line per case and exits with the number of failures.
"""
import json
import os
import sys
import time

from cases import run_cases
from stack import wait_for
from test_campaign import applied, finish, local

NAME = "wm1-1-4-3"


def watched(folder, **options):
    """A stack whose daemon watches the folder campaigns, which is there."""
    s = applied(folder, **options)
    files = s.write_files

    def write_files():
        files()
        s.path("campaigns").mkdir()
        text = s.path("fuotad.yaml").read_text()
        s.path("fuotad.yaml").write_text(text + "  campaigns: campaigns\n")

    s.write_files = write_files
    return s


def document(s, name=NAME, **spec):
    """As Stack.write_campaign() does, with files that lie beside the folder."""
    full = {"image": {"file": "../image.bin", "version": "1.4.3",
                      "signatures": ["../image.bin.minisig"]},
            "targets": {"fleet": "wm1"}, "retry": {"cooldown": "1m", "device": 9},
            "activation": {"jitter": "1m"}, **spec}
    return json.dumps({"apiVersion": "fuotad/v1", "kind": "Campaign",
                       "metadata": {"name": name}, "spec": full}, indent=1)


def put(s, name, text):
    """Renamed into place, as a program should."""
    temporary = s.path("campaigns") / f".{name}.new"
    temporary.write_text(text)
    temporary.rename(s.path("campaigns") / name)


def campaigns(s):
    rows = [json.loads(x) for x in s.ctl("status", "--json", check=0).stdout.splitlines()]
    return [x for x in rows if x["type"] == "campaign"]


def log_of(s):
    return s.path("fuotad.log").read_text(errors="replace")


def alerts(s):
    """What a subscriber sees now that comes anew: retained messages only."""
    lines = s.subscribe(s.mqtt_port, "fuotad/v1/test/#")
    wait_for("the daemon's state", lambda: any("$state" in x for x in lines))
    s.stop(f"subscriber {s.mqtt_port} fuotad/v1/test/#")
    rows = [x.split(" ", 3) for x in lines if "/alert/" in x]
    return {row[2].rsplit("/", 1)[1]: json.loads(row[3])["text"] for row in rows
            if row[3].strip()}


def wait_for_alert(s, what, condition):
    wait_for(what, lambda: condition(alerts(s)))


def restart(s):
    s.kill_daemon()
    s.start_daemon()


def settle(s):
    """A file that is put there last has been taken, and so has all that was there before."""
    marker = f"zz-{time.monotonic_ns()}.yaml"
    put(s, marker, "kind: Nothing\n")
    wait_for("the folder", lambda: f"/{marker}:" in log_of(s))
    (s.path("campaigns") / marker).unlink()


def case_what_is_put_there_is_applied_once(folder):
    with watched(folder, devices=4) as s:
        put(s, "a.yaml", document(s))
        wait_for("the campaign", lambda: len(campaigns(s)) == 1)
        first = s.state()["id"]
        restart(s)
        settle(s)
        assert [c["id"] for c in campaigns(s)] == [first]
        finish_here = s.ctl("wait", NAME, "--for", "completed", "--timeout", "300s")
        assert finish_here.returncode == 0, finish_here.stderr
        (s.path("campaigns") / "a.yaml").touch()
        restart(s)
        settle(s)
        state = s.state()
        assert state["id"] == first and state["phase"] == "completed", state
        s.path("campaigns/a.yaml").unlink()
        settle(s)
        assert s.state()["id"] == first
        finish(s, 4, loss=0)


def write_slowly(path, text):
    """The longest pause that there was, in seconds."""
    longest, last = 0, time.monotonic()
    with open(path, "w", encoding="ascii") as f:
        for i in range(0, len(text), 40):
            f.write(text[i:i + 40])
            f.flush()
            os.fsync(f.fileno())
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            time.sleep(0.15)  # a writer's pace, not a wait for the daemon
    return longest


def case_a_file_that_is_written_slowly_is_taken_when_it_is_whole(folder):
    with watched(folder, devices=2) as s:
        for attempt in range(20):
            name = f"slow{attempt}.yaml"
            longest = write_slowly(s.path(f"campaigns/{name}"), document(s))
            wait_for("the campaign", lambda: len(campaigns(s)) == 1)
            if longest < 0.5:  # else the machine stood still, as if it were whole
                assert f"{name}:" not in log_of(s), "a part of the file was read"
                return
            s.path(f"campaigns/{name}").unlink()
        raise AssertionError("this machine writes nothing without a pause")


def case_what_is_wrong_is_an_alert_until_it_is_mended(folder):
    with watched(folder, devices=2) as s:
        wrong = document(s).replace('"fleet"', '"flet"')
        line = next(i for i, x in enumerate(wrong.splitlines(), 1) if '"flet"' in x)
        column = wrong.splitlines()[line - 1].index('"flet"') + 1
        put(s, "b.yaml", wrong)
        place = f"campaigns/b.yaml:{line}:{column}: "
        wait_for_alert(s, "the alert", lambda a: place in a.get("file-b.yaml", ""))
        assert place in log_of(s)
        assert campaigns(s) == []
        restart(s)
        settle(s)
        assert place in alerts(s)["file-b.yaml"]
        put(s, "b.yaml", document(s))
        wait_for("the campaign", lambda: len(campaigns(s)) == 1)
        wait_for_alert(s, "its end", lambda a: "file-b.yaml" not in a)
        put(s, "c.yaml", document(s, name="other", image={
            "file": "none.bin", "version": "1", "signatures": ["../image.bin.minisig"]}))
        wait_for_alert(s, "the alert", lambda a: "none.bin" in a.get("file-c.yaml", ""))
        s.stop("fuotad")
        s.path("campaigns/c.yaml").unlink()  # while nobody looks
        s.start_daemon()
        wait_for_alert(s, "its end", lambda a: "file-c.yaml" not in a)


def case_an_image_that_comes_late_is_waited_for(folder):
    with watched(folder, devices=2) as s:
        s.path("image.bin").rename(s.path("later.bin"))
        put(s, "a.yaml", document(s))
        wait_for_alert(s, "the alert", lambda a: "image.bin" in a.get("file-a.yaml", ""))
        s.path("later.bin").rename(s.path("image.bin"))
        wait_for("the campaign", lambda: len(campaigns(s)) == 1)


def case_an_edit_changes_what_may_be_changed(folder):
    with watched(folder, devices=2) as s:
        begin = s.now() // 60 * 60
        late, early = ({"timezone": "Asia/Kolkata", "windows": [
            {"start": local(begin + a), "end": local(begin + b)}]}
            for a, b in ((50000, 60000), (2500, 30000)))
        put(s, "a.yaml", document(s, schedule=late))
        wait_for("the campaign", lambda: len(campaigns(s)) == 1)
        # another image: refused, and nothing of it is taken
        other = document(s, schedule=late, fragmentation={"redundancy": "30%"})
        line = next(i for i, x in enumerate(other.splitlines(), 1) if "redundancy" in x)
        put(s, "a.yaml", other)
        wait_for_alert(s, "the alert",
                       lambda a: f"a.yaml:{line}:" in a.get("file-a.yaml", "")
                       and "spec.fragmentation.redundancy" in a["file-a.yaml"])
        # windows: taken, also by the next life of the daemon
        put(s, "a.yaml", document(s, paused=True, schedule=early))
        wait_for("the pause", lambda: s.state()["phase"] == "paused")
        wait_for_alert(s, "the end of the alert", lambda a: "file-a.yaml" not in a)
        restart(s)
        settle(s)
        assert s.state()["phase"] == "paused", s.state()
        put(s, "a.yaml", document(s, paused=False, schedule=early))
        wait_for("the end of the pause", lambda: s.state()["phase"] == "running")
        audit = [json.loads(x) for x in s.ctl("audit", "--json", check=0).stdout.splitlines()]
        assert [(x["action"], x["actor"]) for x in audit if x["type"] == "audit"] == [
            ("apply", "folder"), ("change", "folder"), ("change", "folder")], audit
        finish(s, 2, loss=0)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
