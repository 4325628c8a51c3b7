"""What a browser shows: the page of the package, and the list of addresses. All is in memory before the first request."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from seqloom.page import read_page, with_links

__all__ = ["Page", "manual", "read_pages"]

TYPES = {
    ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon", ".js": "text/javascript; charset=utf-8",
    ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
"""The files that are sent, by their ends; no other is."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent."""

    content: bytes
    type: str

    async def respond(self, request: Request) -> Response:
        """The file, which may load nothing from elsewhere; nothing where a browser has it as it is."""
        tag = f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'
        headers = HEADERS | {"ETag": tag}
        if tag in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.type, headers=headers)


def read_pages() -> dict[str, Page]:
    """The files of the page in the package, by their addresses; `/` is its index.html."""
    files = with_links(read_page())
    ends = {name: Path(name).suffix for name in files}
    pages = {f"/{name}": Page(content, TYPES[ends[name]]) for name, content in files.items() if ends[name] in TYPES}
    pages["/"] = pages.pop("/index.html")
    return pages


# ------------------------------------------------------------------------------------------------------- list of addresses


def manual(schema: Mapping[str, Any]) -> Page:
    """The OpenAPI description as one plain page, which loads nothing from elsewhere."""
    parts = [f"<p>{_code(schema['info']['description'])} <a href='openapi.json'>openapi.json</a></p>"]
    for path, methods in schema["paths"].items():
        for method, about in methods.items():
            parts += _address(method, path, about)
    parts.append("<h2>Objects</h2>")
    for name, model in sorted(schema["components"]["schemas"].items()):
        parts += [f"<h3 id='{name}'>{name}</h3><p>{_code(model.get('description', ''))}</p>", *_keys(model)]
    body = "\n".join(parts)
    title = html.escape(f"{schema['info']['title']} {schema['info']['version']}")
    return Page(_FRAME.replace("TITLE", title).replace("BODY", body).encode(), TYPES[".html"])


def _address(method: str, path: str, about: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {path}</code></h2>"
    yield "".join(f"<p>{_code(part)}</p>" for part in about.get("description", "").split("\n\n"))
    if "requestBody" in about:
        yield f"<p>Body: {_type(about['requestBody']['content']['application/json']['schema'])}</p>"
    yield "<table>"
    for status, response in sorted(about["responses"].items()):
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        yield f"<tr><td>{status}<td>{_code(response['description'])}<td>{_type(schema) if schema else ''}"
    yield "</table>"


def _keys(model: Mapping[str, Any]) -> Iterator[str]:
    yield "<table>"
    for key, about in model.get("properties", {}).items():
        default = f"<br>default {_code('`' + json.dumps(about['default']) + '`')}" if about.get("default") is not None else ""
        yield f"<tr><td><code>{key}</code><td>{_type(about)}{default}<td>{_code(about.get('description', ''))}"
    yield "</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """A type in words, with its limits."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"] if part.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = str(schema.get("type", "anything"))
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    limits = [f"{sign} {schema[key]:g}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([words.get(kind, kind), ", ".join(limits)]).strip()


def _code(text: str) -> str:
    """Escaped text, with what stands between backquotes as code."""
    parts = html.escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


_FRAME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
  h1, h2, h3 { line-height: 1.2; margin: 2rem 0 0.5rem }
  table { border-collapse: collapse; width: 100% }
  td { border-top: 1px solid #8884; padding: 0.3rem 1rem 0.3rem 0; vertical-align: top }
  td:first-child { width: 9rem }
  td:last-child { width: 55% }
  code { font: 0.9em ui-monospace, monospace }
</style>
<h1>TITLE</h1>
BODY
</html>
"""
