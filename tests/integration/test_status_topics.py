#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_status_topics.py BUILD SOURCE - a consumer that has MQTT and nothing else.

It keeps the result of every device from the topics alone, misses what is said while the
broker is away, notices by seq, and asks for a snapshot, signed by openssl: no code of ours.
Prints a line per case and exits with the number of failures.
"""
import base64
import datetime
import json
import pathlib
import secrets
import subprocess
import sys

from cases import run_cases
from stack import MOSQUITTO, Stack, free_port, port_open, wait_for

BUILD = pathlib.Path(sys.argv[1])
PREFIX = "fuotad/v1/test"
NAME = "wm1-1-4-3"


class Topics(Stack):
    """With a status broker of its own, that can go away, and an operator."""

    def __init__(self, folder, **options):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(b"".join((i * 2654435761 % 2 ** 32).to_bytes(4, "little")
                                   for i in range(1500)))
        super().__init__(folder, BUILD, image, status_port=free_port(), **options)

    def write_files(self):
        super().write_files()
        subprocess.run([self.build / "fuotactl", "key", "generate", "-o", self.path("op")],
                       check=True, capture_output=True)
        with open(self.path("fuotad.yaml"), "a", encoding="ascii") as f:
            f.write("  operators: [op.pub]\n")

    def start_status_broker(self):
        self.path("status.conf").write_text(
            f"listener {self.status_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.start("status", MOSQUITTO, "-c", self.path("status.conf"))
        wait_for("the status broker", lambda: port_open(self.status_port))

    def start_broker(self):
        super().start_broker()
        self.start_status_broker()

    def stop_status_broker(self):
        self.stop("status")


class Consumer:
    """What a dashboard would do. fuotad's socket, files and tools are not touched."""

    def __init__(self, stack):
        self.stack = stack
        self.results, self.seqs, self.gaps = {}, {}, 0
        self.events, self.retained = [], {}
        self.lines, self.at = [], 0
        self.connect()

    def connect(self):
        self.stack.processes.pop(f"subscriber {self.stack.status_port} {PREFIX}/#", None)
        self.lines = self.stack.subscribe(self.stack.status_port, f"{PREFIX}/#")
        self.at, self.retained = 0, {}

    def take(self):
        while self.at < len(self.lines):
            flag, qos, topic, payload = self.lines[self.at].rstrip("\n").split(" ", 3)
            self.at += 1
            topic = topic.removeprefix(PREFIX + "/")
            if topic.startswith(f"c/{NAME}/results/"):
                self.take_results(topic.rsplit("/", 1)[1], json.loads(payload), qos)
            elif topic == f"c/{NAME}/event":
                assert flag == "0" and qos == "1"
                self.events.append(json.loads(payload))
            elif not topic.startswith(("req/", "rsp/")):
                self.retained[topic] = payload

    def take_results(self, shard, message, qos):
        assert qos == "1" and message["campaign"] == NAME, message
        have = self.seqs.get(shard, 0)
        if message["seq"] <= have:
            return  # again: at least once
        self.gaps += message["prev"] != have
        self.seqs[shard] = message["seq"]
        for result in message["results"]:
            self.results[result["dev_eui"]] = result

    # ---- snapshots ----

    def sign(self, body):
        """Ed25519 with the secret half of a minisign key in the clear, by openssl."""
        raw = base64.b64decode(self.stack.path("op.key").read_text().splitlines()[1])
        seed, number = raw[62:94], raw[54:62]
        der = bytes.fromhex("302e020100300506032b657004220420") + seed
        self.stack.path("op.der").write_bytes(der)
        self.stack.path("body").write_bytes(b"fuotad request v1\n" + body.encode())
        r = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey",
                            self.stack.path("op.der"), "-in", self.stack.path("body")],
                           check=True, capture_output=True)
        return json.dumps({"key": number[::-1].hex(), "body": body,
                           "signature": base64.b64encode(r.stdout).decode()})

    def ask(self, method, **params):
        session = json.loads(self.retained["$state"])["session"]
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
        body = json.dumps({"id": 1, "method": method, "params": params, "instance": "test",
                           "session": session, "nonce": secrets.token_hex(16),
                           "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ")})
        r = subprocess.run(["mosquitto_rr", "-h", "127.0.0.1", "-p", str(self.stack.status_port),
                            "-V", "5", "-q", "1", "-W", "20", "-t", f"{PREFIX}/req/{method}",
                            "-e", f"{PREFIX}/rsp/{secrets.token_hex(8)}", "-m",
                            self.sign(body)], capture_output=True, text=True, check=True)
        answer = json.loads(r.stdout)
        assert answer["ok"] and answer["id"] == 1, answer
        return answer["data"]

    def snapshot(self):
        """Page by page; the numbers of the first page count."""
        page, seqs = self.ask("snapshot", name=NAME, limit=5), None
        while True:
            seqs = seqs if seqs is not None else page["seqs"]
            self.results.update({r["dev_eui"]: r for r in page["results"]})
            if page["next"] is None:
                break
            page = self.ask("snapshot", name=NAME, limit=5, after=page["next"])
        self.seqs.update(seqs)


def truth(stack):
    """What the socket says at the same time, for comparison only."""
    rows = [json.loads(x) for x in
            stack.ctl("devices", NAME, "--json", check=0).stdout.splitlines()]
    return {r["dev_eui"]: (r["state"], r["result"], r["outcome"], r["reason"]) for r in rows}


