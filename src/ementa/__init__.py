"""Ementa reads a company's papers and answers in the JSON it was asked for, with the proof of each value.

Start reading at `ARCHITECTURE.md`, then `analysis/` (the main job) and `bootstrap.py` (how the parts meet).
"""

__version__ = "0.1.0"
