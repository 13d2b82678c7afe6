# SPDX-License-Identifier: MIT
"""lwm2m_files.py - an operator's HTTP server that has images, for tests: Python's own."""
import hashlib
import http.server
import pathlib
import ssl
import subprocess
import threading


class Files:
    """Serves folder/files; asked has the paths that were asked for, and the answers' codes."""

    def __init__(self, folder, secure=False):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "files"
        self.root.mkdir()
        self.asked, self.ca = [], None
        files = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(files.root))

            def log_request(self, code="-", size="-"):
                files.asked.append((self.path, int(code)))

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if secure:
            self.secure()
        self.uri = f"{'https' if secure else 'http'}://127.0.0.1:{self.server.server_port}/fota"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def secure(self):
        self.ca, key = self.folder / "server.pem", self.folder / "server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", self.ca, "-keyout", key], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def put(self, image):
        """By its SHA-256, as fuotad-lwm2m(7) says; what it is called."""
        (self.root / "fota").mkdir(exist_ok=True)
        name = hashlib.sha256(image).hexdigest()
        (self.root / "fota" / name).write_bytes(image)
        return f"/fota/{name}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
