"""What keys and examples ask for, and values written as the example shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ementa.analysis.kinds import infer_kind, json_schema, recognise, render, style_of
from ementa.analysis.types import How, Kind


@pytest.mark.parametrize(
    ("key", "example", "kind"),
    [
        ("cnpj", "", Kind.CNPJ), ("emitente_cnpj", "", Kind.CNPJ), ("dataEmissao", "", Kind.DATE),
        ("Data de emissão", "", Kind.DATE), ("vencimento", "", Kind.DATE), ("valor_total", 0, Kind.MONEY),
        ("chave_acesso", "", Kind.ACCESS_KEY), ("linha_digitavel", "", Kind.BOLETO), ("numero_nota", "", Kind.CODE),
        ("email", "", Kind.EMAIL), ("telefone", "", Kind.PHONE), ("razaoSocial", "", Kind.NAME),
        ("quantidade", 0, Kind.NUMBER), ("aliquota", "", Kind.PERCENT), ("CPF/CNPJ", "", Kind.CPF_OR_CNPJ),
        ("dueDate", "", Kind.DATE), ("invoiceNumber", "", Kind.CODE), ("chave_pix", "", Kind.PIX),
        ("valor_pis", "", Kind.MONEY), ("cliente", "12.345.678/0001-95", Kind.CNPJ), ("x", "31/03/2026", Kind.DATE),
        ("pago", True, Kind.BOOLEAN), ("resumo", "", Kind.ANSWER), ("Qual o objeto?", "", Kind.ANSWER),
        ("campo", "", Kind.TEXT), ("campo", 1.5, Kind.NUMBER), ("campo", 3, Kind.INTEGER),
        ("campo", "R$ 1.234,56", Kind.MONEY), ("endereco", "", Kind.ADDRESS), ("uf", "", Kind.STATE),
    ],
)  # fmt: skip
def test_keys_and_examples_say_the_kind(key: str, example: Any, kind: Kind):
    assert infer_kind(key, example) is kind


@pytest.mark.parametrize(
    ("kind", "value", "example", "written"),
    [
        (Kind.CNPJ, "12.345.678/0001-95", "", "12.345.678/0001-95"),
        (Kind.CNPJ, "12.345.678/0001-95", "12345678000195", "12345678000195"),
        (Kind.DATE, "2026-03-31", "01/02/2025", "31/03/2026"),
        (Kind.DATE, "2026-03-31", "dd/mm/aaaa", "31/03/2026"),
        (Kind.DATE, "2026-03-31", "1 de maio de 2025", "31 de março de 2026"),
        (Kind.MONEY, 1234.56, "R$ 0,00", "R$ 1.234,56"),
        (Kind.MONEY, 1234.56, "1234.56", "1234.56"),
        (Kind.MONEY, 1234.5, 1.0, 1234.5),
        (Kind.PERCENT, 12.5, "18,00%", "12,50%"),
        (Kind.PHONE, "(11) 91234-5678", "+5511912345678", "+5511912345678"),
        (Kind.PHONE, "(11) 3123-4567", "(11) 91234-5678", "(11) 3123-4567"),
        (Kind.BOOLEAN, True, "Sim", "Sim"),
        (Kind.CODE, "000123", 1, "000123"),
        (Kind.CODE, "123", 1, 123),
    ],
)
def test_values_are_written_as_the_example_shows(kind: Kind, value: Any, example: Any, written: Any):
    assert render(kind, value, example) == written


def test_recognition_says_whether_the_text_was_canonical():
    exact = recognise(Kind.CNPJ, "11.222.333/0001-81")
    bare = recognise(Kind.CNPJ, "11222333000181")
    assert exact is not None
    assert bare is not None
    assert (exact.how, bare.how, bare.value) == (How.EXACT, How.NORMALISED, exact.value)
    assert recognise(Kind.CNPJ, "11222333000182") is None


@given(st.sampled_from(sorted(Kind)), st.text(max_size=80))
def test_no_text_breaks_recognition_and_what_is_recognised_fits_its_schema(kind: Kind, text: str):
    parsed = recognise(kind, text)
    if parsed is not None:
        Draft202012Validator(json_schema(kind)).validate(parsed.value)


@given(st.sampled_from(sorted(Kind)), st.text(max_size=40), st.text(max_size=40))
def test_no_example_breaks_rendering(kind: Kind, value: str, example: str):
    parsed = recognise(kind, value)
    if parsed is not None:
        render(kind, parsed.value, example)
    assert infer_kind(value, example) in Kind
    Draft202012Validator.check_schema(json_schema(kind, style_of(kind, example)))
