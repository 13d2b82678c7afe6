#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_notify.py BUILD SOURCE - webhooks of a campaign, told by a daemon on the real stack to real
HTTP and HTTPS servers that answer well, badly, late or not at all.

Prints a line per case and exits with the number of failures.
"""
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import threading

from cases import run_cases
from stack import Stack, free_port, wait_for

BUILD = pathlib.Path(sys.argv[1])
NAME = "wm1-1-4-3"
STORE = "/etc/ssl/certs/ca-certificates.crt"  # of Debian, which libcurl reads
SECRET = "query-secret-91b7"
ON_ALL = ["started", "waveDone", "paused", "aborted", "completed"]


class Hook:
    """A server of webhooks. answers: the status of each request in turn, the last one for all
    that follow; None: it takes the request and never answers."""

    def __init__(self, *answers, port=None, tls=None):
        self.answers = list(answers) or [200]
        self.port = port or free_port()
        self.requests = []  # (path, headers, body) in the order they came
        self.release = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                number = len(hook.requests)
                status = hook.answers[min(number, len(hook.answers) - 1)]
                hook.requests.append((self.path, dict(self.headers), json.loads(body)))
                if status is None:
                    hook.release.wait(300)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        self.url = f"{self.scheme}://127.0.0.1:{self.port}/hook/{SECRET}?token={SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def types(self):
        return [body["type"].removeprefix("io.fuotad.") for _, _, body in self.requests]

    def ids(self):
        return [body["id"] for _, _, body in self.requests]


def stack(folder, notify, **options):
    image = pathlib.Path(folder) / "source.bin"
    image.write_bytes(bytes((i * 7919 >> 5) % 251 for i in range(1500)))
    spec = {"notify": notify, **options.pop("spec", {})}
    return Stack(folder, BUILD, image, devices=4, spec=spec, **options)


def nothing_secret(s):
    """Neither the daemon's log nor what it says has path or query of a webhook."""
    for name in ("fuotad.log",):
        assert SECRET not in s.path(name).read_text(errors="replace"), name
    for args in (("status", NAME, "--json"), ("audit", "--json"), ("doctor", "--json")):
        r = s.ctl(*args)
        assert SECRET not in r.stdout + r.stderr, args


def daemon_of(s):
    r = s.ctl("status", "--json", check=0)
    return json.loads(r.stdout.splitlines()[0])


def waiting(s):
    return daemon_of(s)["webhooks_waiting"]


def alert_lines(lines):
    return [line.split(" ", 3)[3].strip() for line in lines
            if line.split(" ", 3)[2].endswith("/alert/notify")]


def case_a_campaign_is_told_from_start_to_end(folder):
    with Hook() as hook, stack(folder, [{"on": ON_ALL, "webhook": hook.url}]) as s:
        s.ctl("plan", s.path(f"{NAME}.yaml"), check=0)
        s.ctl("apply", s.path(f"{NAME}.yaml"), "--wait", check=0)
        wait_for("the end to be told", lambda: "campaign.completed" in hook.types())
        assert hook.types() == ["campaign.running", "wave.done", "campaign.completed"]
        path, headers, event = hook.requests[-1]
        assert path == f"/hook/{SECRET}?token={SECRET}", path
        assert headers["Content-Type"].startswith("application/cloudevents+json"), headers
        assert event["specversion"] == "1.0" and event["subject"] == NAME, event
        assert event["source"] == "/fuotad/v1/test", event
        assert event["data"]["phase"] == "completed", event
        assert event["data"]["state"]["devices"]["succeeded"] == 4, event
        assert hook.requests[1][2]["data"]["wave"] == "all"
        assert len(set(hook.ids())) == 3
        wait_for("nothing to wait", lambda: waiting(s) == 0)
        nothing_secret(s)


def case_a_server_in_trouble_is_told_again_and_in_order(folder):
    with Hook(500, 503, 200, 429, 200) as hook, \
            stack(folder, [{"on": ["started", "paused", "aborted"], "webhook": hook.url}],
                  spec={"paused": True}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        s.ctl("abort", NAME, check=0)
        wait_for("the abort to be told", lambda: len(hook.requests) == 5)
        paused, aborted = "campaign.paused", "campaign.aborted"
        assert hook.types() == [paused, paused, paused, aborted, aborted], hook.types()
        ids = hook.ids()
        assert len(set(ids[:3])) == 1 and len(set(ids[3:])) == 1 and ids[0] != ids[3], ids
        wait_for("nothing to wait", lambda: waiting(s) == 0)
        nothing_secret(s)


def case_what_was_not_heard_outlives_the_daemon(folder):
    """Killed while the server had the request and did not answer; and killed before it was
    there at all."""
    port = free_port()
    with stack(folder, [{"on": ["paused"], "webhook": f"http://127.0.0.1:{port}/x"}],
               spec={"paused": True}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        assert waiting(s) == 1
        s.kill_daemon()
        with Hook(None, port=port) as mute:
            s.start_daemon()
            wait_for("a request", lambda: len(mute.requests) == 1)
            s.kill_daemon()
        with Hook(200, port=port) as hook:
            s.start_daemon()
            wait_for("it to be told", lambda: len(hook.requests) == 1)
            wait_for("nothing to wait", lambda: waiting(s) == 0)
            assert hook.ids() == mute.ids(), (hook.ids(), mute.ids())
            s.stop("fuotad")
            s.start_daemon()  # nothing is told twice that was heard
            s.ctl("resume", NAME, check=0)
            s.ctl("pause", NAME, check=0)
            wait_for("the next to be told", lambda: len(hook.requests) == 2)
            assert len(set(hook.ids())) == 2, hook.ids()


def case_no_answer_is_no_success(folder):
    """The daemon gives up waiting for an answer, and asks again."""
    with Hook(None, 200) as hook, \
            stack(folder, [{"on": ["paused"], "webhook": hook.url}], spec={"paused": True}) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("a second request", lambda: len(hook.requests) == 2, 90)
        assert len(set(hook.ids())) == 1
        wait_for("nothing to wait", lambda: waiting(s) == 0)
        nothing_secret(s)


def case_who_refuses_is_given_up_with_an_alert(folder):
    with Hook(404) as hook, \
            stack(folder, [{"on": ["paused"], "webhook": hook.url}], spec={"paused": True}) as s:
        lines = s.subscribe(s.mqtt_port, "fuotad/v1/test/alert/#")
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("it to be given up", lambda: waiting(s) == 0, 120)
        assert len(hook.requests) == 6 and len(set(hook.ids())) == 1, hook.ids()
        wait_for("the alert", lambda: any("given up: it answers 404" in a
                                          for a in alert_lines(lines)))
        assert all(f"127.0.0.1:{hook.port}" in a and SECRET not in a
                   for a in alert_lines(lines)), alert_lines(lines)
        assert daemon_of(s)["dropped"]["webhooks"] == 1
        hook.answers = [200]  # the next is heard: nothing is wrong any more
        s.ctl("resume", NAME, check=0)
        s.ctl("pause", NAME, check=0)
        wait_for("the alert to go", lambda: alert_lines(lines)[-1:] == [""])
        nothing_secret(s)


def certificate(folder, host="IP:127.0.0.1"):
    """Of a server that vouches for itself: the files of certificate and key."""
    key, cert = pathlib.Path(folder) / "key.pem", pathlib.Path(folder) / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                    "/CN=hook", "-addext", f"subjectAltName={host}", "-keyout", key,
                    "-out", cert], check=True, capture_output=True)
    return cert, key


