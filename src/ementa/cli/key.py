"""`ementa key`: make, list and revoke API keys, straight in the database."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from ementa.cli.database import with_database
from ementa.cli.language import text
from ementa.cli.serve import load

_COUNT = click.IntRange(0, 10**15)
_DATA = click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")


def _instant(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A time with its offset, or the end of a day in UTC."""
    if value is None:
        return None
    try:
        if len(value) == len("2030-12-31"):
            return datetime.combine(date.fromisoformat(value), time.max, UTC)
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        told = text("escreva 2030-12-31 ou 2030-12-31T12:00:00-03:00", "write 2030-12-31 or 2030-12-31T12:00:00-03:00")
        raise click.BadParameter(told, context, parameter)
    return moment


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
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Modelo ou padrão que pode usar; sem nenhum, todos. / Model or pattern it may use; all when none.",
)
@click.option("--requests-per-minute", type=_COUNT, help="Pedidos a modelos por minuto. / Requests to models a minute.")
@click.option("--tokens-per-minute", type=_COUNT, help="Tokens por minuto. / Tokens a minute.")
@click.option("--monthly-tokens", type=_COUNT, help="Tokens por mês. / Tokens a month.")
@click.option("--monthly-cost", type=click.FloatRange(0, 1e12), help="Custo por mês. / Cost a month.")
@click.option("--days", type=click.IntRange(1, 3650), help="Validade. / Valid for so many days.")
@click.option(
    "--expires",
    callback=_instant,
    help="Validade: 2030-12-31 (até o fim do dia, UTC) ou 2030-12-31T12:00:00-03:00. / Valid until then.",
)
@_DATA
def create(
    name: str,
    email: str | None,
    role: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    days: int | None,
    expires: datetime | None,
    data: Path | None,
    **limits: Any,
) -> None:
    """Cria uma chave e a mostra uma única vez. / Make a key and show it this once."""
    from ementa.identity import service
    from ementa.identity.errors import KeyExpiryPast
    from ementa.identity.types import Role
    from ementa.kit import clock
    from ementa.llm.types import Limits

    settings = load(data)
    expires_at = expires or (clock.now() + timedelta(days=days) if days else None)
    if expires_at is not None and expires_at <= clock.now():
        raise KeyExpiryPast

    async def make(database: Any) -> str:
        async with database.transaction() as session:
            tenant = await service.ensure_tenant(session, settings.identity.tenant)
            admin = settings.identity.admin_email
            chosen = Role.ADMIN if (email or admin) == admin else Role(role)
            user = await service.ensure_user(session, tenant, email or admin, chosen)
            record, secret = await service.add_key(
                session, user, name=name, scopes=scopes, models=models, limits=Limits(**limits), expires_at=expires_at
            )
            await service.record_event(session, None, "key.create", f"api_key:{record.id}", {"name": name})
        return secret

    click.echo(with_database(settings, make))


@command.command("list")
@_DATA
def list_keys(data: Path | None) -> None:
    """Mostra as chaves, nunca o seu valor. / Show the keys, never their value."""
    from ementa.identity import service

    async def read(database: Any) -> list[Any]:
        async with database.read() as session:
            return await service.list_keys(session)

    for owner in with_database(load(data), read):
        key = owner.key
        state = _state(key)
        until = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "-"
        scopes = ",".join(key.scopes) or "*"
        models = ",".join(key.models or ()) or "*"
        stored: dict[str, Any] = key.limits or {}
        limits = " ".join(f"{name}={value}" for name, value in stored.items()) or "-"
        shown = (key.id, key.prefix or "-", key.name, owner.user.email, owner.user.role, scopes, until, state)
        click.echo("\t".join((*shown, models, limits)))


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

    ended = with_database(load(data), end)
    click.echo(text(f"Chave {ended} revogada.", f"Key {ended} revoked."))


def _state(key: Any) -> str:
    from ementa.kit import clock

    if key.revoked_at:
        return text("revogada", "revoked")
    if key.expires_at and key.expires_at <= clock.now():
        return text("vencida", "expired")
    return text("ativa", "active")
