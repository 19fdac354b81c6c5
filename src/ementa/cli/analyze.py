"""`ementa analyze`: one file, one question, one answer; no server, and nothing left behind."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click

from ementa.cli.language import text
from ementa.cli.serve import load

_LOOK_SECONDS = 0.2
_CHUNK = 1_048_576
_NO_MODEL = (
    "ementa: sem modelo de linguagem, use --model ementa-reader.",
    "ementa: without a language model, use --model ementa-reader.",
)


def _words(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Words as they are, or for `@path` those of a file."""
    if value is None or not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        told = text(f"não foi possível ler {path}", f"could not read {path}")
        raise click.BadParameter(f"{told} ({error.strerror}).", context, parameter) from error
    except UnicodeDecodeError as error:
        told = text(f"{path} não é texto UTF-8.", f"{path} is not UTF-8 text.")
        raise click.BadParameter(told, context, parameter) from error


@click.command("analyze")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prompt", callback=_words, required=True, help="O que procurar. / What to find.")
@click.option(
    "--format",
    "form",
    callback=_words,
    required=True,
    help='Exemplo JSON da resposta. / JSON example of the answer: {"cnpj": ""}',
)
@click.option("--example", callback=_words, help="Exemplo preenchido. / A filled-in example.")
@click.option(
    "--model", help="Padrão gemma3:1b; ementa-reader dispensa modelo. / Default gemma3:1b; ementa-reader needs none."
)
@click.option(
    "--output",
    type=click.Choice(["proof", "bare"]),
    default="proof",
    help="Com prova, ou só a resposta. / With proof, or only the answer.",
)  # fmt: skip
def command(file: Path, prompt: str, form: str, example: str | None, model: str | None, output: str) -> None:
    """Analisa FILE e escreve o JSON na saída padrão. / Analyse FILE and write the JSON to standard output.

    Textos podem vir de arquivos: --format @forma.json. O código de saída diz a categoria do erro. / Texts may come from
    files: --format @form.json. The exit code tells the category of the error.
    """
    import orjson

    from ementa.llm.errors import ModelUnavailable
    from ementa.observability.logging import configure_logging

    settings = load(None)
    fields = {
        "prompt": prompt,
        "format-response": form,
        "model": model or settings.llm.default_model,
        "filename": file.name,
        **({"example": example} if example else {}),
    }
    level = "DEBUG" if settings.observability.log_level == "DEBUG" else "ERROR"
    configure_logging(settings.observability.model_copy(update={"log_level": level}), None)
    with tempfile.TemporaryDirectory(prefix="ementa-") as directory:
        try:
            answer = asyncio.run(_analyze(settings, Path(directory), file, fields))
        except asyncio.CancelledError:
            sys.exit(128 + signal.SIGTERM)
        except ModelUnavailable:
            if model is None:
                click.echo(text(*_NO_MODEL), err=True)
            raise
    shown = answer["response"] if output == "bare" else answer
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))


async def _analyze(settings: Any, directory: Path, file: Path, fields: dict[str, str]) -> dict[str, Any]:
    from ementa.bootstrap import Runtime
    from ementa.db.settings import DatabaseSettings
    from ementa.identity.settings import IdentitySettings

    own = {"data": directory, "db": DatabaseSettings(), "identity": IdentitySettings()}
    runtime = Runtime(settings.model_copy(update=own))
    # Told to end, it still removes what it wrote.
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await runtime.start(run_jobs=True)
        return await _ask(runtime, file, fields)
    finally:
        await runtime.stop()


async def _ask(runtime: Any, file: Path, fields: dict[str, str]) -> dict[str, Any]:
    import msgspec

    from ementa.analysis import service
    from ementa.analysis.ask import read_ask

    principal = await _make_principal(runtime)
    ask = read_ask(fields, runtime.settings.analysis)
    spec = await runtime.intake.check_ask(principal, ask)
    blob = await runtime.intake.receive(_read(file))
    accepted = await runtime.intake.accept(principal, ask, spec, blob, None, "")
    label = text("Analisando", "Analysing")
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_eta=False) as bar:
        while True:
            async with runtime.database.read() as session:
                entry = await service.get_entry(session, principal, accepted.id)
            outcome = service.get_outcome(entry.analysis)
            bar.update(max(0, round(entry.progress * 1000) - bar.pos))
            if outcome is not None:
                break
            await runtime.changes.wait(_LOOK_SECONDS)
    return {
        "model": outcome.model,
        "response": outcome.response,
        "proof": msgspec.to_builtins(outcome.proof),
        "usage": msgspec.to_builtins(outcome.usage),
        "warnings": list(outcome.warnings),
    }


async def _make_principal(runtime: Any) -> Any:
    """Whoever runs the command, as the owner of the one document of this one database."""
    from ementa.identity import service
    from ementa.identity.types import Principal, Role

    identity = runtime.settings.identity
    async with runtime.database.transaction() as session:
        tenant = await service.ensure_tenant(session, identity.tenant)
        user = await service.ensure_user(session, tenant, identity.admin_email, Role.ADMIN)
    return Principal(tenant.id, user.id, Role.ADMIN)


async def _read(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as stream:
        while chunk := await asyncio.to_thread(stream.read, _CHUNK):
            yield chunk