class Trusting(Stack):
    """The daemon's machine trusts one more authority: in a mount namespace of the daemon."""

    def __init__(self, folder, notify, authority, **options):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(bytes((i * 7919 >> 5) % 251 for i in range(1500)))
        self.authority = authority
        super().__init__(folder, BUILD, image, devices=4, spec={"notify": notify}, **options)

    def daemon_command(self):
        return ["unshare", "--mount" if os.geteuid() == 0 else "-Urm", "sh", "-c",
                'cat "$1" >>"$2" && mount --bind "$2" "$3" && shift 3 && exec "$@"', "sh",
                self.authority, self.bundle(), STORE, *super().daemon_command()]

    def bundle(self):
        """A copy of what the system trusts; the authority is added as the daemon starts."""
        path = self.path("authorities.crt")
        shutil.copy(STORE, path)
        return path


def case_a_server_that_the_system_trusts_is_told_over_https(folder):
    tls = certificate(folder)
    with Hook(503, 200, tls=tls) as hook, \
            Trusting(folder, [{"on": ON_ALL, "webhook": hook.url}], tls[0]) as s:
        s.ctl("apply", s.path(f"{NAME}.yaml"), "--wait", check=0)
        wait_for("the end to be told", lambda: "campaign.completed" in hook.types())
        assert hook.url.startswith("https://")
        assert hook.types() == ["campaign.running", "campaign.running", "wave.done",
                                "campaign.completed"], hook.types()  # the first was 503
        assert len(set(hook.ids())) == 3
        wait_for("nothing to wait", lambda: waiting(s) == 0)
        nothing_secret(s)


def case_a_trusted_server_of_another_name_is_not_told(folder):
    tls = certificate(folder, host="DNS:hook.example")
    with Hook(tls=tls) as hook, \
            Trusting(folder, [{"on": ["started"], "webhook": hook.url}], tls[0]) as s:
        lines = s.subscribe(s.mqtt_port, "fuotad/v1/test/alert/#")
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("an alert", lambda: any("cannot be told" in a for a in alert_lines(lines)), 120)
        assert hook.requests == [] and waiting(s) >= 1


def case_a_server_that_nobody_vouches_for_is_not_told(folder):
    with Hook(tls=certificate(folder)) as hook, \
            stack(folder, [{"on": ["paused"], "webhook": hook.url}], spec={"paused": True}) as s:
        lines = s.subscribe(s.mqtt_port, "fuotad/v1/test/alert/#")
        s.ctl("apply", s.path(f"{NAME}.yaml"), check=0)
        wait_for("an alert", lambda: any("cannot be told" in a for a in alert_lines(lines)), 120)
        assert hook.requests == [] and waiting(s) == 1
        nothing_secret(s)


def case_where_nobody_may_be_told_is_refused(folder):
    with contextlib.ExitStack() as stacks:
        s = stacks.enter_context(stack(folder, []))
        good = json.loads(s.path(f"{NAME}.yaml").read_text())
        good["spec"]["notify"] = [
            {"on": ["paused"], "webhook": "http://ci.example/hook"},
            {"on": ["finished"], "webhook": "https://ci.example/hook"},
            {"on": [], "webhook": "ftp://ci.example/hook"},
        ]
        s.path("bad.yaml").write_text(json.dumps(good, indent=1))
        for command in (("validate",), ("plan",), ("apply",)):
            r = s.ctl(*command, s.path("bad.yaml"))
            text = r.stdout + r.stderr
            assert r.returncode in (2, 3, 5), (command, r.returncode, text)
            for word in ("spec.notify[0].webhook: must be https", "spec.notify[1].on",
                         "started, waveDone, paused", "spec.notify[2].on",
                         "spec.notify[2].webhook"):
                assert word in text, (command, word, text)
        assert s.ctl("status", NAME).returncode != 0


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
