"""What readers find on pages, with what proof, and what they must not find."""

import pytest

from ementa.analysis.readers import read_candidates
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators import access_key
from ementa.extraction.types import Barcode, Extraction, Page
from ementa.testing.extractions import make_extraction, make_page, make_text_page

ALL = frozenset(Kind)
KEY = "35260311222333000181550010000001231000000012"[:43]
KEY = f"{KEY}{access_key.check_digit(KEY)}"
BANK_LINE = "00190.50095 40144.816069 06809.350314 3 37370000000100"


def read(text: str | Page, *kinds: Kind, source: str = "text_layer", confidence: float = 1.0) -> list[Candidate]:
    page = text if isinstance(text, Page) else make_text_page(text, source=source, confidence=confidence)  # type: ignore[arg-type]
    return read_candidates(make_extraction(page), frozenset(kinds) or ALL)


def values(text: str | Page, *kinds: Kind, source: str = "text_layer") -> set[object]:
    return {c.value for c in read(text, *kinds, source=source)}


def best(found: list[Candidate]) -> Candidate:
    return max(found, key=lambda c: (c.label_score, c.confidence))


def test_a_cnpj_carries_its_words_its_box_and_its_label():
    (found,) = read("CNPJ: 11.222.333/0001-81", Kind.CNPJ)
    assert (found.value, found.how, found.label) == ("11.222.333/0001-81", How.EXACT, "CNPJ")
    assert found.evidence.text == "11.222.333/0001-81"
    assert found.evidence.boxes == ((80.0, 50.0, 170.0, 60.0),)
    assert "cnpj_digits" in found.checks


@pytest.mark.parametrize(
    "text",
    [
        "CNPJ 11.222.333 / 0001 - 81",
        "CNPJ 11222333000181",
        "inscrita no CNPJ sob o nº 11.222.333/\n0001-81, com sede",
        "CNPJ:11.222.333/0001-81",
    ],
)
def test_a_broken_or_bare_cnpj_is_found(text: str):
    assert values(text, Kind.CNPJ) == {"11.222.333/0001-81"}


def test_a_value_broken_over_lines_has_a_box_on_each():
    (found,) = read("sob o nº 11.222.333/\n0001-81, com sede", Kind.CNPJ)
    assert len(found.evidence.boxes) == 2


@pytest.mark.parametrize("text", ["Protocolo 11222333000182", "111.222.333/0001-81", "11.222.333/0001-811"])
def test_numbers_like_a_cnpj_are_not_one(text: str):
    assert values(text, Kind.CNPJ) == set()


def test_letters_read_for_digits_are_repaired_when_the_check_digits_agree():
    (found,) = read("CNPJ: 11.222.333/OOO1-8l", Kind.CNPJ, source="ocr", confidence=0.8)
    assert (found.value, found.how) == ("11.222.333/0001-81", How.OCR_REPAIRED)


@pytest.mark.parametrize(
    "text",
    ["financeiro O horizonte.com.br", "financeiro @horizonte.com.br", "E-mail: financeiro horizonte.com.br"],
)
def test_an_address_whose_sign_ocr_lost_is_found_on_scans_only(text: str):
    (found,) = [c for c in read(text, Kind.EMAIL, source="ocr") if c.kind is Kind.EMAIL]
    assert (found.value, found.how) == ("financeiro@horizonte.com.br", How.OCR_REPAIRED)
    assert values(text, Kind.EMAIL) == set()


@pytest.mark.parametrize("text", ["consulte www.horizonte.com.br", "Acesse o site horizonte.com.br hoje"])
def test_a_site_is_no_address(text: str):
    assert values(text, Kind.EMAIL, source="ocr") == set()


def test_text_that_the_file_carries_is_never_repaired():
    assert values("CNPJ: 11.222.333/OOO1-8l", Kind.CNPJ) == set()


def test_a_doubtful_digit_is_repaired_only_if_one_solution_is_left():
    found = read("CNPJ: 11.222.333/0001-87", Kind.CNPJ, source="ocr", confidence=0.5)
    assert {c.how for c in found} <= {How.OCR_REPAIRED}
    sure = values("CNPJ: 11.222.333/0001-87", Kind.CNPJ, source="ocr")
    assert sure == {"11.222.333/0001-87"}, "sure words stay as they are"


def test_a_key_in_groups_names_its_issuer_and_number():
    found = read(f"CHAVE DE ACESSO\n{access_key.format_access_key(KEY)}\nCNPJ 11.222.333/0001-81")
    key = best([c for c in found if c.kind is Kind.ACCESS_KEY])
    issuer = best([c for c in found if c.kind is Kind.CNPJ])
    assert (key.value, key.label) == (KEY, "CHAVE DE ACESSO")
    assert "key_matches_cnpj" in key.checks
    assert "key_matches_cnpj" in issuer.checks
    assert any(c.how is How.COMPUTED and c.value == "123" for c in found if c.kind is Kind.CODE)


