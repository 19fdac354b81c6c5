"""From loose words to a page that reads: segments, reading order, lines, blocks, headings, tables.

The same for text that a PDF carries and for OCR. Start at `page.py`.
"""
