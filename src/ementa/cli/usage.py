"""What is said of a command called wrongly, in the language of the command line. Click itself speaks English."""

import click
from click.exceptions import BadParameter, MissingParameter, NoArgsIsHelpError, NoSuchOption

from ementa.cli.language import language


def explain_usage(error: click.ClickException) -> str:
    """The whole message: usage, the mistake, where to read more."""
    if isinstance(error, NoArgsIsHelpError):
        return error.format_message()
    if language() == "en" or not isinstance(error, click.UsageError):
        return _in_english(error)
    lines: list[str] = []
    if error.ctx is not None:
        pieces = " ".join(error.ctx.command.collect_usage_pieces(error.ctx))
        lines += [f"Uso: {error.ctx.command_path} {pieces}", f"Veja `{error.ctx.command_path} --help`.", ""]
    return "\n".join((*lines, f"Erro: {_mistake(error)}"))


def _in_english(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage = f"{context.get_usage()}\nSee `{context.command_path} --help`.\n\n" if context else ""
    return f"{usage}Error: {error.format_message()}"


def _mistake(error: click.UsageError) -> str:
    if isinstance(error, NoSuchOption):
        near = f" Quis dizer {' ou '.join(sorted(error.possibilities))}?" if error.possibilities else ""
        return f"a opção {error.option_name} não existe.{near}"
    if isinstance(error, MissingParameter):
        return f"falta {_name(error)}."
    if isinstance(error, BadParameter):
        return f"valor inválido para {_name(error)}: {_expected(error)}"
    if type(error) is click.exceptions.BadOptionUsage:
        return f"a opção {error.option_name} precisa de um valor."
    return f"comando ou argumento desconhecido. ({error.format_message()})"


def _name(error: BadParameter) -> str:
    if isinstance(error.param, click.Option):
        return f"a opção {error.param.opts[0]}"
    return f"o argumento {error.param.human_readable_name}" if error.param else "o argumento"


def _expected(error: BadParameter) -> str:
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return f"use um destes: {', '.join(map(str, kind.choices))}."
    if isinstance(kind, click.IntRange):
        return f"use um número inteiro de {kind.min} a {kind.max}."
    if isinstance(kind, click.Path):
        return "o arquivo não existe ou não pode ser lido."
    return error.message
