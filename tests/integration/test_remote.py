#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_remote.py BUILD SOURCE [CASE...] - fuotactl by way of the broker, and nothing else.

The tool runs in a network namespace whose only neighbour is the broker, over TLS, with a
broker that asks for a password; the daemon's socket is in a folder that the tool cannot
reach. Prints a line per case and exits with the number of failures.
"""
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys

from cases import run_cases
from stack import MOSQUITTO, Stack, free_port, port_open, wait_for

BUILD = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
OK, USAGE, FORBIDDEN, NOT_FOUND, CONFLICT, UNTRUSTED = 0, 2, 4, 5, 6, 7
FAILED, UNREACHABLE = 10, 12
PREFIX = "fuotad/v1/test"


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                          **options)


class Namespace:
    """A network of its own, with a cable to here. What is at the end of it is 10.213.N.1."""

    def __init__(self):
        self.name = f"fuo{os.getpid()}"
        self.net = f"10.213.{os.getpid() % 250}"
        self.host = f"{self.net}.1"

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.name)
            run("ip", "link", "add", f"{self.name}a", "type", "veth", "peer", "name",
                f"{self.name}b", "netns", self.name)
            run("ip", "addr", "add", f"{self.host}/30", "dev", f"{self.name}a")
            run("ip", "link", "set", f"{self.name}a", "up")
            run("ip", "-n", self.name, "addr", "add", f"{self.net}.2/30", "dev", f"{self.name}b")
            run("ip", "-n", self.name, "link", "set", f"{self.name}b", "up")
        except (OSError, subprocess.CalledProcessError) as e:
            self.__exit__()
            why = getattr(e, "stderr", "") or str(e)
            raise AssertionError("this needs network namespaces (root, iproute2): " + why) from e
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"{self.name}a"], capture_output=True, check=False)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]


class Remote(Stack):
    """A stack whose status broker stands at the end of a cable and speaks TLS only there."""

    def __init__(self, folder, namespace, **options):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(b"".join((i * 2654435761 % 2 ** 32).to_bytes(4, "little")
                                   for i in range(options.pop("words", 2000))))
        super().__init__(folder, BUILD, image, **options)
        self.namespace = namespace
        self.tls_port, self.status_port = free_port(), free_port()

    def write_files(self):
        super().write_files()
        self.certify()
        self.path("operators").mkdir()
        for name in ("alice", "mallory"):
            run(BUILD / "fuotactl", "key", "generate", "-o", self.path(f"operators/{name}"))
        self.path("login").write_text("wire\n")
        self.path("login").chmod(0o600)
        text = self.path("fuotad.yaml").read_text()
        self.path("fuotad.yaml").write_text(text + "  operators: [operators/alice.pub]\n")
        self.path("passwords").touch(mode=0o600)
        run("mosquitto_passwd", "-b", self.path("passwords"), "ci", "wire")

    def certify(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=broker", "-addext",
            f"subjectAltName=IP:{self.namespace.host}", "-keyout", self.path("broker.key"),
            "-out", self.path("broker.pem"))

    def start_status_broker(self):
        here = f"listener {self.status_port} 127.0.0.1\nallow_anonymous true\n"
        there = (f"listener {self.tls_port} {self.namespace.host}\n"
                 f"certfile {self.path('broker.pem')}\nkeyfile {self.path('broker.key')}\n"
                 f"allow_anonymous false\npassword_file {self.path('passwords')}\n")
        self.path("status.conf").write_text(
            "user root\nper_listener_settings true\npersistence false\n" + here + there)
        self.start("status", MOSQUITTO, "-c", self.path("status.conf"))
        wait_for("the status broker", lambda: port_open(self.status_port))

    def start_broker(self):
        super().start_broker()
        self.start_status_broker()

    # ---- the tool, elsewhere ----

    def url(self):
        return f"mqtts://{self.namespace.host}:{self.tls_port}"

    def remote_command(self, *args, key="alice", instance="test"):
        return self.namespace.command(
            BUILD / "fuotactl", "--server", self.url(), "--key", self.path(f"operators/{key}.key"),
            "--ca", self.path("broker.pem"), "--username", "ci", "--password-file",
            self.path("login"), "--instance", instance, *args)

    def remote(self, *args, check=None, timeout=330, **how):
        r = subprocess.run(self.remote_command(*args, **how), capture_output=True, text=True,
                           timeout=timeout, env={**os.environ, "CI": "true",
                                                 "FUOTAD_SOCKET": "/nonexistent/s"})
        if check is not None:
            assert r.returncode == check, f"{args}: {r.returncode}\n{r.stdout}\n{r.stderr}"
        return r

    def remote_json(self, *args, check=0):
        return [json.loads(x) for x in self.remote(*args, "--json", check=check).stdout.splitlines()]

    def audit(self):
        return self.remote_json("audit")


@contextlib.contextmanager
def remote_stack(folder, **options):
    with Namespace() as namespace, Remote(folder, namespace, **options) as stack:
        yield stack


def case_everything_the_socket_can_do(folder):
    with remote_stack(folder) as s:
        # The namespace reaches the broker and nothing else.
        for port in (s.mqtt_port, s.api_port, s.status_port):
            for host in ("127.0.0.1", s.namespace.host):
                probe = f"import socket; socket.create_connection(('{host}', {port}), 1)"
                r = subprocess.run(s.namespace.command(sys.executable, "-c", probe),
                                   capture_output=True, check=False)
                assert r.returncode != 0, (host, port)
        file = s.path("wm1-1-4-3.yaml")
        wait_for("the daemon at the broker", lambda: s.remote("status").returncode == 0)
        assert "there are no campaigns" in s.remote("status", check=OK).stderr
        s.remote("status", "none", check=NOT_FOUND)
        plan = s.remote_json("plan", file, "-o", s.path("plan.json"))[0]
        assert plan["devices"] == 12, plan
        s.remote("apply", s.path("plan.json"), "--reason", "merge 7", check=OK)
        assert s.remote_json("apply", file)[0]["existing"] is True
        whole = file.read_text()

        def edit(part, **keys):
            document = json.loads(whole)
            document[part].update(keys)
            file.write_text(json.dumps(document))

        edit("metadata", labels={"ticket": "FW-7"})
        changed = s.remote_json("apply", file)[0]
        assert changed["changed"] is True and changed["existing"] is True, changed
        edit("spec", priority=7)
        assert "spec.priority" in s.remote("apply", file, check=CONFLICT).stderr
        file.write_text(whole)
        assert s.remote_json("apply", file)[0]["changed"] is True
        s.remote("pause", "wm1-1-4-3", "--reason", "storm", check=OK)
        assert s.remote_json("status", "wm1-1-4-3")[0]["phase"] == "paused"
        s.remote("resume", "wm1-1-4-3", check=OK)
        done = s.remote("apply", file, "--wait", "--timeout", "300s", check=OK)
        assert "completed" in done.stdout + done.stderr, done
        again = s.remote_json("retry", "wm1-1-4-3", "--reason", "none left")[0]
        assert again["retried"] == 0 and again["state"]["phase"] == "completed", again
        r = s.remote("retry", "wm1-1-4-3", "--devices", "00000000000000aa", check=NOT_FOUND)
        assert "not in the campaign" in r.stderr, r
        rows = s.remote_json("devices", "wm1-1-4-3")
        assert len(rows) == 12 and {x["outcome"] for x in rows} == {"succeeded"}, rows
        device = s.remote_json("device", rows[0]["dev_eui"])[0]
        assert device["history"] and device["campaigns"], device
        assert s.remote_json("budget")[0]["gateways"]
        assert s.remote_json("doctor")[0]["findings"]
        s.remote("watch", "wm1-1-4-3", check=OK)
        key = run(BUILD / "fuotactl", "key", "generate", "-o", s.path("k"), "--json")
        assert json.loads(key.stdout)["key_id"]
        text = s.path("operators/alice.pub").read_text().splitlines()[0]
        actor = "key:" + text.split()[-1]
        log = s.audit()
        assert [(x["action"], x["reason"]) for x in log] == [
            ("apply", "merge 7"), ("change", ""), ("change", ""), ("pause", "storm"), ("resume", ""), ("retry", "none left")], log
        assert {x["actor"] for x in log} == {actor}, log
        secret = secrets.token_hex(16)
        s.path("new.csv").write_text("dev_eui,name,gen_app_key\n" + "".join(
            f"{i:016x},new-{i},{secret}\n" for i in range(1, 1001)))
        added = s.remote_json("devices", "import", s.path("new.csv"), "--reason", "hall 3")[0]
        assert added["added"] == added["devices"] == 1000, added
        assert s.remote_json("device", f"{1000:016x}")[0]["name"] == "new-1000"
        assert (s.audit()[-1]["action"], s.audit()[-1]["reason"]) == ("import", "hall 3")
        assert secret not in s.path("fuotad.log").read_text()
        gone = s.remote_json("devices", "remove", s.path("new.csv"), "--reason", "sold")[0]
        assert gone["devices"] == 1000 and gone["fleet"] == "wm1", gone
        s.remote("devices", "remove", s.path("new.csv"), check=NOT_FOUND)
        assert (s.audit()[-1]["action"], s.audit()[-1]["reason"]) == ("remove", "sold")
        s.remote("audit", "--verify", check=OK)
        s.ctl("pause", "wm1-1-4-3", check=OK)  # over the socket: another actor, one log
        assert s.audit()[-1]["actor"].startswith("user:")


def ask_raw(stack, method, payload, *extra):
    """Publish as anybody at the broker could; what comes back on a topic of ours."""
    word = secrets.token_hex(8)
    heard = stack.subscribe(stack.status_port, f"{PREFIX}/rsp/{word}")
    run("mosquitto_pub", "-h", "127.0.0.1", "-p", stack.status_port, "-V", "5", "-q", "1", "-t",
        f"{PREFIX}/req/{method}", "-s", "-D", "publish", "response-topic",
        f"{PREFIX}/rsp/{word}", "-D", "publish", "correlation-data", word, *extra, input=payload)
    wait_for("an answer", lambda: heard)
    return json.loads(heard[0].split(" ", 3)[3])


def overhear(stack, method):
    return stack.subscribe(stack.status_port, f"{PREFIX}/req/{method}")


def case_what_is_not_signed_for_now_changes_nothing(folder):
    with remote_stack(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=OK)
        pauses = overhear(s, "pause")
        s.remote("pause", "wm1-1-4-3", check=OK)
        wait_for("what was said", lambda: len(pauses) == 1)
        recorded = pauses[0].rstrip("\n").split(" ", 3)[3]
        s.remote("resume", "wm1-1-4-3", check=OK)

        def refused(payload, code, says, method="pause"):
            answer = ask_raw(s, method, payload)
            assert answer["code"] == code and says in answer["error"], answer

        refused(recorded, FORBIDDEN, "carried out before")
        refused(recorded.replace("wm1-1-4-3", "wm1-1-4-4"), UNTRUSTED, "or was changed")
        refused(recorded, FORBIDDEN, "carried out before", method="abort")
        refused("{}", USAGE, "not a signed request")
        r = s.remote("abort", "wm1-1-4-3", key="mallory")
        assert r.returncode == FORBIDDEN and "is not one of spec.operators" in r.stderr, r
        # While the subscription stands the broker sends it on as any other; it is kept, too.
        assert ask_raw(s, "pause", recorded, "-r")["code"] == FORBIDDEN
        s.kill_daemon()
        s.start_daemon()  # the retained one comes with the subscription
        wait_for("the daemon at the broker", lambda: s.remote("status").returncode == 0)
        refused(recorded, FORBIDDEN, "another start of fuotad")
        assert s.state()["phase"] == "running", s.state()
        assert [x["action"] for x in s.audit()] == ["apply", "pause", "resume"], s.audit()
        assert "it is retained" in s.path("fuotad.log").read_text()


def case_an_upload_goes_on_where_it_was_cut(folder):
    words = 1000000
    with remote_stack(folder, words=words) as s:
        whole = -(-4 * words // (48 * 1024))  # chunks
        puts = overhear(s, "put")
        file = s.path("wm1-1-4-3.yaml")
        known = 0

        def chunks():
            return sum('\\"data\\"' in line for line in puts) - known

        def cut():
            """How many came of an image before the tool was killed."""
            tool = subprocess.Popen(s.remote_command("plan", file), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            wait_for("some chunks", lambda: chunks() >= 2)
            tool.kill()
            tool.wait()
            s.remote("status", check=OK)  # what was on its way has come before that
            return chunks()

        wait_for("the daemon at the broker", lambda: s.remote("status").returncode == 0)
        before = cut()
        for attempt in range(20):
            if before < whole:
                break
            # The tool was done before it could be killed: again with an image that is new.
            known += before
            image = s.path("image.bin")
            image.write_bytes(image.read_bytes()[:-1] + bytes([attempt]))
            s.sign("image.bin")
            before = cut()
        assert before < whole, before
        r = s.remote("plan", file)
        assert r.returncode in (OK, 11), r
        assert chunks() <= whole + 1, (before, chunks())  # one may have been cut on its way


def case_a_watch_survives_broker_and_daemon(folder):
    with remote_stack(folder, scale=40) as s:  # it must not end meanwhile
        wait_for("the daemon at the broker", lambda: s.remote("status").returncode == 0)
        s.remote("apply", s.path("wm1-1-4-3.yaml"), check=OK)
        with open(s.path("watch.out"), "wb") as out:
            tool = subprocess.Popen(s.remote_command("watch", "wm1-1-4-3", "--json"), stdout=out,
                                    stderr=subprocess.DEVNULL)

        def states():
            return s.path("watch.out").read_text().count('"type":"state"')

        for restart in (lambda: (s.stop("status"), s.start_status_broker()),
                        lambda: (s.kill_daemon(), s.start_daemon())):
            count = states()
            wait_for("a state", lambda: states() > count)  # noqa: B023
            restart()
        count = states()
        wait_for("a state", lambda: states() > count)
        s.ctl("abort", "wm1-1-4-3", check=OK)
        assert tool.wait(60) == FAILED, s.path("watch.out").read_text()[-500:]
        assert s.path("watch.out").read_text().splitlines()[-1].find('"phase":"aborted"') > 0


def case_what_cannot_be_reached_is_said_with_its_code(folder):
    with remote_stack(folder) as s:
        wait_for("the daemon at the broker", lambda: s.remote("status").returncode == 0)

        def fails(code, says, *args, **how):
            r = s.remote(*(args or ("status",)), **how)
            assert r.returncode == code and says in r.stderr, (r.returncode, r.stderr)

        fails(UNREACHABLE, "there is no fuotad/v1/other/$state", instance="other")
        fails(USAGE, "mqtt:// is not encrypted", "--server", f"mqtt://{s.namespace.host}:1883",
              "status")
        s.path("login").write_text("wrong\n")
        fails(UNREACHABLE, "login refused")
        s.path("login").write_text("wire\n")
        s.stop("fuotad")
        fails(UNREACHABLE, "fuotad is not there")
        text = s.path("fuotad.yaml").read_text()
        s.path("fuotad.yaml").write_text(text.replace("operators: [operators/alice.pub]",
                                                      "operators: []"))
        s.start_daemon()
        wait_for("the daemon at the broker",
                 lambda: s.remote("status").returncode != UNREACHABLE)
        fails(FORBIDDEN, "takes no requests over MQTT")
        s.stop("status")
        fails(UNREACHABLE, "no broker answers there")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
