"""The gateway to language models: one way to call any model, with limits, fallback and clear errors.

Start at `base.py` (what a provider promises), then `gateway.py`. Knows no user and no document.
"""
