"""A virtual environment for each peer, made from the package index with the versions that its table row names.

    python benchmarks/peers/environments.py opennmt eole [--work FOLDER]

`requirements/NAME.txt` pins every package, so pip resolves nothing: some peers ask for versions of torch that do not exist for this Python
or bring gigabytes that training on a processor never loads, and all of them are to run on the torch that seqloom runs on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["NAMES", "make", "python_of"]

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
NAMES = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
DONE = "installed.txt"
"""What was installed stands here once all of it is."""


def python_of(name: str, work: Path) -> Path:
    """The Python of a peer's environment."""
    return work / name / "bin" / "python"


def make(name: str, work: Path) -> Path:
    """The Python of a peer's environment, which is made where it is missing or was made from other versions."""
    wanted, done = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8"), work / name / DONE
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        print(f"{name}: installing into {work / name}", file=sys.stderr, flush=True)
        venv.create(work / name, with_pip=True)
        pip = [str(python_of(name, work)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS / f"{name}.txt")], check=True)
        done.write_text(wanted, encoding="utf-8")
    return python_of(name, work)


def main() -> None:
    """Makes the environments that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="+", choices=NAMES)
    default = Path(__file__).resolve().parent.parent / "work" / "peers"
    parser.add_argument("--work", type=Path, default=default, help="folder of the environments; default benchmarks/work/peers")
    options = parser.parse_args()
    for name in options.names:
        print(make(name, options.work))


if __name__ == "__main__":
    main()
