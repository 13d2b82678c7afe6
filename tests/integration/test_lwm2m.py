#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m.py BUILD SOURCE - campaigns for devices that speak LwM2M, on the real daemon.

Prints a line per case and exits with the number of failures.
"""
import contextlib
import os
import pathlib
import re
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from cases import run_cases
from lwm2m_client import (BLOCK1, DOWNLOADED, DOWNLOADING, IDLE, LOCATION, PATH, QUERY,
                          UPDATING, Client, Message, block, encode, tlv)
from lwm2m_files import Files
from lwm2m_stack import SIZE, Lwm2mStack, dtls
from stack import free_port, wait_for

SHADOWED = bool({"ASAN_OPTIONS", "TSAN_OPTIONS"} & set(os.environ))  # memory is not what it is
BLOCKS = -(-SIZE // 1024)  # of a push
HALF = BLOCKS // 2
CRASH = ["440225b9bc306ac4b27264d10308", "440225babc306ac4b27264d10310"]


def updated(stack, client):
    assert client.flash == stack.path("image.bin").read_bytes()
    assert client.installs == 1 and client.version == "1.4.3"
    assert client.states == [IDLE, DOWNLOADING, DOWNLOADED, UPDATING, IDLE], client.states


def case_a_device_fetches_installs_and_proves_its_image(folder):
    with Lwm2mStack(folder) as s:
        client = s.client()
        rows = s.campaign(0)
        assert [(r["outcome"], r["state"], r["result"], r["source"]) for r in rows] == [
            ("succeeded", 0, 1, "reported")], rows
        updated(s, client)


def case_a_device_whose_notification_is_lost_is_asked_soon(folder):
    """By the clock as it is: the engine's own look would be ten minutes later."""
    with Lwm2mStack(folder, scale=1) as s:
        client = s.client(faults=["untold"])
        s.campaign(0)
        updated(s, client)


