"""Both engines do what every engine must: on SQLite the embedded one, on PostgreSQL procrastinate."""

from ementa.testing.job_ending import EndingBehaviour
from ementa.testing.job_running import RunningBehaviour


class TestRunning(RunningBehaviour):
    """Jobs that go well."""


class TestEnding(EndingBehaviour):
    """Jobs that do not."""
