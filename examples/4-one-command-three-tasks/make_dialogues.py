"""Make chatbot.tsv: the last two turns of a scripted dialogue joined by " / ", and the reply, which needs both of them.

python make_dialogues.py [FOLDER]
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from random import Random

NAMES = [
    "Ada", "Alan", "Barbara", "Claude", "Edsger", "Emmy", "Grace", "Hedy", "Ida", "Joan", "Kurt", "Leonhard", "Maria", "Noam", "Olga",
    "Paul", "Rosa", "Srinivasa", "Tim", "Zuse",
]  # fmt: skip
GREETINGS = ["Hello, I am {}.", "My name is {}.", "Good morning! I am called {}.", "{} here."]
THINGS = ["tea", "coffee", "soup", "bread", "an apple", "a map", "a pen", "a book", "a ticket", "an umbrella"]
WISHES = ["I would like {}.", "Do you have {}?", "Please give me {}.", "Can I have {}?", "I am looking for {}."]


def dialogues() -> list[tuple[str, str]]:
    """Two turns and the reply, for every person, greeting, thing and wish."""
    pairs: list[tuple[str, str]] = []
    for name, greeting, thing, wish in product(NAMES, GREETINGS, THINGS, WISHES):
        before, last = greeting.format(name), wish.format(thing)
        answer = f"Yes, {name}, I have {thing}." if last.endswith("?") else f"Here is {thing}, {name}."
        pairs.append((f"{before} / {last}", answer))
    Random(1).shuffle(pairs)
    return pairs


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    for name, pairs in (("chatbot.tsv", dialogues()[:2000]), ("chatbot-test.tsv", dialogues()[2000:])):
        (folder / name).write_text("".join(f"{turns}\t{reply}\n" for turns, reply in [("turns", "reply"), *pairs]), encoding="utf-8")
