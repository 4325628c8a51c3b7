"""The loop that tutorials teach, `tutorial_loop.py`: a decoder called a position at a time, batches of like length, nothing tied."""

from __future__ import annotations

from pathlib import Path

from peers.peer import Place

__all__ = ["Tutorial"]

SCRIPT = str(Path(__file__).resolve().with_name("tutorial_script.py"))


class Tutorial:
    """The script beside this one. It has no search: tutorials answer one sentence at a time."""

    name, environment, shapes, driver = "tutorial loop", None, "AB", "turns.py"

    def prepare(self, place: Place) -> None:
        """Nothing: the vocabulary is part of training."""

    def train(self, place: Place, steps: int) -> list[str]:
        """The script."""
        return [SCRIPT, place.shape.name, str(place.texts.folder), str(steps)]
