"""`ementa doctor` on a machine that lacks this or that: what is told, what to do, and the exit code."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from shell import Run

from ementa.bootstrap import Runtime
from ementa.extraction.ocr.tessdata import find_tessdata
from ementa.llm import service
from ementa.llm.service import ServerDraft
from ementa.settings import load_settings
from ementa.testing.ollama.double import OllamaDouble


def states(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    return {told["name"]: told for told in json.loads(done.stdout)}


def test_with_all_in_place_nothing_must_be_fixed(ementa: Run, tmp_path: Path) -> None:
    with OllamaDouble() as ollama:
        done = ementa("doctor", "--json", OLLAMA_HOST=ollama.url)
    assert done.returncode == 0, done.stdout
    assert {told["state"] for told in states(done).values()} <= {"ok", "warning"}
    assert states(done)["models"]["state"] == "ok"
    assert "gemma3:1b" in states(done)["models"]["found"]


@pytest.mark.parametrize(("language", "verb"), [("pt", "Instale"), ("en", "Install")])
def test_missing_languages_of_tesseract(ementa: Run, tmp_path: Path, language: str, verb: str) -> None:
    empty, partial = tmp_path / "empty", tmp_path / "partial"
    empty.mkdir()
    partial.mkdir()
    (partial / "eng.traineddata").symlink_to(find_tessdata() / "eng.traineddata")
    none = ementa("--lang", language, "doctor", "--json", EMENTA_EXTRACTION__TESSDATA=str(empty))
    assert none.returncode == 1
    assert states(none)["ocr"]["state"] == "error"
    assert states(none)["ocr"]["fix"].startswith(verb)
    some = ementa("--lang", language, "doctor", "--json", EMENTA_EXTRACTION__TESSDATA=str(partial))
    assert some.returncode == 0
    assert states(some)["ocr"]["state"] == "warning"
    assert "por" in states(some)["ocr"]["found"]
    assert "tesseract-ocr-por" in states(some)["ocr"]["fix"]


def test_servers_that_administrators_added_are_examined_too(ementa: Run, tmp_path: Path) -> None:
    async def add(url: str) -> None:
        settings = load_settings(data=tmp_path / "data")
        runtime = Runtime(settings)
        try:
            await runtime.open()
            async with runtime.database.transaction() as session:
                box = runtime.secrets
                await service.add_server(session, box, ServerDraft("gpu", "ollama", url))
                await service.add_server(session, box, ServerDraft("paid", "openai", "http://127.0.0.1:1", "a-secret"))
        finally:
            await runtime.stop()

    with OllamaDouble() as ollama:
        asyncio.run(add(ollama.url))
        told = states(ementa("doctor", "--json"))
        assert (told["servers"]["state"], told["servers"]["found"]) == ("ok", "gpu, paid")
        assert "gemma3:1b" in told["models"]["found"]
        (tmp_path / "data" / "secret.key").unlink()
        told = states(ementa("--lang", "en", "doctor", "--json"))
        assert (told["servers"]["state"], told["servers"]["found"]) == ("warning", "gpu")
        assert "secret.key" in told["servers"]["fix"]


@pytest.mark.parametrize(("language", "words"), [("pt", "inicie o Ollama"), ("en", "start Ollama")])
def test_an_ollama_that_does_not_answer_is_no_error_but_is_told(ementa: Run, language: str, words: str) -> None:
    done = ementa("--lang", language, "doctor", "--json")
    assert done.returncode == 0
    told = states(done)["models"]
    assert told["state"] == "warning"
    assert "ementa-reader" in told["found"]
    assert words in told["fix"]
    assert "OLLAMA_HOST" in told["fix"]


@pytest.mark.parametrize(("language", "words"), [("pt", "permissão de escrita"), ("en", "writable")])
def test_a_data_directory_that_cannot_be_written(ementa: Run, tmp_path: Path, language: str, words: str) -> None:
    (tmp_path / "file").touch()
    done = ementa("--lang", language, "doctor", "--json", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert states(done)["data"]["state"] == "error"
    assert words in states(done)["data"]["fix"]
    assert states(done)["disk"]["state"] == "ok"
    assert states(done)["database"]["state"] == "error"
    assert states(done)["ocr"]["state"] == "ok"


def test_a_weak_key_and_a_directory_open_to_all(ementa: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    done = ementa("--lang", "en", "doctor", "--json", EMENTA_KEY="changeme")
    assert done.returncode == 1
    assert states(done)["key"]["state"] == "error"
    assert "changeme" not in done.stdout
    assert "chmod 700" in states(done)["data"]["fix"]
