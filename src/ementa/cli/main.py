"""The `ementa` command. Commands are imported only when they are called, so that `--help` answers at once."""

import importlib
import itertools
import os
import sys
from typing import Any, NoReturn

import click

import ementa
from ementa.cli.language import say, set_language
from ementa.kit.errors import EmentaError

_COMMANDS = {
    "serve": ("ementa.cli.serve", "Inicia o servidor. / Start the server."),
    "worker": ("ementa.cli.worker", "Executa tarefas sem servir HTTP. / Run jobs without serving HTTP."),
    "analyze": ("ementa.cli.analyze", "Analisa um arquivo, sem servidor. / Analyse one file, no server."),
    "doctor": ("ementa.cli.doctor", "Diz o que falta e como resolver. / Say what is missing and how to fix it."),
    "models": ("ementa.cli.models", "Modelos nos servidores. / Models on the model servers."),
    "key": ("ementa.cli.key", "Cria, lista e revoga chaves de API. / Make, list and revoke API keys."),
    "audit": ("ementa.cli.audit", "Confere a trilha de auditoria. / Check the audit trail."),
}


class _LazyGroup(click.Group):
    """Knows its commands by name and one line each; imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(_COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ementa.__version__, "--version", prog_name="ementa")
@click.option("--lang", type=click.Choice(["pt", "en"]), help="Idioma das mensagens. / Language of messages.")
def cli(lang: str | None) -> None:
    """Ementa lê documentos e responde no JSON que você pedir, com a prova de cada valor.

    Ementa reads documents and answers in the JSON you ask for, with the proof of every value.
    """
    set_language(lang)


def main(args: list[str] | None = None) -> None:
    """Run the command line; what Ementa explains ends in a sentence and the exit code of its category."""
    arguments: Any = args
    try:
        cli.main(args=arguments, prog_name="ementa", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _tell_misuse(error, sys.argv[1:] if args is None else args)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except EmentaError as error:
        _end(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        from ementa.app.errors import explain

        explained = explain(error, method="", path="")
        if explained.code == EmentaError.code:
            raise  # a bug: let it be seen whole
        _end(explained)


def _tell_misuse(error: click.ClickException, args: list[str]) -> None:
    from ementa.cli.usage import explain_usage

    for before, after in itertools.pairwise(args):  # the mistake may lie before `--lang` was understood
        if before == "--lang" and after in ("pt", "en"):
            set_language(after)
    click.echo(explain_usage(error), err=True)


def _end(error: EmentaError) -> NoReturn:
    from ementa.cli.exits import exit_code

    click.echo(f"ementa: {say(error)} [{error.code}]", err=True)
    sys.exit(exit_code(type(error)))
