"""What keeps the house in order: retention sweeps, resource watch, self-checks (doctor). Start at `sweep.py`."""
