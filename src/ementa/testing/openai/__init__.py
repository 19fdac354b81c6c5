"""The double of OpenAI-compatible servers: a real HTTP server that speaks as vLLM or OpenAI does, and misbehaves on
request.

Start at `double.py` (`OpenAIDouble`). `python -m ementa.testing.openai --port 8000` runs it by itself. Which name of a
model scripts which misbehaviour is in `testing/ollama/modes.py`; `checks.py` holds what is refused. `fast.py` is
another server, for benchmarks: always the same answer, at almost no cost.
"""
