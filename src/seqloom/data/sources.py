"""What is given to predict from → rows without a target: files, standard input, texts in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from seqloom.config import DataConfig
from seqloom.data.memory_rows import sources_from_memory
from seqloom.data.rows import Row
from seqloom.sound.sounds import FaultySounds

__all__ = ["read_sources"]


def read_sources(
    lines: str | Iterable[str | Sequence[str]],
    columns: int = 1,
    config: DataConfig | None = None,
    faults: FaultySounds | None = None,
    notes: list[str] | None = None,
    stdin: Iterable[bytes] | None = None,
) -> Iterator[Row]:
    """The sources to predict from, one a line or record, blank ones too (with empty texts), so that each keeps its place.

    `lines` is a path ('-' reads `stdin`, standard input where not given, line by line, as it comes), or texts of a command line (tuples for
    several columns); `columns` is how many source columns the model has, separated by tabs in a line; `config` is the resolved one of its
    training data. A file named CSV, JSON Lines or Parquet, or TSV where training had another format, and lines with more columns or with
    the training file's header, give the columns that training used. Targets are empty. With `faults`, sounds that cannot be used become
    blank and are counted there. A header where the training file had none is said in `notes`, what may be one with `warning: ` before it.
    """
    config = config or DataConfig()
    if not isinstance(lines, str):
        rows = sources_from_memory(lines, columns)
    else:
        from seqloom.data.source_files import file_sources, sound_sources  # all that tells tables apart: a text alone waits for none of it

        notes = [] if notes is None else notes
        read = sound_sources if config.sounds else file_sources
        rows = read(lines, columns, config, notes, stdin)
    return rows if faults is None or not config.sounds else _blanked(rows, faults)


def _blanked(rows: Iterator[Row], faults: FaultySounds) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        is_faulty = bool(row.source[0]) and row.source[0] in faults
        faults.rows += is_faulty
        if is_faulty:
            faults.names[number] = row.source[0]
        yield Row(("",), "", row.where) if is_faulty else row
