"""The Ollama double: a real HTTP server that speaks as Ollama 0.32 does, and misbehaves on request.

Start at `double.py` (`OllamaDouble`). `python -m ementa.testing.ollama --port 11434` runs it by itself. Which name of a
model scripts which misbehaviour is in `modes.py`; how it answers without a model is in `answers.py`. `fast.py` is
another server, for benchmarks: always the same answer, at almost no cost.
"""
