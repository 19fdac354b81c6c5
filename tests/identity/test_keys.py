"""What counts as a key that nobody guesses."""

import pytest

from ementa.identity.errors import KeyTooWeak
from ementa.identity.keys import hash_key, new_key, require_strong


def test_made_keys_are_strong_and_never_the_same() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        require_strong(key)


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "123456789012345",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababababab",
        "troque-esta-chave-agora",
        "CHANGE-ME-please-9381-xkqz",
        "your-key-here-8271-zkqpw",
        "senha-super-segura-91827",
        "chave com espaços 1234567",
        "chave-acentuação-91827364",
        "tab\tinside-the-key-91827364",
    ],
)
def test_weak_keys_are_refused_in_both_languages(key: str) -> None:
    with pytest.raises(KeyTooWeak) as caught:
        require_strong(key)
    assert "EMENTA_KEY" in caught.value.text("pt")
    assert key not in caught.value.text("pt") + caught.value.text("en")


def test_only_the_hash_is_stored() -> None:
    assert hash_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
