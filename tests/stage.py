"""What several test files stand on: screens, settings that train in seconds, a table, servers in this process, the command line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Page

from seqloom.cli import main
from seqloom.config import PARTS
from seqloom.metrics import METRICS
from seqloom.numbers.panel import Panel
from seqloom.server.app import create_app

PAGES = Path(__file__).parents[1] / "docs"
PHONE = {"viewport": {"width": 375, "height": 720}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
TINY = [
    "model.embedding=8", "model.encoder.width=8", "model.encoder.layers=1", "model.decoder.width=8", "training.max_steps=10",
    "training.precision=float32", "training.device=cpu", "training.threads=1",
]  # fmt: skip


@contextmanager
def served(models: Mapping[str, Any], **options: Any) -> Iterator[str]:
    """The address of a server of models, in a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(create_app(models, **options), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def loads(count: int, series: str = "a") -> list[dict[str, Any]]:
    """Hours of a load that goes up and down."""
    return [
        {"time": f"2024-03-{hour // 24 + 1:02d} {hour % 24:02d}:00", "plant": series, "load": round(5 + np.sin(hour / 4), 3)}
        for hour in range(count)
    ]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None: ...


@contextmanager
def serve(folder: Path, handler: type[SimpleHTTPRequestHandler] = Quiet) -> Iterator[str]:
    """The address of a server that does what `python -m http.server` does, or a little more."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def wait_until(page: Page, is_so: Callable[[], object], seconds: float = 30) -> None:
    """Let a page go on until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never was"
        page.wait_for_timeout(20)


@contextmanager
def parts_forgotten() -> Iterator[None]:
    """What is registered in here (`seqloom.parts`) is forgotten after it, as it is with a process."""
    from seqloom.nn.attention import ATTENTIONS
    from seqloom.nn.decoders import DECODERS
    from seqloom.nn.encoders import ENCODERS

    tables = [METRICS, ATTENTIONS, DECODERS, ENCODERS, *(table for kinds in PARTS.values() for table in (kinds.models, kinds.files))]
    places = list(sys.path)
    with ExitStack() as stack:
        for table in tables:
            stack.enter_context(mock.patch.dict(table))
        yield
    sys.path[:] = places
    for name in [name for name, module in list(sys.modules.items()) if hasattr(module, "__seqloom_parts__")]:
        del sys.modules[name]


def shown(page: str, title: str) -> str:
    """The file of that title that a page shows."""
    return (PAGES / page).read_text(encoding="utf-8").split(f'```python title="{title}"\n')[1].split("```\n")[0]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def make_site(model: Path, place: Path, runtime: Path, *flags: str) -> Path:
    """The site of a model, which is the place."""
    assert run("export", model, "--web", "--out", place, "--runtime", runtime, *flags) == 0
    return place


def panel_of_arrays(values: Any, columns: Sequence[str], name: str = "array") -> Panel:
    """One series (N, C), or several as a list of them."""
    parts = [np.asarray(part, dtype=np.float64) for part in (values if isinstance(values, (list, tuple)) else [values])]
    starts = np.cumsum([0, *map(len, parts)])
    return Panel(tuple(columns), np.concatenate(parts), starts, tuple(str(place + 1) for place in range(len(parts))), name=name)
