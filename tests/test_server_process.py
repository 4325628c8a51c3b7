"""A server as a process: it answers on a socket, holds against clients that do not behave, and ends as it should."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from seqloom.errors import ConfigError
from seqloom.server.process import address_of, listen

SECONDS = 20.0
"""Long enough for anything here; only a failing test takes it."""
SERVE = """
import sys, threading, time
from seqloom.answers import Output, Prediction
from seqloom.config import FieldsConfig, SearchConfig, TextField
from seqloom.data.rows import Row
from seqloom.fields.task import Fields
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.server import batcher
from seqloom.server.process import address_of, listen, make_server, run
from seqloom.stopping import stoppable

ends = threading.Event()
batcher.Batcher.close.__defaults__ = (0.1,)

class Slow:
    manifest = None
    stride, copies = 1, False
    fields = Fields.fit(FieldsConfig(source=[TextField()], target=TextField()), [Row(("abc",), "abc", "")])
    def search(self, **changes):
        return SearchConfig(**changes)
    def answers(self, rows, config, **rest):
        for row in rows:
            if row.source[0] == "slow":
                print("begun", flush=True)
                time.sleep(0.5)
            if row.source[0] == "endless":
                print("begun", flush=True)
                with stoppable(ends.set):
                    ends.wait()
                    raise RuntimeError("a run was ended")
            if row.source[0] == "deaf":
                print("begun", flush=True)
                time.sleep(1_000)
            yield Prediction(row.source, [], [Output(row.source[0].upper(), 0.0, 0.0, [], [0.0], False)])

listening = listen("127.0.0.1", 0)
app = create_app({"slow": Slow()}, limits=Limits(body_bytes=10_000, seconds=float(sys.argv[1])))
run(make_server(app, 10, lambda: print(address_of(listening), flush=True)), listening)
print("torch" in sys.modules, flush=True)
"""


class Process:
    """A server in a process of its own."""

    def __init__(self, seconds: float = 1.0) -> None:
        command = [sys.executable, "-c", SERVE, str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.line()

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, text: str, timeout: float = SECONDS) -> tuple[int, Any]:
        """Status and body of the answer to a source."""
        data = json.dumps({"input": text}).encode()
        request = urllib.request.Request(f"{self.address}/v1/predict", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def connect(self) -> socket.socket:
        """A bare connection."""
        host, port = self.address.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=SECONDS)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit code and what it said on stderr, after a signal."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said


@pytest.fixture
def server() -> Iterator[Process]:
    made = Process()
    yield made
    made.process.kill()
    made.process.communicate()


def answered(text: str) -> tuple[int, Any]:
    return 200, {"model": "slow", "predictions": [{"outputs": [{"text": text}]}]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_server_that_is_told_to_end_finishes_what_it_took(server: Process, number: int) -> None:
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(server.ask("slow")))
    asking.start()
    assert server.line() == "begun"
    server.process.send_signal(number)
    asking.join(SECONDS)
    assert found == [answered("SLOW")]
    assert server.line() == "False", "torch is not loaded"
    _, said = server.process.communicate(timeout=SECONDS)
    assert (server.process.returncode, said) == (0, "")
    with pytest.raises(OSError, match="refused"):
        server.connect()


@pytest.mark.parametrize("source", ["endless", "deaf"])
def test_a_server_that_is_told_to_end_waits_for_no_search_longer_than_for_an_answer(server: Process, source: str) -> None:
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(server.ask(source)))
    asking.start()
    assert server.line() == "begun"
    assert server.end() == (0, "")
    asking.join(SECONDS)
    late = "the answer was not there after 1 s, which is the limit. Send fewer or shorter sources, or try again later."
    assert found == [(504, {"error": late})]


def test_a_second_signal_does_not_wait_for_what_was_taken() -> None:
    server, found = Process(seconds=1_000), list[Any]()
    asking = threading.Thread(target=lambda: found.append(server.ask("endless")))
    asking.start()
    assert server.line() == "begun"
    server.process.send_signal(signal.SIGTERM)
    while True:  # until it has heard that one
        try:
            server.connect().close()
        except OSError:
            break
    assert server.end() == (0, "")
    asking.join(SECONDS)
    assert found == [(503, {"error": "the server is stopping. Try again when it is back."})]


def test_a_body_that_is_too_large_is_refused_before_it_is_sent_whole(server: Process) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{")
        answer = b""
        while not answer.endswith(b"}"):  # the connection stays open for the rest, which is never sent
            answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body) == {"error": "body: more than 10,000 bytes, which is the limit. Send the sources in several requests."}
    assert server.ask("ab") == answered("AB")


def test_a_body_that_never_comes_is_refused_and_its_connection_ends(server: Process) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body) == {"error": "body: not here after 1 s, which is the limit. Send it in one go."}
    assert server.ask("ab") == answered("AB")


def test_clients_that_go_away_leave_no_trace(server: Process) -> None:
    body = json.dumps({"inputs": ["slow", "a"], "stream": True}).encode()
    head = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    for sent in (head + body, head + body[:5], head[:20], b"\x00\xff\r\n\r\n", b"G" * 100):
        with server.connect() as connection:
            connection.sendall(sent)
    assert server.ask("ab") == answered("AB")
    assert server.end() == (0, "")


def read_all(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname(), timeout=SECONDS):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address_that_is_taken_is_refused_in_words() -> None:
    with listen("127.0.0.1", 0) as taken:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address_of(taken))
        port = taken.getsockname()[1]
        said = rf"^127\.0\.0\.1:{port}: cannot listen there \(Address already in use\)\. Give a free --port, or an address of this"
        with pytest.raises(ConfigError, match=said):
            listen("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"^no\.such\.host\.invalid:80: cannot listen there \(.+\)\. Give a free --port"):
        listen("no.such.host.invalid", 80)
    with pytest.raises(ConfigError, match=r"^\.:80: cannot listen there \(no name of a machine\)\. Give another --host, such as 127"):
        listen(".", 80)
