#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_hostile.py BUILD SOURCE - LwM2M clients that lie, guess and stray from the book.

Prints a line per case and exits with the number of failures.
"""
import json
import select
import socket
import subprocess
import sys
import time

from cases import run_cases
from lwm2m_client import (BLOCK2, LOCATION, NON, OBSERVE, PATH, QUERY, Message, block,
                          code, encode, number)
from lwm2m_objects import ObjectClient
from lwm2m_stack import Lwm2mStack
from stack import wait_for


ETAG = 4


class Stranger:
    """An address; sent and got are bytes."""

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", port))
        self.sock.settimeout(60)
        self.sent = self.got = 0

    def send(self, data):
        self.sent += len(data)
        self.sock.send(data)

    def post(self, path, query=(), payload=b""):
        self.send(encode(0, 2, self.sent % 65536, b"t", [(PATH, p.encode()) for p in path] +
                         [(QUERY, q.encode()) for q in query], payload))

    def recv(self):
        data = self.sock.recv(2048)
        self.got += len(data)
        return Message(data)

    def until(self, wanted):
        """The first message that is."""
        while True:
            m = self.recv()
            if wanted(m):
                return m

    def listen(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.sock], [], [], 0.2)[0]:
                self.recv()

    def close(self):
        self.sock.close()


def is_request(m):
    return 0 < m.code < 32


def case_who_guesses_a_token_has_not_shown_that_it_is_there(folder):
    """All but four bytes of it say whose it is."""
    with Lwm2mStack(folder, options="ackTimeout: 100ms") as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        spoofed = Stranger(s.port)
        spoofed.post(["rd"], ["ep=meter-0"], b"</3/0>,</5/0>")
        spoofed.until(is_request)
        spoofed.send(encode(NON, code("2.05"), 7, bytes(4) + b"abcd"))
        spoofed.listen(6)
        spoofed.close()
        assert spoofed.got <= 3 * spoofed.sent, (spoofed.got, spoofed.sent)


def case_a_token_that_was_told_elsewhere_shows_nothing(folder):
    """Who registers from its own address is asked there, and answers from another one."""
    with Lwm2mStack(folder, options="ackTimeout: 100ms") as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        own, spoofed = Stranger(s.port), Stranger(s.port)
        own.post(["rd"], ["ep=meter-0"], b"</3/0>,</5/0>")
        place = [x.decode() for x in own.until(lambda m: m.all(LOCATION)).all(LOCATION)]
        asked = own.until(is_request)
        spoofed.post(place)
        spoofed.until(lambda m: m.code == code("2.04"))
        for mid, value in ((7, 1), (8, 2)):  # an answer, or a notification
            spoofed.send(encode(NON, code("2.05"), mid, asked.token, [(OBSERVE, number(value))]))
        spoofed.listen(6)
        own.close()
        spoofed.close()
        assert spoofed.got <= 3 * spoofed.sent, (spoofed.got, spoofed.sent)


def case_who_moves_is_asked_anew_at_once(folder):
    """A request that went to the port of before is not waited for: 100 ackTimeouts are hours."""
    with Lwm2mStack(folder, options="ackTimeout: 5m") as s:
        client = s.client(method=1, faults=["mute"])
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("a block", lambda: client.muted)
        client.move()
        s.campaign(0)
        assert client.flash == s.path("image.bin").read_bytes()


def case_a_device_that_can_be_brought_nothing_is_in_nobodys_way(folder):
    """One at a time in a cell; the first has no protocol that there is, and stays registered."""
    spec = {"rollout": {"onFailure": "continue"}}
    with Lwm2mStack(folder, devices=2, spec=spec, options="cellDevices: 1") as s:
        s.client(0, cell=7, protocols=(4,))
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("its outcome", lambda: "failed" in [r["outcome"] for r in s.rows()], 120)
        client = s.client(1, cell=7)
        wait_for("the other", lambda: client.installs == 1, 120)


class Blocks(ObjectClient):
    """Answers in blocks of 16 bytes, each with its body's ETag; changes when it is half read."""

    def read(self, m, path, options):
        num = (m.uint(BLOCK2) or 0) >> 4
        if num == 1 and "changes" in self.faults:
            self.faults = []
            self.objects["3/0"][0] = "Emca Corporation Inc"
        text, body = super().read(m, path, options)
        options += [(ETAG, bytes([len(self.objects["3/0"][0])])),
                    (BLOCK2, block(num, len(body) > 16 * num + 16, 0))]
        return text, body[16 * num:16 * num + 16]


