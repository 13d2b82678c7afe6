#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwm2m_client.py - a LwM2M client for tests: CoAP over UDP without security, Object 3 and 5.

Written for itself, on nothing but sockets, so that what fuotad's side believes of CoAP is not
what judges it. One device a Client: it registers, answers what it is asked, fetches what its
Package URI names or takes what is pushed, installs when it is told to and registers again.
"""
import json
import socket
import ssl
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE = 1, 2, 3, 4
OBSERVE, LOCATION, PATH, FORMAT, QUERY, ACCEPT, BLOCK2, BLOCK1 = 6, 8, 11, 12, 15, 17, 23, 27
TLV, OCTETS, LINK, SENML_JSON, OMA_JSON = 11542, 42, 40, 110, 11543
IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)


def code(text):
    return int(text[0]) << 5 | int(text[2:])


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def block(num, more, szx):
    return number(num << 4 | more << 3 | szx)


def part(value):
    """How an option's delta or length is written: nibble, extension."""
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")


def encode(kind, msg_code, mid, token=b"", options=(), payload=b""):
    out = bytes([0x40 | kind << 4 | len(token), msg_code]) + mid.to_bytes(2, "big") + token
    last = 0
    for num, value in sorted(options, key=lambda o: o[0]):
        delta, more_delta = part(num - last)
        size, more_size = part(len(value))
        out += bytes([delta << 4 | size]) + more_delta + more_size + value
        last = num
    return out + (b"\xff" + payload if payload else b"")


class Message:
    def __init__(self, data):
        self.data = data
        self.kind, size = data[0] >> 4 & 3, data[0] & 15
        self.code, self.mid = data[1], int.from_bytes(data[2:4], "big")
        self.token, at = data[4:4 + size], 4 + size
        self.options, num = [], 0
        while at < len(data) and data[at] != 0xff:
            nibbles = [data[at] >> 4, data[at] & 15]
            at += 1
            for i, nibble in enumerate(nibbles):
                if nibble >= 13:
                    more = nibble - 12
                    nibbles[i] = int.from_bytes(data[at:at + more], "big") + (13, 269)[more - 1]
                    at += more
            num += nibbles[0]
            self.options.append((num, data[at:at + nibbles[1]]))
            at += nibbles[1]
        self.payload = data[at + 1:]

    def all(self, num):
        return [value for n, value in self.options if n == num]

    def uint(self, num):
        found = self.all(num)
        return int.from_bytes(found[0], "big") if found else None

    def path(self):
        return "/".join(x.decode() for x in self.all(PATH))


def tlv(kind, ident, value):
    size = len(value)
    wide = 0x20 if ident > 255 else 0
    head = ident.to_bytes(2 if wide else 1, "big")
    if size < 8:
        return bytes([kind << 6 | wide | size]) + head + value
    more = 1 if size < 256 else 2
    return bytes([kind << 6 | wide | more << 3]) + head + size.to_bytes(more, "big") + value


