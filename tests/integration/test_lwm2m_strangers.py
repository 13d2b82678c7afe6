#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_strangers.py BUILD SOURCE - what is sent to those who only claim to be there.

Each datagram comes from a port of its own, so that nothing is known of whoever sent it: every
code that there is, with options and lengths as they should not be. What is answered is counted,
and it is not confirmable: that would be repeated, up to four times.

Prints a line per case and exits with the number of failures.
"""
import contextlib
import socket
import sys

from cases import run_cases
from lwm2m_client import (ACCEPT, BLOCK1, BLOCK2, FORMAT, OBSERVE, PATH, QUERY, block, encode)
from lwm2m_stack import Lwm2mStack
from stack import free_port, wait_for

TIMES = 3
BATCH = 64  # datagrams; of the longest there is room for as many in a socket
IF_MATCH, HOST, ETAG, NONE_MATCH, PORT, OSCORE, MAX_AGE, HOP_LIMIT = 1, 3, 4, 5, 7, 9, 14, 16
Q_BLOCK1, PROXY_URI, PROXY_SCHEME, SIZE1, ECHO, NO_RESPONSE, RTAG = 19, 35, 39, 60, 252, 258, 292
CORE = [(PATH, b".well-known"), (PATH, b"core")]

OPTIONS = {
    "nothing": [],
    "If-Match": [(IF_MATCH, b"")],
    "If-Match, too long": [(IF_MATCH, bytes(9))],
    "Uri-Host": [(HOST, b"h")],
    "Uri-Host, empty": [(HOST, b"")],
    "ETag, empty": [(ETAG, b"")],
    "If-None-Match": [(NONE_MATCH, b"")],
    "If-None-Match, of a byte": [(NONE_MATCH, b"x")],
    "Observe": [(OBSERVE, b"")],
    "Observe, too long": [(OBSERVE, bytes(4))],
    "Uri-Port": [(PORT, b"")],
    "OSCORE": [(OSCORE, b"")],
    "Uri-Path, empty": [(PATH, b"")],
    "rd": [(PATH, b"rd")],
    "rd/x": [(PATH, b"rd"), (PATH, b"x")],
    "fw/x": [(PATH, b"fw"), (PATH, b"x")],
    "bs": [(PATH, b"bs")],
    "a path of 300 steps": [(PATH, b"")] * 300,
    ".well-known/core": CORE,
    ".well-known/core, of a type": CORE + [(QUERY, b"rt=x")],
    ".well-known/core, in blocks": CORE + [(BLOCK2, block(0, 0, 0))],
    ".well-known/core, observed": [(OBSERVE, b"")] + CORE,
    "Content-Format": [(FORMAT, b"\xff\xff")],
    "Max-Age": [(MAX_AGE, b"")],
    "Uri-Query": [(QUERY, b"x")],
    "Uri-Query, empty": [(QUERY, b"")],
    "Accept": [(ACCEPT, b"\xff\xff")],
    "Block1": [(BLOCK1, block(0, 1, 6))],
    "Block1, reserved": [(BLOCK1, block(0, 1, 7))],
    "Block2": [(BLOCK2, block(1, 0, 6))],
    "Block2, too long": [(BLOCK2, bytes(4))],
    "Q-Block1": [(Q_BLOCK1, b"")],
    "Proxy-Uri, none": [(PROXY_URI, b"x")],
    "Proxy-Uri, none, of two bytes": [(PROXY_URI, b"//")],
    "Proxy-Uri, empty": [(PROXY_URI, b"")],
    "Proxy-Uri": [(PROXY_URI, b"coap://h/")],
    "Proxy-Scheme": [(PROXY_SCHEME, b"x")],
    "Proxy-Scheme, empty": [(PROXY_SCHEME, b"")],
    "Proxy-Scheme, of this host": [(HOST, b"h"), (PROXY_SCHEME, b"coap")],
    "Hop-Limit, empty": [(HOP_LIMIT, b"")],
    "Hop-Limit 0": [(HOP_LIMIT, b"\x00")],
    "Hop-Limit 1": [(HOP_LIMIT, b"\x01")],
    "Hop-Limit 2": [(HOP_LIMIT, b"\x02")],
    "Hop-Limit 1, by a proxy": [(HOP_LIMIT, b"\x01"), (PROXY_SCHEME, b"x")],
    "critical, unknown": [(13, b"")],
    "critical, unknown, far": [(65535, b"")],
    "critical, unknown, apart": [(13, b""), (21, b""), (300, b""), (301, b""), (3001, b"")],
    "critical, unknown, often": [(13, b"")] * 20,
    "critical, unknown, long": [(2049, b"x" * 300)],
    "critical, unknown, by a proxy": [(PROXY_SCHEME, b"x"), (2045, b"x")],
    "elective, unknown": [(65534, b"")],
    "Size1": [(SIZE1, b"\xff\xff\xff\xff")],
    "Echo": [(ECHO, b"e" * 40)],
    "No-Response": [(NO_RESPONSE, b"\x1a")],
    "No-Response, none": [(NO_RESPONSE, b"")],
    "Request-Tag": [(RTAG, b"12345678")],
}
# The length of the token, as it is said, and what follows the header.
RAW = {
    "a token of 1": (1, b"t"), "a token of 8": (8, b"tttttttt"), "a token of 9": (9, b"t" * 9),
    "a token of 15": (15, b"t" * 15), "a token that is cut": (8, b"ttt"),
    "a marker and nothing": (0, b"\xff"), "a payload": (0, b"\xffx"),
    "a reserved delta": (0, b"\xf0"), "a reserved length": (0, b"\x0f"),
    "an option that is cut": (0, b"\xb5rd"), "a delta that is cut": (0, b"\xd0"),
    "a length that is cut": (0, b"\xbe\x00"),
    "numbers beyond 65535": (0, b"\xe0\xfe\xff\xe1\xfe\xff\x00x"),
    "numbers that come round": (0, b"\xe1\xff\xffx\xd1\x16x"),
    "1400 bytes": (0, b"\xb2rd\xff" + b"x" * 1393),
    "more than is read": (0, b"\xb2rd\xff" + b"x" * 2000),
    "random": (2, bytes(i * 167 % 251 for i in range(60))),
}


def datagrams(codes):
    """(what it is, bytes), of all shapes with these codes."""
    for code in codes:
        request = code < 32
        for kind in (0, 1, 2, 3)[:4 if request else 2]:
            name = f"{('CON', 'NON', 'ACK', 'RST')[kind]} {code >> 5}.{code & 31:02}, "
            for shape, options in OPTIONS.items():
                for token in (b"", b"tttt")[:2 if request else 1]:
                    yield name + shape, encode(kind, code, 7, token, options)
            for shape, (size, rest) in RAW.items():
                yield name + shape, bytes([0x40 | kind << 4 | size, code, 0, 7]) + rest
    for version in (0, 2, 3):
        yield f"version {version}", bytes([version << 6, 1, 0, 7, 0x82, *b"rd"])
    for size in range(4):
        yield f"{size} bytes", bytes([0x40, 1, 0])[:size]


def sized(value, width):
    return len(value).to_bytes(width, "big") + value


def record(content, kind, body, version=b"\xfe\xfd", fragment=None):
    """A handshake message in a record of DTLS (RFC 6347, 4.1 and 4.2.2)."""
    part = body if fragment is None else body[:fragment]
    message = (bytes([kind]) + len(body).to_bytes(3, "big") + bytes(2) + bytes(3) +
               sized(part, 3))
    return bytes([content]) + version + bytes(8) + sized(message, 2)


def hello(version=b"\xfe\xfd", session=b"", cookie=b"", ciphers=b"\xc0\xa8", methods=b"\0",
          more=b""):
    return (version + b"r" * 32 + sized(session, 1) + sized(cookie, 1) + sized(ciphers, 2) +
            sized(methods, 1) + more)


def handshakes():
    """(what it is, bytes) of records of DTLS. At most 60 are a ClientHello: 64 are libcoap's."""
    good = hello()
    for content in range(256):
        for kind in range(0, 26) if content == 22 else (1,):
            if (content, kind) != (22, 1):
                yield f"record {content}, handshake {kind}", record(content, kind, good)
    for version in (b"\xfe\xff", b"\xfe\xfc", b"\x03\x03", b"\0\0", b"\xff\xff"):
        yield f"record of version {version.hex()}", record(22, 1, good, version)
        yield f"hello of version {version.hex()}", record(22, 1, hello(version))
    for end in range(0, len(good), 4):
        yield f"{end} bytes of a hello", record(22, 1, good[:end])
    for end in (0, 20, 40):
        yield f"a fragment of {end} bytes", record(22, 1, good, fragment=end)
    whole = record(22, 1, good)
    for end in (1, 12, 13, 14, 20, 25, 40, len(whole) - 1):
        yield f"{end} bytes of a record", whole[:end]
    for name, odd in (
            ("a session", {"session": b"s" * 32}), ("a long session", {"session": b"s" * 33}),
            ("a cookie", {"cookie": b"c" * 32}), ("a long cookie", {"cookie": b"c" * 255}),
            ("no ciphers", {"ciphers": b""}), ("half a cipher", {"ciphers": b"\xc0"}),
            ("no methods", {"methods": b""}), ("odd extensions", {"more": b"\xff\xff"})):
        yield f"a hello with {name}", record(22, 1, hello(**odd))
    yield "two records", whole * 2


