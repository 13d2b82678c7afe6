# SPDX-License-Identifier: MIT
"""grpcweb.py - as much of gRPC-Web and protobuf as it takes to set a ChirpStack up: one POST
for a call, messages as {field number: value} both ways. Nothing of fuotad is used."""
import http.client
import urllib.parse

UNKNOWN = 2


def varint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def pack(message):
    """int and bool: varint; str and bytes: as they are; dict: a message; list: repeated."""
    out = b""
    for field, value in message.items():
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, int):
                out += varint(field << 3) + varint(int(v)) if v else b""
                continue
            v = pack(v) if isinstance(v, dict) else v.encode() if isinstance(v, str) else v
            out += varint(field << 3 | 2) + varint(len(v)) + v
    return out


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return n, at


def unpack(data):
    """{field number: [values]}; bytes stay bytes, for the caller to unpack or decode."""
    out, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        else:
            size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else read_varint(data, at)
            value, at = data[at:at + size], at + size
        out.setdefault(key >> 3, []).append(value)
    return out


class Refused(Exception):
    """The server's own words, and its code."""

    def __init__(self, call, code, text):
        super().__init__(f"{call}: {text or 'refused'} (gRPC status {code})")
        self.code = code


class Api:
    def __init__(self, url, token):
        self.url, self.token = urllib.parse.urlsplit(url), token

    def call(self, method, message):
        """method: Service/Method of the package api. The answer, unpacked."""
        body = pack(message)
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port or 80,
                                                timeout=30)
        try:
            connection.request("POST", f"/api.{method}", b"\0" + len(body).to_bytes(4, "big") + body,
                               {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1",
                                "Authorization": f"Bearer {self.token}"})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(method, UNKNOWN, f"HTTP {response.status}")
        answer, told = b"", {k.lower(): v for k, v in response.getheaders()}
        while data:
            size = int.from_bytes(data[1:5], "big")
            part, trailer, data = data[5:5 + size], data[0] & 0x80, data[5 + size:]
            if not trailer:
                answer = part
                continue
            for line in part.decode().split("\r\n"):
                name, _, value = line.partition(":")
                told[name.strip().lower()] = value.strip()
        if told.get("grpc-status", "0") != "0":
            raise Refused(method, int(told["grpc-status"]),
                          urllib.parse.unquote(told.get("grpc-message", "")))
        return unpack(answer)

    def made(self, method, message):
        """The id of what was created."""
        return self.call(method, message)[1][0].decode()
