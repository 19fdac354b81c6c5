"""Durable jobs in our own database: at least one execution, exactly one stored result.

Start at `base.py` (what a job kind and an engine are), then `service.py` (enqueue, cancel), then `engines/`.
"""
