"""Alembic's entry point. `ementa.db.migrate` runs it on a connection of the application's own engine."""

import importlib
from pathlib import Path

from alembic import context

import ementa
from ementa.db.base import Base

for models in sorted(Path(ementa.__file__).parent.glob("*/models.py")):
    importlib.import_module(f"ementa.{models.parent.name}.models")

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite too: all of an upgrade or nothing
    render_as_batch=True,  # SQLite changes tables by copying them
)
context.run_migrations()
