"""Secrets at rest: nothing in clear, a lost key said clearly, keys replaced without losing what was stored."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from ementa.db.errors import SecretKeyWeak, SecretUnreadable
from ementa.db.secrets import KEY_FILE, SecretBox

PLAIN = "sk-segredo-ação-7f3a9c51e2b84d06"
OLD, NEW = "o" * 16 + "1234567890abcdef", "n" * 16 + "fedcba0987654321"


def test_a_key_file_is_made_with_the_first_secret_and_serves_every_process(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    sealed = box.seal(PLAIN, "model_server:1")
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert PLAIN.encode() not in sealed
    assert box.seal(PLAIN, "model_server:1") != sealed
    assert SecretBox(tmp_path).unseal(sealed, "model_server:1") == PLAIN
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_secret_is_bound_to_its_row_and_to_every_bit(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    sealed = box.seal(PLAIN, "model_server:1")
    with pytest.raises(SecretUnreadable):
        box.unseal(sealed, "model_server:2")
    for position in range(len(sealed)):
        spoilt = bytearray(sealed)
        spoilt[position] ^= 1
        with pytest.raises(SecretUnreadable):
            box.unseal(bytes(spoilt), "model_server:1")
    for cut in (b"", sealed[:5], sealed[:21], sealed[:-1]):
        with pytest.raises(SecretUnreadable):
            box.unseal(cut, "model_server:1")


def test_a_lost_key_is_said_and_nothing_of_the_secret_is(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal(PLAIN, "x")
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(SecretUnreadable) as caught:
        SecretBox(tmp_path).unseal(sealed, "x")
    for text in (caught.value.text("pt"), caught.value.text("en")):
        assert KEY_FILE in text
        assert PLAIN not in text


def test_a_file_put_back_is_noticed(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal(PLAIN, "x")
    key = (tmp_path / KEY_FILE).read_text()
    (tmp_path / KEY_FILE).unlink()
    box = SecretBox(tmp_path)
    with pytest.raises(SecretUnreadable):
        box.unseal(sealed, "x")
    (tmp_path / KEY_FILE).write_text(key)
    assert box.unseal(sealed, "x") == PLAIN


def test_a_new_key_before_the_old_one_encrypts_while_both_decrypt(tmp_path: Path) -> None:
    before = SecretBox(tmp_path, SecretStr(OLD)).seal(PLAIN, "x")
    both = SecretBox(tmp_path, SecretStr(f"{NEW}, {OLD}"))
    assert both.unseal(before, "x") == PLAIN
    after = both.seal(PLAIN, "x")
    assert SecretBox(tmp_path, SecretStr(NEW)).unseal(after, "x") == PLAIN
    with pytest.raises(SecretUnreadable):
        SecretBox(tmp_path, SecretStr(NEW)).unseal(before, "x")
    assert not (tmp_path / KEY_FILE).exists()


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretKeyWeak):
        SecretBox(tmp_path, SecretStr("short"))


def test_two_processes_that_make_the_file_at_once_agree(tmp_path: Path) -> None:
    first, second = SecretBox(tmp_path), SecretBox(tmp_path)
    first._load()
    second._load()
    sealed = [first.seal(PLAIN, "x"), second.seal(PLAIN, "x")]
    for box in (first, second, SecretBox(tmp_path)):
        assert [box.unseal(one, "x") for one in sealed] == [PLAIN, PLAIN]
