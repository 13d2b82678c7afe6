#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-demo.py DIR [--devices N] [--loss PERCENT] [--keys FILE] - judge a demo.

Reads what "demo --keep DIR" left in airlog.jsonl, flash/ and image.bin, and nothing of
fuotad: who received what, what each device ended with, how long each gateway was on air.
With --keys, the simulator's devices.csv, it also follows the keys through the air log
(join, McGroupSetupReq) and reads the fragments: uncoded 1..M ascending, then coded, none
twice; one that was lost before a gateway sent it left a gap in the counters. A frame may
go out at several gateways, in turn or together, with one counter. Who is sent to at once
waits for its gateway when that is sending something else: such a frame may be overtaken at
another gateway, which no device minds that hears both. Exit 0 if all holds.
"""
import argparse
import bisect
import collections
import csv
import ctypes
import ctypes.util
import json
import pathlib
import sys

HOUR_S = 3600.0
BAND_HZ = (869_400_000, 869_650_000)
DUTY = 0.10
FRAG_FPORT, DATA_FRAGMENT = 201, 0x08
MCAST_FPORT, MC_GROUP_SETUP = 200, 0x02
# Bytes of the commands that a server sends on that port, CID included (TS005).
MCAST_BYTES = {0x00: 1, 0x01: 2, MC_GROUP_SETUP: 30, 0x03: 2, 0x04: 11, 0x05: 11}
UPLINKS, DOWNLINKS = {0x40, 0x80}, {0x60, 0xa0}
JOIN_REQUEST, JOIN_ACCEPT = 0x00, 0x20

Data = collections.namedtuple("Data", "addr fcnt fport payload")


def data_frame(phy):
    """A data frame: MHDR, DevAddr, FCtrl, FCnt, FOpts, FPort, FRMPayload, MIC."""
    fopts = phy[5] & 0x0f
    return Data(int.from_bytes(phy[1:5], "little"), int.from_bytes(phy[6:8], "little"),
                phy[8 + fopts] if len(phy) > 12 + fopts else None, phy[9 + fopts:-4])


class Report:
    def __init__(self):
        self.bad = 0

    def __call__(self, ok, text):
        self.bad += not ok
        print(f"{'ok    ' if ok else 'FAILED'} {text}")


def busiest_hour(sent):
    """Most time on air in any window of an hour; sent: (start, end), no overlaps."""
    sent = sorted(sent)
    starts = [start for start, _ in sent]
    total = [0.0]
    for start, end in sent:
        total.append(total[-1] + end - start)

    def on_air_before(time):
        i = bisect.bisect_right(starts, time)
        return total[i] - (max(0.0, sent[i - 1][1] - time) if i else 0.0)

    # The worst window begins with a frame or ends with one.
    edges = starts + [end - HOUR_S for _, end in sent]
    return max((on_air_before(t + HOUR_S) - on_air_before(t) for t in edges), default=0.0)


class Keys:
    """What a listener who knows the root keys can work out (LoRaWAN 1.0.x, TS005)."""

    def __init__(self, path):
        lib = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
        for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ecb"):
            getattr(lib, name).restype = ctypes.c_void_p
        lib.EVP_EncryptInit_ex.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_char_p] * 2
        lib.EVP_EncryptUpdate.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                          ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
                                          ctypes.c_int]
        self.lib, self.ctx = lib, lib.EVP_CIPHER_CTX_new()
        with open(path, encoding="utf-8", newline="") as f:
            self.devices = {row["dev_eui"]: row for row in csv.DictReader(f)}
        self.nonce = {}  # of the last JoinRequest, by DevEUI
        self.session = {}  # AppSKey and GenAppKey, by DevAddr
        self.group = {}  # McAppSKeys that devices were given, by McAddr

    def aes(self, key, block):
        out, n = ctypes.create_string_buffer(16 + len(block)), ctypes.c_int()
        self.lib.EVP_EncryptInit_ex(self.ctx, self.lib.EVP_aes_128_ecb(), None, key, None)
        self.lib.EVP_EncryptUpdate(self.ctx, out, ctypes.byref(n), block, len(block))
        return out.raw[:len(block)]

    def crypt(self, key, frame, down=1):
        blocks = b"".join(
            bytes((1, 0, 0, 0, 0, down)) + frame.addr.to_bytes(4, "little") +
            frame.fcnt.to_bytes(4, "little") + bytes((0, i + 1))
            for i in range((len(frame.payload) + 15) // 16))
        return bytes(a ^ b for a, b in zip(frame.payload, self.aes(key, blocks)))

    def join_accept(self, eui, phy):
        keys = self.devices[eui]
        root = bytes.fromhex(keys["app_key"])
        plain = self.aes(root, phy[1:])
        addr = int.from_bytes(plain[6:10], "little")
        seed = b"\x02" + plain[:6] + self.nonce[eui] + bytes(7)
        self.session[addr] = (self.aes(root, seed), bytes.fromhex(keys["gen_app_key"]))

    def group_setup(self, frame):
        """McKeys out of the McGroupSetupReqs in a downlink to one device."""
        session, gen_app_key = self.session[frame.addr]
        text = self.crypt(session, frame)
        while text and text[0] in MCAST_BYTES:
            if text[0] == MC_GROUP_SETUP:
                addr = text[2:6]
                kek = self.aes(self.aes(gen_app_key, bytes(16)), bytes(16))
                mc_key = self.aes(kek, text[6:22])
                self.group.setdefault(int.from_bytes(addr, "little"), set()).add(
                    self.aes(mc_key, b"\x01" + addr + bytes(11)))
            text = text[MCAST_BYTES[text[0]]:]

    def see(self, line, phy):
        kind = phy[0] & 0xe0
        listeners = line["received_by"] + line["missed_by"]
        if kind == JOIN_REQUEST:
            self.nonce[line["device"]] = phy[17:19]
        elif kind == JOIN_ACCEPT and listeners:
            self.join_accept(listeners[0], phy)
        elif kind in DOWNLINKS:
            frame = data_frame(phy)
            if frame.fport == MCAST_FPORT and frame.addr in self.session:
                self.group_setup(frame)


def behind_another(sent, frame_starts):
    """Whether a gateway began a frame just when it had ended another; sent: (start, end)."""
    return any(abs(end - frame_starts) < 0.002 for _, end in sent)


def check_order(report, addr, frames, busy):
    """frames: (start, gateway, FCnt) in order of time; busy: (start, end) by gateway."""
    newest, waited, fell = -1, 0, None
    for start, gateway, f_cnt in frames:
        if f_cnt < newest and behind_another(busy[gateway], start):
            waited += 1
        elif f_cnt < newest:
            fell = fell or f"{f_cnt} at {gateway} comes after {newest}, at {start:.3f}"
        newest = max(newest, f_cnt)
    report(fell is None, f"McAddr {addr:08x}: and never falls from one gateway to another" +
           (f", but for {waited} that waited for their gateway" if waited else "") +
           (f": {fell}" if fell else ""))


def lost_on_the_way(f_cnts):
    """Counters that no gateway sent: their frames were lost behind the server's API, such
    as one that collided with another at its gateway after the server had stood still."""
    return f_cnts[-1] - f_cnts[0] + 1 - len(set(f_cnts)) if f_cnts else 0


def check_fragments(report, addr, frames, keys, m):
    text = f"McAddr {addr:08x}: "
    app_keys = keys.group.get(addr, set())
    if len(app_keys) != 1:
        report(False, f"{text}one McAppSKey found in the air log ({len(app_keys)})")
        return
    key = next(iter(app_keys))
    plain = [keys.crypt(key, frame) for frame in frames]
    wrong = [p for p in plain if p[0] != DATA_FRAGMENT]
    order = [int.from_bytes(p[1:3], "little") & 0x3fff for p in plain]
    # Each uncoded fragment may go out several times in a row.
    order = [n for i, n in enumerate(order) if i == 0 or n > m or n != order[i - 1]]
    first_coded = next((i for i, n in enumerate(order) if n > m), len(order))
    uncoded, coded = order[:first_coded], order[first_coded:]
    # A group that was given up, nobody being left in it, ends before M.
    last = m if coded else max(uncoded, default=0)
    missing = last - len(set(uncoded))
    lost = lost_on_the_way([frame.fcnt for frame in frames])
    stray = next((b for a, b in zip([0] + uncoded, uncoded) if b <= a), None)
    report(not wrong and stray is None and 0 <= missing <= lost,
           f"{text}uncoded fragments 1 to {last} in ascending order" +
           (f", {missing} lost before a gateway sent it" if missing else "") +
           (f": {stray} is not" if stray else ""))
    stray = next((n for i, n in enumerate(coded) if n <= m or n in coded[:i]), None)
    report(stray is None, f"{text}then {len(coded)} coded fragments, none twice" +
           (f": {stray} is wrong" if stray else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--devices", type=int, default=50, help="at least so many")
    parser.add_argument("--loss", type=float, default=10.0, help="at least so many percent")
    parser.add_argument("--keys", help="the inventory that fuota-sim wrote")
    args = parser.parse_args()
    report = Report()
    image = (args.dir / "image.bin").read_bytes()
    keys = Keys(args.keys) if args.keys else None

    uplink_addrs = set()
    downlinks = []  # time, gateway, frame, listeners, those that missed it
    busy = collections.defaultdict(list)  # by gateway: when it sent
    on_air = collections.defaultdict(list)  # ... in the 10 % band
    with open(args.dir / "airlog.jsonl", encoding="utf-8") as log:
        for line in map(json.loads, log):
            phy = bytes.fromhex(line["phy_payload"])
            if keys:
                keys.see(line, phy)
            if line["direction"] == "up":
                if phy[0] & 0xe0 in UPLINKS:
                    uplink_addrs.add(data_frame(phy).addr)
                continue
            emission = line["time"], line["time"] + line["airtime_us"] / 1e6
            busy[line["gateway"]].append(emission)
            if BAND_HZ[0] <= line["frequency"] <= BAND_HZ[1]:
                on_air[line["gateway"]].append(emission)
            if phy[0] & 0xe0 in DOWNLINKS:
                downlinks.append((line["time"], line["gateway"], data_frame(phy),
                                  len(line["received_by"]), line["missed_by"],
                                  line["received_by"]))

    # An address that no device ever sends from is a group's.
    multicast = [d for d in sorted(downlinks, key=lambda d: d[0])
                 if d[2].addr not in uplink_addrs]
    listeners = {eui for d in multicast for eui in d[4] + d[5]}
    report(len(listeners) >= args.devices,
           f"{len(listeners)} devices listened to the multicast (at least {args.devices})")
    received = sum(d[3] for d in multicast)
    missed = sum(len(d[4]) for d in multicast)
    share = missed / (missed + received) if missed + received else 0.0
    report(share * 100 >= args.loss,
           f"{missed} of {missed + received} receptions lost: {share:.1%} "
           f"(at least {args.loss:g}%)")
    flash = {path.stem: path.read_bytes() == image
             for path in (args.dir / "flash").glob("*.bin")}
    right = sum(flash.values())
    report(right == len(flash) >= args.devices and listeners <= set(flash),
           f"{right} of {len(flash)} devices end with exactly the image, {len(image)} bytes")

    for gateway, sent in sorted(on_air.items()):
        worst = busiest_hour(sent)
        report(worst <= DUTY * HOUR_S,
               f"gateway {gateway}: {worst:.1f} s on air in its busiest hour at 869.4 to "
               f"869.65 MHz, of {DUTY * HOUR_S:.0f} s that are legal ({worst / HOUR_S:.2%})")

    groups = collections.defaultdict(dict)  # frames in the order of their first time
    for _, gateway, frame, *_ in multicast:
        groups[frame.addr].setdefault(frame.fcnt, []).append((gateway, frame))
    whole = 0
    report(bool(groups), f"{len(groups)} multicast groups on air")
    for addr, by_fcnt in sorted(groups.items()):
        same = all(len({f.payload for _, f in sent}) == 1 for sent in by_fcnt.values())
        once = all(len({g for g, _ in sent}) == len(sent) for sent in by_fcnt.values())
        report(same and once, f"McAddr {addr:08x}: each FCnt has one payload, and goes out "
                              "once at a gateway")
        lanes = collections.defaultdict(list)  # counters of a gateway in order of time
        for _, gateway, frame, *_ in multicast:
            if frame.addr == addr:
                lanes[gateway].append(frame.fcnt)
        report(all(fcnts == sorted(set(fcnts)) for fcnts in lanes.values()),
               f"McAddr {addr:08x}: FCnt ascends at each of {len(lanes)} gateways, "
               f"{min(by_fcnt)} to {max(by_fcnt)}")
        check_order(report, addr, [(time, gateway, frame.fcnt) for time, gateway, frame, *_
                                   in multicast if frame.addr == addr], busy)
        frames = [sent[0][1] for sent in by_fcnt.values() if sent[0][1].fport == FRAG_FPORT]
        # Fragments are the longest; what is shorter is a command, such as a status request.
        size = max((len(frame.payload) for frame in frames), default=0) - 3
        if size <= 0:
            report(False, f"McAddr {addr:08x}: no fragments")
            continue
        frames = [frame for frame in frames if len(frame.payload) == size + 3]
        m = -(-len(image) // size)
        whole += len(frames) >= m
        report(True, f"McAddr {addr:08x}: {len(frames)} fragments of {size} bytes sent, "
                     f"M = {m} ({len(frames) / m - 1:+.1%})")
        if keys:
            check_fragments(report, addr, frames, keys, m)
    report(whole > 0, f"{whole} of them sent all that is not coded, at least")
    return 1 if report.bad else 0


sys.exit(main())
