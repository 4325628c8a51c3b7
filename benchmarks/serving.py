"""Load on `seqloom serve` beside the obvious handler, in turn in one run; prints one Markdown table.

    python benchmarks/serving.py RUN DIR --sources FILE [--clients 64] [--seconds 60] [--rounds 1]

RUN is a trained run and DIR what `seqloom export RUN --out DIR` made of it. Each contestant is a process of its own on the loopback
address. So many clients each send one source, wait for the answer, and send the next, for so many seconds; each takes the sources in
an order of its own. The clients live in this process, on bare sockets, so that they take little of the processor. Exits with 1 when a
bar was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
OBVIOUS = {"obvious handler, def": ["def"], "the same, 1 thread": ["def", "1"], "the same, async def, 1 thread": ["async", "1"]}
WARM_UP_SECONDS = 3.0
TIMES = 10
"""The bar: times the best obvious handler."""
TAIL = 20
"""The bar: p99 over p50."""


@dataclass
class Load:
    """What the clients of one contestant saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    processor_seconds: float = 0.0
    """Of the server."""

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which that share was answered."""
        return 1_000 * sorted(self.latencies)[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


def main() -> None:
    """Measures and prints."""
    options = _options()
    sources = [line.split("\t")[0] for line in options.sources.read_text(encoding="utf-8").splitlines() if line.strip()]
    ours = [sys.executable, "-m", "seqloom", "serve", str(options.exported), "--port", "PORT"]
    contestants = {
        name: [sys.executable, str(HERE / "obvious_handler.py"), str(options.run), "PORT", *rest] for name, rest in OBVIOUS.items()
    }
    rounds: list[dict[str, Load]] = []
    for number in range(options.rounds):
        rounds.append({})
        for name, command in {**contestants, "seqloom serve": ours}.items():
            with served(command) as (port, process):
                asyncio.run(drive(port, sources, options.clients, WARM_UP_SECONDS))
                before = _processor_seconds(process)
                rounds[-1][name] = asyncio.run(drive(port, sources, options.clients, options.seconds))
                rounds[-1][name].processor_seconds = _processor_seconds(process) - before
            print(f"round {number + 1}: {name}: {rounds[-1][name].throughput:.1f}/s", file=sys.stderr, flush=True)
    print(table(rounds))
    print(f"\n{options.clients} clients, {options.seconds:g} s each, {len(sources):,} sources; {_machine()}")
    sys.exit(0 if all(_reached(found) for found in rounds) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("exported", type=Path)
    parser.add_argument("--sources", type=Path, required=True, help="file of sources, one a line; what stands behind a tab is left out")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


# --------------------------------------------------------------------------------------------------------------- servers


@contextlib.contextmanager
def served(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port on which the command answers, and its process, which is ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([part.replace("PORT", str(port)) for part in command])
    try:
        _wait(port, process)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            raise SystemExit(f"{process.args}: ended with {process.returncode}")
        time.sleep(0.1)
    raise SystemExit(f"{process.args}: does not listen")


def _processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """What the process has used of the processor so far, all threads together; Linux only."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --------------------------------------------------------------------------------------------------------------- clients


async def drive(port: int, sources: list[str], clients: int, seconds: float) -> Load:
    """What so many clients see in so many seconds; answers that come later are waited for and count."""
    load, started = Load(), time.perf_counter()
    await asyncio.gather(*(_client(port, sources, number, started + seconds, load) for number in range(clients)))
    load.seconds = time.perf_counter() - started
    return load


async def _client(port: int, sources: list[str], seed: int, end: float, load: Load) -> None:
    order = random.Random(seed).sample(sources, len(sources))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for source in itertools.cycle(order):
        if time.perf_counter() >= end:
            break
        begun = time.perf_counter()
        try:
            status = await _ask(reader, writer, source)
        except (OSError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if status == "200":
            load.latencies.append(time.perf_counter() - begun)
        else:
            load.errors[status] = load.errors.get(status, 0) + 1
    writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> str:
    """The status of the answer, once it is here whole and holds a text."""
    body = json.dumps({"input": source}).encode()
    head = f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
    content = await reader.readexactly(int(length[1]) if length else 0)
    return answer.split(b" ", 2)[1].decode() if b'"text":' in content else "no text"


# --------------------------------------------------------------------------------------------------------------- results


def table(rounds: list[dict[str, Load]]) -> str:
    """A row a contestant and round; times are those of the best obvious handler of that round."""
    head = ["", "answers/s", "times the best obvious", "processor ms an answer", "p50, ms", "p99, ms", "p99 / p50", "errors"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for found in rounds:
        best = max(found[name].throughput for name in OBVIOUS)
        for name, load in found.items():
            p50, p99 = load.percentile(0.5), load.percentile(0.99)
            errors = ", ".join(f"{count} × {what}" for what, count in load.errors.items()) or "0"
            rate = f"{load.throughput:.1f} | {load.throughput / best:.2f} | {1_000 * load.processor_seconds / len(load.latencies):.1f}"
            lines.append(f"| {name} | {rate} | {p50:.0f} | {p99:.0f} | {p99 / p50:.1f} | {errors} |")
    return "\n".join(lines)


def _reached(found: dict[str, Load]) -> bool:
    ours = found["seqloom serve"]
    best = max(found[name].throughput for name in OBVIOUS)
    return not ours.errors and ours.percentile(0.99) < TAIL * ours.percentile(0.5) and ours.throughput >= TIMES * best


def _machine() -> str:
    commit = subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, commit {commit}"


if __name__ == "__main__":
    main()
