"""Access keys, boletos and PIX codes: vectors, conversions, and the errors that their digits promise to catch."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.analysis.validators import access_key, boleto, brcode, cnpj
from ementa.analysis.validators.checksums import modulo_10
from ementa.analysis.validators.pix_key import parse_pix_key

BANK_LINE = "00190.50095 40144.816069 06809.350314 3 37370000000100"
COLLECTION_LINE = "846700000017435900240209024050002435842210108119"
BACEN_CODE = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal"
    "6008BRASILIA62070503***63041D3D"
)


def make_key(issuer: str = "11222333000181", number: int = 123) -> str:
    base = f"352603{issuer}55001{number:09}1000000017"[:43].ljust(43, "0")
    return f"{base}{access_key.check_digit(base)}"


def test_the_parts_of_an_access_key_are_told():
    key = access_key.parse_access_key(access_key.format_access_key(make_key()))
    assert key is not None
    assert (key.state, key.year, key.month, key.model, key.series, key.number) == ("SP", 2026, 3, "55", 1, 123)
    assert key.taxpayer == "11.222.333/0001-81"


def test_an_access_key_may_hold_an_alphanumeric_cnpj():
    key = access_key.parse_access_key(make_key("12ABC34501DE35"))
    assert key is not None
    assert key.taxpayer == "12.ABC.345/01DE-35"


@pytest.mark.parametrize("change", [(0, "9"), (4, "9"), (8, "9"), (20, "1")])
def test_a_key_with_an_impossible_part_is_refused_even_if_its_digit_holds(change: tuple[int, str]):
    at, digit = change
    base = make_key()[:43]
    base = base[:at] + digit + base[at + 1 :]
    assert access_key.parse_access_key(f"{base}{access_key.check_digit(base)}") is None


@given(st.integers(0, 999_999_999), st.integers(1, 9))
def test_a_wrong_check_digit_of_a_key_is_caught(number: int, shift: int):
    key = make_key(number=number)
    assert access_key.parse_access_key(key) is not None
    assert access_key.parse_access_key(f"{key[:43]}{(int(key[43]) + shift) % 10}") is None


def test_a_published_bank_line_is_read():
    slip = boleto.parse_line(BANK_LINE)
    assert slip is not None
    assert (slip.bank, slip.value, slip.barcode) == ("001", 1.0, "00193373700000001000500940144816060680935031")
    assert boleto.due_dates(slip.due_factor)[0] == dt.date(2007, 12, 31)
    assert boleto.format_line(slip.line) == BANK_LINE


def test_a_published_collection_line_is_read():
    slip = boleto.parse_line(COLLECTION_LINE)
    assert slip is not None
    assert (slip.value, slip.segment) == (143.59, "4")


@pytest.mark.parametrize("line", [BANK_LINE, COLLECTION_LINE])
def test_line_and_barcode_convert_into_each_other(line: str):
    slip = boleto.parse_line(line)
    assert slip is not None
    assert boleto.parse_barcode(slip.barcode) == slip


def test_the_due_date_factor_starts_again_on_the_day_the_central_bank_set():
    assert boleto.due_dates(1000) == (dt.date(2000, 7, 3), dt.date(2025, 2, 22))
    assert boleto.due_dates(9999)[0] == dt.date(2025, 2, 21)
    assert boleto.due_date(1000, dt.date(2025, 3, 1)) == dt.date(2025, 2, 22)
    assert boleto.due_date(9999, dt.date(2025, 3, 1)) == dt.date(2025, 2, 21)
    assert boleto.due_date(0, dt.date(2025, 3, 1)) is None


@given(st.integers(0, 31), st.integers(1, 9))
def test_every_single_wrong_digit_in_the_fields_of_a_bank_line_is_caught(at: int, shift: int):
    line = "".join(c for c in BANK_LINE if c.isdigit())
    wrong = line[:at] + str((int(line[at]) + shift) % 10) + line[at + 1 :]
    assert boleto.parse_line(wrong) is None


@given(st.text("0123456789", min_size=1, max_size=30), st.integers(0, 29), st.integers(1, 9))
def test_modulo_10_catches_every_single_wrong_digit(digits: str, at: int, shift: int):
    at %= len(digits)
    wrong = digits[:at] + str((int(digits[at]) + shift) % 10) + digits[at + 1 :]
    assert modulo_10(wrong) != modulo_10(digits)


def test_the_example_of_the_central_banks_manual_is_read():
    code = brcode.parse_brcode(BACEN_CODE)
    assert code is not None
    assert code.key == "123e4567-e12b-12d1-a456-426655440000"
    assert (code.merchant, code.city, code.amount, code.txid) == ("Fulano de Tal", "BRASILIA", None, "")
    assert brcode.crc16(b"123456789") == 0x29B1


@given(st.integers(0, len(BACEN_CODE) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_every_single_wrong_character_of_a_code_is_caught(at: int, other: str):
    wrong = BACEN_CODE[:at] + other + BACEN_CODE[at + 1 :]
    same = wrong.upper() == BACEN_CODE.upper() and at >= len(BACEN_CODE) - 4
    assert wrong == BACEN_CODE or same or brcode.parse_brcode(wrong) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("529.982.247-25", "cpf"),
        ("11.222.333/0001-81", "cnpj"),
        ("ana@exemplo.com.br", "email"),
        ("+5511912345678", "phone"),
        ("123E4567-e12b-12d1-a456-426655440000", "random"),
    ],
)
def test_pix_keys_are_told_apart(text: str, kind: str):
    key = parse_pix_key(text)
    assert key is not None
    assert key[1] == kind


def test_issuers_of_made_up_keys_are_real_cnpjs():
    assert cnpj.is_cnpj("11222333000181")
