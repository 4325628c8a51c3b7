"""A static site: the page of the package, an exported model, and onnxruntime-web, which runs it in the browser.

index.html, app.js, ...     the page; backend.js says that the model is in the browser; LICENSE.txt is Seqloom's
model/                      the exported folder
runtime/                    onnxruntime-web, and its licence
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from seqloom.errors import CheckpointError, ConfigError
from seqloom.fields.ready_model import has_own_symbols
from seqloom.files import is_taken, refuse_unasked, write_atomically
from seqloom.manifest import is_exported, read_manifest, write_manifest
from seqloom.onnxruntime_web import VERSION
from seqloom.page import read_page, with_links

__all__ = ["MODEL", "check_kinds", "check_place", "copy_model", "write_site"]

MODEL = "model"
"""The exported folder in a site; `browser/worker.js` looks there."""
RUNTIME = "runtime"
BACKEND = """import { begin } from "./browser/connection.js";

export const connect = begin(); // the model comes while the page does
"""
NOTICE = f"""onnxruntime-web {VERSION}, unchanged: https://www.npmjs.com/package/onnxruntime-web

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
"""Its licence, which asks to be passed on; the npm package brings no text of it. Seqloom's is web/LICENSE.txt."""


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Make sure that a site may be written into the folder.

    Raises:
        CheckpointError: something is there already: a site that is not to be replaced, or anything else.
    """
    if not is_taken(folder):
        return
    if not is_exported(folder / MODEL):
        raise CheckpointError(f"{folder}: exists and is no site of a model, so nothing is written there. Choose another --out.")
    refuse_unasked(folder, overwrite=overwrite)


def check_kinds(folder: Path) -> None:
    """Make sure that the model of a run or of an exported folder is one that the page can ask in a browser.

    Raises:
        ConfigError: it is one of arrays, or its subword model has symbols that are never cut.
    """
    try:
        state = json.loads((folder / "fields.json").read_text(encoding="utf-8"))
        says_arrays = state.get("kind") == "numbers" and not state["config"]["numbers"]["horizon"]
        is_arrays = says_arrays or state["config"]["source"][0]["kind"] == "array"
        sides = [state[side]["subwords"] for side in ("source", "target") if "subwords" in state.get(side, {})]
        keeps_whole = any(has_own_symbols(base64.b64decode(model)) for models in sides for model in models if model)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # whoever reads it says what is wrong with it
    if is_arrays:
        raise ConfigError(f"--web: {folder} is a model of arrays; expected one of text, sound or a table. Ask it from Python.")
    if keeps_whole:
        why = "its sentencepiece model has user_defined_symbols, which the page does not know"
        raise ConfigError(f"--web: {folder}: {why}; expected a model without. Serve it with `seqloom serve`.")


def copy_model(exported: Path, folder: Path) -> None:
    """Put what a predictor needs of an exported folder into a site: what was read and found to be right, and nothing else.

    Raises:
        CheckpointError: the exported folder is damaged, or nothing can be written there.
    """
    manifest, contents = read_manifest(exported)
    place = folder / MODEL
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{place}: cannot be made ({error.strerror}). Choose another --out.") from None
    for name, content in contents.items():
        write_atomically(place / name, content, shared=True)
    write_manifest(place, manifest.model_copy(update={"files": {name: manifest.files[name] for name in contents}}))


def write_site(folder: Path, runtime: Mapping[str, bytes]) -> int:
    """Write the page and the runtime into the folder, around the model that is there; gives back the bytes of the whole site."""
    files = read_page() | {f"{RUNTIME}/{name}": content for name, content in runtime.items()} | {"backend.js": BACKEND.encode()}
    files = with_links(files)
    files[f"{RUNTIME}/LICENSE.txt"] = NOTICE.encode()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, content, shared=True)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
