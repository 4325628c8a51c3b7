"""What every part of the config is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Above0", "AtLeast0", "LengthPenalty", "Natural", "Positive", "Probability", "Settings", "Share"]

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeast0 = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LengthPenalty = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
"""Up to far beyond use; a length to a power far above it leaves the range of a float."""


class Settings(BaseModel):
    """A node of the tree: cannot be changed once made, refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
