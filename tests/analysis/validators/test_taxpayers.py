"""CPF and CNPJ: official vectors, forms, and which errors the check digits catch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.analysis.validators import cnpj, cpf
from ementa.analysis.validators.checksums import remainder_11, weighted_sum

BASES = st.text("0123456789", min_size=9, max_size=9).filter(lambda t: len(set(t)) > 1)
CNPJ_BASES = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12).filter(lambda t: len(set(t)) > 1)


def test_the_official_alphanumeric_example_holds():
    assert cnpj.parse_cnpj("12.ABC.345/01DE-35") == "12.ABC.345/01DE-35"
    assert cnpj.parse_cnpj("12ABC34501DE35") == "12.ABC.345/01DE-35"
    assert cnpj.parse_cnpj("12.ABC.345/01DE-36") is None


@pytest.mark.parametrize("text", ["11.222.333/0001-81", "11222333000181", " 11.222.333 / 0001 - 81 "])
def test_a_numeric_cnpj_is_read_with_and_without_mask(text: str):
    assert cnpj.parse_cnpj(text) == "11.222.333/0001-81"


@pytest.mark.parametrize("text", ["529.982.247-25", "52998224725", "529 982 247 25"])
def test_a_cpf_is_read_with_and_without_mask(text: str):
    assert cpf.parse_cpf(text) == "529.982.247-25"


@pytest.mark.parametrize(
    "text", ["111.111.111-11", "529.982.247-26", "529.982.247", "", "529.982.247-2a", "5299822472５"]
)
def test_what_is_no_cpf_is_refused(text: str):
    assert cpf.parse_cpf(text) is None


@given(BASES)
def test_formatting_and_parsing_a_cpf_are_inverse(base: str):
    digits = base + cpf.check_digits(base)
    assert cpf.parse_cpf(cpf.format_cpf(digits)) == cpf.format_cpf(digits)
    assert cpf.parse_cpf(digits) == cpf.format_cpf(digits)


@given(CNPJ_BASES)
def test_formatting_and_parsing_a_cnpj_are_inverse(base: str):
    characters = base + cnpj.check_digits(base)
    assert cnpj.parse_cnpj(characters) == cnpj.format_cnpj(characters)
    assert cnpj.parse_cnpj(cnpj.format_cnpj(characters)) == cnpj.format_cnpj(characters)


@given(BASES, st.integers(0, 10), st.integers(1, 9))
def test_a_wrong_digit_in_a_cpf_is_caught_unless_remainders_0_and_1_swap(base: str, at: int, shift: int):
    """Modulo 11 gives the digit 0 to the remainders 0 and 1 alike: only an error that turns one into the other, in both
    sums at once, may pass."""
    digits = base + cpf.check_digits(base)
    wrong = digits[:at] + str((int(digits[at]) + shift) % 10) + digits[at + 1 :]

    def remainders(number: str) -> list[int]:
        first = weighted_sum(number[:9], range(10, 1, -1)) % 11
        return [first, weighted_sum(number[:10], range(11, 1, -1)) % 11]

    swapped = at < 9 and all(
        {a, b} <= {0, 1} or a == b for a, b in zip(remainders(digits), remainders(wrong), strict=True)
    )
    assert cpf.is_cpf(wrong) is False or swapped


@given(CNPJ_BASES, st.integers(12, 13), st.integers(1, 9))
def test_a_wrong_check_digit_of_a_cnpj_is_always_caught(base: str, at: int, shift: int):
    characters = base + cnpj.check_digits(base)
    wrong = characters[:at] + str((int(characters[at]) + shift) % 10) + characters[at + 1 :]
    assert not cnpj.is_cnpj(wrong)


@given(CNPJ_BASES, st.integers(0, 10))
def test_swapped_neighbours_in_a_cnpj_are_caught_unless_remainders_merge(base: str, at: int):
    characters = base + cnpj.check_digits(base)
    swapped = characters[:at] + characters[at + 1] + characters[at] + characters[at + 2 :]
    before, after = remainder_11(characters[:12]), remainder_11(swapped[:12])
    merged = {before, after} <= {0, 1} or before == after
    assert swapped == characters or merged or not cnpj.is_cnpj(swapped)
