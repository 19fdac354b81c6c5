"""What every package stands on and that knows nothing of Ementa: errors, identifiers, the clock, pagination.

Start at `errors.py`: every failure a user can see is a subclass of one of its nine categories.
"""
