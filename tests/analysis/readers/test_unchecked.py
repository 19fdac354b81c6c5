"""Numbers in full form that fail their check digits: shown, never vouched for."""

import pytest

from ementa.analysis.readers import read_candidates
from ementa.analysis.readers.unchecked import UNCHECKED
from ementa.analysis.types import Candidate, Kind
from ementa.testing.extractions import make_extraction, make_text_page


def read(text: str, kind: Kind, **page: object) -> list[Candidate]:
    return read_candidates(make_extraction(make_text_page(text, **page)), frozenset({kind}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("CNPJ: 12.345.678/0001-99", Kind.CNPJ, "12.345.678/0001-99"),
        ("CPF 123.456.789-00", Kind.CPF, "123.456.789-00"),
        ("Chave 2511 1012 3456 7890 1234 5500 2000 0134 1510 0013 4151", Kind.ACCESS_KEY,
         "25111012345678901234550020000134151000134151"),
    ],
)  # fmt: skip
def test_it_comes_with_no_check_and_little_confidence(text: str, kind: Kind, value: str) -> None:
    (candidate,) = read(text, kind)
    assert candidate.value == value
    assert candidate.checks == ()
    assert candidate.confidence <= UNCHECKED


def test_a_number_that_holds_is_read_as_before() -> None:
    assert [c.checks for c in read("CNPJ: 11.222.333/0001-81", Kind.CNPJ)] == [("cnpj_digits",)]


@pytest.mark.parametrize(
    "text",
    ["12345678000199", "12.345.678", "nº 12.345.678/0001-99-3", "IP 192.168.100.100", "1.123.456.789-00"],
)
def test_what_only_resembles_one_is_left_alone(text: str) -> None:
    assert read(text, Kind.CNPJ) == []
    assert read(text, Kind.CPF) == []


def test_of_a_scan_only_what_was_read_surely() -> None:
    text = "CNPJ: 12.345.678/0001-99"
    assert read(text, Kind.CNPJ, source="ocr", confidence=0.7) == []
    assert len(read(text, Kind.CNPJ, source="ocr", confidence=0.97)) == 1
