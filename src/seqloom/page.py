"""The files of the page, and in its index.html a link to each module: a browser asks for all at once, and not for one after another."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["modules_of", "read_page", "with_links"]

PAGE = Path(__file__).parent / "web"
BEGIN = "app.js"
IMPORTED = re.compile(r'^(?:import|export)\b[^"]*?"(\.[^"]+)"|new Worker\(new URL\("([^"]+)"', re.MULTILINE)
"""What a module asks for: other modules, and a worker."""


def read_page() -> dict[str, bytes]:
    """The files of the page in the package, by their places in it."""
    return {path.relative_to(PAGE).as_posix(): path.read_bytes() for path in sorted(PAGE.rglob("*")) if path.is_file()}


def with_links(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a page, its index.html with a link to each module that it will load."""
    links = "".join(f'  <link rel="modulepreload" href="{name}">\n' for name in modules_of(files))
    return {**files, "index.html": files["index.html"].replace(b"</head>", links.encode() + b"</head>")}


def modules_of(files: Mapping[str, bytes]) -> list[str]:
    """The modules that the page loads, in a worker too, in the order in which they are found; first the one that it begins with."""
    found = [BEGIN]
    for name in found:
        found += [other for other in _asked_for(name, files[name].decode()) if other not in found]
    return found


def _asked_for(name: str, text: str) -> list[str]:
    names = [match[1] or match[2] for match in IMPORTED.finditer(text)]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in names]
