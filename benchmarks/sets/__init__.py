"""The public data sets of the benchmarks: a small reader for each, which says what files the command line is given.

Files are handed to seqloom as they were published wherever it can read them; only SCAN, which is not a table, is written anew, by the
split on ` OUT: ` that every paper uses. The two broken pairs of Multi30k (the German line is only `@@`) stay in, as they would for
anyone who downloads it.
"""

from sets.conll2017 import conll2017
from sets.files import Files
from sets.multi30k import multi30k
from sets.scan import scan
from sets.sigmorphon2020 import sigmorphon2020

__all__ = ["Files", "conll2017", "multi30k", "scan", "sigmorphon2020"]
