"""The rules of ARCHITECTURE.md that a machine can check."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PEERS = ROOT / "benchmarks" / "peers"  # installed by the bench, not ours
OTHERS = sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))
OURS = [*SOURCES, *(path for path in OTHERS if PEERS not in path.parents)]
MAX_FILE_LINES, MAX_FUNCTION_LINES = 500, 80

# path or path::function -> why it may be longer than the limit
EXEMPT: dict[str, str] = {}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> list[tuple[str, int]]:
    """Each function's name and length in lines, decorators and docstring included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def test_import_contracts_are_kept() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def test_files_are_short() -> None:
    long = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}
    long = {path: lines for path, lines in long.items() if lines > MAX_FILE_LINES and path not in EXEMPT}
    assert not long, f"split these files (over {MAX_FILE_LINES} lines): {long}"


def test_functions_are_short() -> None:
    long = {
        f"{named(path)}::{name}": lines
        for path in OURS
        for name, lines in functions(path)
        if lines > MAX_FUNCTION_LINES and f"{named(path)}::{name}" not in EXEMPT
    }
    assert not long, f"split these functions (over {MAX_FUNCTION_LINES} lines): {long}"


def test_exemptions_are_still_needed_and_say_why() -> None:
    for entry, reason in EXEMPT.items():
        path, _, function = entry.partition("::")
        assert reason, f"{entry} needs a reason"
        length = (
            max(lines for name, lines in functions(ROOT / path) if name == function)
            if function
            else len((ROOT / path).read_text(encoding="utf-8").splitlines())
        )
        assert length > (MAX_FUNCTION_LINES if function else MAX_FILE_LINES), f"{entry} is short now: remove it"


@pytest.mark.parametrize("path", [p for p in OURS if p.name == "__init__.py" and "tests" not in p.parts], ids=named)
def test_every_package_says_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert len(text) >= 30, f"{named(path)} needs a paragraph: what the package is for, where to start reading"


def test_no_file_is_called_anything() -> None:
    vague = {"utils", "helpers", "common", "constants", "misc", "util", "helper"}
    assert not [named(path) for path in SOURCES if path.stem in vague or vague & set(path.parts)]


def test_locks_match_the_pins_and_carry_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        "base": project["project"]["dependencies"],
        "dev": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
    }
    for name, pins in groups.items():
        lock = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in lock
        assert "--index" not in lock
        for pin in pins:
            bare = re.sub(r"\[.*?\]", "", pin).split(";")[0].strip()
            assert re.search(rf"^{re.escape(bare)}( ;| \\|$)", lock, re.MULTILINE), f"{pin}: run make lock"
        packages = re.findall(r"^[a-z0-9][^\s]*==", lock, re.MULTILINE)
        assert lock.count("--hash=sha256:") >= len(packages) > 20


def test_every_dependency_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [pin for pins in project["project"].get("optional-dependencies", {}).values() for pin in pins]
    pins = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *extras]
    assert not [pin for pin in pins if "==" not in pin]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_path_of_a_developers_machine_is_committed() -> None:
    homes = re.compile(r"/(?:home|Users)/(?!ementa\b)[a-z][a-z0-9_-]+/|/root/|C:\\\\Users\\\\")
    for path in tracked():
        if path.suffix in {".jpg", ".png", ".pdf"} or path == Path(__file__):
            continue
        found = homes.search(path.read_text(encoding="utf-8", errors="replace"))
        assert found is None, f"{named(path)} names {found.group() if found else ''}"


def test_text_files_end_their_lines_with_lf() -> None:
    for path in tracked():
        if path.suffix not in {".jpg", ".png", ".pdf"}:
            assert b"\r\n" not in path.read_bytes(), named(path)
