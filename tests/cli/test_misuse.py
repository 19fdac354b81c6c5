"""What is said of a command that was called wrongly, in both languages."""

import pytest
from shell import Run


@pytest.mark.parametrize(
    ("arguments", "pt", "en"),
    [
        (("key", "create"), "falta a opção --name", "Missing option '--name'"),
        (("serve", "--prot", "1"), "Quis dizer --host ou --port", "--port"),
        (("serve", "--port", "99999"), "de 1 a 65535", "1<=x<=65535"),
        (("serve", "--port"), "precisa de um valor", "requires an argument"),
        (("key", "create", "--name", "x", "--role", "x"), "admin, analyst, user", "'admin', 'analyst', 'user'"),
        (("analyze", "nada.pdf"), "não existe ou não pode ser lido", "does not exist"),
        (("bogus",), "comando ou argumento desconhecido", "No such command 'bogus'"),
    ],
)
def test_the_mistake_is_named_in_the_language_asked(ementa: Run, arguments: tuple[str, ...], pt: str, en: str) -> None:
    for language, words, heading in (("pt", pt, "Erro: "), ("en", en, "Error: ")):
        done = ementa("--lang", language, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert heading in done.stderr
        assert words in done.stderr


def test_the_language_counts_also_when_it_comes_after_the_mistake(ementa: Run) -> None:
    assert "Error: No such option" in ementa("--bogus", "--lang", "en", "serve", LC_ALL="pt_BR.UTF-8").stderr


def test_the_environment_chooses_when_nobody_asked(ementa: Run) -> None:
    assert "Error: " in ementa("bogus", LC_ALL="en_US.UTF-8").stderr
    assert "Erro: " in ementa("bogus", LC_ALL="pt_BR.UTF-8").stderr


def test_no_command_shows_the_help(ementa: Run) -> None:
    assert "analyze" in ementa().stderr
