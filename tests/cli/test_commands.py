"""The command line: quick, bilingual, and with an exit code that says what happened."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import run

from ementa.cli.reference import pages
from ementa.testing.server import RunningServer

ROOT = Path(__file__).parents[2]


def test_help_imports_next_to_nothing(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom ementa.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "names = 'fastapi sqlalchemy pydantic aiohttp uvicorn tesserocr lxml rapidfuzz'\n"
        "heavy = set(names.split()) & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "analyze" in done.stdout


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    made = run("key", "create", "--name", "robô", "--user", "robo@empresa.br", "--scope", "read", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    listed = run("key", "list", cwd=tmp_path)
    assert "robo@empresa.br" in listed.stdout
    assert secret not in listed.stdout
    assert run("key", "revoke", "robô", cwd=tmp_path).returncode == 0
    again = run("--lang", "en", "key", "revoke", "robô", cwd=tmp_path)
    assert again.returncode == 66
    assert "KEY_NOT_FOUND" in again.stderr
    assert "No single key" in again.stderr


def test_the_trail_is_checked_and_what_is_broken_named(tmp_path: Path) -> None:
    for name in ("um", "dois", "três"):
        assert run("key", "create", "--name", name, cwd=tmp_path).returncode == 0
    whole = run("audit", "verify", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    with sqlite3.connect(tmp_path / "data" / "ementa.db") as database:
        ((count, last),) = database.execute("SELECT max(seq), hash FROM audit_event").fetchall()
        assert whole.stdout == f"Trilha inteira: {count} eventos. Último hash: {last}\n"
        ((key, at),) = database.execute("SELECT resource, at FROM audit_event WHERE seq = 2").fetchall()
        database.execute("UPDATE audit_event SET action = 'key.revoke' WHERE seq = 2")
    database.close()
    broken = run("--lang", "en", "audit", "verify", cwd=tmp_path)
    assert (broken.returncode, broken.stdout) == (1, "")
    day = at[:10]
    assert f"broken at event 2 (key.revoke {key}, {day}T" in broken.stderr


def test_a_worker_on_sqlite_is_told_why_not(tmp_path: Path) -> None:
    done = run("worker", cwd=tmp_path)
    assert done.returncode == 73
    assert "WORKER_NEEDS_POSTGRES" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_made_for_some_models_and_within_limits(tmp_path: Path) -> None:
    made = run(
        *("key", "create", "--name", "loja", "--model", "gemma3:*", "--model", "ementa-reader"),
        *("--requests-per-minute", "60", "--tokens-per-minute", "0", "--monthly-tokens", "1000000"),
        *("--monthly-cost", "150.5", "--expires", "2090-12-31"),
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    line = run("--lang", "en", "key", "list", cwd=tmp_path).stdout.splitlines()[0].split("\t")
    limits = "requests_per_minute=60 tokens_per_minute=0 monthly_tokens=1000000 monthly_cost=150.5"
    assert line[2:] == [
        "loja",
        "admin@localhost",
        "admin",
        "*",
        "2090-12-31",
        "active",
        "gemma3:*,ementa-reader",
        limits,
    ]
    for expires, status in (("2020-01-01", 65), ("soon", 2), ("2090-12-31T12:00:00", 2)):
        assert run("key", "create", "--name", "x", "--expires", expires, cwd=tmp_path).returncode == status
    assert len(run("key", "list", cwd=tmp_path).stdout.splitlines()) == 1


def test_a_weak_key_or_bad_setting_stops_the_server_with_a_sentence(tmp_path: Path) -> None:
    weak = run("serve", cwd=tmp_path, EMENTA_KEY="changeme")
    assert weak.returncode == 65
    assert "KEY_TOO_WEAK" in weak.stderr
    bad = run("serve", cwd=tmp_path, EMENTA_APP__PORT="many")
    assert bad.returncode == 65
    assert "SETTINGS_INVALID" in bad.stderr


def test_a_taken_port_is_said_so(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "data") as running:
        done = run("serve", "--port", str(running.port), "--data", str(tmp_path / "other"), cwd=tmp_path)
    assert done.returncode == 69
    assert "--port" in done.stderr


def test_doctor_says_what_is_missing_and_how_to_fix_it(tmp_path: Path) -> None:
    done = run("--lang", "en", "doctor", cwd=tmp_path)
    for name in ("python", "data", "disk", "memory", "database", "ocr", "sandbox", "key", "port", "servers", "models"):
        assert f" {name}: " in done.stdout
    assert "ollama serve" in done.stdout


def test_the_server_is_light_private_and_ends_when_told(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"EMENTA_KEY": ""})
    with server:
        memory = Path(f"/proc/{server.pid}/status").read_text()
        resident_kb = int(next(line for line in memory.splitlines() if line.startswith("VmRSS")).split()[1])
        assert resident_kb < 150_000
        maps = Path(f"/proc/{server.pid}/maps").read_text()
        for heavy in ("tesserocr", "pdfium", "zxing", "PIL", "numpy", "lxml", "rapidfuzz"):
            assert heavy not in maps, f"{heavy} belongs in the child processes"
        key = tmp_path / "data" / "admin.key"
        assert key.stat().st_mode & 0o777 == 0o600
        deadline = time.monotonic() + 5
        while "admin.key" not in server.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "admin.key" in server.log.read_text()
        assert key.read_text().strip() not in server.log.read_text()
        assert server.stop() == 0


@pytest.mark.parametrize("name", ["settings.md", "errors.md", "cli.md"])
def test_the_reference_is_current(name: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == pages()[name], "run `make docs`"
