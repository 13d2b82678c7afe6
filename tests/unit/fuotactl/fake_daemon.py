# SPDX-License-Identifier: MIT
"""A daemon of a few lines: it speaks the control protocol, and checks what it is told."""
import base64
import hashlib
import json
import os
import socket
import threading

from fake_fleet import Fleet

PLAN = {"name": "wm1", "fleet": "f", "devices": 50, "image_bytes": 300000,
        "cohorts": [{"devices": 50, "dr": 5, "frequency_hz": 869525000,
                     "fragment_size": 222, "fragments": 1352, "coded": 270,
                     "frame_airtime_us": 368896, "airtime_us": 598349312, "gateways": 1,
                     "sessions": 1, "interval_us": 6148266, "duration_us": 9972488986}],
        "fragments": 1352, "coded": 270, "airtime_us": 598349312,
        "duration_us": 9972488986, "notes": ["assumed"]}
OUTCOMES = ("active", "succeeded", "failed", "unknown", "cancelled", "skipped", "superseded")


def state(phase="running", sent=0, **counts):
    devices = {name: counts.get(name, 0) for name in OUTCOMES}
    devices["total"] = sum(devices.values())
    return {"name": "wm1", "id": 1, "phase": phase, "reason": counts.get("reason", ""),
            "revision": 1, "fleet": "f", "version": "1.4.3", "digest": "ab" * 32,
            "created": "2026-01-01T00:00:00Z", "started": None, "ended": None,
            "devices": devices,
            "states": {"idle": 0, "downloading": 0, "downloaded": 0, "updating": 0},
            "fragments": {"uncoded": 1352, "sent": sent}, "airtime_us": sent * 368896,
            "session": None}


def device(i, outcome="succeeded"):
    return {"dev_eui": f"{i:016x}", "fleet": "f", "phase": "ended",
            "state": 0, "state_name": "idle", "result": 1, "result_text": "success",
            "source": "inferred", "outcome": outcome, "reason": "verified", "reason_text": "",
            "version_before": None, "version": 16909059, "received": 1, "missing": 0,
            "tries": 1, "time": "2026-01-01T00:00:00Z"}


def budget(i):
    return {"gateway": f"{i:016x}", "low_hz": 869400000, "high_hz": 869650000,
            "own_us": 72000000, "waiting_us": 0, "others_us": 0, "own_cap_us": 216000000,
            "legal_cap_us": 360000000, "free_us": 144000000, "used_ppm": 200000}


def audit_log(*actions):
    """The chain, as crypto/audit.h says it is hashed."""
    records, previous = [], bytes(32)
    for number, action in enumerate(actions, 1):
        texts = ["user:alice", action, "wm1" if number != 2 else "wm2", "storm \x1b", ""]
        data = b"fuotad audit 1\0" + number.to_bytes(8, "little")
        data += (1767225600000001).to_bytes(8, "little")
        for text in texts:
            data += len(text).to_bytes(8, "little") + text.encode()
        digest = hashlib.blake2b(data + previous, digest_size=32).digest()
        records.append({"id": number, "time": "2026-01-01T00:00:00.000001Z",
                        **dict(zip(("actor", "action", "object", "reason", "detail"), texts)),
                        "previous": previous.hex(), "hash": digest.hex()})
        previous = digest
    return records


def finding(level, check="disk", what="/var", text="7 MiB\x1b"):
    return {"level": level, "check": check, "what": what, "text": text}


class Refusal(Exception):
    def __init__(self, code, text, errors=None):
        super().__init__(text)
        self.answer = {"ok": False, "code": code, "error": text}
        if errors:
            self.answer["errors"] = errors


