"""Readers: each proposes values of some kinds with their proof.

Start at `base.py` (what a reader is, and what it is given), then `registry.py` (all of them, in order). Adding one: a
file with a class, and its line in `registry.READERS`.
"""

from ementa.analysis.readers.registry import read_candidates

__all__ = ["read_candidates"]
