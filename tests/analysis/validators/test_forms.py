"""Dates, numbers, telephones and the smaller registrations."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.analysis.validators import cnh, numbers, pis, renavam, voter_id
from ementa.analysis.validators.cep import parse_cep, state_of
from ementa.analysis.validators.checksums import complement_11, remainder_11
from ementa.analysis.validators.dates import parse_date
from ementa.analysis.validators.email import parse_email
from ementa.analysis.validators.number_words import parse_amount_words, parse_cardinal
from ementa.analysis.validators.phone import parse_phone
from ementa.analysis.validators.plate import parse_plate
from ementa.analysis.validators.states import parse_state


@pytest.mark.parametrize(
    "text",
    [
        "31/03/2026", "31.03.2026", "31-03-26", "2026-03-31", "2026-03-31T10:20:30-03:00", "31 de março de 2026",
        "31 MAR 2026", "31/mar/2026", "March 31, 2026", "31st of March 2026", "03/31/2026", "31/03/2026 10:20",
        "31/03/2026 às 10:20", "trinta e um de março de dois mil e vinte e seis",
        "aos trinta e um dias do mês de março do ano de dois mil e vinte e seis",
    ],
)  # fmt: skip
def test_one_day_in_many_forms(text: str):
    assert parse_date(text) == dt.date(2026, 3, 31)


@pytest.mark.parametrize("text", ["30/02/2026", "00/01/2026", "13/13/2026", "31/03/3026", "1.234,56", "12345678", ""])
def test_what_is_no_date_is_refused(text: str):
    assert parse_date(text) is None


def test_the_first_of_may_in_words():
    assert parse_date("1º de maio de 2026") == parse_date("primeiro de maio de 2026") == dt.date(2026, 5, 1)


def test_a_date_that_could_be_both_is_day_first():
    assert parse_date("03/04/2026") == dt.date(2026, 4, 3)


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)))
def test_printed_dates_are_read_back(date: dt.date):
    assert parse_date(f"{date:%d/%m/%Y}") == date
    assert parse_date(date.isoformat()) == date


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("R$ 1.234,56", 1234.56), ("1,234.56", 1234.56), ("$1,234", 1234.0), ("R$ 1.234", 1234.0), ("(10,00)", -10.0),
        ("-R$ 5,00", -5.0), ("10,00-", -10.0), ("1.234.567,89", 1234567.89),
        ("mil duzentos e trinta e quatro reais e cinquenta centavos", 1234.5), ("R$ 5,00 (cinco reais)", 5.0),
    ],
)  # fmt: skip
def test_money_in_both_conventions_and_in_words(text: str, value: float):
    assert numbers.parse_money(text) == value


def test_the_rules_for_one_separator():
    assert numbers.parse_number("1.234") == 1234
    assert numbers.parse_number("1,234") == 1.234
    assert numbers.parse_number("1,234", money=True) == 1234
    assert numbers.parse_number("0.123") == 0.123
    assert numbers.parse_number("1.234.567") == 1234567
    assert numbers.parse_percent("12,5 %") == 12.5
    assert numbers.parse_integer("3,0000") == 3
    assert numbers.parse_number("1.2.3") is None


@given(st.integers(0, 10**11))
def test_printed_amounts_are_read_back(cents: int):
    assert numbers.parse_money(f"R$ {numbers.format_pt(cents / 100)}") == cents / 100
    assert numbers.parse_money(f"$ {numbers.format_en(cents / 100)}") == cents / 100


def test_numbers_in_words():
    assert parse_cardinal("dois mil e vinte e seis") == 2026
    assert parse_cardinal("um milhão duzentos mil e um") == 1_200_001
    assert parse_cardinal("vinte e doze") is None
    assert parse_cardinal("mil milhões") is None
    assert parse_amount_words("um milhão de reais") == 1e6
    assert parse_amount_words("duzentos e trinta") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(11) 91234-5678", "(11) 91234-5678"), ("+55 11 3123-4567", "(11) 3123-4567"),
        ("011 3123 4567", "(11) 3123-4567"),
        ("0800 123 4567", "0800 123 4567"), ("(20) 91234-5678", None),
        ("(11) 81234-5678", None), ("529.982.247-25", None),
    ],
)  # fmt: skip
def test_telephones(text: str, value: str | None):
    assert parse_phone(text) == value


def test_ceps_belong_to_states():
    assert parse_cep("01310100") == "01310-100"
    assert state_of("01310-100") == "SP"
    assert parse_cep("00000-000") is None


def test_plates_mails_and_states():
    assert parse_plate("abc1234") == "ABC-1234"
    assert parse_plate("ABC1D23") == "ABC1D23"
    assert parse_plate("ABC1Z23") is None
    assert parse_email("<a.b@c.com.br>") == "a.b@c.com.br"
    assert parse_email("a..b@c.com") is None
    assert parse_state("São Paulo") == parse_state("sp") == "SP"
    assert parse_state("XX") is None


def test_a_licence_whose_first_remainder_is_ten_lowers_the_second_digit():
    assert cnh.check_digits("987654321") == "09"
    assert cnh.parse_cnh("98765432109") == "98765432109"


def test_the_digit_zero_becomes_one_for_voters_of_sao_paulo_and_minas():
    zero = next(f"{n:08}" for n in range(1, 200) if voter_id.check_digits(f"{n:08}", "03")[0] == "0" and n % 11)
    for state in ("01", "02"):
        digits = voter_id.check_digits(zero, state)
        assert voter_id.parse_voter_id(f"{zero}{state}{digits}") == f"{zero}{state}{digits}"
    assert voter_id.parse_voter_id("102385010671") == "102385010671"
    assert voter_id.parse_voter_id("102385012971") is None


def test_renavam_is_filled_with_zeros():
    assert renavam.parse_renavam("639884962") == "00639884962"
    assert renavam.parse_renavam("639884963") is None


@given(st.text("0123456789", min_size=10, max_size=10).filter(lambda t: len(set(t)) > 1), st.integers(1, 9))
def test_a_wrong_last_digit_of_a_pis_is_caught(base: str, shift: int):
    digit = complement_11(remainder_11(base, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)))
    assert pis.parse_pis(f"{base}{digit}") is not None
    assert pis.parse_pis(f"{base}{(digit + shift) % 10}") is None
