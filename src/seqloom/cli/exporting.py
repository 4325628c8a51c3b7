"""`seqloom export`: a trained model as a folder that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqloom.cli import options
from seqloom.cli.output import say
from seqloom.errors import ConfigError, nearest

if TYPE_CHECKING:
    from seqloom.settings import Asked

__all__ = ["export"]

Precision = Literal["auto", "int8", "float32"]

Out = Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Folder for the exported model.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an exported model that is in the folder already.")]
Int8 = Annotated[bool, typer.Option("--int8", help="Weights in 8 bits, whatever it costs. [default: where dev loses at most 0.5 %]")]
Float32 = Annotated[bool, typer.Option("--float32", help="Weights as they were trained: four times the size, the same answers.")]
Format = Annotated[
    str,
    typer.Option(
        "--format", metavar="NAME", show_default=False, help="torch-export: also write model.pt2, for torch.export.load. [default: onnx]"
    ),
]
Web = Annotated[
    bool, typer.Option("--web", help="Write a static site: the page, and the model running in the browser. RUN may be an exported model.")
]
Runtime = Annotated[
    Path | None,
    typer.Option(
        "--runtime", metavar="FOLDER", show_default=False, help="With --web: where onnxruntime-web is. [default: fetched once, with npm]"
    ),
]


def export(
    run: options.Run,
    out: Out,
    int8: Int8 = False,
    float32: Float32 = False,
    format: Format = "onnx",
    overwrite: Overwrite = False,
    web: Web = False,
    runtime: Runtime = None,
    settings: options.SearchSettings = None,
    parts: options.Parts = None,
) -> None:
    """Write a trained model as a folder that runs anywhere without PyTorch.

    DIR/model.onnx holds the whole job, beam search included. The exported model is compared with the trained one on the run's dev pairs
    before it is put in place. `seqloom predict DIR` answers with it. With --web DIR is a site for any file server, and the model is in
    DIR/model.
    """
    from seqloom.settings import read_settings

    precision, asked = _precision(int8, float32), read_settings(settings or [])
    if format not in ("onnx", "torch-export"):
        raise ConfigError(f"--format {format}: expected onnx or torch-export.{nearest(format, ('onnx', 'torch-export'))}")
    if web and format != "onnx":
        raise ConfigError(f"--format {format}: of no effect with --web. Leave one of them out.")
    if web:
        _export_site(run, out, precision, overwrite, runtime, asked)
    elif runtime is not None:
        raise ConfigError(f"--runtime {runtime}: of no effect without --web. Add --web, or leave it out.")
    else:
        _export_model(run, out, precision, overwrite, beside=format == "torch-export", settings=asked)


def _precision(int8: bool, float32: bool) -> Precision:
    if int8 and float32:
        raise ConfigError("--int8, --float32: both are given; expected one of them. Leave one out.")
    return "int8" if int8 else "float32" if float32 else "auto"


def _export_model(run: Path, out: Path, precision: Precision, overwrite: bool, *, beside: bool = False, settings: Asked) -> None:
    from seqloom.manifest import refuse_exported_again

    refuse_exported_again(run)
    from seqloom.export import export as write

    report = write(run, out, precision=precision, overwrite=overwrite, beside=beside, settings=settings)
    say(f"float32: {report.parity}")
    if report.small is not None:
        fell_back = report.manifest.precision == "float32"
        say(f"int8: {report.small}" + (": more than 0.5 % is lost, so weights stay float32" if fell_back else ""))
    say(f"{out}: model.onnx of {report.manifest.files['model.onnx'].size / 1e6:.1f} MB, {report.manifest.precision}")


def _export_site(run: Path, out: Path, precision: Precision, overwrite: bool, runtime: Path | None, settings: Asked) -> None:
    from seqloom.manifest import looks_exported
    from seqloom.onnxruntime_web import find_runtime
    from seqloom.settings import shown
    from seqloom.site import MODEL, check_kinds, check_place, copy_model, write_site

    if looks_exported(run) and precision != "auto":
        raise ConfigError(f"--{precision}: of no effect on an exported model, {run}. Give the run that it was made from, or leave it out.")
    if looks_exported(run) and settings:
        raise ConfigError(f"--set {shown(settings)}: of no effect on an exported model, {run}. Give the run that it was made from.")
    check_kinds(run)
    check_place(out, overwrite=overwrite)
    files = find_runtime(runtime)  # before what takes long
    if looks_exported(run):
        copy_model(run, out)
    else:
        _export_model(run, out / MODEL, precision, overwrite=True, settings=settings)
    say(f"{out}: {write_site(out, files) / 1e6:.1f} MB; `python -m http.server --directory {out}` shows it")
