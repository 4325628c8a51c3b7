"""`model.save` and `model.export`: the one place where a trained model reaches up to what exports it, when that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.errors import in_words_of_python
from seqloom.saving import refuse_changed, save

if TYPE_CHECKING:
    from seqloom.export.folder import Precision, Report

__all__ = ["Exportable"]


class Exportable:
    """A trained model in its run directory, which can leave as one file that needs no torch."""

    path: Path
    """Of the run."""
    network: Any

    @in_words_of_python()
    def save(self, out: str | Path, *, overwrite: bool = False) -> Path:
        """The folder `out`, a run with the weights that the model has now: after a loop of your own has changed them.

        Raises:
            CheckpointError: `out` is the model's own run, or exists and may not be overwritten.
        """
        save(self.path, self.network, out, overwrite=overwrite)
        return Path(out)

    @in_words_of_python()
    def export(
        self,
        out: str | Path,
        *,
        precision: Precision = "auto",
        overwrite: bool = False,
        beside: bool = False,
        settings: str | Iterable[str] | Mapping[str, Any] = (),
    ) -> Report:
        """What was written into the folder `out`, and how alike it answers. `seqloom.load(out)` gives the exported model.

        Args:
            precision: int8, float32, or `auto`: int8 where the dev metric loses no more than half a percent of itself.
            overwrite: replace an exported model that is in the folder.
            beside: also write the network as a `torch.export` program, for those who stay with PyTorch.
            settings: as for `train`, of the search alone: "search.beam=3", several, or a dictionary. Laid over the search of the run.

        Raises:
            CheckpointError: `out` is there already, the weights are no longer those of the run, or the exported model answers otherwise
                than the trained one.
        """
        from seqloom.export import export

        refuse_changed(self.path, self.network)
        return export(self.path, out, precision=precision, overwrite=overwrite, beside=beside, settings=settings)
