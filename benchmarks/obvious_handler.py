"""The handler that comes to mind first, written for `serving.py`: FastAPI, and one call of the trained model a request.

    python benchmarks/obvious_handler.py RUN PORT def|async [THREADS]

`def` lets FastAPI call it in its pool of threads, `async` one request after the other; tutorials show both.
"""

from __future__ import annotations

import sys

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

import seqloom


class Request(BaseModel):
    """One text."""

    input: str


def make_app(run: str, kind: str) -> FastAPI:
    """The application."""
    app, model = FastAPI(), seqloom.load(run)

    def predict(request: Request) -> dict[str, str]:
        return {"text": model.predict([request.input])[0]}

    async def predict_async(request: Request) -> dict[str, str]:
        return {"text": model.predict([request.input])[0]}

    app.post("/v1/predict")(predict if kind == "def" else predict_async)
    return app


if __name__ == "__main__":
    run, port, kind, *threads = sys.argv[1:]
    if threads:
        torch.set_num_threads(int(threads[0]))
    uvicorn.run(make_app(run, kind), port=int(port), log_level="warning")
