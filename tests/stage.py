"""What several test files stand on: screens, settings that train in seconds, a table, a server in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn

from seqloom.server.app import create_app

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
