"""The HTTP application: middleware, the error table, health, and every domain's routes. Start at `create.py`."""
