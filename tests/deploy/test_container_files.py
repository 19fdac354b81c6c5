"""Container files and scripts: valid, safe by default, usable from Windows."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCRIPTS = ["deploy/setup.sh", "deploy/run.sh", "deploy/entrypoint.sh", ".ci/run", "examples/curl.sh"]


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


def test_dockerfile_passes_hadolint() -> None:
    checked = run(str(BIN / "hadolint"), "Dockerfile")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_compose_file_matches_the_specification() -> None:
    checked = run(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_image_builds_over_any_base_without_buildkit_only_syntax() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.splitlines()[0].startswith("#")
    assert "# syntax=" not in text
    assert "<<" not in text
    assert "--link" not in text
    assert re.search(r"^ARG BASE_IMAGE=ubuntu:\d\d\.04$", text, re.MULTILINE)
    assert "--require-hashes" in text
    user = re.search(r"^USER (\d+)", text, re.MULTILINE)
    assert user
    assert int(user[1]) > 1000
    assert "HEALTHCHECK" in text


def test_every_service_has_a_read_only_root_and_no_capabilities() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    services = re.findall(r"^  ([a-z-]+):\n((?:    .*\n|\n)+)", text.partition("\nservices:\n")[2], re.MULTILINE)
    assert [name for name, _ in services] == ["ementa", "ollama", "pull-model"]
    for name, body in services:
        assert "read_only: true" in body, name
        assert "cap_drop:\n      - ALL" in body, name
        assert "no-new-privileges:true" in body, name
    assert "healthcheck:" in dict(services)["ollama"]  # Ementa's is in its image
    assert "gemma3:1b" in dict(services)["pull-model"]


def test_everything_the_image_copies_is_sent_to_the_builder() -> None:
    sent = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            assert source in sent
            assert (ROOT / source).exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse_and_are_executable(name: str) -> None:
    path = ROOT / name
    shell = path.read_text(encoding="utf-8").splitlines()[0].rpartition("/")[2].split()[-1]
    assert run(shell, "-n", name).returncode == 0
    assert path.stat().st_mode & stat.S_IXUSR
    assert b"\r" not in path.read_bytes()  # a carriage return stops a container before it starts


def test_the_example_environment_holds_no_secret() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert re.search(r"^EMENTA_KEY=$", text, re.MULTILINE)


def test_setup_explains_a_python_that_is_too_old(tmp_path: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")  # whatever is asked of it: no
        old.chmod(0o755)
    (tmp_path / "deploy").mkdir()
    copy = tmp_path / "deploy" / "setup.sh"
    copy.write_bytes((ROOT / "deploy" / "setup.sh").read_bytes())
    environment = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    refused = subprocess.run(["bash", str(copy), "base"], env=environment, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1
    assert "Python 3.11" in refused.stderr
    assert "apt-get install" in refused.stderr
