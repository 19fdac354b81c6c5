"""Blobs: bytes that belong to a record, kept by content outside the database.

Start at `base.py`, the protocol; `filesystem.py` is the default.
"""
