"""Text that was tokenised as Moses does (Koehn et al. 2007): told by what it writes for quotes, brackets and hyphens."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_of_moses", "say_moses"]

OFTEN = 0.01
"""Share of the texts with marks of Moses from which on they tell."""
MARK = re.compile(r"(?:^| )(?:&(?:quot|lt|gt|#91|#93|#124);|@-@)(?= |$)|(?:^| )&apos;|&apos;(?= |$)")
"""What Moses writes; `&apos;` stands at either end of a token, as in `don &apos;t` and `l&apos; eau`, the others alone. `&amp;` stands
between blanks in text of web pages too.
"""
UNCUT = re.compile(r"""["']|\w[,!?](?: |$)|\w\.$""")
"""What Moses leaves nowhere: quotes as they are, and punctuation behind a word. Escaped text of web pages has them."""


def is_of_moses(texts: Sequence[str]) -> bool:
    """Whether these texts, of whole words, were tokenised so: one in a hundred at least has the marks, and nearly none of those has what
    Moses cuts, nor quotes where the others have any.
    """
    marked = [text for text in texts if ("&" in text or "@-@" in text) and MARK.search(text)]
    if not marked or len(marked) < OFTEN * len(texts):
        return False
    quoted = sum("'" in text or '"' in text for text in texts)
    return 10 * quoted <= len(marked) and 10 * sum(UNCUT.search(text) is not None for text in marked) <= len(marked)


def say_moses(column: str, *, is_target: bool) -> str:
    """A sentence of a column that was tokenised so."""
    what = f"{column}: text tokenised as Moses does (&apos; &quot; @-@) is learned as it stands"
    if is_target:
        compared = "BLEU counts these tokens, which is not comparable to BLEU on plain text. For that, detokenise it before training."
        return f"{what}: answers are written so, and {compared}"
    return f"{what}: what is predicted from later has to be cut the same way."
