"""What administrators manage over HTTP: `/admin/*`. Start at `routes.py`, which lists the parts.

What all tenants share (model servers, aliases, rules, prices, the limits of tenants) is managed by the administrators
of the first tenant; keys and users by those of their own.
"""
