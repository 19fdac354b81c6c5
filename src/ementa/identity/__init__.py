"""Who may do what: tenants, users, API keys, the principal of each request, and the audit trail.

Start at `types.py` (the principal), then `service.py`.
"""
