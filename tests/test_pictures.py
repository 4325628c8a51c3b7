"""Pictures of attention."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from seqloom import pictures


def test_letters_that_no_font_has_are_written_as_code_points(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures.draw_attention(tmp_path / "a.png", ["a", "é", "\U00011005"], ["ж", "\U00011005b"], np.full((3, 4), 0.25).tolist(), None)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    families, missing = pictures._families({*"aéж\U00011005"})  # pyright: ignore[reportPrivateUsage]
    assert families[0] == "DejaVu Sans"
    if missing:  # Brahmi, of which few machines have letters
        assert missing == {"\U00011005"}
        assert [pictures._drawn(label, missing) for label in ("ж", "\U00011005b")] == ["ж", "U+11005 U+0062"]  # pyright: ignore[reportPrivateUsage]
