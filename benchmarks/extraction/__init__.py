"""Measures of text extraction: speed against the bare engines, quality against ground truth, every file of a corpus."""
