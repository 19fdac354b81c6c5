import pytest

from ementa.kit.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "pt"),
        ("", "pt"),
        ("*", "pt"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("en-US,en;q=0.9,pt;q=0.8", "en"),
        ("en", "en"),
        ("en;q=0.5, pt;q=0.5", "pt"),
        ("fr, en;q=0.1", "en"),
        ("fr", "pt"),
        ("en;q=abc", "pt"),
        (";;;,,,=", "pt"),
        ("en;q=0", "pt"),
    ],
)
def test_portuguese_unless_english_is_wanted_more(header: str | None, language: str) -> None:
    assert preferred_language(header) == language
