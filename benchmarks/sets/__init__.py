"""The public data sets of the benchmarks: a small reader for each, which says what files the command line is given.

Files are handed to seqloom as they were published wherever it can read them; what is no table, or has a standard preprocessing, is
written anew by the rule that the papers use. The two broken pairs of Multi30k (the German line is only `@@`) stay in, as they would for
anyone who downloads it.
"""

from sets.advising import advising
from sets.aeslc import aeslc
from sets.cmudict import cmudict
from sets.conll2017 import conll2017
from sets.files import Files
from sets.histnorm import histnorm
from sets.multi30k import multi30k
from sets.scan import scan
from sets.sigmorphon2020 import sigmorphon2020
from sets.tatoeba import tatoeba

__all__ = ["Files", "advising", "aeslc", "cmudict", "conll2017", "histnorm", "multi30k", "scan", "sigmorphon2020", "tatoeba"]
