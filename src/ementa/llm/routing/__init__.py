"""Where a request to a model goes: names, rules, servers and their breakers, fair lines, tries, and the account of it.

Start at `attempt.py`, which goes through models and servers until one answers; `gateway.py` is the door in front.
"""