def wait_answered(port, data):
    """What is answered always: answers come in order, so whatever came before is answered then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)

        def is_answered():
            sock.sendto(data, ("127.0.0.1", port))
            with contextlib.suppress(socket.timeout):
                return bool(sock.recv(2048))
            return False

        wait_for("the last answer", is_answered, 120)


def answers_to(batch, port, last):
    with contextlib.ExitStack() as stack:
        sockets = []
        for _, data in batch:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.2", 0))  # where no device ever was
            sock.setblocking(False)
            sock.sendto(data, ("127.0.0.1", port))
            sockets.append(sock)
        wait_answered(port, last)
        for (what, data), sock in zip(batch, sockets):
            answers = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    answers.append(sock.recv(2048))
            yield what, data, answers


def judge(shapes, port, last, repeated):
    """What got too much, and how many were answered."""
    bad, answered = [], 0
    shapes = list(shapes)
    for at in range(0, len(shapes), BATCH):
        for what, data, answers in answers_to(shapes[at:at + BATCH], port, last):
            got = sum(map(len, answers))
            repeats = any(map(repeated, answers))
            answered += got > 0
            if got > TIMES * len(data) or repeats:
                bad.append(f"{what}: {got} for {len(data)}{', confirmable' * repeats}")
    return bad, answered


def judge_coap(codes, port):
    """None is confirmable: that would be repeated."""
    last = encode(0, 1, 9, b"last", [(PATH, b"no")])
    return judge(datagrams(codes), port, last, lambda answer: answer[0] >> 4 & 3 == 0)


def case_no_datagram_of_a_stranger_draws_more_than_three_times_its_bytes(folder):
    with Lwm2mStack(folder) as s:
        bad, answered = judge_coap(range(256), s.port)
        assert not bad, "\n".join(bad)
        assert answered > 1000, answered
        client = s.client()
        s.campaign(0)
        assert client.installs == 1


def case_nor_does_one_at_the_bootstrap_server(folder):
    port = free_port()
    with Lwm2mStack(folder, options=f"bootstrapCoapPort: {port}") as s:
        bad, answered = judge_coap(range(33), port)
        assert not bad, "\n".join(bad)
        assert answered > 100, answered


def case_what_is_refused_gets_a_reset_and_is_logged_once(folder):
    with Lwm2mStack(folder) as s:
        for data in ("40e20007", "40080008", "42010009ff", "4001000ad11678"):
            assert s.ask(bytes.fromhex(data)).hex() == "7000" + data[4:8], data
        said = "ignored: unusable CoAP message"
        wait_for("the log", lambda: said in s.path("fuotad.log").read_text(), 60)
        doctor = s.ctl("doctor", "--json", check=None).stdout
        assert "4 messages were of no use: unusable CoAP message; see who sends" in doctor, doctor
        assert s.client().location
        assert s.path("fuotad.log").read_text().count(said) == 1


def case_a_handshake_draws_no_more_than_three_times_its_bytes_either(folder):
    with Lwm2mStack(folder, secure=True) as s:
        bad, answered = judge(handshakes(), s.secure_port, record(22, 1, hello()),
                              lambda answer: False)
        assert not bad, "\n".join(bad)
        assert answered >= 10, answered


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
