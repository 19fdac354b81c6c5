"""Logs, request ids and metrics: what an administrator looks at when something is wrong. Start at `logging.py`."""