def case_a_device_that_cannot_fetch_is_pushed_to(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(method=1, szx=2)
        s.campaign(0)
        updated(s, client)


def case_a_push_outlives_the_registration_it_began_with(folder):
    """40 blocks, one a second, for that is how often pacing is looked at; the registration lasts
    half a minute."""
    with Lwm2mStack(folder, options="blockInterval: 20s") as s:
        client = s.client(method=1, lifetime=1800)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("the push", lambda: client.state != IDLE or client.update())
        s.campaign(0)  # it is too busy to update
        updated(s, client)


def case_over_dtls_a_device_fetches_and_another_is_pushed_to(folder):
    with Lwm2mStack(folder, devices=2, secure=True, plain=False) as s:
        fetching = s.client(0, relay=True)
        pushed = s.client(1, relay=True, method=1, szx=5)
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 2, rows
        updated(s, fetching)
        updated(s, pushed)


class Refused(Lwm2mStack):
    """The daemon does not start."""

    def start_daemon(self):
        self.run = subprocess.run([str(c) for c in self.daemon_command()], timeout=60, text=True,
                                  capture_output=True, check=False, cwd=self.folder)


def elsewhere(folder, secure):
    """A device that speaks HTTP or HTTPS, one that does not, and one that fetches nothing."""
    with Files(folder, secure) as files:
        with Lwm2mStack(folder, devices=3, options=f'httpUri: "{files.uri}"') as s:
            name = files.put(s.path("image.bin").read_bytes())
            web = s.client(0, protocols=(0, 3 if secure else 2), ca=files.ca)
            plain = s.client(1, protocols=(0, 2 if secure else 3))
            pushed = s.client(2, protocols=(0, 2, 3), method=1)
            rows = s.campaign(0)
            assert [r["outcome"] for r in rows] == ["succeeded"] * 3, rows
            for client in (web, plain, pushed):
                updated(s, client)
            assert files.asked == [(name, 200)], files.asked
            assert web.uris == [files.uri + name[len("/fota"):]], web.uris
            assert plain.uris[0].startswith("coap://") and not pushed.uris, plain.uris


def case_a_device_with_http_fetches_from_the_operators_server(folder):
    elsewhere(folder, False)


def case_a_device_with_https_fetches_from_the_operators_server(folder):
    elsewhere(folder, True)


def case_an_image_that_is_not_at_the_operators_server_is_an_invalid_uri(folder):
    with Files(folder) as files:
        with Lwm2mStack(folder, options=f"httpUri: {files.uri}/") as s:
            client = s.client(protocols=(2,))
            rows = s.campaign(10)
            assert [(r["outcome"], r["result"]) for r in rows] == [("failed", 7)], rows
            assert client.installs == 0 and files.asked[0][1] == 404, files.asked


def case_an_http_uri_that_is_none_is_refused(folder):
    with Refused(folder, options='httpUri: "ftp://files.example.org"') as s:
        assert s.run.returncode != 0 and "httpUri begins with" in s.run.stderr, s.run


def case_devices_fetch_at_the_public_uri(folder):
    for number, uri in enumerate(("fota.example.org", "http://fota.example.org", "coaps:///x",
                                  "coap://fota.example.org/a")):
        own = pathlib.Path(folder) / str(number)
        own.mkdir()
        with Refused(own, options=f'publicUri: "{uri}"') as s:
            assert s.run.returncode != 0 and "publicUri is coap" in s.run.stderr, s.run
    with Lwm2mStack(folder, options='publicUri: "coap://localhost:9/"') as s:
        client = s.client()
        client.files = ("coap", "localhost", 9)
        s.campaign(0)
        updated(s, client)
        assert client.uris[0].startswith("coap://localhost:9/fw/"), client.uris


def case_a_user_may_put_it_off_as_long_as_the_fleet_says(folder):
    with Lwm2mStack(folder, devices=2, options="severity: optional\n      maxDefer: 3s") as s:
        client = s.client(0, faults=["defers"])
        old = s.client(1)  # Object 5 of 1.0: nothing of the kind is written to it
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 2, rows
        assert client.wishes == {11: 2, 13: 3} and not old.wishes, client.wishes
        assert client.states == [IDLE, DOWNLOADING, DOWNLOADED, DOWNLOADED, UPDATING,
                                 IDLE], client.states
        assert client.installs == 1 and client.flash == s.path("image.bin").read_bytes()


def loading(client):
    """From when to when it fetched its image."""
    begun = next(at for at, state in client.times if state == DOWNLOADING)
    return begun, next(at for at, state in client.times if state == DOWNLOADED)


def case_so_many_devices_of_a_cell_fetch_at_a_time(folder):
    with Lwm2mStack(folder, devices=7, options="cellDevices: 1") as s:
        cells = [s.client(i, cell=i % 2) for i in range(6)]
        elsewhere_too = s.client(6)  # it has no Object 4
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 7, rows
        for cell in (cells[::2], cells[1::2]):
            spans = sorted(loading(c) for c in cell)
            assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), spans
        updated(s, elsewhere_too)


def case_one_device_at_a_time_fetches_that_hears_its_cell_badly(folder):
    with Lwm2mStack(folder, devices=6, options="weakSignal: -110") as s:
        weak = [s.client(0, cell=7, signal=-111), s.client(1, cell=7, coverage=2),
                s.client(2, cell=7, signal=-125, coverage=3)]
        for i, cell in ((3, 7), (4, 7), (5, 8)):
            s.client(i, cell=cell, signal=-110 if cell == 7 else -130)
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 6, rows
        spans = sorted(loading(c) for c in weak)
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), spans


def case_devices_of_a_cell_begin_one_after_the_other(folder):
    with Lwm2mStack(folder, devices=3, options="cellInterval: 1h") as s:
        clients = [s.client(i, cell=cell) for i, cell in enumerate((7, 7, 8))]
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("one of each cell", lambda: [r["outcome"] for r in s.rows()].count(
            "succeeded") == 2)
        waiting, _ = sorted(clients[:2], key=lambda c: c.installs)
        assert waiting.states == [IDLE] and not waiting.uris, waiting.states
        assert [c.installs for c in clients].count(1) == 2


