"""The command line, run in the directory of the test."""

from functools import partial
from pathlib import Path

import pytest
from shell import Run, run


@pytest.fixture
def ementa(tmp_path: Path) -> Run:
    """Runs `ementa` in the test's own directory; keywords are its environment."""
    return partial(run, cwd=tmp_path)
