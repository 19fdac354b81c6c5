"""`ementa models`: the models on the configured servers, without a running Ementa."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ementa.cli.language import text
from ementa.cli.serve import load

if TYPE_CHECKING:
    from ementa.bootstrap import Runtime
    from ementa.llm.types import PullProgress

_BAR_CHARS = 30
_DATA = click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")
_SERVER = click.option(
    "--server", default="", help="Só neste servidor (nome em `list`). / Only on this server (named by `list`)."
)
_NAME = click.argument("name")


@click.group("models")
def command() -> None:
    """Modelos nos servidores configurados. / Models on the configured servers."""


@command.command("list")
@_SERVER
@click.option("--json", "as_json", is_flag=True, help="Saída em JSON. / Output as JSON.")
@_DATA
def list_models(server: str, as_json: bool, data: Path | None) -> None:
    """Mostra os modelos de cada servidor. / Show the models of every server."""
    import orjson

    from ementa.llm.stock import list_stock

    entries = _with_gateway(data, lambda runtime: list_stock(runtime.gateway, server))
    if as_json:
        import msgspec

        click.echo(orjson.dumps(msgspec.to_builtins(entries), option=orjson.OPT_INDENT_2))
        return
    head = text("modelo servidor tamanho contexto na_memória sabe", "model server size context loaded can").split()
    rows = [
        (
            entry.info.name,
            entry.server or "-",
            _size(entry.info.size_bytes),
            str(entry.info.context_tokens or "-"),
            text("sim", "yes") if entry.loaded else "-",
            ",".join(entry.info.capabilities) or "-",
        )
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in [tuple(head), *rows]) for column in range(len(head))]
    for row in [tuple(word.replace("_", " ") for word in head), *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@command.command("pull")
@_NAME
@_SERVER
@_DATA
def pull(name: str, server: str, data: Path | None) -> None:
    """Baixa um modelo. / Download a model. Ctrl-C cancela. / Ctrl-C cancels."""

    async def download(runtime: "Runtime") -> None:
        bar = ProgressBar(shown=sys.stderr.isatty())
        try:
            async with aclosing(runtime.gateway.pull(name, server)) as steps:
                async for step in steps:
                    bar.tell(step)
        finally:
            bar.end()

    _with_gateway(data, download, "model.pull", name, server)
    click.echo(text(f"{name} está pronto.", f"{name} is ready."))


@command.command("delete")
@_NAME
@_SERVER
@_DATA
def delete(name: str, server: str, data: Path | None) -> None:
    """Apaga um modelo do disco dos servidores. / Remove a model from the servers' disks."""
    _with_gateway(data, lambda runtime: runtime.gateway.delete(name, server), "model.delete", name, server)
    click.echo(text(f"{name} foi apagado.", f"{name} was removed."))


@command.command("warm")
@_NAME
@_SERVER
@_DATA
def warm(name: str, server: str, data: Path | None) -> None:
    """Carrega um modelo na memória. / Load a model into memory."""
    _with_gateway(data, lambda runtime: runtime.gateway.warm(name, server), "model.warm", name, server)
    click.echo(text(f"{name} está na memória.", f"{name} is in memory."))


@command.command("unload")
@_NAME
@_SERVER
@_DATA
def unload(name: str, server: str, data: Path | None) -> None:
    """Tira um modelo da memória. / Let a model leave memory."""
    _with_gateway(data, lambda runtime: runtime.gateway.unload(name, server), "model.unload", name, server)
    click.echo(text(f"{name} saiu da memória.", f"{name} left memory."))


@command.command("loaded")
@_SERVER
@_DATA
def loaded(server: str, data: Path | None) -> None:
    """Mostra o que está na memória dos servidores. / Show what is in the servers' memory."""
    from ementa.llm.stock import list_stock

    for entry in _with_gateway(data, lambda runtime: list_stock(runtime.gateway, server)):
        if entry.loaded:
            click.echo(f"{entry.info.name}\t{entry.server}")


class ProgressBar:
    """One line on a terminal, drawn again and again; elsewhere a line whenever the status changes."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._status = ""
        self._open = False

    def tell(self, step: "PullProgress") -> None:
        """Show how far it is."""
        changed, self._status = step.status != self._status, step.status
        if not self._shown:
            if changed:
                click.echo(step.status, err=True)
            return
        if changed:
            self.end()
        line = step.status
        if step.total:
            share = min(step.completed / step.total, 1.0)
            bar = ("█" * round(share * _BAR_CHARS)).ljust(_BAR_CHARS, "·")
            line = f"{step.status}  {bar} {share:4.0%}  {_size(step.completed)} / {_size(step.total)}"
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        self._open = True

    def end(self) -> None:
        """Leave the line as it is and go to the next."""
        if self._open:
            click.echo(err=True)
        self._open = False


def _with_gateway(
    data: Path | None, work: Callable[["Runtime"], Awaitable[Any]], act: str = "", model: str = "", server: str = ""
) -> Any:
    """What `work` returns, with the servers of the settings and those that administrators stored. With `act` it is told
    to the audit trail first."""
    from ementa.bootstrap import Runtime
    from ementa.identity import service as identity

    async def run() -> Any:
        runtime = Runtime(load(data))
        try:
            await runtime.open()
            if act:
                async with runtime.database.transaction() as session:
                    details = {"server": server} if server else None
                    await identity.record_event(session, None, act, f"model:{model}", details)
            return await work(runtime)
        finally:
            await runtime.stop()

    return asyncio.run(run())


def _size(count: int) -> str:
    """Bytes for people, in powers of ten as disks and downloads are counted."""
    if not count:
        return "-"
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 100 or units[0] == "B" else f"{value:.1f} {units[0]}"
