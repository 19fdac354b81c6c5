"""`ementa analyze`: one file in, JSON out, nothing left behind, and an exit code that says what went wrong."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import Run, environment

from ementa.testing.drawn_pdf import draw_pdf
from ementa.testing.ollama.double import OllamaDouble

EXAMPLE = Path(__file__).parents[2] / "examples" / "teste.jpg"
FORM = '{"cnpj": ""}'
READER = ("--model", "ementa-reader")


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "nota.txt"
    path.write_text("Nota fiscal\nCNPJ: 11.222.333/0001-81\n", encoding="utf-8")
    return path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the command keeps its temporary files."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path


def test_text_pdf_and_photograph_end_in_proven_json(ementa: Run, note: Path, tmp_path: Path, temporary: Path) -> None:
    pdf = tmp_path / "nota.pdf"
    pdf.write_bytes(draw_pdf([[(60, 80, 12, "CNPJ: 11.222.333/0001-81")]]))
    for file, cnpj in ((note, "11.222.333/0001-81"), (pdf, "11.222.333/0001-81"), (EXAMPLE, "70.342.566/0001-87")):
        done = ementa(
            "analyze", str(file), "--prompt", "Extraia o CNPJ", "--format", FORM, *READER, TMPDIR=str(temporary)
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["model"] == "ementa-reader"
        assert answer["response"] == {"cnpj": cnpj}
        (leaf,) = answer["proof"]
        assert leaf["path"] == "/cnpj"
        assert leaf["boxes"]
        assert "cnpj_digits" in leaf["checks"]
        assert "Analisando" in done.stderr or "Analysing" in done.stderr
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nota.pdf", "nota.txt", "temporary"]


def test_texts_may_come_from_files(ementa: Run, note: Path, tmp_path: Path) -> None:
    (tmp_path / "forma.json").write_text(FORM, encoding="utf-8")
    (tmp_path / "pergunta.txt").write_text("\ufeffExtraia o número do CNPJ", encoding="utf-8")
    asked = ("analyze", str(note), "--prompt", "@pergunta.txt", *READER, "--output", "bare")
    done = ementa(*asked, "--format", "@forma.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"cnpj": "11.222.333/0001-81"}
    absent = ementa("--lang", "pt", *asked, "--format", "@nada.json")
    assert absent.returncode == 2
    assert "não foi possível ler nada.json" in absent.stderr


def test_each_failure_has_the_exit_code_of_its_category(ementa: Run, note: Path, tmp_path: Path) -> None:
    broken = tmp_path / "quebrado.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    strange = tmp_path / "estranho.xyz"
    strange.write_bytes(b"?")
    for file, form, code, exit_code in (
        (note, "{broken", "FORMAT_INVALID", 65),
        (broken, FORM, "FILE_CORRUPT", 65),
        (strange, FORM, "EXTENSION_REFUSED", 65),
    ):
        done = ementa("--lang", "en", "analyze", str(file), "--prompt", "x", "--format", form, *READER)
        assert (done.returncode, done.stdout) == (exit_code, ""), done.stderr
        assert f"[{code}]" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_default_model_is_asked_where_there_is_one(ementa: Run, note: Path, ollama: OllamaDouble) -> None:
    asked = ("--lang", "en", "analyze", str(note), "--prompt", "The CNPJ", "--format", FORM)
    done = ementa(*asked, OLLAMA_HOST=ollama.url)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"] == "gemma3:1b"
    assert answer["response"] == {"cnpj": "11.222.333/0001-81"}
    without = ementa(*asked)
    assert (without.returncode, without.stdout) == (69, "")
    assert "MODEL_UNAVAILABLE" in without.stderr
    assert "--model ementa-reader" in without.stderr


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_told_to_end_it_leaves_nothing(
    note: Path, ollama: OllamaDouble, temporary: Path, number: signal.Signals, exit_code: int
) -> None:
    asked = ("analyze", str(note), "--prompt", "CNPJ", "--format", FORM, "--model", "hang:1b")
    process = subprocess.Popen(
        [sys.executable, "-m", "ementa", *asked],
        env=environment(OLLAMA_HOST=ollama.url, TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not ollama.stats.bodies and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ollama.stats.bodies, "the model was never asked"
    assert list(temporary.iterdir()) != []
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert list(temporary.iterdir()) == []