def test_a_key_says_the_issuer_that_the_page_does_not_print():
    (found,) = read(access_key.format_access_key(KEY), Kind.CNPJ)
    assert (found.value, found.how, found.party) == ("11.222.333/0001-81", How.COMPUTED, "emitente")


def test_a_slip_line_agrees_with_the_printed_amount():
    found = read(f"{BANK_LINE}\nValor do documento: 1,00\nVencimento: 31/12/2007")
    checks = {name for c in found for name in c.checks}
    assert {"boleto_matches_value", "boleto_matches_due_date", "boleto_general_digit"} <= checks


def test_a_slip_line_gives_amount_and_date_that_are_not_printed():
    found = read(BANK_LINE, Kind.MONEY, Kind.DATE)
    assert {(c.value, c.how) for c in found if c.kind is Kind.MONEY} == {(1.0, How.COMPUTED)}
    assert {c.how for c in found if c.kind is Kind.DATE} == {How.COMPUTED}


def test_barcodes_prove_by_their_own_box():
    slip = Barcode("ITF", "00193373700000001000500940144816060680935031", (50, 700, 350, 740))
    (found,) = read(make_page([(50, 50, "Boleto")], barcodes=[slip]), Kind.BOLETO)
    assert (found.value, found.evidence.boxes) == (BANK_LINE, (slip.box,))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Fone: (11) 91234-5678", Kind.CPF),
        ("CPF 529.982.247-25", Kind.PHONE),
        (f"Chave {access_key.format_access_key(KEY)}", Kind.PHONE),
        ("NF 01.02.03.04 versão 1.2.20", Kind.DATE),
        ("Processo 2026.03.31.000123", Kind.DATE),
        ("Rua XV de Novembro, 915", Kind.DATE),
    ],
)
def test_what_looks_alike_is_not_confused(text: str, kind: Kind):
    assert values(text, kind) == set()


def test_labels_stand_above_in_boxes_and_left_in_forms():
    boxes = make_page(
        [
            (50, 100, "DATA DA EMISSÃO", 6),
            (200, 100, "VENCIMENTO", 6),
            (50, 108, "31/03/2026"),
            (200, 108, "30/04/2026"),
        ]
    )
    labels = {c.value: c.label for c in read(boxes, Kind.DATE) if c.label_score > 0.8}
    assert labels == {"2026-03-31": "DATA DA EMISSÃO", "2026-04-30": "VENCIMENTO"}
    form = make_page(
        [(50, 100, "Data de emissão"), (200, 100, "31/03/2026"), (50, 120, "Vencimento"), (200, 120, "30/04/2026")]
    )
    labels = {c.value: c.label for c in read(form, Kind.DATE) if c.label_score > 0.8}
    assert labels == {"2026-03-31": "Data de emissão", "2026-04-30": "Vencimento"}


def test_a_label_bent_by_ocr_still_names_its_value():
    (found,) = [c for c in read("Vencirnento: 31/03/2026", Kind.DATE) if c.label_score > 0.8]
    assert found.value == "2026-03-31"


def test_names_and_addresses_are_read_by_their_labels():
    found = read("Razão Social: ACME Comércio Ltda CNPJ: 11.222.333/0001-81\nEndereço: Rua das Flores, 123 - Centro")
    assert "ACME Comércio Ltda" in {c.value for c in found if c.kind is Kind.NAME and c.label == "Razão Social"}
    assert "Rua das Flores, 123 - Centro" in {c.value for c in found if c.kind is Kind.ADDRESS}


def test_headings_say_whose_a_value_is():
    page = make_page(
        [
            (50, 50, "PRESTADOR DE SERVIÇOS"), (50, 70, "CNPJ: 11.222.333/0001-81"),
            (50, 100, "TOMADOR DE SERVIÇOS"), (50, 120, "CPF: 529.982.247-25"),
        ]
    )  # fmt: skip
    assert {c.value: c.party for c in read(page, Kind.CNPJ, Kind.CPF)} == {
        "11.222.333/0001-81": "prestador",
        "529.982.247-25": "tomador",
    }


def test_parties_side_by_side_keep_apart():
    page = make_page(
        [(50, 50, "EMITENTE"), (320, 50, "DESTINATÁRIO"), (50, 70, "CNPJ: 11.222.333/0001-81"),
         (320, 70, "CPF: 529.982.247-25")]
    )  # fmt: skip
    assert {c.party for c in read(page, Kind.CNPJ)} == {"emitente"}
    assert {c.party for c in read(page, Kind.CPF)} == {"destinatario"}


