"""Text that was tokenised as Moses does: told by its marks, and what follows is said."""

from __future__ import annotations

import pytest

from seqloom.data.memory_rows import rows_from_memory
from seqloom.fields.moses import is_of_moses
from seqloom.planning.plan import make_plan
from seqloom.planning.profile import describe, profile_rows

CUT = ["don &apos;t go .", "l&apos; eau est là .", "&quot; why &quot; , she said .", "a well @-@ known man .", "see &#91; 3 &#93; there ."]
PLAIN = ["Don't go.", "L'eau est là.", '"Why", she said.', "A well-known man.", "See [3] there."]
OF_WEB_PAGES = [
    "Don&apos;t go.",
    "&quot;Why&quot;, she said.",
    "R &amp; D, and more.",
    "see &lt; 3 there.",
    "Salt &amp; Pepper",
    "&lt;p&gt;Hello&lt;/p&gt;",
]


@pytest.mark.parametrize("cut", CUT)
def test_each_mark_of_moses_tells(cut: str) -> None:
    assert is_of_moses([cut, "without any ."])


@pytest.mark.parametrize("text", [*PLAIN, *OF_WEB_PAGES, "mail me @-@home", "-"])
def test_plain_text_and_that_of_web_pages_are_none(text: str) -> None:
    assert not is_of_moses([text, "without any ."])


def test_one_text_in_a_hundred_tells_and_quotes_as_they_are_do_not_go_with_it() -> None:
    assert is_of_moses([CUT[0], *["without any ."] * 99])
    assert not is_of_moses([CUT[0], *["without any ."] * 100])
    assert not is_of_moses([CUT[0], *["it's plain"] * 9])
    assert not is_of_moses([])


def test_a_column_of_moses_is_named_once_by_inspect_and_in_training() -> None:
    begin = "text tokenised as Moses does (&apos; &quot; @-@) is learned as it stands"
    source = f"source: {begin}: what is predicted from later has to be cut the same way."
    target = (
        f"target: {begin}: answers are written so, and BLEU counts these tokens, which is not comparable to BLEU on plain text. "
        "For that, detokenise it before training."
    )
    texts = [f"{text} {number}" for number in range(8) for text in CUT]
    plain = [f"{text[:-1]} {number}." for number in range(8) for text in PLAIN]
    both, one = list(zip(texts, texts[::-1], strict=True)), list(zip(texts, plain, strict=True))
    for pairs, expected in ((both, [source, target]), (one, [source]), (list(zip(plain, plain[::-1], strict=True)), [])):
        assert [line.strip() for line in describe(profile_rows(rows_from_memory(pairs))).splitlines() if "Moses" in line] == expected
        assert [note for note in make_plan(pairs, dev=pairs[:5]).notes if "Moses" in note] == expected


def test_pieces_of_tokens_of_moses_are_told_as_both() -> None:
    cut = [f"do@@ n &apos;@@ t go th@@ ere {number} ." for number in range(40)]
    notes = make_plan(list(zip(cut, cut[::-1], strict=True)), dev=[("a", "b")]).notes
    assert sum("Moses" in note for note in notes) == sum("pieces marked @@" in note for note in notes) == 2
