#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_hostile.py BUILD SOURCE - LwM2M clients that lie, guess and stray from the book.

Prints a line per case and exits with the number of failures.
"""
import select
import socket
import sys
import time

from cases import run_cases
from lwm2m_client import (LOCATION, NON, OBSERVE, PATH, QUERY, Message, code, encode, number)
from lwm2m_stack import Lwm2mStack
from stack import wait_for


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


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
