"""`ementa doctor`: what is installed, reachable, missing, and how to fix it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from ementa.cli.language import language
from ementa.cli.serve import load

_MARKS = {"ok": "✓", "warning": "!", "error": "✗"}
_COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command("doctor")
@click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")
@click.option("--json", "as_json", is_flag=True, help="Saída em JSON. / Output as JSON.")
def command(data: Path | None, as_json: bool) -> None:
    """Diz o que está instalado e ao alcance, o que falta e como resolver. / Say what is here, what is missing, how to
    fix it. Ends with 1 when something must be fixed."""
    import orjson

    diagnoses = asyncio.run(_examine(load(data), show=not as_json))
    if as_json:
        told = [
            {"name": d.name, "state": d.state, "found": d.found, "fix": d.fix.text(language()) if d.fix else None}
            for d in diagnoses
        ]
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    sys.exit(1 if any(diagnosis.state == "error" for diagnosis in diagnoses) else 0)


async def _examine(settings: Any, *, show: bool) -> list[Any]:
    from ementa.db.database import Database
    from ementa.db.secrets import SecretBox
    from ementa.extraction.sandbox.pool import SandboxPool
    from ementa.llm.gateway import Gateway
    from ementa.upkeep.doctor import Patient, examine

    patient = Patient(
        data=settings.data,
        host=settings.app.host,
        port=settings.app.port,
        database=Database(settings.db, settings.data),
        secrets=SecretBox(settings.data, settings.db.secret_key),
        pool=SandboxPool(settings.extraction),
        gateway=Gateway(settings.llm, settings.plugins),
        extraction=settings.extraction,
        identity=settings.identity,
        upkeep=settings.upkeep,
        default_model=settings.llm.default_model,
        plugins=settings.plugins,
    )
    found: list[Any] = []
    try:
        async for diagnosis in examine(patient):
            found.append(diagnosis)
            if show:
                _print(diagnosis)
    finally:
        await patient.pool.close()
        await patient.gateway.close()
        await patient.database.close()
    return found


def _print(diagnosis: Any) -> None:
    click.echo(
        f"{click.style(_MARKS[diagnosis.state], fg=_COLORS[diagnosis.state])} {diagnosis.name}: {diagnosis.found}"
    )
    if diagnosis.fix:
        click.echo(f"    → {diagnosis.fix.text(language())}")
