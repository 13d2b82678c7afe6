# SPDX-License-Identifier: MIT
"""lwm2m_stack.py - fuotad as a LwM2M server on private ports, and who registers with it."""
import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys

from lwm2m_client import Client
from stack import Stack, free_port, wait_for

BUILD = pathlib.Path(sys.argv[1])
SIZE = 40000


class Lwm2mStack(Stack):
    """fuotad is the server: there is no broker, and no network. Time runs 60 times as fast
    for campaigns, and as it does for CoAP."""

    def __init__(self, folder, devices=1, spec=None, secure=False, plain=True, scale=60,
                 options=""):
        image = pathlib.Path(folder) / "source.bin"
        image.write_bytes(bytes(i * 7 % 251 for i in range(SIZE)))
        super().__init__(folder, BUILD, image, devices=devices, scale=scale,
                         spec={"activation": {"jitter": "0s"}, **(spec or {})})
        self.port, self.clients = free_port(), []
        self.secure_port = free_port() if secure else 0
        self.options, self.plain_port = options, self.port if plain else 0
        self.relays = []

    def __enter__(self):
        self.write_files()
        text = self.path("fuotad.yaml").read_text()
        self.path("fuotad.yaml").write_text(
            "".join(x for x in text.splitlines(True) if "status:" not in x))
        self.path("inventory.csv").write_text(self.inventory_text())
        self.path("fleets/wm1.yaml").write_text(
            f"""apiVersion: fuotad/v1
kind: Fleet
metadata: {{ name: wm1 }}
spec:
  trustPolicy: release-wm1
  networkServer:
    plugin: lwm2m
    options:
      address: 127.0.0.1
      coapsPort: {self.secure_port}
      coapPort: {self.plain_port}
      {self.options}
  inventory: {{ source: file, file: ../inventory.csv }}
""")
        self.start_daemon()
        return self

    def inventory_text(self):
        return "dev_eui,name,app_key\n" + "".join(
            f"70b3d5{i:010x},meter-{i},{'6b' * 16}\n" for i in range(self.devices))

    def __exit__(self, *exc):
        for client in self.clients:
            client.stop()
        for relay in self.relays:
            relay.kill()
            relay.wait()
        super().__exit__(*exc)

    def relay(self, identity, key="6b" * 16, server=None, own=0):
        """A port from which there is DTLS to the server, by the identity's key and from the
        port own."""
        port = free_port()
        self.relays.append(subprocess.Popen(
            [BUILD / "tests/integration/dtls_relay", str(port),
             str(server or self.secure_port), identity, key, str(own)]))
        return port

    def client(self, number=0, relay=False, **options):
        port = self.relay(f"meter-{number}") if relay else self.port
        client = Client(port, f"meter-{number}", **options)
        if relay:
            client.files = ("coaps", "127.0.0.1", self.secure_port)
        client.start()
        self.clients.append(client)
        wait_for("registration", lambda: client.location)
        return client

    def ctl_command(self):
        return [str(self.build / "fuotactl"), "--socket", str(self.path("ctl.sock"))]

    def rows(self):
        r = self.ctl("devices", "wm1-1-4-3", "-o", "jsonl", check=0)
        return [json.loads(x) for x in r.stdout.splitlines()]

    def campaign(self, check, seconds=300):
        r = self.ctl("apply", self.path("wm1-1-4-3.yaml"), "--wait", "--timeout",
                     f"{seconds}s", timeout=seconds + 20)
        assert r.returncode == check, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
        return self.rows()

    def ask(self, data, seconds=30):
        """The answer to a datagram of nobody in particular; None: there is none in that time."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(seconds)
            s.sendto(data, ("127.0.0.1", self.port))
            with contextlib.suppress(socket.timeout):
                return s.recv(2048)
        return None


def dtls(stack, key, identity, query, seconds=50):
    """The codes of what coap-client hears in that time, at most until it is answered, that
    registers with a pre-shared key. Read where messages are printed: what it prints begins with
    the time, in which there may be 2.01, too."""
    r = subprocess.run(["coap-client-openssl", "-v", "7", "-m", "post", "-B", str(seconds), "-u",
                        identity, "-k", key, "-e", "</3/0>,</5/0>",
                        f"coaps://127.0.0.1:{stack.secure_port}/rd?ep={query}"],
                       capture_output=True, text=True, timeout=60, check=False)
    return re.findall(r"\bc:(\d\.\d\d)\b", r.stdout + r.stderr)
