"""`ementa worker`: runs jobs without serving HTTP."""

from pathlib import Path

import click

from ementa.cli.serve import load


@click.command("worker")
@click.option("--data", type=click.Path(path_type=Path), help="Diretório de dados. / Data directory.")
def command(data: Path | None) -> None:
    """Executa tarefas do PostgreSQL nesta máquina. / Run jobs from PostgreSQL on this machine."""
    from ementa.worker.main import run_worker

    run_worker(load(data))
