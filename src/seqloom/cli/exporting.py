"""`seqloom export`: a trained model as a folder that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqloom.cli import options
from seqloom.cli.output import say
from seqloom.errors import ConfigError

__all__ = ["export"]

Out = Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Folder for the exported model.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an exported model that is in the folder already.")]


Web = Annotated[
    bool, typer.Option("--web", help="Write a static site: the page, and the model running in the browser. RUN may be an exported model.")
]
Runtime = Annotated[
    Path | None,
    typer.Option(
        "--runtime", metavar="FOLDER", show_default=False, help="With --web: where onnxruntime-web is. [default: fetched once, with npm]"
    ),
]


def export(run: options.Run, out: Out, overwrite: Overwrite = False, web: Web = False, runtime: Runtime = None) -> None:
    """Write a trained model as a folder that runs anywhere without PyTorch.

    DIR/model.onnx holds the whole job, beam search included. The exported model is compared with the trained one on the run's dev pairs
    before it is put in place. `seqloom predict DIR` answers with it. With --web DIR is a site for any file server, and the model is in
    DIR/model.
    """
    if web:
        _export_site(run, out, overwrite, runtime)
    elif runtime is not None:
        raise ConfigError(f"--runtime {runtime}: of no effect without --web. Add --web, or leave it out.")
    else:
        _export_model(run, out, overwrite)


def _export_model(run: Path, out: Path, overwrite: bool) -> None:
    from seqloom.export import export as write

    report = write(run, out, overwrite=overwrite)
    parity, size = report.parity, sum(entry.size for entry in report.manifest.files.values())
    say(
        f"{parity.identical:,} of {parity.hypotheses:,} hypotheses as the trained model gives them"
        f" ({parity.ties:,} ties), scores within {parity.score_difference:.1g}"
    )
    say(f"{out}: {size / 1e6:.1f} MB, {report.manifest.precision}")


def _export_site(run: Path, out: Path, overwrite: bool, runtime: Path | None) -> None:
    from seqloom.manifest import is_exported
    from seqloom.onnxruntime_web import find_runtime
    from seqloom.site import MODEL, check_place, copy_model, write_site

    check_place(out, overwrite=overwrite)
    files = find_runtime(runtime)  # before what takes long
    if is_exported(run):
        copy_model(run, out)
    else:
        _export_model(run, out / MODEL, overwrite=True)
    say(f"{out}: {write_site(out, files) / 1e6:.1f} MB; `python -m http.server --directory {out}` shows it")