def case_the_blocks_of_a_push_are_paced(folder):
    with Lwm2mStack(folder, devices=2, options="blockInterval: 1m") as s:
        fetching, pushed = s.client(0), s.client(1, method=1)
        began = time.monotonic()
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("the other", lambda: fetching.installs == 1)
        wait_for("a block", lambda: pushed.image)
        s.ctl("abort", "wm1-1-4-3", check=0)
        # 1m is a second here.
        most = 1024 * (time.monotonic() - began + 2)
        assert len(pushed.image) <= min(most, SIZE), (len(pushed.image), most)


def case_pacing_that_makes_no_sense_is_refused(folder):
    for number, option in enumerate(("weakSignal: 110", "weakSignal: weak", "blockInterval: 2m")):
        own = pathlib.Path(folder) / str(number)
        own.mkdir()
        with Refused(own, options=option) as s:
            assert s.run.returncode != 0 and "weakSignal is -200 to -1" in s.run.stderr, s.run


def case_a_device_without_room_is_not_brought_an_image(folder):
    spec = {"retry": {"cooldown": "1m", "device": 9}}
    with Lwm2mStack(folder, devices=2, spec=spec, options="memoryStep: 5") as s:
        full = s.client(0, memory=39)  # kilobytes; the image has 40
        s.client(1, memory=40)
        wait_for("observation", lambda: full.watched)
        assert full.attributes == ["st=5"], full.attributes
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("what it lacks", lambda: "no-room" in [r["reason"] for r in s.rows()])
        assert full.states == [IDLE], full.states
        full.tell_memory(512)
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 2, rows
        updated(s, full)


def case_a_device_that_never_has_room_has_failed(folder):
    spec = {"retry": {"cooldown": "1m", "device": 2}}
    with Lwm2mStack(folder, spec=spec, options="memoryStep: 5") as s:
        client = s.client(memory=10)
        rows = s.campaign(10)
        assert [(r["outcome"], r["reason"], r["result"]) for r in rows] == [
            ("failed", "no-room", 2)], rows
        assert client.states == [IDLE] and not client.uris, client.states


