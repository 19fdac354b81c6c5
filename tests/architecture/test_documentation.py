"""What the documentation promises exists, and what exists is documented."""

import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import ementa
from ementa.app.create import create_app
from ementa.bootstrap import Runtime
from ementa.kit.errors import all_errors
from ementa.settings import NAMES, Settings, load_settings

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "patch", "delete"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def fields(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        found.append((prefix + name, field.description))
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += fields(kind, f"{prefix}{name}.")
    return found


def test_every_setting_is_described_and_on_the_reference_page() -> None:
    page = read("docs/reference/settings.md")
    for name, description in fields(Settings):
        assert description, f"setting {name} needs a docstring"
        shown = name in NAMES.values() or f"EMENTA_{name.upper().replace('.', '__')}" in page
        assert shown or "." not in name, f"{name} is not in settings.md: make docs"
    for name in NAMES:
        assert name in page, f"{name} is not in settings.md: make docs"


def test_every_error_code_is_on_the_reference_page_in_both_languages() -> None:
    for module in pkgutil.walk_packages(ementa.__path__, "ementa."):
        if module.name.rpartition(".")[2] == "errors":
            import_module(module.name)
    page = read("docs/reference/errors.md")
    for code, error in all_errors().items():
        if not error.__module__.startswith("ementa."):
            continue  # a test's own
        assert code in page, f"{code} is not in errors.md: make docs"
        assert error.__doc__, f"{code} needs a docstring"
        assert error.pt != error.en


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Every method and path that the application answers."""
    settings = load_settings(data=tmp_path_factory.mktemp("data"))
    description: dict[str, Any] = create_app(Runtime(settings)).openapi()
    return [(m.upper(), path) for path, ways in description["paths"].items() for m in ways if m in METHODS]


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_readmes_name_every_endpoint(name: str, operations: list[tuple[str, str]]) -> None:
    text = re.sub(r"\$ID\b|\{\w+\}", "*", read(name).replace("$BASE", ""))
    for method, path in operations:
        assert re.sub(r"\{\w+\}", "*", path) in text, f"{name} does not show {method} {path}"


def test_the_postman_collection_has_every_endpoint(operations: list[tuple[str, str]]) -> None:
    collection = json.loads(read("examples/ementa.postman_collection.json"))
    held = set()
    for folder in collection["item"]:
        for item in folder["item"]:
            path = "/" + "/".join(item["request"]["url"]["path"])
            held.add((item["request"]["method"], re.sub(r"\{\{\w+\}\}", "*", path)))
    wanted = {(method, re.sub(r"\{\w+\}", "*", path)) for method, path in operations}
    assert wanted <= held, wanted - held


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_readmes_say_how_to_start_and_test(name: str) -> None:
    text = read(name)
    for words in ("make run", "make test", "docker compose up", "ementa worker", "ollama pull", "psycopg"):
        assert words in text, f"{name} does not say {words}"


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_commands_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")):
            assert name in targets, f"{page.name}: make {name}"
