"""Layouts of real documents, answered without a model: totals under items, letterheads, boxes, titles over numbers."""

from typing import Any

import pytest

from ementa.extraction.base import Limits
from ementa.extraction.native import Grid, GridCell, PageBuilder, Paragraph
from ementa.extraction.types import Extraction
from ementa.testing.extractions import make_extraction, make_page

from .conftest import analyse, document

ITEMS = {"itens": [{"descricao": "", "quantidade": 0, "valor_unitario": 0, "valor_total": 0}], "total": 0}


def with_table(*rows: list[str], below: str = "") -> Extraction:
    """A page with a table, as extraction finds drawn ones; empty texts leave the cell out."""
    cells = [
        GridCell(row, column, [Paragraph(text)])
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        if text
    ]
    builder = PageBuilder(Limits())
    builder.add(Grid(cells))
    for line in below.splitlines():
        builder.paragraph(line)
    return Extraction(media_type="text/plain", pages=builder.pages(), engine="test", language="pt")


@pytest.mark.parametrize("head", ["Subtotal", "Total", "Valor", "Vl. Total"])
async def test_what_stands_under_the_items_is_no_item_and_not_summed_again(head: str) -> None:
    page = with_table(
        ["Descrição", "Qtd.", "Preço unitário", head],
        ["Fita adesiva", "3", "9,93", "29,79"],
        ["Parafuso M8", "6", "34,32", "205,92"],
        ["", "", "Valor a pagar:", "235,71"],
        ["Dinheiro", "", "", "300,00"],
        ["Troco", "", "", "64,29"],
    )
    result = await analyse(page, "Liste os itens.", ITEMS)
    assert [(i["descricao"], i["quantidade"], i["valor_total"]) for i in result.response["itens"]] == [
        ("Fita adesiva", 3, 29.79),
        ("Parafuso M8", 6, 205.92),
    ]
    assert result.response["total"] == 235.71


async def test_items_go_on_after_the_subtotal_of_a_group() -> None:
    page = with_table(
        ["Descrição", "Qtd.", "Preço", "Total"],
        ["Cimento", "2", "30,00", "60,00"],
        ["Subtotal", "", "", "60,00"],
        ["Areia", "1", "90,00", "90,00"],
        ["Total", "", "", "150,00"],
    )
    result = await analyse(page, "Liste os itens.", ITEMS)
    assert [(i["descricao"], i["valor_unitario"]) for i in result.response["itens"]] == [
        ("Cimento", 30.0),
        ("Areia", 90.0),
    ]


async def test_the_boxes_of_a_fiscal_form_are_no_table() -> None:
    page = make_extraction(
        make_page([
            (40, 100, "VALOR DO ICMS", 6), (200, 100, "VALOR DO ICMS ST", 6), (360, 100, "VALOR TOTAL DOS PRODUTOS", 6),
            (40, 108, "84,58"), (200, 108, "0,00"), (360, 108, "469,89"),
            (40, 124, "VALOR DO FRETE", 6), (200, 124, "DESCONTO", 6), (360, 124, "VALOR TOTAL DA NOTA", 6),
            (40, 132, "263,05"), (200, 132, "0,00"), (360, 132, "732,94"),
        ])
    )  # fmt: skip
    result = await analyse(page, "Extraia", {"valor_total_nota": 0, "frete": 0, "valor_produtos": 0})
    assert result.response == {"valor_total_nota": 732.94, "frete": 263.05, "valor_produtos": 469.89}


@pytest.mark.parametrize("heading", ["DESTINATÁRIO / TOMADOR", "Dados da compradora", "Para:", "FATURADO PARA"])
async def test_the_letterhead_is_the_issuers_and_the_box_is_the_recipients(heading: str) -> None:
    page = make_extraction(
        make_page([
            (50, 50, "Horizonte Azul Suprimentos Ltda."), (450, 50, "FATURA"), (50, 64, "CEP 13015-904"),
            (50, 78, "CNPJ 11.222.333/0001-81"),
            (50, 110, heading, 7),
            (50, 122, "NOME / RAZÃO SOCIAL", 6), (50, 130, "Clínica Santa Clara S.A."),
            (300, 122, "CEP", 6), (300, 130, "30112-021"),
        ])
    )  # fmt: skip
    result = await analyse(
        page, "Preencha", {"emitente": {"nome": "", "cnpj": "", "cep": ""}, "destinatario": {"nome": "", "cep": ""}}
    )
    assert result.response == {
        "emitente": {"nome": "Horizonte Azul Suprimentos Ltda", "cnpj": "11.222.333/0001-81", "cep": "13015-904"},
        "destinatario": {"nome": "Clínica Santa Clara S.A.", "cep": "30112-021"},
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ipê Comércio de Papéis LTDA ME\nCNPJ: 11.222.333/0001-81", "Ipê Comércio de Papéis LTDA ME"),
        ("Ipê Comércio de Papéis Ltda. - EPP\nCNPJ: 11.222.333/0001-81", "Ipê Comércio de Papéis Ltda. - EPP"),
        ("Documento emitido por ME ou EPP.\nNome: Ana Souza", "Ana Souza"),
        ("RECEBEMOS DE IPÊ PAPÉIS S.A. OS PRODUTOS CONSTANTES DA NOTA\nCNPJ: 11.222.333/0001-81", "IPÊ PAPÉIS S.A."),
    ],
)
async def test_a_company_is_its_whole_name_and_no_more(text: str, name: str) -> None:
    result = await analyse(document(text), "Extraia", {"emitente": {"nome": ""}})
    assert result.response == {"emitente": {"nome": name}}


