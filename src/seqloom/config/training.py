"""The training loop: the kinds of optimizer and schedule, batches, early stopping."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field

from seqloom.config.base import Above0, AtLeast0, Natural, Positive, Probability, Settings, Share

__all__ = ["SGD", "Adam", "AdamW", "BatchConfig", "ConstantSchedule", "CosineSchedule", "EarlyStopping", "InverseSqrtSchedule", "OptimizerConfig", "PlateauSchedule", "ScheduleConfig", "TeacherForcing", "TrainingConfig"]


class AdamW(Settings):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    learning_rate: Above0 = 1e-3
    betas: tuple[Probability, Probability] = (0.9, 0.98)
    weight_decay: AtLeast0 = 0.01


class Adam(Settings):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"
    learning_rate: Above0 = 1e-3
    betas: tuple[Probability, Probability] = (0.9, 0.999)


class SGD(Settings):
    """Stochastic gradient descent, with momentum if wanted."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: Above0 = 0.1
    momentum: Probability = 0.0


class ConstantSchedule(Settings):
    """The same learning rate all the time, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup_steps: Natural = 0


class CosineSchedule(Settings):
    """Down to `final` of the learning rate along half a cosine over the whole run (Loshchilov & Hutter 2017), times the warm-up."""

    kind: Literal["cosine"] = "cosine"
    warmup_steps: Natural = 100
    final: Share = Field(default=0.01, description="Share of the learning rate that is left at the end.")


class InverseSqrtSchedule(Settings):
    """learning_rate · sqrt(warmup / step) after the warm-up (Vaswani et al. 2017)."""

    kind: Literal["inverse_sqrt"] = "inverse_sqrt"
    warmup_steps: Positive = 1000


class PlateauSchedule(Settings):
    """Multiplied by `factor` when the watched metric has not improved for more than `patience` evaluations."""

    kind: Literal["plateau"] = "plateau"
    warmup_steps: Natural = 0
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Natural = 1


OptimizerConfig = Annotated[Union[AdamW, Adam, SGD], Field(discriminator="kind")]  # noqa: UP007
ScheduleConfig = Annotated[
    Union[ConstantSchedule, CosineSchedule, InverseSqrtSchedule, PlateauSchedule],  # noqa: UP007
    Field(discriminator="kind"),
]


class BatchConfig(Settings):
    """Which pairs make a batch: pairs of like length together, the order drawn anew each pass."""

    unit: Literal["tokens", "pairs"] = Field(default="tokens", description="tokens: padded symbols of the longer side; pairs: so many pairs.")
    size: Positive = Field(default=2048, description="At most so many a batch.")
    accumulate: Positive = Field(default=1, description="Batches whose gradients are added before the weights change.")
    bucket_by: Literal["length", "source", "none"] = Field(default="length", description="length: both sides; source: by source length alone; none: any pairs together.")


class TeacherForcing(Settings):
    """How often the decoder is given the true last token in training, drawn for each token (Bengio et al. 2015)."""

    start: Share = Field(default=1.0, description="At the first step. 1: the whole target in one go; below 1 the decoder steps and is several times slower.")
    end: Share | None = Field(default=None, description="At the last step, in a straight line from start. Empty: start all the time.")


class EarlyStopping(Settings):
    """When the dev score no longer gets better, training ends; the best weights are kept in any case."""

    metric: str = Field(default="loss", description="Any metric that `evaluate` prints for this target; loss is the dev cross-entropy.")
    patience: Positive = Field(default=10, description="Evaluations without a better score before training ends.")
    perfect: bool = Field(default=True, description="Also bring a run to its end, in a third of the updates so far, once two evaluations in a row on 100 dev pairs or more found no error.")


class TrainingConfig(Settings):
    """The loop."""

    start_from: str | None = Field(default=None, description="A trained run whose symbols and network this one begins with, as --from says. Empty: from nothing.")
    members: Positive = Field(default=1, description="Networks that differ by their seed alone, are trained one after the other, and answer as one: the mean of their probabilities. A budget is shared among them.")
    epochs: Above0 = Field(default=20, description="Passes over the training pairs.")
    max_steps: Positive | None = Field(default=None, description="Never more updates than this.")
    budget_seconds: Above0 | None = Field(default=None, description="Wall time for the whole command: the schedule is fitted to it and the run ends in it.")
    batch: BatchConfig = BatchConfig()
    optimizer: OptimizerConfig = AdamW()
    schedule: ScheduleConfig = CosineSchedule()
    clip_norm: Above0 | None = Field(default=1.0, description="Largest norm of all gradients together, which are those of the mean loss a target symbol. Empty: no clipping.")
    teacher_forcing: TeacherForcing = TeacherForcing()
    evaluate_every: Positive | None = Field(default=None, description="Updates between evaluations on dev. Empty: twenty in a run, fewer where they would take more than an eighth of a budget.")
    checkpoint_seconds: Above0 = Field(default=120.0, description="Also save the state for `resume` when this long has passed since the last save.")
    early_stopping: EarlyStopping = EarlyStopping()
    keep: Literal["best", "last"] = Field(default="best", description="The weights that become the model: best: on dev, or their average; last: those after the last update, whatever dev says.")
    average: Positive = Field(default=1, description="Average the weights of so many best evaluations at the end, where that is better on dev.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="auto: bfloat16 where the processor multiplies it faster, measured at the start.")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps.")
    threads: Positive | None = Field(default=None, description="Processor threads. Empty: all cores.")
