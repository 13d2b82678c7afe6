#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""net_http_server.py - an HTTP/1.1 server that misbehaves by path.

A request is remembered before it is answered: GET /log gives one line for each request so
far, "METHOD PATH AUTHORIZATION CONTENT-TYPE BODY", so that a test sees what really came.
"""
import socketserver
import sys
import threading

LOG = []


def read_request(stream):
    line = stream.readline().decode()
    if not line:
        return None
    method, path, _ = line.split()
    headers = {}
    while True:
        line = stream.readline().decode().strip()
        if not line:
            break
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return method, path, headers, body


def response(status, body=b"", extra=""):
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            request = read_request(self.rfile)
            if request is None:
                return
            method, path, headers, body = request
            if path == "/log":
                self.wfile.write(response(200, "\n".join(LOG).encode()))
                continue
            LOG.append(" ".join((method, path, headers.get("authorization", "-"),
                                 headers.get("content-type", "-"), body.decode())))
            if not self.answer(path, body):
                return

    def answer(self, path, body):
        if path == "/hang":
            threading.Event().wait(60)
            return False
        if path == "/drop":
            return False  # read, perhaps carried out, never answered
        if path == "/half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        if path == "/garbage":
            self.wfile.write(b"\x00\x01 this is not HTTP \xff\r\n\r\n")
            return False
        if path == "/digits":
            self.wfile.write(b"HTTP/2 1001 OK\r\nContent-Length: 0\r\n\r\n")
            return False
        if path == "/big":
            self.wfile.write(response(200, b"x" * 70000))
        elif path == "/endless":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100):
                self.wfile.write(b"1000\r\n" + b"y" * 4096 + b"\r\n")
            return False
        elif path == "/moved":
            self.wfile.write(response(302, b"", "Location: /elsewhere\r\n"))
        elif path == "/refused":
            self.wfile.write(response(200, b"", "grpc-status: 16\r\n"
                                                "GRPC-Message: not%20you\r\n"))
        else:
            self.wfile.write(response(200, b"echo " + body))
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
with Server(("127.0.0.1", port), Handler) as server:
    server.serve_forever()
