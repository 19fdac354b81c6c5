"""Ollama's own API under `/api`, so that whatever speaks to Ollama can speak to Ementa instead and reach every model of
the house. Start with `routes.py`; `bodies.py` reads what comes in, `lines.py` writes what goes out.
"""
