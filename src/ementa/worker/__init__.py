"""The worker process: runs jobs without serving HTTP. Start at `main.py`."""
