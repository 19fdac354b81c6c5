"""A file becomes text and layout: pages of words with boxes, lines, blocks, tables and barcodes, in one form.

Start at `types.py` (the form), then `service.py` (the way), then `sandbox/` (why a hostile file harms nobody).
"""
