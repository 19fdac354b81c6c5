"""The Gemini double: a real HTTP server that speaks as Google's Gemini API does, and misbehaves on request.

Start at `double.py` (`GeminiDouble`). Which name of a model scripts which misbehaviour is in `ollama/modes.py`.
"""
