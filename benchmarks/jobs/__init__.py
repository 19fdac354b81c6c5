"""How fast durable jobs go on each database, against its bare commits. Start at `throughput.py`."""
