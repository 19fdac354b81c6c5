"""The `ementa` command: one file per command group. Start at `main.py`."""