@pytest.mark.parametrize(
    "text",
    [
        "CONTRATO DE PRESTAÇÃO DE SERVIÇOS\nNº 400/2025",
        "CONTRATO DE PRESTAÇÃO DE SERVIÇOS DE LIMPEZA E CONSERVAÇÃO Nº 400/2025",
        "Contrato nº 400/2025",
    ],
)
async def test_the_title_over_a_number_names_it(text: str) -> None:
    page = document(f"{text}\nAs partes observarão a Lei nº 13.709/2018 em tudo.")
    result = await analyse(page, "Preencha", {"numero_contrato": ""})
    assert result.response == {"numero_contrato": "400/2025"}


TABLE = (
    ["Descrição", "Qtd.", "Preço", "Total"],
    ["Cimento", "2", "30,00", "60,00"],
    ["Areia", "1", "90,00", "90,00"],
)


@pytest.mark.parametrize(
    ("prompt", "total"),
    [("Liste os itens e some os valores", 150.0), ("List the items and sum them up", 150.0)],
)
async def test_a_total_that_is_not_printed_is_summed_when_asked(prompt: str, total: float) -> None:
    form: Any = {"itens": [{"descricao": "", "valor_total": 0}], "soma_geral_pedida": 0}
    result = await analyse(with_table(*TABLE), prompt, form)
    leaf = result.proof["/soma_geral_pedida"]
    assert (result.response["soma_geral_pedida"], leaf.how) == (total, "computed")
    assert leaf.boxes


async def test_a_condition_on_rows_leaves_none_out_and_is_said() -> None:
    form: Any = {"itens": [{"descricao": "", "valor_total": 0}]}
    result = await analyse(with_table(*TABLE), "Liste apenas os itens acima de R$ 80", form)
    assert len(result.response["itens"]) == 2
    assert result.outcome.warnings == ("ROWS_NOT_FILTERED:/itens",)
    plain = await analyse(with_table(*TABLE), "Liste os itens", form)
    assert plain.outcome.warnings == ()


async def test_items_without_heads_are_known_by_their_arithmetic() -> None:
    page = make_extraction(
        make_page([
            (50, 90, "Arroz 5kg"), (250, 90, "2"), (320, 90, "30,00"), (400, 90, "60,00"),
            (50, 102, "Feijão 1kg"), (250, 102, "3"), (320, 102, "8,00"), (400, 102, "24,00"),
            (50, 118, "Sala 12"), (250, 118, "7"), (320, 118, "1,00"), (400, 118, "9,00"),
        ])
    )  # fmt: skip
    result = await analyse(page, "Liste os itens.", ITEMS)
    assert [tuple(item.values()) for item in result.response["itens"]] == [
        ("Arroz 5kg", 2, 30.0, 60.0),
        ("Feijão 1kg", 3, 8.0, 24.0),
    ]


async def test_who_signs_is_read_under_the_ruled_line() -> None:
    page = make_extraction(
        make_page([
            (50, 50, "RECIBO"), (50, 70, "Recebi de Ana Souza Lima a quantia de R$ 300,00 referente a aulas."),
            (50, 130, "_______________________________"), (50, 142, "Carlos Eduardo Prado"),
            (50, 154, "CPF 529.982.247-25"),
        ])
    )  # fmt: skip
    result = await analyse(page, "Extraia", {"recebedor": {"nome": "", "cpf": ""}, "pagador": ""})
    assert result.response == {
        "recebedor": {"nome": "Carlos Eduardo Prado", "cpf": "529.982.247-25"},
        "pagador": "Ana Souza Lima",
    }


async def test_the_role_under_a_signature_says_whose_it_is() -> None:
    page = make_extraction(
        make_page([
            (50, 70, "O presente contrato é firmado entre as partes."),
            (50, 142, "ACME Serviços LTDA"), (300, 142, "Maria das Dores Silva"),
            (50, 154, "CONTRATANTE"), (300, 154, "CONTRATADA"),
        ])
    )  # fmt: skip
    result = await analyse(page, "Extraia", {"contratante": "", "contratada": "", "representante": {"nome": ""}})
    assert result.response == {
        "contratante": "ACME Serviços LTDA",
        "contratada": "Maria das Dores Silva",
        "representante": {"nome": None},
    }


def priced(*rows: tuple[str, str]) -> Extraction:
    return with_table(["Descrição", "Valor unitário", "Total"], *([f"Item {n}", *row] for n, row in enumerate(rows)))


async def test_unit_prices_that_happen_to_add_up_to_a_row_are_no_total() -> None:
    page = priced(("9,75", "117,00"), ("7,45", "37,25"), ("3,21", "20,41"))
    result = await analyse(page, "Qual o total?", {"total": 0})
    assert result.response == {"total": 174.66}
    assert result.proof["/total"].how == "computed"
