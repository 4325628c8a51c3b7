"""Pictures of what a model did, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.errors import ConfigError

__all__ = ["draw_attention"]

Floats = npt.NDArray[np.float32]

PLAIN = "DejaVu Sans"
"""The font that comes with matplotlib."""
MOST_LABELS = 40
"""Along one side of a picture; of more, every n-th is written."""


def draw_attention(
    path: Path, source: Sequence[str], target: Sequence[str], weights: Sequence[Sequence[float]], frames: Floats | None
) -> None:
    """Writes a PNG of attention weights (T, S) from target symbols to source labels; above them the frames (N, D) of a sound, if it is one.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, axes = _figure(len(source), len(target), has_sound=frames is not None)
    if frames is not None:
        axes[0].imshow(frames.T, aspect="auto", origin="lower", cmap="magma", interpolation="nearest")
        axes[0].set(xticks=[], yticks=[], ylabel="mel bands")
    below = axes[-1]
    below.imshow(np.array(weights), aspect="auto", cmap="viridis", interpolation="nearest", vmin=0)
    columns = len(weights[0])
    named = [*source, "</s>"][:columns]  # ids end with </s>, frames do not
    places = range(0, len(named), -(-len(named) // MOST_LABELS))
    along, down = [named[place] for place in places], [*target, "</s>"][: len(weights)]
    families, missing = _families({*"".join([*along, *down])})
    below.set_xticks(list(places), [_drawn(label, missing) for label in along], rotation=90, fontfamily=families)
    below.set_yticks(range(len(weights)), [_drawn(label, missing) for label in down], fontfamily=families)
    below.set_xlabel("seconds" if frames is not None else "source")
    figure.savefig(path, dpi=120)


def _figure(columns: int, rows: int, *, has_sound: bool) -> tuple[Any, list[Any]]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "--attention: drawing needs matplotlib, which is not installed. Install it: pip install 'seqloom[report]'"
        ) from None
    size = (min(4 + 0.2 * columns, 16), min(2 + 0.3 * rows, 12) + 1.5 * has_sound)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [1.5, size[1] - 1.5] if has_sound else [1]
    axes = figure.subplots(len(ratios), 1, squeeze=False, gridspec_kw={"height_ratios": ratios})
    return figure, list(axes[:, 0])


def _families(letters: set[str]) -> tuple[list[str], set[str]]:
    """Names of installed fonts that have the letters between them, and the letters that none has."""
    from matplotlib.font_manager import fontManager, get_font

    families, missing = [PLAIN], letters
    fonts = [entry for entry in fontManager.ttflist if "Last Resort" not in entry.name]  # whose letters are boxes
    for entry in sorted(fonts, key=lambda entry: entry.name != PLAIN):
        if not missing:
            break
        known = set(map(chr, get_font(entry.fname).get_charmap()))
        if missing & known:
            families, missing = [*families, entry.name], missing - known
    return list(dict.fromkeys(families)), missing


def _drawn(label: str, missing: set[str]) -> str:
    """A label as it can be drawn: in code points where no font has its letters."""
    return " ".join(f"U+{ord(letter):04X}" for letter in label) if missing & set(label) else label
