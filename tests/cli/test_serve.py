"""Starting a server: light, alone on its data, and clear about why it does not start."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from shell import Run, environment, run

from ementa.testing.server import RunningServer

_STARTED = """
import asyncio, sys
from pathlib import Path
from ementa.app.create import create_app
from ementa.app.server import run_server
from ementa.bootstrap import Runtime
from ementa.settings import load_settings

async def main():
    runtime = Runtime(load_settings(data=Path(sys.argv[1])))
    create_app(runtime)
    await runtime.start(run_jobs=True)
    await runtime.stop()

asyncio.run(main())
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & set(sys.argv[2:])))
"""
_ELSEWHERE = ("lxml", "rapidfuzz", "tesserocr", "pypdfium2", "zxingcpp", "PIL", "selectolax", "python_calamine")
_ONLY_WHEN_NEEDED = ("alembic", "mako", "psycopg", "procrastinate", "xllamacpp")


def loaded(data: Path, *names: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _STARTED, str(data), *names],
        cwd=data.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_a_server_loads_only_what_it_needs(tmp_path: Path) -> None:
    assert loaded(tmp_path / "data", *_ELSEWHERE, *_ONLY_WHEN_NEEDED) == ["alembic", "mako"], "the first start migrates"
    assert loaded(tmp_path / "data", *_ELSEWHERE, *_ONLY_WHEN_NEEDED) == []


def test_the_second_server_of_a_data_directory_says_why_it_ends(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "data") as first:
        done = run("--lang", "en", "serve", "--port", "18999", "--data", str(first.data), cwd=tmp_path)
        assert done.returncode == 73
        assert done.stderr.splitlines()[-1].startswith("ementa: Another Ementa process already uses")
        assert "Traceback" not in done.stderr
        with urllib.request.urlopen(f"{first.url}/health", timeout=10) as answer:
            assert json.load(answer)["dependencies"]["jobs"]["state"] == "ok"


def test_a_database_that_does_not_answer_is_said_so(ementa: Run) -> None:
    for command in ("serve", "worker"):
        done = ementa("--lang", "en", command, EMENTA_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")
        assert done.returncode == 69
        assert "DATABASE_UNAVAILABLE" in done.stderr
        assert "Traceback" not in done.stderr
        assert "secret" not in done.stderr


def test_a_data_directory_that_cannot_be_used_is_said_so(ementa: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (("serve",), ("key", "list")):
        done = ementa("--lang", "pt", *command, "--data", str(tmp_path / "file" / "data"))
        assert done.returncode == 69
        assert "DATA_DIRECTORY_UNUSABLE" in done.stderr
        assert "--data" in done.stderr


def test_a_directory_of_somebody_else_is_said_so(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run it as somebody else; elsewhere the same code meets the same refusal")
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o755)
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from ementa.storage.directory import prepare_data\nfrom ementa.storage.errors import DataDirectoryUnusable\n"
        "os.setegid(65534); os.seteuid(65534)\n"
        "os.access = lambda path, mode, own=os.access: own(path, mode, effective_ids=True)\n"
        "try:\n    prepare_data(Path('mine'))\nexcept DataDirectoryUnusable as error:\n    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "DATA_DIRECTORY_UNUSABLE"


def test_a_key_works_within_seconds_and_once_revoked_no_more(ementa: Run, tmp_path: Path) -> None:
    def status(key: str) -> int:
        request = urllib.request.Request(f"{server.url}/models", headers={"Key": key})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def becomes(key: str, wanted: int) -> bool:
        deadline = time.monotonic() + 10
        while status(key) != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return status(key) == wanted

    with RunningServer(tmp_path / "data") as server:
        data = ("--data", str(server.data))
        made = ementa("key", "create", "--name", "robô", "--user", "robo@empresa.br", *data)
        key = made.stdout.strip()
        assert becomes(key, 200), made.stderr
        assert ementa("key", "revoke", "robô", *data).returncode == 0
        assert becomes(key, 401)
        assert status(server.key) == 200
