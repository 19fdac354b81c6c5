import pytest

from ementa.kit.errors import EmentaError, Gone, Invalid, NotFound, Unavailable, all_errors


class Spilled(Invalid):
    """A test's own error."""

    code = "TEST_SPILLED"
    pt = "Caiu {what}: {why}."
    en = "Spilled {what}: {why}."


def test_a_sentence_in_each_language_with_words_in_each_language() -> None:
    error = Spilled(what="café", why={"pt": "mesa torta", "en": "crooked table"})
    assert error.text("pt") == "Caiu café: mesa torta."
    assert error.text("en") == "Spilled café: crooked table."
    assert str(error) == "Spilled café: crooked table."


def test_a_stored_error_comes_back_as_itself_in_any_language() -> None:
    stored = Spilled(details={"page": 3}, what="tinta", why="x").to_record()
    error = EmentaError.from_record(stored)
    assert isinstance(error, Spilled)
    assert error.details == {"page": 3}
    assert error.text("pt") == "Caiu tinta: x."


def test_an_unknown_stored_code_is_not_lost() -> None:
    error = EmentaError.from_record({"code": "LONG_GONE", "params": {}, "details": [1]})
    assert error.code == "INTERNAL"
    assert error.details == {"code": "LONG_GONE", "details": [1]}


def test_two_errors_cannot_claim_one_code() -> None:
    with pytest.raises(TypeError, match="TEST_SPILLED"):
        type("Other", (Invalid,), {"code": "TEST_SPILLED", "__module__": "elsewhere"})


def test_categories_say_what_to_retry() -> None:
    assert Unavailable.retryable
    assert not Invalid.retryable
    assert issubclass(Gone, NotFound)
    assert {"INVALID", "UNAVAILABLE", "GONE"} <= all_errors().keys()


def test_what_a_broken_file_says_of_itself_can_still_be_stored() -> None:
    stored = Spilled(details=["a\x00b", {"c\ud800": "\udfff"}], what="x\x00", why="y").to_record()
    assert stored["params"]["what"] == "x"
    assert stored["details"] == ["ab", {"c?": "?"}]
