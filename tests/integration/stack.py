# SPDX-License-Identifier: MIT
"""stack.py - the whole product on private ports: mosquitto, fuota-sim, fuotad, fuotactl.

A Stack is a folder with one daemon, one fleet and one campaign. Nothing is mocked: the
daemon talks to a real broker and to the API of the simulated network server, by way of a
proxy that can hold back an answer. Processes end with the `with` block.
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

TOKEN = "integration-token-7c1d"
# Time runs 150 times as fast: a busy disk that syncs in 0.1 s would take 15 s for it.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
VERSION = "$SYS/broker/version"
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


CLAIMS = []  # one socket for each port that this process was given


def free_port():
    """Below those that the kernel gives to outgoing connections: it is free, too, while what
    listens there is restarted. Until this process ends no other test is given it, of whatever
    language (net_support.h): whoever has a port has the abstract Unix socket of its name."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0fuotad-port-{port}")
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        CLAIMS.append(claim)
        return port


def wait_for(what, condition, seconds=60):
    """Nothing gets less than a minute, whatever it takes on a machine that is not busy."""
    assert seconds >= 60, seconds
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def port_open(port):
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Proxy:
    """Passes HTTP/1.1 on, message by message. `hook(method_path)` may return
    "hold": the request takes effect at the server, its answer never comes back;
    "reset": the same, and the connection is reset;
    bytes: the request never reaches the server, this is the answer;
    a number: the answer comes so many seconds later."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.hook = lambda path: None
        self.held = threading.Event()
        self.clients = set()
        self.up()

    def up(self):
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.server,), daemon=True).start()

    def down(self):
        """As if the API's process were killed: what is under way breaks, nobody listens."""
        for s in [self.server, *self.clients]:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def accept(self, server):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            self.clients.add(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def read_message(f):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = f.readline()
            if not line:
                return None
            head += line
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        return head, f.read(length)

    def serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                up, down = client.makefile("rb"), server.makefile("rb")
                while True:
                    request = self.read_message(up)
                    if request is None:
                        return
                    fault = self.hook(request[0].split(b" ")[1].decode())
                    if isinstance(fault, bytes):
                        client.sendall(fault)
                        return
                    server.sendall(request[0] + request[1])
                    answer = self.read_message(down)
                    if answer is None:
                        return
                    if fault == "hold":
                        self.held.set()
                        client.recv(1)  # until the daemon is gone
                        return
                    if fault == "reset":
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                        return
                    if fault is not None:
                        time.sleep(fault)
                    client.sendall(answer[0] + answer[1])
        except OSError:
            return
        finally:
            self.clients.discard(client)


class Stack:
    def __init__(self, folder, build, image, devices=12, loss="12%", seed=7, scale=150,
                 ts004="2", interval="120s", spec=None, status_port=None, gateways=1,
                 collisions=False, keep_groups=False, profile="generic",
                 kinds=None, dialect="chirpstack", priority="NORMAL", sim_args=(), tap="auto",
                 marshaler="auto", inventory="file", fleet=""):
        self.folder = pathlib.Path(folder)
        self.build = pathlib.Path(build)
        self.image = pathlib.Path(image)
        self.devices, self.loss, self.seed, self.ts004 = devices, loss, seed, ts004
        self.interval = interval
        self.radio = ["--gateways", gateways] + (["--collisions"] if collisions else [])
        self.radio += ["--keep-groups"] if keep_groups else []
        self.radio += ["--profile", kinds] if kinds else []
        self.sim_args = list(sim_args)
        self.tap, self.marshaler = tap, marshaler
        self.fleet = fleet  # further lines of its spec
        self.dialect = dialect
        self.inventory = inventory  # its source; both: with listed.csv
        self.priority = priority  # The Things Stack's
        self.mqtt_version = "3.1.1" if dialect == "tts" else "auto"
        self.spec = spec or {}
        self.profile = profile
        self.epoch = int(time.time())
        self.scale = f"{scale}@{self.epoch}"
        self.now = lambda: self.epoch + (time.time() - self.epoch) * scale
        self.mqtt_port, self.api_port = free_port(), free_port()
        self.status_port = status_port or self.mqtt_port
        self.processes = {}
        self.logs = []

    def __enter__(self):
        try:
            self.write_files()
            self.start_broker()
            self.start_sim()
            self.proxy = self.make_proxy()
            self.write_fleet()
            self.start_daemon()
        except BaseException as e:  # Python calls __exit__ only for what was entered
            self.__exit__(type(e))
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            for name in list(self.processes):
                self.stop(name)
        finally:  # nothing outlives a case: it would hold its runner's output open
            for process in self.processes.values():
                process.kill()
                process.wait()
        if kind is not None:
            for log in self.logs:
                text = pathlib.Path(log).read_text(errors="replace")
                print(f"==== {log}\n{text[-6000:]}", flush=True)

    def make_proxy(self):
        """What the daemon takes for the API; it has a port."""
        return Proxy(self.api_port)

    # ---- files ----

    def path(self, name):
        return self.folder / name

    def ctl(self, *args, check=None, timeout=330):
        r = subprocess.run([self.build / "fuotactl", "--socket", self.path("ctl.sock"), *args],
                           capture_output=True, text=True, timeout=timeout,
                           env={**os.environ, "CI": "true"})
        if check is not None:
            assert r.returncode == check, f"{args}: {r.returncode}\n{r.stdout}\n{r.stderr}"
        return r

    def write_files(self):
        for name in ("fleets", "trust", "flash", "state"):
            self.path(name).mkdir(exist_ok=True)
        shutil.copy(self.image, self.path("image.bin"))
        subprocess.run([self.build / "fuotactl", "key", "generate", "-o",
                        self.path("trust/release")], check=True, capture_output=True)
        self.sign("image.bin")
        self.path("token").write_text(TOKEN + "\n")
        self.path("token").chmod(0o600)
        self.path("fuotad.yaml").write_text(
            f"""apiVersion: fuotad/v1
kind: Daemon
metadata: {{ name: test }}
spec:
  stateDir: state
  plugins: {self.build}/plugins
  control: {{ socket: {self.path('ctl.sock')} }}
  status: {{ url: "mqtt://127.0.0.1:{self.status_port}" }}
""")
        self.path("trust/release-wm1.yaml").write_text(
            """apiVersion: fuotad/v1
kind: TrustPolicy
metadata: { name: release-wm1 }
spec:
  keys: [{ file: release.pub }]
  product: wm1
""")
        self.write_campaign("wm1-1-4-3")

    def sign(self, image):
        subprocess.run([self.build / "fuotactl", "image", "sign", self.path(image), "--key",
                        self.path("trust/release.key"), "--product", "wm1", "--version",
                        "1.4.3"], check=True, capture_output=True)

    def write_campaign(self, name, image="image.bin", signature="image.bin.minisig"):
        spec = {
            "image": {"file": image, "version": "1.4.3", "signatures": [signature]},
            "targets": {"fleet": "wm1"},
            "retry": {"cooldown": "1m", "device": 9},
            "activation": {"jitter": "1m"},
            "rollout": {"waves": [{"name": "all", "size": "100%"}]},
        }
        spec.update(self.spec)
        document = {"apiVersion": "fuotad/v1", "kind": "Campaign", "metadata": {"name": name},
                    "spec": spec}
        path = self.path(f"{name}.yaml")
        path.write_text(json.dumps(document, indent=1))  # JSON is YAML
        return path

    def network_server(self):
        """What a fleet says about its server, but MQTT and API."""
        if self.dialect == "tts":
            # A minute of the fleet's time is 0.4 s of the machine's.
            return f"""plugin: tts
    options: {{ application: "fuota-app@sim", lead: 60s, priority: {self.priority} }}"""
        return f"""plugin: chirpstack
    options: {{ applicationId: "5a1c0e1e-0000-4000-8000-000000000001", tap: {self.tap},
               marshaler: {self.marshaler} }}"""

    def inventory_source(self):
        return {"file": "source: file, file: ../inventory.csv", "server": "source: server",
                "both": "source: both, file: ../listed.csv"}[self.inventory]

    def write_fleet(self):
        self.path("fleets/wm1.yaml").write_text(
            f"""apiVersion: fuotad/v1
kind: Fleet
metadata: {{ name: wm1 }}
spec:
  trustPolicy: release-wm1
  region: EU868
  networkServer:
    {self.network_server()}
    mqtt: {{ url: "mqtt://127.0.0.1:{self.mqtt_port}", version: "{self.mqtt_version}" }}
    api: {{ url: "http://127.0.0.1:{self.proxy.port}", tokenFile: ../token }}
  inventory: {{ {self.inventory_source()} }}
  profiles: {{ default: {self.profile} }}
{self.fleet}""")

    # ---- processes ----

    def subscribe(self, port, topic, form="%r %q %t %p"):
        """Lines "RETAINED QOS TOPIC PAYLOAD" of what is published there, as they come. The
        subscription stands, and what is retained there is among the lines already: the broker
        keeps its own version, and tells it last because it is asked for last."""
        lines, stands = [], threading.Event()
        process = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t",
                                    topic, "-t", VERSION, "-q", "1", "-F", form],
                                   stdout=subprocess.PIPE, text=True)
        self.processes[f"subscriber {port} {topic}"] = process

        def read():
            for line in process.stdout:
                if f" {VERSION} " in line:
                    stands.set()
                else:
                    lines.append(line)

        threading.Thread(target=read, daemon=True).start()
        assert stands.wait(60), f"no subscription to {topic}"
        return lines

    def start(self, name, *command):
        log = self.path(f"{name}.log")
        self.logs.append(str(log))
        with open(log, "ab") as f:
            self.processes[name] = subprocess.Popen([str(c) for c in command], stdout=f,
                                                    stderr=f, cwd=self.folder)
        return self.processes[name]

    def stop(self, name, sig=signal.SIGTERM):
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if name.startswith("subscriber"):
            sig = signal.SIGKILL  # mosquitto_sub does not hear every SIGTERM
        # It may have been stopped. Not after SIGTERM: LeakSanitizer stops a process at its end,
        # and a SIGCONT that comes just then takes that stop away, and it waits for ever.
        process.send_signal(signal.SIGCONT)
        process.send_signal(sig)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end within 60 s") from None
        # A program of ours ends in order, and sanitizers have found nothing until then. One that
        # ended before has its code, too; one that has hardly begun may not hear SIGTERM yet.
        if name in ("fuotad", "sim") and sig == signal.SIGTERM:
            assert code in (0, -signal.SIGTERM), f"{name} ended with {code}"
        return code

    def start_broker(self):
        self.path("mosquitto.conf").write_text(
            f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "set_tcp_nodelay true\n")
        self.start("mosquitto", MOSQUITTO, "-c", self.path("mosquitto.conf"))
        wait_for("mosquitto", lambda: port_open(self.mqtt_port))

    def start_sim(self):
        self.start("sim", self.build / "fuota-sim", "--broker",
                   f"mqtt://127.0.0.1:{self.mqtt_port}", "--api", f"127.0.0.1:{self.api_port}",
                   "--dialect", self.dialect, "--devices", self.devices, "--seed", self.seed, "--loss", self.loss,
                   "--interval", self.interval, "--ts004", self.ts004, "--time-scale",
                   self.scale, *self.radio, "--airlog", self.path("airlog.jsonl"), "--flash",
                   self.path("flash"), "--inventory", self.path("inventory.csv"),
                   "--token-file", self.path("token"), *self.sim_args, "--quiet")
        wait_for("fuota-sim", lambda: port_open(self.api_port)
                 and self.path("inventory.csv").exists())

    def daemon_command(self):
        return [self.build / "fuotad", "--config", self.path("fuotad.yaml"), "--time-scale",
                self.scale]

    def start_daemon(self):
        self.start("fuotad", *self.daemon_command())
        wait_for("fuotad", lambda: self.ctl("status").returncode == 0)

    def kill_daemon(self):
        self.stop("fuotad", signal.SIGKILL)

    # ---- looking ----

    def state(self, name="wm1-1-4-3"):
        r = self.ctl("status", name, "--json", check=0)
        return json.loads(r.stdout.splitlines()[-1])

    def airlog(self):
        """The frames on air; a line of which only a part is written is not there yet."""
        with open(self.path("airlog.jsonl"), encoding="ascii") as f:
            return [json.loads(line) for line in f if line.endswith("}\n")]
