"""`seqloom train` by turns: the counterpart of `turns.py`, since seqloom's loss and optimizer are its own and its batches say their tokens.

python seqloom_turns.py ASK TELL train ARGUMENT ...
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from turns import Turns

from seqloom.batching import Batch
from seqloom.cli import LASTING, main
from seqloom.threads import let_waiting_threads_sleep


def watch_updates(turns: Turns) -> None:
    """Counts the target tokens of each update, </s> included, and looks at the clock after it."""
    from seqloom.learning import Learner

    update = Learner.update

    def counted(self: Learner, batches: Sequence[Batch], number: int, rate: float, teacher_forcing: float) -> float:
        turns.tokens += sum(batch.tokens for batch in batches)
        loss = update(self, batches, number, rate, teacher_forcing)
        turns.updated()
        return loss

    Learner.update = counted


if __name__ == "__main__":
    let_waiting_threads_sleep()  # as the command does, before torch is imported
    gc.set_threshold(LASTING)
    turns = Turns(int(sys.argv[1]), int(sys.argv[2]))
    watch_updates(turns)
    main(sys.argv[3:])