def device(stack, kind=ObjectClient, **options):
    values = {0: "Acme Limited", 1: "Meter", 3: "1.4.2", 9: 80}
    client = kind(stack.port, "meter-0", {"3/0": values, "3303/0": {5701: "Cel"}}, **options)
    client.start()
    stack.clients.append(client)
    wait_for("registration", lambda: client.location, 60)
    return client


def case_what_changes_while_it_is_read_is_not_patched_together(folder):
    with Lwm2mStack(folder) as s:
        device(s, Blocks, faults=["changes"])
        r = s.ctl("--json", "device", "meter-0", "read", "/3/0", check=0)
        read = {v["path"]: v["value"] for v in json.loads(r.stdout)["values"]}
        assert read["/3/0/0"] == "Emca Corporation Inc" and read["/3/0/9"] == 80, read


def case_a_notification_that_was_overtaken_is_not_told(folder):
    with Lwm2mStack(folder, scale=1) as s:
        client = device(s)
        watching = subprocess.Popen(
            [*s.ctl_command(), "--json", "device", "meter-0", "observe", "/3/0/9",
             "--timeout", "10m"], stdout=subprocess.PIPE, text=True)
        wait_for("observation", lambda: "3/0/9" in client.watched, 60)
        for value, order in ((70, 9), (60, 8), (50, 9), (40, 10)):
            client.mid = order - 1
            client.tell("3/0/9", value)
        told = [json.loads(watching.stdout.readline())["values"][0]["value"] for _ in range(4)]
        watching.terminate()
        watching.communicate(timeout=60)
        assert told == [80, 70, 50, 40], told


def case_who_takes_each_block_by_itself_is_sent_them_all(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(method=1, faults=["stateless"])
        s.campaign(0)
        assert client.flash == s.path("image.bin").read_bytes() and client.installs == 1


def case_an_object_that_comes_with_an_update_is_observed(folder):
    with Lwm2mStack(folder) as s:
        peer = Stranger(s.port)
        peer.post(["rd"], ["ep=meter-0"], b"</1/0>,</3/0>")
        place = [x.decode() for x in peer.recv().all(LOCATION)]
        peer.post(place, payload=b"</1/0>,</3/0>,</5/0>")
        asked = peer.until(is_request)
        peer.close()
        assert (asked.path(), asked.uint(OBSERVE)) == ("5/0", 0), asked.data


def case_an_update_does_not_wake_a_device_of_1_1_for_good(folder):
    """There b= says nothing of queue mode, and Q is in registrations only."""
    with Lwm2mStack(folder, options="awakeTime: 2s") as s:
        for version, q, why in (("1.1", ["Q"], "sleeps"), ("1.0", [], "did not answer")):
            peer = Stranger(s.port)
            binding = "b=U" if q else "b=UQ"
            peer.post(["rd"], ["ep=meter-0", "lwm2m=" + version, binding, *q], b"</3/0>")
            place = [x.decode() for x in peer.recv().all(LOCATION)]
            peer.post(place, ["b=U"])
            peer.until(lambda m: m.code == code("2.04"))
            r = s.ctl("device", "meter-0", "read", "/3/0/9", "--timeout", "1m", check=8)
            peer.close()
            assert why in r.stderr, (version, r.stderr)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
