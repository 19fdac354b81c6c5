"""`ementa models`, straight against the configured servers."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import run

from ementa.cli.models import ProgressBar
from ementa.llm.types import PullProgress
from ementa.testing.ollama.double import OllamaDouble


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


def test_the_life_of_a_model(ollama: OllamaDouble, tmp_path: Path) -> None:
    def models(*arguments: str) -> str:
        done = run("--lang", "en", "models", *arguments, cwd=tmp_path, OLLAMA_HOST=ollama.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = models("list")
    assert listed.splitlines()[0].split() == ["model", "server", "size", "context", "loaded", "can"]
    assert any(line.split()[:1] == ["gemma3:1b"] and "815 MB" in line for line in listed.splitlines())
    assert "is ready" in models("pull", "hf.co/casa/modelo:Q4_K_M")
    told = json.loads(models("list", "--json"))
    assert "hf.co/casa/modelo:Q4_K_M" in [one["info"]["name"] for one in told]
    assert "in memory" in models("warm", "gemma3:4b")
    assert models("loaded").split()[0] == "gemma3:4b"
    assert "left memory" in models("unload", "gemma3:4b")
    assert models("loaded") == ""
    assert "removed" in models("delete", "hf.co/casa/modelo:Q4_K_M")
    assert "hf.co/casa" not in models("list")
    with sqlite3.connect(tmp_path / "data" / "ementa.db") as database:
        acts = [row[0] for row in database.execute("SELECT action FROM audit_event ORDER BY seq")]
    assert acts == ["model.pull", "model.warm", "model.unload", "model.delete"]


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("pull", "not-found:1b"), "MODEL_UNAVAILABLE", 69),
        (("pull", "fail-pull:1b"), "MODEL_FAILED", 76),
        (("delete", "nope:1b"), "MODEL_UNAVAILABLE", 69),
        (("warm", "nope:1b"), "MODEL_UNAVAILABLE", 69),
        (("unload", "gemma3:1b", "--server", "nowhere"), "MODEL_SERVER_UNKNOWN", 66),
        (("delete", "ementa-reader"), "MODELS_NOT_MANAGED", 65),
    ],
)
def test_failures_end_with_the_code_of_their_category(
    ollama: OllamaDouble, tmp_path: Path, arguments: tuple[str, ...], code: str, status: int
) -> None:
    done = run("models", *arguments, cwd=tmp_path, OLLAMA_HOST=ollama.url)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.rstrip().endswith(f"[{code}]")


def test_without_any_server_the_reader_is_there(tmp_path: Path) -> None:
    done = run("models", "list", cwd=tmp_path)
    assert done.returncode == 0
    assert "ementa-reader" in done.stdout
    done = run("models", "pull", "gemma3:1b", cwd=tmp_path)
    assert done.returncode == 69


def test_progress_is_drawn_on_a_terminal_and_told_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [PullProgress("pulling abc", done, 100_000_000) for done in (0, 50_000_000, 100_000_000)]
    told: dict[bool, str] = {}
    for shown in (True, False):
        bar = ProgressBar(shown=shown)
        for step in [PullProgress("pulling manifest"), *steps, PullProgress("success")]:
            bar.tell(step)
        bar.end()
        told[shown] = capsys.readouterr().err
    assert "\rpulling abc  ███████████████···············  50%  50.0 MB / 100 MB" in told[True]
    assert told[False].splitlines() == ["pulling manifest", "pulling abc", "success"]
