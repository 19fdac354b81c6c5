"""Writes the reference pages `docs/reference/{settings,errors,cli}.md` from the code: `python -m ementa.cli.reference`.

A test says whether the pages on disk are current.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import ementa
from ementa.app.errors import status_of
from ementa.cli.exits import exit_code
from ementa.cli.main import cli
from ementa.kit.errors import all_errors
from ementa.kit.settings import Section
from ementa.settings import NAMES, Settings

_NOTE = "<!-- Generated from the code by `make docs`; do not edit. -->\n"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"settings.md": settings_page(), "errors.md": errors_page(), "cli.md": cli_page()}


def settings_page() -> str:
    """Every setting with its name in the environment, its default and what it means."""
    short = {target: name for name, target in NAMES.items()}
    parts = [
        "# Settings\n",
        _NOTE,
        "Set them in the environment or in `.env` of the working directory. A name that ends in `_FILE` gives the path "
        "of a file that holds the value (short names only).\n",
    ]
    root = [
        _setting_row(name, field, short.get(name, f"EMENTA_{name.upper()}"))
        for name, field in Settings.model_fields.items()
        if not _is_section(field)
    ]
    parts.append("## General\n\n" + _table(("Variable", "Default", "Meaning"), root))
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            continue
        rows = [
            _setting_row(name, inner, short.get(f"{section}.{name}", f"EMENTA_{section.upper()}__{name.upper()}"))
            for name, inner in kind.model_fields.items()
        ]
        title = f"## `{section}`: {field.description or ''}\n\n{_sentence(kind)}\n\n"
        parts.append(title + _table(("Variable", "Default", "Meaning"), rows))
    return "\n".join(parts)


def errors_page() -> str:
    """Every error code with its status, whether it is retried, and its sentence in both languages."""
    import_everything()
    rows: list[tuple[str, ...]] = []
    for code, kind in sorted(all_errors().items()):
        retried = "yes" if kind.retryable else "no"
        meaning = _cell(_sentence(kind))
        rows.append(
            (f"`{code}`", str(status_of(kind)), retried, str(exit_code(kind)), meaning, _cell(kind.pt), _cell(kind.en))
        )
    head = ("Code", "HTTP", "Retried", "Exit", "When", "Português", "English")
    return "\n".join(
        (
            "# Errors\n",
            _NOTE,
            'Every failure has one form: `{"error", "code", "details", "timestamp"}`. '
            "`code` never changes its meaning. Exit is the exit status of the command line.\n",
            _table(head, rows),
        )
    )


def cli_page() -> str:
    """`--help` of every command."""
    parts = ["# Command line\n", _NOTE]
    _add_command(parts, cli, "ementa", None)
    return "\n".join(parts)


def import_everything() -> None:
    """Import every module of the product, so that all errors are known."""
    for module in pkgutil.walk_packages(ementa.__path__, "ementa."):
        if not module.name.startswith(("ementa.testing", "ementa.migrations", "ementa.__main__")):
            importlib.import_module(module.name)


def write(directory: Path) -> None:
    """Write the pages below `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (directory / name).write_text(page, encoding="utf-8")


def _add_command(parts: list[str], command: click.Command, name: str, parent: click.Context | None) -> None:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    parts.append(f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n")
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                _add_command(parts, found, child, context)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _setting_row(name: str, field: FieldInfo, variable: str) -> tuple[str, ...]:
    del name
    return f"`{variable}`", f"`{_default(field)}`", _cell(field.description or "")


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=False)
    if value is None or value == "":
        return "(empty)"
    if isinstance(value, (tuple, frozenset)):
        items = [str(item) for item in cast("Iterable[object]", value)]
        return ",".join(items if isinstance(value, tuple) else sorted(items)) or "(empty)"
    return str(value)


def _sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n", maxsplit=1)[0].split())


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
