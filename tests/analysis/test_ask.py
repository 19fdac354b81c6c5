from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.analysis.ask import (
    FieldTooLong,
    clean_filename,
    collect_headers,
    collect_pairs,
    decode_header,
    read_ask,
)
from ementa.analysis.errors import CallbackRefused, FieldInvalid, FieldMissing, FieldRepeated
from ementa.analysis.settings import AnalysisSettings

SETTINGS = AnalysisSettings(callback_hosts=("erp.local",))
FIELDS = {"prompt": "Extraia o CNPJ", "format-response": '[{"CNPJ": ""}]', "model": "gemma3:1b"}

header_text = st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(str.strip).filter(bool)


@given(header_text)
def test_percent_encoded_or_raw_utf8_mean_the_same(text: str) -> None:
    assert decode_header(quote(text, safe="").encode()) == text
    if "%" not in text:
        assert decode_header(text.encode()) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"desconto de 10%", "desconto de 10%"),
        (b"10%de desconto", "10%de desconto"),
        ("é 10%25".encode(), "é 10%25"),
        ("extração".encode("latin-1"), "extração"),
        (b"extra%C3%A7%C3%A3o", "extração"),
        (b"%FF%FE", "%FF%FE"),
        (b"a+b%20c", "a+b c"),
    ],
)
def test_what_a_header_says(raw: bytes, text: str) -> None:
    assert decode_header(raw) == text


def test_a_field_comes_by_header_form_or_query_under_the_same_name() -> None:
    assert collect_headers([(b"Format-Response", b"{}"), (b"accept", b"*/*")]) == {"format-response": "{}"}
    assert collect_pairs([("format_response", "{}"), ("Prompt", "x"), ("other", "y")]) == {
        "format-response": "{}",
        "prompt": "x",
    }


def test_a_repeated_field_is_not_guessed() -> None:
    with pytest.raises(FieldRepeated):
        collect_headers([(b"prompt", b"a"), (b"Prompt", b"b")])
    with pytest.raises(FieldRepeated):
        collect_pairs([("prompt", "a"), ("PROMPT", "b")])


def test_defaults() -> None:
    ask = read_ask(FIELDS, SETTINGS)
    assert (ask.ttl_seconds, ask.priority, ask.idempotency_key, ask.example_text) == (3600, 0, None, None)


@pytest.mark.parametrize("name", ["Prompt", "Format-Response", "Model"])
def test_a_missing_field_is_named_with_an_example(name: str) -> None:
    with pytest.raises(FieldMissing, match=name) as caught:
        read_ask({**FIELDS, name.lower(): "  "}, SETTINGS)
    assert caught.value.details == {"header": name}


@pytest.mark.parametrize("ttl", ["0", "-1", "86401", "1.5", "abc", "١٢", "9" * 30, "1e3"])
def test_a_ttl_out_of_bounds_is_refused(ttl: str) -> None:
    with pytest.raises(FieldInvalid, match="TTL"):
        read_ask({**FIELDS, "ttl": ttl}, SETTINGS)


def test_ttl_and_priority_are_read() -> None:
    ask = read_ask({**FIELDS, "ttl": "86400", "priority": "HIGH"}, SETTINGS)
    assert (ask.ttl_seconds, ask.priority) == (86400, 10)
    with pytest.raises(FieldInvalid, match="Priority"):
        read_ask({**FIELDS, "priority": "urgent"}, SETTINGS)


def test_a_callback_goes_only_where_the_administrator_allows() -> None:
    assert read_ask({**FIELDS, "callback-url": "https://erp.local/x"}, SETTINGS).callback_url == "https://erp.local/x"
    for url in (
        "https://evil.example/x",
        "http://erp.local@evil.example/",
        "http://user:pw@erp.local/",
        "file:///etc/passwd",
        "http://erp.local.evil.example/",
        "erp.local",
        "http://169.254.169.254/",
    ):
        with pytest.raises(CallbackRefused):
            read_ask({**FIELDS, "callback-url": url}, SETTINGS)
    with pytest.raises(FieldInvalid):
        read_ask({**FIELDS, "callback-url": "http://[::1"}, SETTINGS)


def test_a_long_prompt_is_refused_with_its_limit() -> None:
    with pytest.raises(FieldTooLong, match="20000"):
        read_ask({**FIELDS, "prompt": "x" * 20_001}, SETTINGS)


def test_the_fingerprint_changes_with_anything_that_changes_the_answer() -> None:
    one = read_ask(FIELDS, SETTINGS)
    assert one.fingerprint("a") == read_ask({**FIELDS, "ttl": "60"}, SETTINGS).fingerprint("a")
    assert one.fingerprint("a") != one.fingerprint("b")
    assert one.fingerprint("a") != read_ask({**FIELDS, "model": "x"}, SETTINGS).fingerprint("a")
    assert one.fingerprint("a") != read_ask({**FIELDS, "example": "[]"}, SETTINGS).fingerprint("a")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\notas\\nota 1.pdf", "nota 1.pdf"),
        ("nota\x00\r\nX: y.pdf", "notaX: y.pdf"),
        ("", "documento"),
        (None, "documento"),
        ("..", "documento"),
        ("relatório.pdf", "relatório.pdf"),
    ],
)
def test_file_names_lose_what_is_dangerous(given_name: str | None, kept: str) -> None:
    assert clean_filename(given_name) == kept


@given(st.text())
def test_any_name_becomes_one_that_can_be_stored(name: str) -> None:
    cleaned = clean_filename(name)
    assert 0 < len(cleaned) <= 255
    assert cleaned.isprintable()
    assert not {"/", "\\"} & set(cleaned)


def test_a_long_name_keeps_its_extension() -> None:
    assert clean_filename("x" * 400 + ".pdf") == "x" * 251 + ".pdf"