def test_prose_names_a_party_after_its_number():
    text = "de um lado ACME Ltda, CNPJ 11.222.333/0001-81,\ndoravante denominada CONTRATANTE; e de outro lado"
    assert {c.party for c in read(text, Kind.CNPJ)} == {"contratante"}


ITEMS = """Descrição            Qtd     Valor Unit.     Total
Parafuso sextavado   10     1,50            15,00
Porca                2      3,00            6,00
Total: 21,00"""


def test_items_keep_rows_and_columns_and_sum_up():
    found = read(ITEMS)
    totals = {c.row: c.value for c in found if c.kind is Kind.MONEY and c.label == "Total" and c.row}
    names = {c.row: c.value for c in found if c.kind is Kind.TEXT and c.label == "Descrição"}
    assert sorted(totals.values()) == [6.0, 15.0]
    assert {names[row]: value for row, value in totals.items()} == {"Parafuso sextavado": 15.0, "Porca": 6.0}
    printed = best([c for c in found if c.kind is Kind.MONEY and c.value == 21.0 and not c.row])
    assert "sum_of_items" in printed.checks


def test_a_total_that_is_not_printed_is_computed():
    untotalled = ITEMS.replace("\nTotal: 21,00", "")
    (found,) = [c for c in read(untotalled, Kind.MONEY) if c.how is How.COMPUTED]
    assert found.value == 21.0
    scan = read(untotalled, Kind.MONEY, source="ocr")
    assert not [c for c in scan if c.how is How.COMPUTED], "OCR may have lost a row"


def test_receipts_say_an_item_on_two_lines():
    found = read("001 ARROZ TIPO 1 5KG\n2 UN x 30,35 60,70")
    assert {c.label: c.value for c in found if c.row and c.kind is Kind.MONEY and c.confidence > 0.5} == {
        "Valor unitário": 30.35,
        "Valor total": 60.7,
    }
    assert "ARROZ TIPO 1 5KG" in {c.value for c in found if c.kind is Kind.TEXT and c.row}


@pytest.mark.parametrize(
    ("text", "value"),
    [("Optante: Sim [X] Não [ ]", True), ("Optante: ( ) Sim (x) Não", False), ("[x] Aceito os termos", True)],
)
def test_ticks(text: str, value: bool):
    assert {c.value for c in read(text, Kind.BOOLEAN) if c.reader == "booleans"} == {value}


def test_a_fiscal_file_is_read_by_its_structure():
    data = (
        f'<nfeProc><NFe><infNFe Id="NFe{KEY}"><ide><nNF>123</nNF><dhEmi>2026-03-31T10:00:00-03:00</dhEmi></ide>'
        "<emit><CNPJ>11222333000181</CNPJ><xNome>ACME LTDA</xNome></emit><total><vNF>1234.500</vNF></total>"
        "</infNFe></NFe></nfeProc>"
    )
    shown = (
        f"Id: NFe{KEY}\nnNF: 123\ndhEmi: 2026-03-31T10:00:00-03:00\nCNPJ: 11222333000181\nxNome: ACME LTDA\n"
        "vNF: 1234.500"
    )
    extraction: Extraction = make_extraction(make_text_page(shown, source="native"), media_type="text/xml", data=data)
    found = {(c.kind, c.value): c for c in read_candidates(extraction, ALL) if c.reader == "fiscal_xml"}
    assert found[Kind.MONEY, 1234.5].evidence.text == "1234.500"
    assert found[Kind.CNPJ, "11.222.333/0001-81"].party == "emitente"
    assert found[Kind.DATE, "2026-03-31"].label == "Data de emissão"
    assert (Kind.ACCESS_KEY, KEY) in found


def test_only_asked_kinds_come_back():
    found = read(f"{ITEMS}\nCNPJ: 11.222.333/0001-81", Kind.CPF_OR_CNPJ)
    assert {c.kind for c in found} == {Kind.CPF_OR_CNPJ}


@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "1.", "a@", "A", "1/1/", "000201", "a:", "ab : ", "mil e ", "[ ] ", "O1", "O1 ", "Ab de ", "1 x "],
)
@pytest.mark.parametrize("source", ["text_layer", "ocr"])
def test_hostile_repetition_ends(unit: str, source: str):
    """A quadratic pattern would run into the suite's time limit here."""
    read(unit * (12_000 // len(unit)), source=source)


def test_a_letter_of_an_alphanumeric_cnpj_taken_for_its_twin_is_set_right_on_scans_only():
    (found,) = read("CNPJ: PA.OCJ.E1S/0002-29", Kind.CNPJ, source="ocr")
    assert (found.value, found.how) == ("PA.0CJ.E1S/0002-29", How.OCR_REPAIRED)
    assert read("CNPJ: PA.OCJ.E1S/0002-29", Kind.CNPJ) == []
