"""The programs that the tests start: the simulator, the function, moto, AWS's runtime interface
emulator.

Each is a process of its own, with an environment of its own, that ends with its `with` block.
Nothing waits a fixed time: `until` polls a condition and gives up at a deadline.
"""

import json
import os
import platform
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PEERS = Path(__file__).resolve().parent
PROJECT = PEERS.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target")
EVENTS = PROJECT / "events"
SAM = PEERS / ".venv" / "sam"
AWS_CLI = Path(sys.executable).with_name("aws")

REGION = "us-east-1"
ACCOUNT = "111122223333"
SECONDS_TO_START = 30


def until(condition, what, seconds=SECONDS_TO_START):
    """What the condition returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def free_ports(count):
    """Ports that the kernel has just given out, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program in a process group of its own, which is ended as a whole. Its output is kept."""

    def __init__(self, command, environment, **streams):
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        # Nothing of the caller's: a profile or a region left in the shell must not decide a test.
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=streams.get("stdout", self.log),
            stderr=self.log,
            text=True,
            start_new_session=True,
        )

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def alive(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.output()}"
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for signal in (15, 9):
            try:
                os.killpg(self.process.pid, signal)
                self.process.wait(timeout=5)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.log.close()


class Simulator(Process):
    """`cargo run --example local -- --serve`, on a port of the kernel's choice where none is given."""

    def __init__(self, port=0):
        command = [TARGET / "debug" / "examples" / "local", "--serve", "--port", str(port)]
        super().__init__(command, {}, stdout=subprocess.PIPE)
        self.environment = {}
        self.ready = threading.Event()
        # Read to the end, so that the simulator never waits for a reader.
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: self.ready.is_set() or not self.alive(), "the simulator's variables")
        self.url = self.environment["AWS_ENDPOINT_URL"]

    def _read(self):
        for line in self.process.stdout:
            words = shlex.split(line) if line.strip().startswith("export ") else []
            self.environment.update(word.split("=", 1) for word in words[1:])
            if self.environment and not words:
                self.ready.set()

    def ledger(self, operation):
        """The calls of one operation, in order of arrival."""
        return [call for call in self._ask("ledger") if call["operation"] == operation]

    def published(self):
        """What was published, each body as the text that it was."""
        return [{**message, "body": text(message["body"])} for message in self._ask("published")]

    def world(self):
        return self._ask("world")

    def replace_world(self, world):
        self._ask("world", json.dumps(world), method="PUT")

    def fault(self, operation, kind, **rest):
        self._ask("faults", json.dumps({"operation": operation, "kind": kind, **rest}))

    def invoke(self, event):
        """Hands the event to the function that polls this simulator; a response comes as its text."""
        reply = self._ask("invoke?timeoutMs=15000", event)
        return {**reply, "value": text(reply["value"])} if reply["type"] == "response" else reply

    def _ask(self, path, body=None, method=None):
        data = None if body is None else body.encode()
        request = urllib.request.Request(f"{self.url}/_simulator/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=40) as reply:
            return json.load(reply)


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def bootstrap():
    return Path(os.environ.get("PEERS_BOOTSTRAP") or TARGET / "release" / "bootstrap")


class Function(Process):
    """The release binary, polling the simulator's Runtime API."""

    def __init__(self, simulator, **environment):
        super().__init__([bootstrap()], {**simulator.environment, **environment})


class Moto(Process):
    """moto's server: EventBridge, SNS and SQS, all at one URL."""

    def __init__(self):
        [port] = free_ports(1)
        command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", port]
        super().__init__(command, {"MOTO_ACCOUNT_ID": ACCOUNT})
        self.url = f"http://127.0.0.1:{port}"
        until(lambda: self.alive() and listens(port), "moto's port")


def emulator_program():
    """AWS's runtime interface emulator, which the SAM CLI brings."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    [program] = SAM.glob(f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}")
    return program


class Emulator(Process):
    """AWS's runtime interface emulator with the release binary in it."""

    def __init__(self, simulator, **environment):
        self.port, runtime_api = free_ports(2)
        command = [
            emulator_program(),
            "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
            "--runtime-api-address", f"127.0.0.1:{runtime_api}",
            bootstrap(),
        ]  # fmt: skip
        # The emulator has a Runtime API of its own.
        given = {name: value for name, value in simulator.environment.items() if name != "AWS_LAMBDA_RUNTIME_API"}
        super().__init__(command, {**given, "AWS_LAMBDA_FUNCTION_TIMEOUT": "30", **environment})
        until(lambda: self.alive() and listens(self.port), "the emulator's port")

    def invoke(self, event, **headers):
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, data=event.encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=40) as reply:
            return json.load(reply)
