# SPDX-License-Identifier: MIT
"""lwm2m_peer.py - an LwM2M server of few lines, for the tests of the simulated devices.

It knows nothing of fuotad: CoAP (RFC 7252, 7641, 7959) as far as it takes, one thread, one
socket. Registrations are answered while it waits for something else.
"""
import os
import socket
import struct
import time

GET, POST, PUT, DELETE = 1, 2, 3, 4
CON, NON, ACK, RST = 0, 1, 2, 3
OBSERVE, LOCATION, PATH, FORMAT, QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2, SIZE1 = (
    6, 8, 11, 12, 15, 17, 23, 27, 28, 60)
ETAG = 4
TLV = 11542


def code(text):
    return int(text[0]) << 5 | int(text[2:])


def uint(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def block(num, more, szx):
    return uint(num << 4 | more << 3 | szx)


def unblock(value):
    n = int.from_bytes(value, "big")
    return n >> 4, bool(n & 8), n & 7


class Message:
    def __init__(self, kind, number, mid, token=b"", options=(), payload=b""):
        self.kind, self.code, self.mid, self.token = kind, number, mid, token
        self.options, self.payload = list(options), payload

    def encode(self):
        out = struct.pack("!BBH", 64 | self.kind << 4 | len(self.token), self.code, self.mid)
        out += self.token
        last = 0
        for number, value in sorted(self.options, key=lambda o: o[0]):
            head, tail = 0, b""
            for shift, n in ((4, number - last), (0, len(value))):
                if n < 13:
                    head |= n << shift
                elif n < 269:
                    head, tail = head | 13 << shift, tail + bytes([n - 13])
                else:
                    head, tail = head | 14 << shift, tail + struct.pack("!H", n - 269)
            out += bytes([head]) + tail + value
            last = number
        return out + (b"\xff" + self.payload if self.payload else b"")

    @staticmethod
    def decode(data):
        first, number, mid = struct.unpack("!BBH", data[:4])
        at = 4 + (first & 15)
        m = Message(first >> 4 & 3, number, mid, data[4:at])
        last = 0
        while at < len(data) and data[at] != 0xff:
            sizes, head = [], data[at]
            at += 1
            for n in (head >> 4, head & 15):
                if n == 13:
                    n, at = 13 + data[at], at + 1
                elif n == 14:
                    n, at = 269 + struct.unpack("!H", data[at:at + 2])[0], at + 2
                sizes.append(n)
            last += sizes[0]
            m.options.append((last, data[at:at + sizes[1]]))
            at += sizes[1]
        m.payload = data[at + 1:]
        return m

    def all(self, number):
        return [v for n, v in self.options if n == number]

    def one(self, number):
        return next(iter(self.all(number)), None)


def tlv(data):
    """{resource: bytes, or {index: bytes}}, of an instance wrapped or not."""
    out, at = {}, 0
    while at < len(data):
        kind, wide, width = data[at] >> 6, data[at] >> 5 & 1, data[at] >> 3 & 3
        size, at = data[at] & 7, at + 1
        ident = int.from_bytes(data[at:at + 1 + wide], "big")
        at += 1 + wide
        if width:
            size = int.from_bytes(data[at:at + width], "big")
            at += width
        value, at = data[at:at + size], at + size
        if kind == 0:
            out.update(tlv(value))
        else:
            out[ident] = tlv(value) if kind == 2 else value
    return out


class Device:
    def __init__(self):
        self.address, self.params, self.links = None, {}, ""
        self.registered = self.updated = 0
        self.addresses = []
        self.notified = []  # (path, payload)


class Server:
    def __init__(self, port=0):
        self.port = port
        self.socket = None
        self.devices, self.places, self.waiting, self.observed = {}, {}, {}, {}
        self.files, self.served, self.mid = {}, 0, 1
        self.answers = {}
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", self.port))
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- in ----

    def pump(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.socket.settimeout(max(0.001, min(0.05, end - time.monotonic())))
            try:
                data, address = self.socket.recvfrom(2048)
            except socket.timeout:
                assert time.monotonic() < end, f"{what}: not within {seconds} s"
                continue
            self.take(Message.decode(data), address)

    def take(self, m, address):
        if m.code == 0:
            return
        if m.code >> 5 == 0:
            key = (address, m.mid)
            if key not in self.answers:
                self.answers[key] = self.serve(m, address).encode()
            self.socket.sendto(self.answers[key], address)
        elif m.token in self.observed and m.one(OBSERVE) is not None and m.kind != ACK:
            device, path = self.observed[m.token]
            device.notified.append((path, m.payload))
        elif m.token in self.waiting:
            self.waiting[m.token] = m

    def serve(self, m, address):
        path = [v.decode() for v in m.all(PATH)]
        number, options, payload = code("4.04"), [], b""
        if path == ["rd"] and m.code == POST:
            number, options = self.register(m, address)
        elif path[:1] == ["rd"] and path[1] in self.places:
            device = self.devices[self.places[path[1]]]
            number = code("2.04") if m.code == POST else code("2.02")
            device.updated += 1
            self.at(device, address)
        elif "/".join(path) in self.files and m.code == GET:
            number, options, payload = self.slice(m, self.files["/".join(path)])
        return Message(ACK, number, m.mid, m.token, options, payload)

    @staticmethod
    def at(device, address):
        device.address = address
        if address not in device.addresses:
            device.addresses.append(address)

    def register(self, m, address):
        params = dict(v.decode().partition("=")[::2] for v in m.all(QUERY))
        device = self.devices.setdefault(params["ep"], Device())
        place = os.urandom(8).hex()
        self.places[place] = params["ep"]
        device.params, device.links = params, m.payload.decode()
        device.registered += 1
        self.at(device, address)
        return code("2.01"), [(LOCATION, b"rd"), (LOCATION, place.encode())]

    def slice(self, m, body):
        num, _, szx = unblock(m.one(BLOCK2) or b"\6")
        size = 16 << szx
        part = body[num * size:(num + 1) * size]
        self.served += 1
        return code("2.05"), [(ETAG, b"v1"), (SIZE2, uint(len(body))), (
            BLOCK2, block(num, (num + 1) * size < len(body), szx))], part

    # ---- out ----

    def ask(self, device, method, path, payload=b"", tries=5, **more):
        self.mid = (self.mid + 1) % 65536
        token = os.urandom(4)
        options = [(PATH, step.encode()) for step in path.strip("/").split("/")]
        for name, value in more.items():
            number = {"observe": OBSERVE, "form": FORMAT, "accept": ACCEPT,
                      "block1": BLOCK1, "size1": SIZE1}[name]
            options.append((number, value if isinstance(value, bytes) else uint(value)))
        m = Message(CON, method, self.mid, token, options, payload)
        self.waiting[token] = None
        if more.get("observe") == 0:
            self.observed[token] = (device, path)
        for tried in range(tries):
            self.socket.sendto(m.encode(), device.address)
            try:
                self.pump(f"answer to {path}", lambda: self.waiting[token] is not None,
                          2 if tried < tries - 1 else 5)
                return self.waiting.pop(token)
            except AssertionError:
                if tried == tries - 1:
                    raise
        return None

    def status(self, device):
        """State, Result and the version that runs."""
        m = self.ask(device, GET, "/5/0")
        assert m.code == code("2.05"), m.code
        values = tlv(m.payload)
        m = self.ask(device, GET, "/3/0/3", accept=0)
        return values[3][0], values[5][0], m.payload.decode()

    def push(self, device, body, szx=6):
        """Block1 into /5/0/0; the last code."""
        at = 0
        while True:
            size = 16 << szx
            part = body[at:at + size]
            more = at + len(part) < len(body)
            extra = {"size1": len(body)} if at == 0 else {}
            m = self.ask(device, PUT, "/5/0/0", part, form=42,
                         block1=block(at // size, more, szx), **extra)
            at += len(part)
            if m.code >> 5 != 2 or not more:
                return m.code
            assert m.code == code("2.31"), m.code
            szx = min(szx, unblock(m.one(BLOCK1))[2])
