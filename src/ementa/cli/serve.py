"""`ementa serve`: the API and the job engine in one process."""

import gc
import sys
from pathlib import Path
from typing import Any

import click

from ementa.cli.language import text


@click.command("serve")
@click.option("--host", help="Endereço (padrão 127.0.0.1). / Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Porta (padrão 8000). / Port (default 8000).")
@click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")
def command(host: str | None, port: int | None, data: Path | None) -> None:
    """Inicia o servidor e executa as tarefas no mesmo processo. / Start the server, jobs included."""
    gc.disable()  # nothing that starting makes is garbage: looking for it again and again costs a tenth of the time
    from ementa.app.create import create_app
    from ementa.app.server import run_server
    from ementa.bootstrap import Runtime
    from ementa.identity.first import FirstKey
    from ementa.observability.logging import configure_logging
    from ementa.storage.directory import prepare_data

    settings = load(data)
    changed = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server = settings.app.model_copy(update=changed)
    settings = settings.model_copy(update={"app": server})
    prepare_data(settings.data)
    configure_logging(settings.observability, settings.data)
    app = create_app(Runtime(settings))

    def on_ready(key: FirstKey) -> None:
        gc.freeze()
        gc.enable()
        click.echo(f"Ementa: http://{server.host}:{server.port}  ({text('documentação', 'documentation')}: /docs)")
        click.echo(_where(key))
        sys.stdout.flush()

    if not run_server(app, server, on_ready):
        if app.state.startup_error is not None:
            raise app.state.startup_error
        click.echo(
            text(
                f"ementa: não foi possível escutar em {server.host}:{server.port}; a porta está em uso? (--port)",
                f"ementa: could not listen on {server.host}:{server.port}; is the port in use? (--port)",
            ),
            err=True,
        )
        sys.exit(69)


def load(data: Path | None) -> Any:
    """The settings of this process, with `--data` in force."""
    from ementa.settings import load_settings

    return load_settings(**({"data": data} if data is not None else {}))


def _where(key: Any) -> str:
    if key.path is not None:
        return text(f"Chave do administrador: veja {key.path}", f"Administrator's key: see {key.path}")
    return text(
        "Chave do administrador: a de EMENTA_KEY (ou `ementa key create`)",
        "Administrator's key: the one in EMENTA_KEY (or `ementa key create`)",
    )
