"""A stand-in for Docker's engine, as far as `sam local invoke` asks it: one container, without walls.

What would be a container of Lambda's base image is AWS's runtime interface emulator with the binary that was mounted,
on this machine. The address of the host, as containers know it, leads to where the test wants it.
API: https://docs.docker.com/reference/api/engine/
"""

import json
import socketserver
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler

from processes import emulator_program, free_ports

# The host, and the simulator's port, as a container is to be told.
SIMULATOR = "http://host.docker.internal:4180"


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a socket until it is closed; `simulator` stands in for the address of the host."""

    daemon_threads = True

    def __init__(self, path, simulator):
        super().__init__(str(path), Handler)
        self.url, self.simulator = f"unix://{path}", simulator
        self.wanted, self.process = None, None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.shutdown()
        self.server_close()

    @property
    def variables(self):
        """The container's environment, as it was asked for."""
        return dict(one.split("=", 1) for one in self.wanted["Env"])

    def start(self):
        wanted = self.wanted["HostConfig"]
        [[published]] = wanted["PortBindings"].values()
        [task] = [bind.split(":")[0] for bind in wanted["Binds"] if ":/var/task:" in bind]
        [runtime_api] = free_ports(1)
        variables = self.variables
        if "host.docker.internal:host-gateway" in wanted.get("ExtraHosts", []):
            variables = {name: value.replace(SIMULATOR, self.simulator) for name, value in variables.items()}
        command = [
            emulator_program(),
            "--runtime-interface-emulator-address", f"127.0.0.1:{published['HostPort']}",
            "--runtime-api-address", f"127.0.0.1:{runtime_api}",
            f"{task}/bootstrap",
        ]  # fmt: skip
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, env=variables, start_new_session=True, **output)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "a client"

    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[-1] == "_ping":
            return self.answer({}, **{"API-Version": "1.44"})
        if parts[-1] == "version":
            return self.answer({"Version": "27.0", "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Os": "linux"})
        if "containers" in parts:
            status = "running" if self.server.process else "created"
            return self.answer({"Id": "one", "Name": "/one", "State": {"Status": status}, "Config": {"Tty": False}})
        if "distribution" in parts:
            return self.answer({"Descriptor": {"digest": "sha256:1"}})
        if parts[-2:] == ["images", "json"]:
            return self.answer([])
        return self.answer({"Id": "sha256:1", "RepoTags": [], "RepoDigests": ["image@sha256:1"], "Config": {}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
        path = self.path.split("?")[0]
        if path.endswith("/containers/create"):
            self.server.wanted = json.loads(body)
            return self.answer({"Id": "one", "Warnings": []}, status=201)
        if path.endswith("/start"):
            self.server.start()
        if path.endswith("/attach"):
            return self.attach()
        if path.endswith("/stop"):
            self.server.stop()
        return self.answer({"stream": "done"}, status=200 if path.endswith("/build") else 204)

    def do_DELETE(self):
        self.server.stop()
        self.answer({}, status=204)

    def attach(self):
        """The output, in Docker's frames, for as long as there is any."""
        self.send_response(101, "UPGRADED")
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        for line in self.server.process.stdout:
            self.wfile.write(struct.pack(">BxxxI", 2, len(line)) + line)
            self.wfile.flush()
        self.close_connection = True

    def answer(self, value, status=200, **headers):
        body = b"" if status == 204 else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)
