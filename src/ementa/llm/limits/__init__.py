"""How much somebody may ask of models: rates a minute and budgets a month. Start at `limiter.py`.

`windows.py` counts a minute in this process, `shared.py` in Redis for all servers, `budgets.py` a month.
"""
