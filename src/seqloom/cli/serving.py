"""`seqloom serve`: models over HTTP."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.output import say
from seqloom.errors import ConfigError
from seqloom.threads import cores

__all__ = ["serve"]

PER_CORE, LEAST_BOUND = 8, 64
"""Threads that may be asked for: so many a core, or so many at the least."""


def _option(flag: str, metavar: str, text: str, **limits: Any) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, **limits)


def serve(
    models: Annotated[
        list[str], typer.Argument(metavar="[NAME=]DIR", help="Folders that `seqloom export` wrote; the first answers where none is named.")
    ],
    host: Annotated[str, _option("--host", "ADDRESS", "Listen there; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, _option("--port", "N", "And on this port; 0 takes any that is free.", min=0, max=65_535)] = 8_000,
    root_path: Annotated[str, _option("--root-path", "PATH", "What a proxy takes from the begin of addresses, such as /ai.")] = "",
    origins: Annotated[
        list[str] | None,
        _option("--allow-origin", "ORIGIN", "Let pages from there ask, such as https://example.org; * is all. Repeatable."),
    ] = None,
    token_file: Annotated[Path | None, _option("--token-file", "FILE", "Ask for one of the tokens in it, one a line.")] = None,
    token_env: Annotated[str | None, _option("--token-env", "NAME", "Ask for the token in this environment variable.")] = None,
    threads: Annotated[
        int | None, _option("--threads", "N", "Searches of a model at a time, each on one core. [default: all]", min=1)
    ] = None,
    batch: Annotated[int, _option("--batch", "N", "Sources answered together at most.", min=1)] = 32,
    window: Annotated[float, _option("--window", "MS", "Milliseconds that a source waits for others.", min=0)] = 3.0,
    body: Annotated[
        int | None,
        _option("--max-body", "BYTES", "Bytes of a request at most. [default: 1,048,576, with a model of sound 16,777,216]", min=1),
    ] = None,
    items: Annotated[int, _option("--max-items", "N", "Sources in a request at most.", min=1)] = 256,
    characters: Annotated[int, _option("--max-characters", "N", "Characters of a source, or moments of an array, at most.", min=1)] = 2_000,
    beam: Annotated[int, _option("--max-beam", "N", "Hypotheses a source at most.", min=1)] = 32,
    max_length: Annotated[int, _option("--max-length", "N", "Target symbols that may be asked for.", min=1)] = 1_000,
    seconds: Annotated[float, _option("--max-seconds", "S", "Seconds that an answer may take.", min=0.001)] = 30.0,
    waiting: Annotated[int, _option("--max-waiting", "N", "Sources that wait for a model at most.", min=1)] = 1_024,
    sounds: Annotated[int, _option("--max-sounds", "N", "Sounds that wait for a model at most.", min=1)] = 64,
    sound_seconds: Annotated[float, _option("--max-sound-seconds", "S", "Seconds of a sound at most.", min=0.001)] = 60.0,
    attention: Annotated[int, _option("--max-attention", "N", "Weights of attention in an answer at most.", min=1)] = 10_000_000,
) -> None:
    """Answer for exported models over HTTP, until Ctrl-C.

    POST /v1/predict answers; / is a page for people and /docs lists all addresses. Only this machine reaches it unless --host says
    otherwise. On Ctrl-C, SIGTERM or SIGHUP it takes no more, finishes what it took, and ends.
    """
    for flag, value in (("--window", window), ("--max-seconds", seconds), ("--max-sound-seconds", sound_seconds)):
        if not math.isfinite(value):
            raise ConfigError(f"{flag} {value}: expected a finite number. Give a large one where there should be no limit.")
    _check_root_path(root_path)
    _check_threads(threads)
    from seqloom.exported import load_exported
    from seqloom.server.access import check_origins, is_loopback, read_tokens
    from seqloom.server.app import create_app
    from seqloom.server.limits import Limits
    from seqloom.server.models import named_paths
    from seqloom.server.process import address_of, listen, make_server, run
    from seqloom.server.sources import body_bytes

    check_origins(origins or [])
    tokens, paths = read_tokens(token_file, token_env), named_paths(models)
    predictors = {name: load_exported(path, threads=1) for name, path in paths.items()}
    largest = body or body_bytes(predictor.fields.config for predictor in predictors.values())
    limits = Limits(largest, items, characters, beam, max_length, seconds, waiting, sounds, sound_seconds, attention)
    app = create_app(
        predictors,
        limits=limits,
        tokens=tokens,
        threads=threads or cores(),
        batch=batch,
        window=window / 1_000,
        origins=origins or [],
    )
    if not is_loopback(host) and not tokens:
        say(f"note: whoever reaches {host} may ask, for no token is asked for; --token-file FILE asks for one")
    listening = listen(host, port)
    names = ", ".join(predictors)
    server = make_server(app, limits.seconds, lambda: say(f"serving {names} on {address_of(listening)} (Ctrl-C ends)"), root_path)
    run(server, listening)
    say("ended")


def _check_threads(threads: int | None) -> None:
    """Refuse more threads than could be of use, before any is started."""
    most = max(LEAST_BOUND, PER_CORE * cores())
    if threads is not None and threads > most:
        raise ConfigError(f"--threads {threads}: on {cores()} cores expected {most} at most. Leave it out for one a core.")


def _check_root_path(path: str) -> None:
    """Refuse what an address cannot begin with."""
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ConfigError(f"--root-path {path}: expected letters, digits, '.', '_', '~', '-' behind each '/', as in /ai. Mend it.")
