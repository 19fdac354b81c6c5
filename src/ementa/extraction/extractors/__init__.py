"""One file or folder a family of formats; found by the entry-point group `ementa.extractors`, never imported by name.

Read `text.py` first: it is the smallest.
"""
