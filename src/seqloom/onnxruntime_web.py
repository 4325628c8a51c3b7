"""Where the files of onnxruntime-web come from, which run an exported model in a browser: one version, checked byte by byte."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from seqloom.errors import ConfigError
from seqloom.files import write_atomically

__all__ = ["FILES", "VERSION", "find_runtime"]

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""What a browser loads, and the SHA-256 of each; single-threaded use needs no others."""
SECONDS = 300
"""For npm to fetch 33 MB."""


def find_runtime(folder: Path | None = None) -> dict[str, bytes]:
    """The content of each of FILES: from the folder if there is one, else from the cache, else fetched with npm and kept there, in place of
    what is damaged.

    Raises:
        ConfigError: a file is missing or another version's, or there is no npm, or it cannot fetch the package.
    """
    if folder is not None:
        return _read(folder)
    cache = _cache()
    with contextlib.suppress(ConfigError):  # not there yet, or damaged
        return _read(cache)
    _fetch(cache)
    return _read(cache)


def _read(folder: Path) -> dict[str, bytes]:
    """The files in a folder: the package as it was unpacked, or what is in its dist/."""
    places = (folder, folder / "dist", folder / "package" / "dist")
    place = next((place for place in places if (place / next(iter(FILES))).is_file()), folder)
    contents: dict[str, bytes] = {}
    for name, digest in FILES.items():
        try:
            contents[name] = (place / name).read_bytes()
        except OSError as error:
            raise ConfigError(f"{place / name}: cannot be read ({error.strerror}); expected a file of {PACKAGE}. {_MEND}") from None
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise ConfigError(f"{place / name}: not the file of {PACKAGE}, its SHA-256 is another. {_MEND}")
    return contents


def _fetch(cache: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(f"--web: {PACKAGE} is not on this machine, and there is no npm to fetch it. {_MEND}")
    with tempfile.TemporaryDirectory() as temporary:
        command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", temporary]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ConfigError(f"--web: npm has not fetched {PACKAGE} after {SECONDS} s. {_MEND}") from None
        archives = list(Path(temporary).glob("*.tgz"))
        if done.returncode or not archives:
            reason = " ".join(done.stderr.split())[:200]
            raise ConfigError(f"--web: npm cannot fetch {PACKAGE} ({reason or 'it says nothing'}). {_MEND}")
        _unpack(archives[0], cache)


def _unpack(archive: Path, cache: Path) -> None:
    """Only what is needed, and only its bytes: no path of the archive is followed."""
    cache.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for name in FILES:
            part = package.extractfile(f"package/dist/{name}")
            if part is not None:
                write_atomically(cache / name, part.read(), shared=True)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqloom" / f"onnxruntime-web-{VERSION}"


_MEND = f"Run `npm pack {PACKAGE}` where npm is, unpack the archive, and give its folder with --runtime."
