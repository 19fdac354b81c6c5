"""`ementa audit`: checks the audit trail."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ementa.cli.database import with_database
from ementa.cli.language import text
from ementa.cli.serve import load

if TYPE_CHECKING:
    from ementa.db.database import Database
    from ementa.identity.audit import Trail


@click.group("audit")
def command() -> None:
    """Confere a trilha de auditoria. / Check the audit trail."""


@command.command("verify")
@click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")
def verify(data: Path | None) -> None:
    """Diz se a trilha está inteira; sai com 1 se não estiver. / Say whether the trail is whole; exit with 1 if not.

    Mostra o número e o hash do último evento: guarde-os fora daqui, pois só eles mostram que faltam eventos no fim. /
    It shows the number and hash of the last event: keep them elsewhere, for only they show that events are missing at
    the end.
    """
    from ementa.identity import service

    async def read(database: "Database") -> "Trail":
        async with database.read() as session:
            return await service.verify_chain(session)

    found = with_database(load(data), read)
    if found.broken is None:
        told = text(
            f"Trilha inteira: {found.count} eventos. Último hash: {found.last_hash}",
            f"The trail is whole: {found.count} events. Last hash: {found.last_hash}",
        )
        click.echo(told)
        return
    event = found.broken
    what = f"{event.seq} ({event.action} {event.resource}, {event.at:%Y-%m-%dT%H:%M:%SZ})"
    told = text(
        f"Trilha rompida no evento {what}: foi alterado, ou algo antes dele foi removido.",
        f"The trail is broken at event {what}: it was changed, or something before it was removed.",
    )
    click.echo(told, err=True)
    sys.exit(1)
