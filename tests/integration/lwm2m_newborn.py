# SPDX-License-Identifier: MIT
"""lwm2m_newborn.py - a LwM2M device that knows a bootstrap server and nothing else, for tests."""
import contextlib
import socket
import threading
import time

from lwm2m_client import (ACCEPT, ACK, CON, DELETE, FORMAT, GET, LINK, PATH, POST, PUT, QUERY,
                          RST, TLV, Message, code, encode, number)
from lwm2m_objects import tlv_read


class Newborn(threading.Thread):
    """It asks for accounts until it has them; accounts is {"0/1": {0: b"coaps://..."}, ...}.
    own: the instance of its bootstrap account; discovers: it says which instances it has."""

    def __init__(self, port, query, own=0, discovers=True, form=TLV):
        super().__init__(daemon=True)
        self.server, self.query, self.own = ("127.0.0.1", port), query, own
        self.discovers, self.form = discovers, form
        self.accounts = {f"0/{own}": {1: b"\1"}, "0/7": {0: b"old"}, "1/0": {0: b"old"}}
        self.asked, self.answer, self.ended, self.mid = [], None, False, 0
        self.answered = {}  # by request: a server that stood still may repeat it
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.connect(self.server)  # so that it hears when nobody is there yet
        self.sock.settimeout(10)

    def delete(self, path):
        self.accounts = {p: v for p, v in self.accounts.items()
                         if not p.startswith(path + "/") or p == f"0/{self.own}"}
        return "2.02"

    def write(self, m):
        if m.uint(FORMAT) != self.form:
            return "4.15"
        assert m.path() != f"0/{self.own}", "its bootstrap account was overwritten"
        self.accounts[m.path()] = (
            {ident: value for _, ident, value in tlv_read(m.payload)} if self.form == TLV
            else m.payload)
        return "2.04"

    def take(self, m):
        self.asked.append((m.code, m.path()))
        options, payload, text = [], b"", "4.05"
        if m.code == DELETE:
            text = self.delete(m.path())
        elif m.code == GET and self.discovers and m.uint(ACCEPT) == LINK:
            text, options = "2.05", [(FORMAT, number(LINK))]
            payload = ",".join(f"</{p}>" for p in self.accounts if p[0] == "0").encode()
        elif m.code == PUT:
            text = self.write(m)
        elif m.code == POST and m.path() == "bs":
            text, self.ended = "2.04", True
        self.answered[m.data] = encode(ACK, code(text), m.mid, m.token, options, payload)
        self.sock.send(self.answered[m.data])

    def ask(self):
        self.mid += 1
        with contextlib.suppress(ConnectionRefusedError):  # which may be told of the one before
            self.sock.send(encode(CON, POST, self.mid, b"b", [(PATH, b"bs")] + [
                (QUERY, q.encode()) for q in self.query]))

    def run(self):
        deadline = time.monotonic() + 120
        self.ask()
        while not self.ended and time.monotonic() < deadline:
            try:
                m = Message(self.sock.recv(2048))
            except (socket.timeout, ConnectionRefusedError):
                if self.answer is None:  # its relay has not begun yet
                    time.sleep(0.05)
                    self.ask()
                continue
            if m.data in self.answered:
                self.sock.send(self.answered[m.data])
            elif m.kind != RST and 0 < m.code < 32:
                self.take(m)
            elif m.code >= 32 and m.token == b"b":
                self.answer = f"{m.code >> 5}.{m.code & 31:02}"
                self.ended |= m.code >> 5 != 2
        self.sock.close()

    def born(self):
        """Once it is done."""
        self.start()
        self.join(130)
        return self
