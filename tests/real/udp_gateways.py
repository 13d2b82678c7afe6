# SPDX-License-Identifier: MIT
"""udp_gateways.py - packet forwarders for the field of fuota-sim --dialect gateway.

What the simulated gateways hear, they tell on MQTT as a ChirpStack gateway bridge would (JSON);
here it goes on in the protocol of Semtech's UDP packet forwarder (PROTOCOL.TXT of
Lora-net/packet_forwarder, version 2), and what the server wants sent comes back. A gateway's
counter (tmst) is the wall clock in microseconds, modulo 2^32, so that any frame has a time.
"""
import base64
import datetime
import json
import os
import random
import socket
import subprocess
import threading
import time

PUSH_DATA, PUSH_ACK, PULL_DATA, PULL_RESP, PULL_ACK, TX_ACK = range(6)
VERSION = 2
WRAP = 1 << 32
KEEP_ALIVE_S = 5
GPS_EPOCH_S, LEAP_S = 315964800, 18


def micros(tmst):
    """The time of the wall that the counter means: the one next to now."""
    now = time.time_ns() // 1000
    behind = (now - tmst) % WRAP
    return now - behind if behind < WRAP // 2 else now + WRAP - behind


def gps_micros(tmms):
    """What an absolute time of a class B or C downlink is told as: GPS time."""
    return (tmms + (GPS_EPOCH_S - LEAP_S) * 1000) * 1000


def lora(datr):
    sf, _, bw = datr[2:].partition("BW")
    return int(bw) * 1000, int(sf)


class UdpGateways:
    """One of each gateway, from the `with` statement to its end."""

    def __init__(self, mqtt_port, server, euis, unicast):
        self.port, self.server, self.euis = mqtt_port, server, euis
        self.unicast = unicast  # addresses of devices: what is sent to them hits a window
        self.sockets, self.pipes, self.processes = {}, {}, []
        self.given, self.verdicts = 0, {}
        self.waiting = {}  # by gateway and downlink: the token of the server
        self.over = threading.Event()

    def __enter__(self):
        for eui in self.euis:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect(self.server)
            self.sockets[eui] = s
            self.pipes[eui] = self.run("mosquitto_pub", "-l", "-t",
                                       f"eu868/gateway/{eui}/command/down", stdin=subprocess.PIPE)
            threading.Thread(target=self.take_down, args=(eui,), daemon=True).start()
        told = self.run("mosquitto_sub", "-t", "eu868/gateway/+/event/#", "-F", "%t %p",
                        stdout=subprocess.PIPE)
        threading.Thread(target=self.take_up, args=(told.stdout,), daemon=True).start()
        threading.Thread(target=self.keep_alive, daemon=True).start()
        return self

    def run(self, program, *args, **pipes):
        process = subprocess.Popen([program, "-p", str(self.port), *args], text=True, bufsize=1,
                                   **pipes)
        self.processes.append(process)
        return process

    def __exit__(self, *_):
        self.over.set()
        for process in self.processes:
            process.terminate()
            process.wait()
        for s in self.sockets.values():
            s.close()

    def send(self, eui, kind, body=None, token=None):
        token = os.urandom(2) if token is None else token
        text = b"" if body is None else json.dumps(body).encode()
        self.sockets[eui].send(bytes([VERSION]) + token + bytes([kind]) + bytes.fromhex(eui) + text)

    def keep_alive(self):
        while not self.over.is_set():
            for eui in self.euis:
                self.send(eui, PULL_DATA)
            self.over.wait(KEEP_ALIVE_S)

    # ---- up ----

    def take_up(self, lines):
        for line in lines:
            topic, _, text = line.partition(" ")
            eui, _, event = topic.split("/gateway/")[1].partition("/event/")
            if event == "up":
                self.uplink(eui, json.loads(text))
            elif event == "ack":
                self.acked(eui, json.loads(text))

    def uplink(self, eui, frame):
        phy = base64.b64decode(frame["phyPayload"])
        if phy[0] & 0xe0 in (0x40, 0x80):
            self.unicast.add(phy[1:5])
        tx, rx = frame["txInfo"], frame["rxInfo"]
        rate = tx["modulation"]["lora"]
        end = int.from_bytes(base64.b64decode(rx["context"]), "big")
        stamp = datetime.datetime.fromtimestamp(end / 1e6, datetime.timezone.utc)
        self.send(eui, PUSH_DATA, {"rxpk": [{
            "time": stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "tmst": end % WRAP,
            "tmms": end // 1000 - (GPS_EPOCH_S - LEAP_S) * 1000,
            "chan": 0, "rfch": 0, "freq": tx["frequency"] / 1e6, "stat": 1, "modu": "LORA",
            "datr": f"SF{rate['spreadingFactor']}BW{rate['bandwidth'] // 1000}", "codr": "4/5",
            "rssi": rx.get("rssi", 0), "lsnr": rx.get("snr", 0), "size": len(phy),
            "data": frame["phyPayload"]}]})

    def acked(self, eui, ack):
        status = next((x.get("status", "NO_ACK") for x in ack["items"]
                       if x.get("status", "IGNORED") != "IGNORED"), "NO_ACK")
        self.verdicts[status] = self.verdicts.get(status, 0) + 1
        token = self.waiting.pop((eui, ack.get("downlinkId", 0)), None)
        if token is not None:
            error = "NONE" if status == "OK" else status
            self.send(eui, TX_ACK, {"txpk_ack": {"error": error}}, token)

    # ---- down ----

    def take_down(self, eui):
        while not self.over.is_set():
            try:
                message = self.sockets[eui].recv(65536)
            except OSError:
                continue  # nobody listens there yet, or it is over
            if len(message) > 4 and message[3] == PULL_RESP:
                self.downlink(eui, message[1:3], json.loads(message[4:])["txpk"])

    def timing(self, txpk, phy):
        """With a context of a time of the wall: that of the frame."""
        if txpk.get("imme"):
            return {"timing": {"immediately": {}}}
        at = micros(txpk["tmst"]) if "tmst" in txpk else gps_micros(txpk["tmms"])
        if bytes(phy[1:5]) in self.unicast or phy[0] & 0xe0 == 0x20:
            return {"timing": {"delay": {"delay": "0s"}},
                    "context": base64.b64encode(at.to_bytes(8, "big")).decode()}
        gps = at - (GPS_EPOCH_S - LEAP_S) * 1000000
        return {"timing": {"gpsEpoch": {"timeSinceGpsEpoch":
                                        f"{gps // 1000000}.{gps % 1000000:06}s"}}}

    def downlink(self, eui, token, txpk):
        phy = base64.b64decode(txpk["data"] + "=" * (-len(txpk["data"]) % 4))
        bandwidth, sf = lora(txpk["datr"])
        number = random.randrange(1, 1 << 31)
        self.given += 1
        self.waiting[(eui, number)] = token
        item = {"phyPayload": base64.b64encode(phy).decode(),
                "txInfo": {"frequency": round(txpk["freq"] * 1e6), "power": txpk.get("powe", 14),
                           "modulation": {"lora": {"bandwidth": bandwidth,
                                                   "spreadingFactor": sf,
                                                   "codeRate": "CR_4_5"}},
                           **self.timing(txpk, phy)}}
        self.pipes[eui].stdin.write(json.dumps(
            {"downlinkId": number, "gatewayId": eui, "items": [item]}) + "\n")