def seen(consumer):
    return {eui: (r["state"], r["result"], r["outcome"], r["reason"])
            for eui, r in consumer.results.items()}


def begin(stack):
    consumer = Consumer(stack)
    stack.ctl("apply", stack.path(f"{NAME}.yaml"), check=0)
    wait_for("the campaign's state", lambda: consumer.take() or
             f"c/{NAME}/state" in consumer.retained)
    return consumer


def done(stack, consumer):
    stack.ctl("wait", NAME, "--timeout", "300s", check=0)
    wait_for("the end on the topics", lambda: consumer.take() or json.loads(
        consumer.retained[f"c/{NAME}/state"])["phase"] == "completed")


# One device, and the others when an operator says so: who is away meanwhile misses something.
IN_TWO = {"rollout": {"waves": [{"name": "one", "size": "1"},
                                {"name": "all", "size": "100%", "approval": "required"}]}}


def approve(stack):
    wait_for("the gate", lambda: stack.ctl("approve", NAME).returncode == 0, 120)


def case_results_are_rebuilt_over_a_broker_restart(folder):
    with Topics(folder, spec=IN_TWO) as s:
        consumer = begin(s)
        wait_for("a result", lambda: consumer.take() or consumer.results, 120)
        # The consumer is away, results go by; then the broker forgets everything.
        s.stop(f"subscriber {s.status_port} {PREFIX}/#")
        approve(s)
        s.ctl("wait", NAME, "--timeout", "300s", check=0)
        s.stop_status_broker()
        s.start_status_broker()
        consumer.connect()
        wait_for("the state again", lambda: consumer.take() or "$state" in consumer.retained)
        assert seen(consumer) != truth(s), "nothing was missed"
        wait_for("the daemon", lambda: json.loads(consumer.retained["$state"])["state"] ==
                 "ready")
        consumer.snapshot()
        assert seen(consumer) == truth(s)
        assert {r["outcome"] for r in consumer.results.values()} == {"succeeded"}


def case_a_gap_is_seen_and_filled(folder):
    with Topics(folder, spec=IN_TWO) as s:
        consumer = begin(s)
        wait_for("a result", lambda: consumer.take() or consumer.results, 120)
        s.stop_status_broker()  # in the middle; the daemon goes on and keeps what it has to say
        before = truth(s)
        approve(s)
        wait_for("something to say", lambda: truth(s) != before)
        s.start_status_broker()
        s.stop(f"subscriber {s.status_port} {PREFIX}/#")
        consumer.connect()
        wait_for("the daemon", lambda: consumer.take() or "$state" in consumer.retained)
        consumer.snapshot()
        gaps = consumer.gaps
        done(s, consumer)
        wait_for("all results", lambda: consumer.take() or seen(consumer) == truth(s))
        assert consumer.gaps in (gaps, gaps + 1), (gaps, consumer.gaps)
        # From here on nothing is missing: every number followed the one before it.
        stored = consumer.ask("snapshot", name=NAME)["seqs"]
        assert all(consumer.seqs[shard] == seq for shard, seq in stored.items()), (
            consumer.seqs, stored)


def told(consumer):
    return [e["type"].removeprefix("io.fuotad.") for e in consumer.events]


def case_what_happens_is_told_and_retained_topics_stay_few(folder):
    with Topics(folder, devices=16, gateways=2, scale=60) as s:
        consumer = begin(s)
        s.ctl("pause", NAME, "--reason", "storm", check=0)
        s.ctl("resume", NAME, check=0)
        done(s, consumer)
        wait_for("a budget", lambda: consumer.take() or any(
            t.startswith("gw/budget/") for t in consumer.retained))
        assert consumer.gaps == 0
        assert seen(consumer) == truth(s)
        # The last session may be on when all devices are done already.
        wait_for("a session's end", lambda: consumer.take() or "session.ended" in told(consumer),
                 120)
        types = told(consumer)
        assert [t for t in types if not t.startswith("session.")] == [
            "action", "campaign.running", "action", "campaign.paused", "action",
            "campaign.running", "campaign.completed"], types
        assert "session.started" in types, types
        assert len({e["id"] for e in consumer.events}) == len(consumer.events)
        pause = [e for e in consumer.events if e["type"] == "io.fuotad.action"][1]
        assert pause["data"]["action"] == "pause" and pause["data"]["reason"] == "storm", pause
        assert pause["data"]["actor"].startswith("user:") and pause["subject"] == NAME, pause
        shards = [t for t in consumer.retained if t.startswith("gw/budget/")]
        gateways = [g["gateway"] for t in shards for g in json.loads(
            consumer.retained[t])["gateways"]]
        assert 1 <= len(set(gateways)) <= 2, gateways
        wait_for("the last session's end", lambda: consumer.take() or not any(
            "/session/" in t and text for t, text in consumer.retained.items()))
        late = s.subscribe(s.status_port, f"{PREFIX}/+/#")  # what a new consumer finds
        kept = {x.split(" ")[2].removeprefix(PREFIX + "/") for x in list(late) if x[0] == "1"}
        kept = {t for t in kept if not t.startswith("gw/budget/")}
        assert kept <= {"$state", "campaigns", f"c/{NAME}/state",
                        f"c/{NAME}/wave/all/state"}, kept


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
