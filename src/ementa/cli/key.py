"""`ementa key`: make, list and revoke API keys, straight in the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ementa.cli.language import text
from ementa.cli.serve import load

_DATA = click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")


@click.group("key")
def command() -> None:
    """Cria, lista e revoga chaves de API. / Make, list and revoke API keys."""


@command.command("create")
@click.option("--name", required=True, help="Para reconhecê-la. / To recognise it by.")
@click.option("--user", "email", help="E-mail do dono; criado se não existir. / Its owner's e-mail; made if new.")
@click.option(
    "--role", type=click.Choice(["admin", "analyst", "user"]), default="user", help="De um dono novo. / Of a new owner."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "admin"]),
    help="Limita a chave. / Limits it.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Validade. / Valid for so many days.")
@_DATA
def create(
    name: str, email: str | None, role: str, scopes: tuple[str, ...], days: int | None, data: Path | None
) -> None:
    """Cria uma chave e a mostra uma única vez. / Make a key and show it this once."""
    from ementa.identity import service
    from ementa.identity.types import Role
    from ementa.kit import clock

    settings = load(data)

    async def make(database: Any) -> str:
        async with database.transaction() as session:
            tenant = await service.ensure_tenant(session, settings.identity.tenant)
            admin = settings.identity.admin_email
            chosen = Role.ADMIN if (email or admin) == admin else Role(role)
            user = await service.ensure_user(session, tenant, email or admin, chosen)
            expires_at = clock.now() + timedelta(days=days) if days else None
            record, secret = await service.add_key(session, user, name=name, scopes=scopes, expires_at=expires_at)
            await service.record_event(session, None, "key.create", f"api_key:{record.id}", {"name": name})
        return secret

    click.echo(_with_database(settings, make))


@command.command("list")
@_DATA
def list_keys(data: Path | None) -> None:
    """Mostra as chaves, nunca o seu valor. / Show the keys, never their value."""
    from ementa.identity import service

    async def read(database: Any) -> list[Any]:
        async with database.read() as session:
            return await service.list_keys(session)

    for owner in _with_database(load(data), read):
        key = owner.key
        state = text("revogada", "revoked") if key.revoked_at else text("ativa", "active")
        until = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "-"
        scopes = ",".join(key.scopes) or "*"
        click.echo(
            "\t".join((key.id, key.prefix or "-", key.name, owner.user.email, owner.user.role, scopes, until, state))
        )


@command.command("revoke")
@click.argument("name")
@_DATA
def revoke(name: str, data: Path | None) -> None:
    """Revoga a chave de id, prefixo ou nome NAME. / Revoke the key whose id, prefix or name is NAME."""
    from ementa.identity import service

    async def end(database: Any) -> str:
        async with database.transaction() as session:
            owner = await service.revoke_key(session, name)
            await service.record_event(session, None, "key.revoke", f"api_key:{owner.key.id}", {"name": owner.key.name})
            return owner.key.name

    ended = _with_database(load(data), end)
    click.echo(text(f"Chave {ended} revogada.", f"Key {ended} revoked."))


def _with_database(settings: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from ementa.db.database import Database
    from ementa.db.migrate import upgrade
    from ementa.storage.directory import prepare_data

    async def run() -> Any:
        prepare_data(settings.data)
        database = Database(settings.db, settings.data)
        try:
            await upgrade(database)
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
