"""OpenAI's API, so that its clients need only another address.

Start at `routes.py`. A file named `*_request.py` reads that dialect, `*_answer.py` and `*_events.py` write it.
"""
