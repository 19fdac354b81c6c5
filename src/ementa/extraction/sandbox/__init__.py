"""Where hostile files are read: child processes with hard limits, no network and no way to write, replaced often.

Start at `pool.py` (the parent), then `child.py` (the loop inside), then `isolation.py` (what the kernel forbids).
"""
