#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""net_mqtt_stub.py PORT - an odd MQTT broker: it refuses MQTT 5, and never acknowledges a
publish whose payload is "ignore me"; everything else gets its acknowledgement.
"""
import socketserver
import sys


def read_packet(stream):
    head = stream.read(1)
    if not head:
        return None
    length, shift = 0, 0
    while True:
        byte = stream.read(1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return head[0], stream.read(length)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            packet = read_packet(self.rfile)
            if packet is None:
                return
            kind, body = packet[0] >> 4, packet[1]
            if kind == 1:  # CONNECT: 00 04 M Q T T, level
                if body[6] == 5:
                    self.wfile.write(b"\x20\x03\x00\x84\x00")
                    return
                self.wfile.write(b"\x20\x02\x00\x00")
            elif kind == 3 and packet[0] & 0x06 and not body.endswith(b"ignore me"):
                topic_len = int.from_bytes(body[:2], "big")
                self.wfile.write(b"\x40\x02" + body[2 + topic_len:4 + topic_len])
            elif kind == 12:
                self.wfile.write(b"\xd0\x00")
            elif kind == 14:
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
