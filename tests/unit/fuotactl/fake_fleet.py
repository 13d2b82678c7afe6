# SPDX-License-Identifier: MIT
"""A made-up campaign, as a daemon tells it for a report. The same arguments, the same fleet."""
import datetime
import random

START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
HOUR_US = 3600 * 10**6
ENDS = [  # outcome, reason, why, LwM2M result, share
    ("failed", "incomplete", "fragments were missing at the end", 5, 0.018),
    ("failed", "old-version", "it still runs the old version", 8, 0.006),
    ("failed", "image-refused", "it refused the image", 6, 0.004),
    ("unknown", "silent", "it fell silent after activation", 0, 0.011),
    ("skipped", "no-key", "no root key is known for it", 0, 0.02),
    ("succeeded", "verified", "the new version was reported", 1, 1),
]
PAGE = 300


def us(when):
    return int(when.timestamp()) * 10**6


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def eui(i):
    return f"{i:016x}"


class Fleet:
    """devices that waves take in turn, heard by gateways of different quality."""

    def __init__(self, devices, gateways, name="north-1-4-3", ended=True):
        self.random = random.Random(devices)
        self.quality = [self.random.uniform(0.004, 0.35) for _ in range(gateways)]
        self.devices, self.progress = [], []
        self.end = START
        for i in range(devices):
            self.add_device(i, devices, gateways)
        self.airtime = self.make_airtime(gateways)
        self.sessions = [self.make_session(i) for i in range(6)]
        self.state = self.make_state(name, ended)

    @staticmethod
    def gateway(i):
        return eui(0x7276FF0002000000 + 37 * i)

    def add_device(self, i, devices, gateways):
        rnd = self.random
        best = min(int(rnd.expovariate(3.2 / gateways)), gateways - 1)
        heard = max(0.2, 1 - abs(rnd.gauss(self.quality[best], 0.06)))
        dice = rnd.random() + (1 - heard < 0.25) * 0.02
        share = 0
        for outcome, reason, why, result, part in ENDS:
            share += part
            if dice < share:
                break
        wave = 0 if i < devices / 100 else 1 if i < devices / 10 else 2
        since = START + datetime.timedelta(hours=(0, 26, 56)[wave], minutes=rnd.random() * 90)
        image = since + datetime.timedelta(hours=1.5 + rnd.gammavariate(2.2, 2.4))
        ended = image + datetime.timedelta(minutes=20 + rnd.expovariate(1 / 70))
        whole = outcome in ("succeeded", "unknown") or reason in ("old-version", "image-refused")
        if outcome == "skipped":
            since = ended = START
        self.end = max(self.end, ended)
        self.devices.append({
            "dev_eui": eui(0x70B3D50000000000 + 11 * i), "fleet": "f", "phase": "ended", "state": 0,
            "state_name": "idle", "result": result, "result_text": "?", "source": "inferred",
            "outcome": outcome, "reason": reason, "reason_text": why,
            "wave": ("canary", "ten", "rest")[wave],
            "version_before": 16909056, "version": 16909059 if outcome == "succeeded" else None,
            "received": 500, "missing": 0 if whole else rnd.randrange(1, 60), "tries": 1,
            "time": text(ended), "gateway": self.gateway(best),
            "snr_p50_cdb": int(rnd.gauss(-20, 60)), "heard_ppk": int(heard * 1000)})
        self.progress.append({
            "dev_eui": self.devices[-1]["dev_eui"], "since": us(since),
            "downloaded": us(image) if whole else 0, "ended": us(ended)})

    def make_airtime(self, gateways):
        rows = []
        first = us(START) // HOUR_US
        for hour in range(0, 76):
            wave = 0.16 if hour < 12 else 0.5 if 26 < hour < 44 else 0.93 if hour > 56 else 0
            for i in range(gateways):
                load = wave * self.random.uniform(0.55, 1) * (1 - 0.5 * i / gateways)
                if load > 0:
                    rows.append({"gateway": self.gateway(i), "hour": first + hour,
                                 "frequency_hz": 869525000,
                                 "airtime_us": int(load * 216 * 10**6)})
        return rows

    def make_session(self, i):
        start = START + datetime.timedelta(hours=(2, 28, 31, 58, 62, 66)[i])
        return {"id": i + 1, "phase": "ended", "dr": 5 - i % 4, "fragment_size": 222,
                "uncoded": 1352, "sent": 1352 + 97 * (i + 1), "members": len(self.devices) // 6,
                "gateways": 8 - i, "colours": 2, "start": text(start),
                "end": text(start + datetime.timedelta(hours=2.4))}

    def make_state(self, name, ended):
        counts = {}
        for device in self.devices:
            counts[device["outcome"]] = counts.get(device["outcome"], 0) + 1
        return {"name": name, "id": 4, "phase": "completed" if ended else "running",
                "reason": "", "revision": 41, "fleet": "north", "version": "1.4.3",
                "digest": "ab" * 32, "created": text(START), "started": text(START),
                "ended": text(self.end) if ended else None,
                "devices": {**counts, "total": len(self.devices)},
                "fragments": {"uncoded": 1352, "sent": 9000},
                "airtime_us": sum(r["airtime_us"] for r in self.airtime), "session": None}

    def page(self, part, after):
        rows = {"devices": self.devices, "progress": self.progress,
                "sessions": self.sessions, "airtime": self.airtime}[part]
        at = int(after or 0)
        data = {"rows": rows[at:at + PAGE],
                "next": str(at + PAGE) if at + PAGE < len(rows) else None}
        if part == "airtime":
            data["bands"] = [
                {"low_hz": 868000000, "high_hz": 868600000, "own_cap_us": 21600000,
                 "legal_cap_us": 36000000},
                {"low_hz": 869400000, "high_hz": 869650000, "own_cap_us": 216000000,
                 "legal_cap_us": 360000000}]
        return data
