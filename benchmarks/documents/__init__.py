"""A seeded generator of Brazilian documents with ground truth: start reading in `generate.py`.

Everything in them is fictitious; every number has valid check digits. Digital pages use the fourteen fonts that every
PDF reader carries, and scans are those pages rendered by pdfium and spoilt, so no font file is needed or shipped.
"""
