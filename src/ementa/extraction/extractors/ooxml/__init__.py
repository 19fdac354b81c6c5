"""Office Open XML: Word and PowerPoint since 2007 (spreadsheets are in `../spreadsheet.py`).

Start at `package.py` (parts and relationships), then `docx.py` or `pptx.py`.
"""
