"""`seqloom export`: a trained model as a folder that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqloom.cli import options
from seqloom.cli.output import say

__all__ = ["export"]

Out = Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Folder for the exported model.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an exported model that is in the folder already.")]


def export(run: options.Run, out: Out, overwrite: Overwrite = False) -> None:
    """Write a trained model as a folder that runs anywhere without PyTorch.

    DIR/model.onnx holds the whole job, beam search included. The exported model is compared with the trained one on the run's dev pairs
    before it is put in place. `seqloom predict DIR` answers with it.
    """
    from seqloom.export import export as write

    report = write(run, out, overwrite=overwrite)
    parity, size = report.parity, sum(entry.size for entry in report.manifest.files.values())
    say(
        f"{parity.identical:,} of {parity.hypotheses:,} hypotheses as the trained model gives them"
        f" ({parity.ties:,} ties), scores within {parity.score_difference:.1g}"
    )
    say(f"{out}: {size / 1e6:.1f} MB, {report.manifest.precision}")
