"""The Anthropic double: a real HTTP server that speaks as the Messages API does, and misbehaves on request.

Start at `double.py` (`AnthropicDouble`). Which name of a model scripts which misbehaviour is in `ollama/modes.py`.
"""
