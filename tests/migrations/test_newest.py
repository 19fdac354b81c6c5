"""What every start asks without loading Alembic agrees with Alembic."""

from alembic.script import ScriptDirectory

from ementa.db.migrate import newest
from ementa.db.schema import make_config


def test_the_newest_migration_is_the_one_alembic_would_end_at() -> None:
    assert ScriptDirectory.from_config(make_config()).get_current_head() == newest()
