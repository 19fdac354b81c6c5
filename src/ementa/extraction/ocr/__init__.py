"""Pictures of pages become words with boxes, by Tesseract inside a child process.

Start at `page.py` (one page, from picture to words), then `engine.py` (Tesseract itself).
"""