class Client(threading.Thread):
    """faults are words: see the code. It does not update its registration by itself, which is
    to last for the whole test: time runs faster for the server, by which 300 s are 5.
    maker: the image that it makes of what it was brought; None: it can make none of that."""

    def __init__(self, port, endpoint, version="1.4.2", target="1.4.3", method=0, faults=(),
                 szx=6, binding="U", protocols=(0, 1), ca=None, cell=None,
                 memory=None, signal=-80, coverage=1, lifetime=10 ** 6,
                 maker=lambda brought: brought):
        super().__init__(daemon=True)
        self.server, self.endpoint, self.binding = ("127.0.0.1", port), endpoint, binding
        self.files = ("coap", *self.server)  # that URIs have to name
        self.version, self.target, self.method = version, target, method
        self.faults, self.szx, self.maker = faults, szx, maker
        self.brought = []  # how long each Package was
        self.blocks = []  # numbers of those that were pushed, one after the other
        self.block_seconds = 0  # that it takes for each
        self.deaf_from = None  # it does not answer to these, and later ones
        self.protocols, self.ca = protocols, ca  # of /5/0/8; whom it trusts for HTTPS
        self.lifetime = lifetime
        self.cell, self.memory = cell, memory  # /4/0/8 and /3/0/10; None: it has neither
        self.signal, self.coverage = signal, coverage  # /4/0/2 and /4/0/13
        self.wishes, self.deferred_until = {}, None  # /5/0/11 and /5/0/13, as written
        self.watched, self.attributes = {}, []  # tokens by path, of /3/0/10
        self.times = []  # (when, State), of all of them
        self.state, self.result, self.uri, self.image = IDLE, 0, "", b""
        self.flash, self.states, self.installs = None, [IDLE], 0
        self.uris = []  # that it was told, one after the other
        self.location = self.observed = None
        self.pulls, self.mid, self.ended = None, 1, False
        self.muted = False  # it has missed a block, and says nothing any more
        self.answered = {}  # the answers to requests, which may come again (RFC 7252, 4.5)
        self.open_socket()

    def open_socket(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.2)

    def send(self, data):
        try:
            self.sock.sendto(data, self.server)
        except ConnectionRefusedError:
            pass  # the server is being started again

    def request(self, msg_code, options, payload=b"", token=b"r"):
        self.mid = self.mid % 65535 + 1
        self.send(encode(CON, msg_code, self.mid, token, options, payload))

    def register(self):
        query = [f"ep={self.endpoint}", f"lt={self.lifetime}", "lwm2m=1.0", f"b={self.binding}"]
        self.observed = self.location = None
        self.request(POST, [(PATH, b"rd"), (FORMAT, number(LINK))] +
                     [(QUERY, q.encode()) for q in query], self.links())

    def move(self):
        """Its NAT gives it another port."""
        before = self.sock
        self.open_socket()
        before.close()
        self.faults, self.muted = [f for f in self.faults if f != "mute"], False
        self.update()

    def update(self):
        self.request(POST, [(PATH, step.encode()) for step in self.location or []])

    def links(self):
        return (b"</1/0>,</3/0>," + (b"</4/0>," if self.cell is not None else b"") +
                (b"</5>;ver=1.1,</5/0>" if "defers" in self.faults else b"</5/0>"))

    def enter(self, state, result=0):
        self.state, self.result = state, result
        self.states.append(state)
        self.times.append((time.monotonic(), state))
        if self.observed and not ("untold" in self.faults and state == DOWNLOADED):
            token, self.mid = self.observed, self.mid % 65535 + 1
            self.send(encode(NON, code("2.05"), self.mid, token,
                             [(OBSERVE, number(self.mid)), (FORMAT, number(TLV))],
                             self.firmware()))

    def firmware_json(self):
        pairs = [("1", "vs", self.uri), ("3", "v", self.state), ("5", "v", self.result),
                 ("9", "v", self.method)]
        pairs += [(f"8/{i}", "v", p) for i, p in enumerate(self.protocols)]
        if "only-json" in self.faults:
            return json.dumps({"e": [{"n": n, {"vs": "sv"}.get(k, k): v} for n, k, v in pairs],
                               "bn": "/5/0/"}).encode()
        return json.dumps([{"bn": "/5/0/", "n": n, k: v} for n, k, v in pairs]).encode()

    def firmware(self):
        protocols = tlv(2, 8, b"".join(tlv(1, i, bytes([p]))
                                       for i, p in enumerate(self.protocols)))
        return (tlv(3, 1, self.uri.encode()) + tlv(3, 3, bytes([self.state])) +
                tlv(3, 5, bytes([self.result])) + protocols + tlv(3, 9, bytes([self.method])))

    def radio(self):
        return (tlv(3, 0, b"\7") + tlv(3, 2, struct.pack("!h", self.signal)) +
                tlv(3, 8, struct.pack("!I", self.cell)) + tlv(3, 13, bytes([self.coverage])))

    # ---- what the server asks ----

    def write_uri(self, m):
        self.uri = m.payload.decode()
        if not self.uri:
            self.enter(IDLE)
            return "2.04"
        if self.state != IDLE:
            return "4.00"
        if "refuses" in self.faults:
            self.enter(IDLE, 9)
            return "4.00"
        self.uris.append(self.uri)
        self.enter(DOWNLOADING)
        if "loses" in self.faults:
            self.faults = [f for f in self.faults if f != "loses"]
            self.enter(IDLE, 4)
        else:
            self.image, self.pulls = b"", 0
        return "2.04"

    def write_package(self, m, options):
        value = m.uint(BLOCK1) or 0
        num, more, szx = value >> 4, value >> 3 & 1, min(value & 7, self.szx)
        if num == 0 and m.payload == b"\0" and not more:
            self.enter(IDLE)
            return "2.04"
        if self.deaf_from is not None and num >= self.deaf_from:
            return None
        time.sleep(self.block_seconds)
        self.blocks.append(num)
        offset = num << (value & 7) + 4
        if num == 0:
            self.image = b""
            self.enter(DOWNLOADING)
        if self.state != DOWNLOADING or len(self.image) < offset:
            return "4.08"  # RFC 7959, 2.9.2
        each = "stateless" in self.faults  # RFC 7959, figure 8: each block is taken by itself
        options.append((BLOCK1, block(num, more and not each, szx)))
        if not more or len(self.image) < offset + len(m.payload):  # else it has that one
            self.image += m.payload
        if more:
            return "2.04" if each else "2.31"
        self.downloaded()
        return "2.04"

    def downloaded(self):
        self.brought.append(len(self.image))
        if "checks" in self.faults and self.maker(self.image) is None:
            self.enter(IDLE, 5)
        else:
            self.enter(DOWNLOADED)

    def execute(self):
        if self.state != DOWNLOADED:
            return "4.05"
        if "defers" in self.faults and self.deferred_until is None:
            self.deferred_until = time.monotonic() + self.wishes.get(13, 0)
            self.enter(DOWNLOADED, 11)
            return "2.04"
        self.installs += 1
        self.enter(UPDATING)
        return "2.04"

    def end_deferral(self):
        """Its user has had the time that there was; none are asked twice."""
        if self.state == DOWNLOADED and self.deferred_until is not None and (
                self.deferred_until <= time.monotonic()):
            self.installs += 1
            self.enter(UPDATING)
            self.reboot()

    def tell_memory(self, kilobytes):
        self.memory = kilobytes
        for path, token in self.watched.items():
            self.mid = self.mid % 65535 + 1
            self.send(encode(CON, code("2.05"), self.mid, token,
                             [(OBSERVE, number(self.mid)), (FORMAT, b"")],
                             str(self.memory).encode()))

    def reboot(self):
        """It installs, and is back at another port; what it forgets is a fault."""
        made = None if "fails" in self.faults else self.maker(self.image)
        if made is None:
            self.enter(IDLE, 8)
            return
        self.flash, self.version = made, self.target
        if "keeps-version" in self.faults:
            self.version = "1.4.2"
        self.state, self.result = IDLE, 0 if "forgets" in self.faults else 1
        self.states.append(IDLE)
        self.uri = ""
        self.sock.close()
        self.open_socket()
        self.register()

    def answer(self, m):
        options, payload, text = [], b"", "4.04"
        path = m.path()
        known = OMA_JSON if "only-json" in self.faults else SENML_JSON
        if m.code == GET and path == "5/0" and {"no-tlv", "only-json"} & set(self.faults):
            text = "4.06"
            if m.uint(ACCEPT) == known:
                self.observed = m.token if m.uint(OBSERVE) == 0 else self.observed
                options += [(OBSERVE, number(1))] if m.uint(OBSERVE) == 0 else []
                text, payload = "2.05", self.firmware_json()
                options.append((FORMAT, number(known)))
        elif m.code == GET and path == "5/0":
            if m.uint(OBSERVE) == 0:
                self.observed = m.token
                options.append((OBSERVE, number(1)))
            text, payload = "2.05", self.firmware()
            options.append((FORMAT, number(TLV)))
        elif m.code == GET and path == "3/0/3":
            text, payload = "2.05", self.version.encode()
            options.append((FORMAT, b""))
        elif m.code == GET and path == "4/0" and self.cell is not None:
            text, payload = "2.05", self.radio()
            options.append((FORMAT, number(TLV)))
        elif path == "3/0/10" and self.memory is not None:
            text = "2.04" if m.code == PUT else "2.05"
            self.attributes += [q.decode() for q in m.all(QUERY)]
            if m.code == GET:
                self.watched[path] = m.token
                options += [(OBSERVE, number(1)), (FORMAT, b"")]
                payload = str(self.memory).encode()
        elif m.code == PUT and path in ("5/0/11", "5/0/13") and "defers" in self.faults:
            self.wishes[int(path[4:])] = int(m.payload)
            text = "2.04"
        elif m.code == PUT and path == "5/0/1":
            text = self.write_uri(m)
        elif m.code == PUT and path == "5/0/0":
            text = self.write_package(m, options)
        elif m.code == POST and path == "5/0/2":
            text = self.execute()
        if text is not None:
            self.acknowledge(m, text, options, payload)

    def acknowledge(self, m, text, options=(), payload=b""):
        self.answered[m.data] = encode(ACK, code(text), m.mid, m.token, options, payload)
        self.send(self.answered[m.data])

    # ---- fetching ----

    def fetch_http(self):
        """All of it at once; an answer that is none is an invalid URI."""
        trust = ssl.create_default_context(cafile=self.ca) if self.ca else None
        self.pulls = None
        try:
            with urllib.request.urlopen(self.uri, timeout=20, context=trust) as answer:
                self.image = answer.read()
        except urllib.error.HTTPError:
            self.enter(IDLE, 7)
        except OSError:
            self.enter(IDLE, 4)
        else:
            self.downloaded()

    def fetch(self):
        url = urllib.parse.urlsplit(self.uri)
        if url.scheme in ("http", "https"):
            assert {"http": 2, "https": 3}[url.scheme] in self.protocols, self.uri
            self.fetch_http()
            return
        assert (url.scheme, url.hostname, url.port) == self.files, self.uri
        self.request(GET, [(PATH, p.encode()) for p in url.path.strip("/").split("/")] +
                     [(BLOCK2, block(self.pulls, 0, self.szx))], token=b"f")

    def fetched(self, m):
        if m.code != code("2.05"):
            self.pulls = None
            self.enter(IDLE, 7)
            return
        value = m.uint(BLOCK2)
        if value is None or value >> 4 != self.pulls:
            return
        self.image += m.payload
        if value >> 3 & 1:
            self.pulls += 1
            self.fetch()
        else:
            self.pulls = None
            self.downloaded()

    # ---- the loop ----

    def take(self, m):
        if m.code == 0 or m.kind == RST or self.muted:
            return
        if "mute" in self.faults and m.code == PUT and (m.uint(BLOCK1) or 0) >> 4 == 3:
            self.muted = True
            return
        if m.data in self.answered:  # a server that stood still asks before it listens
            self.send(self.answered[m.data])
        elif m.code < 32:
            before = self.pulls
            self.answer(m)
            if self.pulls == 0 and before is None:
                self.fetch()
            if self.state == UPDATING and "sticks" not in self.faults:
                self.reboot()
        elif m.token == b"f":
            self.fetched(m)
        elif m.token == b"r" and m.code == code("2.01"):
            self.location = [x.decode() for x in m.all(LOCATION)]
        elif m.token == b"r" and m.code == code("4.04") and self.location:
            self.register()  # an update came too late

    def run(self):
        idle = 0
        self.register()
        while not self.ended:
            self.end_deferral()
            try:
                data = self.sock.recv(2048)
            except (socket.timeout, ConnectionRefusedError):
                idle += 1
                if idle % 10 == 0 and self.location is None:
                    self.register()
                elif idle % 10 == 0 and self.pulls is not None:
                    self.fetch()
                continue
            self.take(Message(data))
        self.sock.close()

    def stop(self):
        self.ended = True
        self.join()
