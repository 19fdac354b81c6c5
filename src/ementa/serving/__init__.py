"""The gateway's doors: OpenAI's API under `/v1`, Ollama's under `/api`, our own under `/llm` and `/admin`.

Start at `deps.py` (who calls, what they may), then `openai/` or `ollama/`.
"""
