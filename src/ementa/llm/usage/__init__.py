"""What calls to models took and cost: each one written down, priced and summed up. Start at `recorder.py`.

`spool.py` keeps records on disk until they are in the database, `prices.py` says what a call cost, `queries.py` reads.
"""
