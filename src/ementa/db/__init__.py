"""The database: SQLite by default, PostgreSQL when `EMENTA_DATABASE_URL` names one, the same code on both.

Start at `database.py`: `Database.transaction()` is the only way to write, `Database.read()` the way to read.
"""