def case_a_device_without_tlv_is_updated_as_well(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(faults=["no-tlv"])
        s.campaign(0)
        updated(s, client)


def case_a_device_that_has_only_the_json_of_lwm2m_1_0_is_read_in_it(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(faults=["only-json"])
        s.campaign(0)
        updated(s, client)


def case_what_a_device_reports_of_a_failure_is_its_outcome(folder):
    with Lwm2mStack(folder, devices=3, spec={"retry": {"cooldown": "1m", "device": 1},
                                             "rollout": {"onFailure": "continue"}}) as s:
        failing = s.client(0, faults=["fails"])
        stale = s.client(1, faults=["keeps-version"])
        refusing = s.client(2, faults=["refuses"])
        rows = {r["dev_eui"][-1]: r for r in s.campaign(10)}
        assert [(rows[i]["outcome"], rows[i]["result"], rows[i]["reason"]) for i in "012"] == [
            ("failed", 8, "reported"), ("failed", 1, "old-version"),
            ("failed", 9, "reported")], rows
        assert failing.installs == stale.installs == 1 and refusing.installs == 0


def case_a_lost_download_is_tried_again_and_forgetful_devices_prove_by_version(folder):
    with Lwm2mStack(folder, devices=2) as s:
        loser = s.client(0, faults=["loses"])
        s.client(1, faults=["forgets"])
        rows = s.campaign(0)
        assert [r["outcome"] for r in rows] == ["succeeded"] * 2, rows
        assert loser.states[:4] == [IDLE, DOWNLOADING, IDLE, DOWNLOADING], loser.states


def case_a_download_goes_on_when_the_daemon_is_started_again(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(szx=0)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("some blocks", lambda: (client.pulls or 0) > 50)
        s.kill_daemon()
        uri = client.uri
        s.start_daemon()
        client.register()
        s.campaign(0)
        assert uri in client.uris and len(client.uris) == 1, client.uris
        updated(s, client)


def marked(stack):
    """Blocks that a push is known to have brought, on disk. The daemon lets nobody else open its
    database, so this is a copy; one that was taken at a bad moment is none."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(sqlite3.Error, OSError):
        for file in stack.path("state").glob("fuotad.db*"):
            shutil.copy(file, folder)
        with contextlib.closing(sqlite3.connect(f"{folder}/fuotad.db")) as db:
            return sum(mark >> 4 & 0xfffff for mark, in db.execute("SELECT mark FROM member"))
    return 0


@contextlib.contextmanager
def half_pushed(folder):
    """A daemon that was killed in the middle of a push, and is started again; its client, which
    registers when that is over. A second attempt at the device would be its failure. A block
    takes six seconds of the daemon's time: each leaves a mark."""
    with Lwm2mStack(folder, spec={"retry": {"device": 1}}) as s:
        client = s.client(method=1)
        client.deaf_from, client.block_seconds = HALF, 0.1
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("half of the blocks on disk", lambda: marked(s) == HALF, 120)
        s.kill_daemon()
        assert client.blocks == list(range(HALF)) and client.state == DOWNLOADING, client.blocks
        client.deaf_from = None
        yield s, client
        s.start_daemon()
        client.register()
        rows = s.campaign(0)
        assert [(r["outcome"], r["result"]) for r in rows] == [("succeeded", 1)], rows
        assert client.flash == s.path("image.bin").read_bytes() and client.installs == 1


def case_a_push_goes_on_when_the_daemon_is_started_again(folder):
    with half_pushed(folder) as (s, client):
        pass
    assert client.blocks == list(range(BLOCKS)), client.blocks
    updated(s, client)


def case_a_push_begins_anew_for_who_has_lost_its_part_meanwhile(folder):
    """It is downloading still, and answers 4.08."""
    with half_pushed(folder) as (_, client):
        client.image = b""
    assert client.blocks[HALF:] == [HALF, *range(BLOCKS)], client.blocks
    assert client.states == [IDLE, DOWNLOADING, DOWNLOADING, DOWNLOADED, UPDATING,
                             IDLE], client.states


def case_a_push_begins_anew_for_who_is_idle_again_meanwhile(folder):
    with half_pushed(folder) as (_, client):
        client.image, client.state = b"", IDLE
    assert client.blocks[HALF:] == list(range(BLOCKS)), client.blocks


def post(path, query=(), payload=b"</3/0>,</5/0>", method=2, options=()):
    return encode(0, method, 1, b"t", [(PATH, p.encode()) for p in path.split("/")] +
                  [(QUERY, q.encode()) for q in query] + list(options), payload)


def dotted(answer):
    return None if answer is None else f"{answer[1] >> 5}.{answer[1] & 31:02}"


def case_registrations_are_made_updated_and_deleted_and_run_out(folder):
    with Lwm2mStack(folder) as s:
        for code, query, links in [
                ("4.00", ["lt=60"], b"</5/0>"),
                ("4.00", ["ep=meter-0", "lt=x"], b"</5/0>"),
                ("4.00", ["ep=meter-0"], b"</5/0"),
                ("4.00", ["ep=" + "m" * 200], b"</5/0>"),
                ("4.03", ["ep=meter-7"], b"</5/0>"),
                ("4.12", ["ep=meter-0", "lwm2m=2.0"], b"</5/0>"),
                ("2.01", ["ep=70b3d50000000000", "lwm2m=1.1", "Q"], b""),
                ("2.01", ["ep=meter-0", "lwm2m=1.0.0", "b=UQ"], b"</>;ct=11543;hb,</5/0>")]:
            answer = s.ask(post("rd", query, links))
            assert dotted(answer) == code, (query, dotted(answer))
        ids = [Message(s.ask(post("rd", ["ep=meter-0", "lt=300"]))).all(LOCATION)[1].decode()
               for _ in range(2)]
        assert ids[0] != ids[1] and len(ids[0]) == 24, ids
        assert dotted(s.ask(post(f"rd/{ids[0]}", payload=b""))) == "4.04"
        assert dotted(s.ask(post(f"rd/{ids[1]}", payload=b""))) == "2.04"
        assert dotted(s.ask(post(f"rd/{ids[1]}", ["lt=300"], b"</5/0"))) == "4.00"
        wait_for("the end of the registration", lambda: dotted(
            s.ask(post(f"rd/{ids[1]}", ["lt=1"], b""))) == "4.04" or time.sleep(1))
        last = Message(s.ask(post("rd", ["ep=meter-0"]))).all(LOCATION)[1].decode()
        assert dotted(s.ask(post(f"rd/{last}", payload=b"", method=4))) == "2.02"
        assert dotted(s.ask(post(f"rd/{last}", payload=b"", method=4))) == "4.04"


def case_a_long_registration_comes_in_blocks(folder):
    with Lwm2mStack(folder) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        links = b",".join(b"</3300/%d>" % i for i in range(40)) + b",</3/0>,</5/0>"
        sock.settimeout(60)
        sock.connect(("127.0.0.1", s.port))
        for at in range(0, len(links), 64):
            more = at + 64 < len(links)
            sock.send(encode(0, 2, at + 1, b"b", [(PATH, b"rd"), (QUERY, b"ep=meter-0"),
                                                  (BLOCK1, block(at // 64, more, 2))],
                             links[at:at + 64]))
            answer = Message(sock.recv(2048))
            assert answer.code == (2 << 5 | 31 if more else 2 << 5 | 1), (at, answer.code)
        asked = Message(sock.recv(2048))  # it has found /5/0 in the last block
        assert asked.code == 1 and asked.path() == "5/0", asked.path()


def case_with_dtls_the_identity_is_the_endpoint(folder):
    with Lwm2mStack(folder, devices=2, secure=True) as s:
        key = "k" * 16
        assert "2.01" in dtls(s, key, "meter-0", "meter-0")
        assert "4.03" in dtls(s, key, "meter-0", "meter-1")
        wrong = dtls(s, "x" * 16, "meter-0", "meter-0", 4)
        unknown = dtls(s, key, "meter-7", "meter-7", 4)
        assert not wrong + unknown, wrong + unknown


def case_an_endpoint_with_dtls_is_nobodys_without(folder):
    with Lwm2mStack(folder, devices=2, secure=True) as s:
        client = s.client(0, relay=True)
        place = "/".join(client.location)
        assert dotted(s.ask(post("rd", ["ep=meter-0"]))) == "4.03"
        assert dotted(s.ask(post("rd", ["ep=70b3d50000000000"]))) == "4.03"
        assert dotted(s.ask(post(place, payload=b""))) == "4.04"
        assert dotted(s.ask(post(place, payload=b"", method=4))) == "4.04"
        other = Message(s.ask(post("rd", ["ep=meter-1"]))).all(LOCATION)[1].decode()
        assert dotted(s.ask(post(f"rd/{other}", payload=b"", method=4))) == "2.02"
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("the update", lambda: "succeeded" in [r["outcome"] for r in s.rows()], 120)
        updated(s, client)
        client.request(4, [(PATH, step.encode()) for step in client.location])
        wait_for("the port without DTLS", lambda: dotted(
            s.ask(post("rd", ["ep=meter-0"]))) == "2.01")


def case_after_a_reboot_a_device_may_have_its_old_port_with_dtls(folder):
    """The server still has the session of before, which is of no use to anybody, and a
    registration that lasts; nothing is wanted of the device, so nobody asks it."""
    with Lwm2mStack(folder, secure=True, options="ackTimeout: 100ms") as s:
        own = free_port()
        first = Client(s.relay("meter-0", own=own), "meter-0", lifetime=30 * 86400)
        first.start()
        wait_for("registration", lambda: first.location)
        first.stop()
        s.relays[-1].kill()
        s.relays[-1].wait()
        port = s.relay("meter-0", own=own)
        again = Client(port, "meter-0")
        again.files = ("coaps", "127.0.0.1", s.secure_port)
        again.start()
        s.clients.append(again)
        wait_for("registration", lambda: again.location, 300)
        s.campaign(0)


class Odd(Client):
    """Its Object 5 has a State and an Update Result that there are not."""
    reads = 0

    def firmware(self):
        self.reads += 1
        return tlv(3, 3, b"\x09") + tlv(3, 5, b"\x4d") + tlv(3, 9, b"\0")


def case_a_state_that_there_is_not_is_logged_once(folder):
    with Lwm2mStack(folder, devices=2) as s:
        for i in range(2):
            client = Odd(s.port, f"meter-{i}")
            s.clients.append(client)
            client.start()
            wait_for("three readings", lambda c=client: c.reads >= 4 or c.register() or
                     time.sleep(0.3))  # three were taken when the fourth is asked for
        text = s.path("fuotad.log").read_text()
        assert [text.count(f"meter-{i} says State 9 and Update Result 77") for i in (0, 1)] == [
            1, 1], text


def resident_kib(stack):
    pid = stack.processes["fuotad"].pid
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def case_a_storm_of_addresses_is_not_remembered(folder):
    """Each is a session of libcoap's, of some hundred bytes."""
    with Lwm2mStack(folder) as s:
        sizes = []
        for storm in range(2):
            for i in range(4000 if storm == 0 else 24000):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.bind((f"127.{storm + 1}.{i >> 8}.{i & 255}", 0))
                    sock.sendto(bare(1), ("127.0.0.1", s.port))
                    if i % 50 == 49:  # no faster than it is answered
                        sock.settimeout(60)
                        sock.recv(2048)
            sizes.append(resident_kib(s))
        assert sizes[1] - sizes[0] < 4096 or SHADOWED, sizes
        client = s.client()
        s.campaign(0)
        updated(s, client)


def case_strangers_get_nothing_and_malformed_messages_do_no_harm(folder):
    with Lwm2mStack(folder) as s:
        for data in CRASH:  # what crashes libcoap's own block mode
            assert s.ask(bytes.fromhex(data)) is not None
        stranger = Client(s.port, "meter-7")
        stranger.start()
        time.sleep(1)
        assert stranger.location is None
        stranger.stop()
        for text in ("40010001b2726491", "44", "40", "ff" * 40, "4002000ab2726411ff3c2f",
                     "40010001bb2e77656c6c2d6b6e6f776e04636f7265"):  # GET /.well-known/core
            answer = s.ask(bytes.fromhex(text), 1)
            assert answer is None or len(answer) <= 3 * len(text) // 2, (text, answer)
        client = s.client()
        s.campaign(0)
        updated(s, client)


class Brief(Lwm2mStack):
    """Devices with names of a letter, so that registrations are short."""

    def inventory_text(self):
        return "dev_eui,name,app_key\n" + "".join(
            f"70b3d5{i:010x},{chr(97 + i)},{'6b' * 16}\n" for i in range(self.devices))


def bare(method):
    return encode(0, method, 1)


def in_blocks(query, payload):
    return [post("rd", query, payload[at:at + 16], options=[
        (BLOCK1, block(at // 16, at + 16 < len(payload), 0))])
        for at in range(0, len(payload), 16)]


def shapes(bootstrap):
    """(datagrams of one address, port or None: the server's), and whether they are answered."""
    long_root = b'</' + b"r" * 60 + b'>;rt="oma.lwm2m",</5/0>'
    known = [[post("rd", ["ep=a"], b"")],
             [post("rd", ["ep=b"], b"</5/0>")],
             [post("rd", ["ep=c", "lt=300", "lwm2m=1.1", "b=U"], b"</1/0>,</3/0>,</5/0>")],
             [post("rd", ["ep=d"], long_root)],
             in_blocks(["ep=e"], b"</3/0>,</4/0>,</5/0>,</6/0>"),
             [post("rd", ["ep=f"], b"</5/0>"), post("rd", ["ep=g"], b"</5/0>")],
             [post("rd", ["ep=h"], b"</5/0>")] * 4,
             [post("rd", ["ep=i", "b=UQ"], b"</3/0>")]]
    refused = [[post("rd", ["ep=z"], b"</5/0>")], [post("rd", ["ep=a"], b"<")],
               [post("rd", ["lt=x"])], [post("rd/7")], [post("rd/7", method=4, payload=b"")],
               [post("fw/0123456789abcdef-" + "0" * 32, method=1, payload=b"")],
               [post("rd", ["ep=a"], b"</5/0>", options=[(BLOCK1, block(0, 1, 6))])],
               [encode(0, 1, 1, b"", [(39, b"x")])]]  # Proxy-Scheme
    refused += [[bare(method)] for method in range(1, 8)]
    silent = [[bytes.fromhex(x)] for x in ("44", "40", "ff" * 40, "4002000ab2726411ff3c2f",
                                           "60450001", "7000abcd")]
    return ([(data, None, True) for data in known + refused] +
            [([post("bs", ["ep=a"], b"")], bootstrap, True)] +
            [(data, None, False) for data in silent])


def heard(sockets, answered, seconds):
    """How many bytes each of them is sent, until so long after all are answered that will be."""
    got, end, patience = {sock: 0 for sock in sockets}, None, time.monotonic() + 60
    while time.monotonic() < (end or patience):
        for sock in select.select(sockets, [], [], 0.2)[0]:
            got[sock] += len(sock.recv(2048))
        if end is None and all(got[sock] > 0 for sock in answered):
            end = time.monotonic() + seconds
    return got


def case_nobody_gets_more_than_three_times_what_came_in_their_name(folder):
    bootstrap = free_port()
    options = (f"ackTimeout: 100ms\n      batteryStep: 5\n      memoryStep: 5\n"
               f"      bootstrapCoapPort: {bootstrap}")
    with Brief(folder, devices=10, options=options) as s, contextlib.ExitStack() as stack:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)  # they are wanted, too
        sent = {}
        for datagrams, port, answered in shapes(bootstrap):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.connect(("127.0.0.1", port or s.port))
            for data in datagrams:
                sock.send(data)
            sent[sock] = (datagrams, answered)
        s.ctl("device", "c", "read", "/3/0/9", "--timeout", "1s", check=None)
        waiting = [sock for sock, (_, answered) in sent.items() if answered]
        for sock, got in heard(list(sent), waiting, 5).items():
            datagrams, answered = sent[sock]
            most = 3 * sum(map(len, datagrams))
            assert answered * 4 <= got <= most, (datagrams, most, got)


def case_an_image_goes_in_small_blocks_to_where_its_device_was_never_heard(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(szx=0)
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("some blocks", lambda: (client.pulls or 0) > 5)
        path = client.uris[-1].split("/", 3)[3]
        sizes = []
        for host in ("127.0.0.1", "127.0.0.2"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((host, 0))
                sock.settimeout(60)
                request = post(path, method=1, payload=b"")
                sock.sendto(request, ("127.0.0.1", s.port))
                answer = sock.recv(2048)
                sizes.append(len(Message(answer).payload))
                assert host == "127.0.0.1" or len(answer) <= 3 * len(request), len(answer)
        assert sizes == [1024, 128], sizes


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
