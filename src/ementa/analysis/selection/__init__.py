"""From candidates to a chosen value for every field, with a model or without one.

Order of reading: `ask.py` (what the prompt says of the form), `ranking.py` (which candidate is meant), `lists.py` (one
record or many), `planning.py` (all fields at their places), then `reading.py` (without a model) or `dialogue.py` (with
one: `choosing.py`, `writing.py`, `answering.py`, under the guard of `agreement.py`), `answers.py` (open questions),
`locating.py` (where a text stands).
"""