class Daemon:
    """Speaks the protocol; a test replaces the methods it wants otherwise."""

    def __init__(self, path):
        self.path = path
        self.uploads = {}
        self.puts = 0
        self.requests = []
        self.connections = 0
        self.plan_data = dict(PLAN)
        self.findings = [finding("ok"), finding("warn")]
        self.audit = audit_log("apply", "pause", "resume")
        self.audit_count = 3
        self.states = []  # what watch says, one after the other; None: hangs up
        self.watching = threading.Event()
        self.go_on = threading.Event()
        self.fleet = Fleet(40, 3)  # what reports are of
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def hello(self):
        return b'{"fuotad":"0.1.0","protocol":1,"instance":"main","boot":7}\n'

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            try:
                connection.sendall(self.hello())
                for line in lines:
                    request = json.loads(line)
                    self.requests.append(request)
                    self.answer(connection, request)
            except (OSError, EOFError):
                pass

    def answer(self, stream, request):
        method = getattr(self, "do_" + request["method"])
        try:
            answer = {"ok": True, "data": method(stream, request)}
        except Refusal as refusal:
            answer = refusal.answer
        self.say(stream, {"id": request["id"], **answer})

    @staticmethod
    def say(stream, message):
        stream.sendall(json.dumps(message).encode() + b"\n")

    def do_put(self, _stream, request):
        params = request["params"]
        have = self.uploads.setdefault(params["digest"], b"")
        if "data" in params:
            self.puts += 1
            data = base64.b64decode(params["data"], validate=True)
            assert params["offset"] == len(have) and len(data) <= 96 * 1024
            self.uploads[params["digest"]] = have = have + data
        return {"have": len(have)}

    def do_plan(self, _stream, _request):
        return self.plan_data

    def do_apply(self, _stream, _request):
        return {"name": "wm1", "id": 1, "existing": False, "state": state(active=50),
                "plan": self.plan_data}

    def do_status(self, _stream, request):
        if request["params"].get("name") == self.fleet.state["name"]:
            return {"campaigns": [self.fleet.state],
                    "daemon": {"instance": "main", "version": "0.1.0"}}
        if request["params"].get("name") not in (None, "wm1"):
            raise Refusal(5, "there is no campaign 'x\x1b'")
        return {"campaigns": [state(active=50)]}

    def do_watch(self, stream, request):
        states, self.states = self.states, []
        last = None
        while states:
            last = states.pop(0)
            if last is None:
                self.states = states  # for the next connection
                self.watching.set()
                raise EOFError
            event = last.pop("event", "state")
            self.say(stream, {"id": request["id"], "event": event, "data": last})
        self.watching.set()
        if last is None:
            raise EOFError
        if last["phase"] not in ("completed", "aborted", "failed"):
            self.go_on.wait(60)
            raise EOFError
        return last

    def do_pause(self, _stream, request):
        reason = request["params"].get("reason", "")
        return state("paused", active=50, reason=reason)

    def do_retry(self, _stream, request):
        if request["params"].get("devices") == ["00000000000000aa"]:
            raise Refusal(5, "1 of the devices cannot go again; nothing was changed",
                          [{"severity": "error", "path": "00000000000000aa",
                            "text": "it is not in the campaign"}])
        return {"retried": 2, "under_way": 1, "busy": 3, "state": state("paused", active=50)}

    def do_import(self, _stream, request):
        devices = self.uploads[request["params"]["digest"]].decode().count("\n") - 1
        return {"fleet": "f", "devices": devices, "added": devices - 1, "replaced": 1}

    def do_devices(self, _stream, request):
        params = request["params"]
        all_devices = [device(i) for i in range(1, 1001)]
        rest = [d for d in all_devices if d["dev_eui"] > params.get("after", "")]
        page = rest[:params["limit"]]
        return {"devices": page,
                "next": page[-1]["dev_eui"] if len(rest) > len(page) else None}

    def do_device(self, _stream, request):
        named = request["params"].get("device")
        if named not in (None, "meter"):
            raise Refusal(5, "no fleet has a device of that name")
        eui = "70b3d57ed005a1b2" if named else request["params"]["dev_eui"]
        return {"dev_eui": eui, "name": "meter", "fleet": "f",
                "profile": "generic", "last_uplink": None, "firmware_version": 1,
                "hardware_version": 2, "packages": None, "campaigns": [], "history": []}

    def do_audit(self, _stream, request):
        after = request["params"]["after"]
        return {"records": self.audit[after:after + 2], "count": self.audit_count}

    def do_report(self, _stream, request):
        params = request["params"]
        if params["name"] != self.fleet.state["name"]:
            raise Refusal(5, "the daemon holds no campaign of that name")
        return self.fleet.page(params["part"], params.get("after"))

    def do_doctor(self, _stream, _request):
        return {"findings": self.findings}

    def do_budget(self, _stream, request):
        params = request["params"]
        rows = [budget(i) for i in range(1, 501)]
        rest = [b for b in rows if b["gateway"] > params.get("after", "") and
                b["gateway"] == params.get("gateway", b["gateway"])]
        page = rest[:params["limit"]]
        return {"gateways": page,
                "next": page[-1]["gateway"] if len(rest) > len(page) else None}
