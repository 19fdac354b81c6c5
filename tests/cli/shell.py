"""The command line as its users run it: a process of its own, and nothing of the tests' environment."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(**given: str) -> dict[str, str]:
    """The tests' own without what names servers, keys and data."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("EMENTA_", "OLLAMA_"))}
    return {**inherited, "OLLAMA_HOST": "http://127.0.0.1:1", **given}


def run(*arguments: str, cwd: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    """Run `ementa` in `cwd`; keywords are its environment."""
    return subprocess.run(
        [sys.executable, "-m", "ementa", *arguments],
        cwd=cwd,
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
