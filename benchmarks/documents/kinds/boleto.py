# ruff: noqa: E501  (Portuguese prose and tables of layout read better whole)
"""Bank slips (boletos): the usual payment sheet, with and without the payer's stub. The bank does not exist."""

from datetime import date, timedelta
from random import Random

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import boleto, money
from benchmarks.documents.people import company, person
from benchmarks.documents.truth import Draft

_BANK, _BANK_NAME = "912", "Banco Exemplo S.A."


class _Slip:
    """The facts of one slip."""

    def __init__(self, rng: Random, draft: Draft) -> None:
        self.draft = draft
        self.payee = company(rng)
        self.payer = person(rng) if rng.random() < 0.5 else company(rng)
        self.due = date(2025, 4, 1) + timedelta(days=rng.randint(0, 560))
        self.issued = self.due - timedelta(days=rng.randint(5, 30))
        self.cents = rng.randint(4500, 890000)
        self.line, self.code = boleto(rng, bank=_BANK, due=self.due, cents=self.cents)
        self.document = f"{rng.randint(100, 99999)}/{rng.randint(1, 12):02d}"
        self.ours = f"{rng.randint(10**9, 10**10 - 1)}-{rng.randint(0, 9)}"
        draft.value("line", "boleto", self.line)
        draft.value("due", "date", self.due.isoformat())
        draft.value("issued", "date", self.issued.isoformat())
        draft.value("amount", "money", self.cents / 100)
        draft.value("payee", "name", self.payee.name)
        draft.value("payee_id", "cnpj", self.payee.tax_id)
        draft.value("payer", "name", self.payer.name)
        draft.value("payer_id", "cpf_cnpj", self.payer.tax_id)
        draft.value("document", "code", self.document)
        draft.value("ours", "code", self.ours)


def _cell(c: Canvas, x: float, y: float, w: float, caption: str, *values: tuple[str, str], right: bool = False) -> None:
    c.rect(x, y, w, 24, thick=0.5)
    c.text(x + 3, y + 8, caption, 6)
    at = x + w - 4 if right else x + 3
    for value, tag in values:
        at = c.text(at, y + 19, value, 8.5, align="right" if right else "left", tag=tag, bold=right)


def _sheet(c: Canvas, slip: _Slip, top: float, names: tuple[str, str]) -> None:
    c.text(40, top + 16, _BANK_NAME, 11, bold=True)
    c.line(150, top, 150, top + 20, 1.2)
    c.text(172, top + 16, f"{_BANK}-3", 13, bold=True, align="center")
    c.line(196, top, 196, top + 20, 1.2)
    c.text(555, top + 16, slip.line, 11, bold=True, align="right", tag="line")
    y = top + 22
    _cell(c, 40, y, 375, "Local de pagamento", ("Pagável em qualquer banco até o vencimento", ""))
    _cell(c, 415, y, 140, "Vencimento", (f"{slip.due:%d/%m/%Y}", "due"), right=True)
    _cell(c, 40, y + 24, 375, names[0], (slip.payee.name, "payee"), ("   CNPJ ", ""), (slip.payee.tax_id, "payee_id"))
    _cell(c, 415, y + 24, 140, "Agência / Código do beneficiário", ("0417-3 / 58204-7", ""), right=True)
    _cell(c, 40, y + 48, 80, "Data do documento", (f"{slip.issued:%d/%m/%Y}", "issued"))
    _cell(c, 120, y + 48, 110, "Nº do documento", (slip.document, "document"))
    _cell(c, 230, y + 48, 60, "Espécie doc.", ("DM", ""))
    _cell(c, 290, y + 48, 45, "Aceite", ("N", ""))
    _cell(c, 335, y + 48, 80, "Data processamento", (f"{slip.issued:%d/%m/%Y}", "issued"))
    _cell(c, 415, y + 48, 140, "Nosso número", (slip.ours, "ours"), right=True)
    _cell(c, 40, y + 72, 90, "Uso do banco")
    _cell(c, 130, y + 72, 60, "Carteira", ("17", ""))
    _cell(c, 190, y + 72, 60, "Espécie", ("R$", ""))
    _cell(c, 250, y + 72, 165, "Quantidade x Valor")
    _cell(c, 415, y + 72, 140, "(=) Valor do documento", (money(slip.cents), "amount"), right=True)
    c.rect(40, y + 96, 375, 72, thick=0.5)
    c.text(43, y + 104, "Instruções (texto de responsabilidade do beneficiário)", 6)
    c.text(43, y + 118, "Após o vencimento cobrar multa de 2,00 % e juros de 0,033 % ao dia.", 8.5)
    c.text(43, y + 130, "Não receber após 30 dias do vencimento.", 8.5)
    for row, caption in enumerate(("(-) Desconto / abatimento", "(+) Mora / multa", "(=) Valor cobrado")):
        _cell(c, 415, y + 96 + 24 * row, 140, caption)
    c.rect(40, y + 168, 515, 40, thick=0.5)
    end = c.text(43, y + 178, f"{names[1]}: ", 7)
    end = c.text(end, y + 178, slip.payer.name, 8.5, tag="payer")
    end = c.text(end, y + 178, "   CPF/CNPJ: ", 7)
    c.text(end, y + 178, slip.payer.tax_id, 8.5, tag="payer_id")
    place = f"{slip.payer.street} - {slip.payer.district} - {slip.payer.city}/{slip.payer.state} - CEP {slip.payer.cep}"
    c.text(43, y + 190, place, 8)
    c.bars(46, y + 214, 292, 37, slip.code, "ITF", "line")
    c.text(555, y + 222, "Autenticação mecânica - Ficha de Compensação", 6.5, align="right")


def _asks(rng: Random, slip: _Slip) -> None:
    slip.draft.ask(
        rng.choice(
            ("Extraia os dados para pagar este boleto.", "Leia o boleto e devolva linha digitável, vencimento e valor.")
        ),
        {"linha_digitavel": "", "vencimento": "", "valor": 0},
        {"/linha_digitavel": "line", "/vencimento": "due", "/valor": "amount"},
    )
    slip.draft.ask(
        "Quem cobra e quem paga este boleto?",
        {"beneficiario": {"nome": "", "cnpj": ""}, "pagador": {"nome": "", "cpf" if slip.payer.is_person else "cnpj": ""}},
        {
            "/beneficiario/nome": "payee", "/beneficiario/cnpj": "payee_id", "/pagador/nome": "payer",
            "/pagador/cpf" if slip.payer.is_person else "/pagador/cnpj": "payer_id",
        },
    )  # fmt: skip
    slip.draft.ask(
        "Preencha com os dados do título.",
        {"nosso_numero": "", "numero_documento": "", "data_vencimento": "", "valor_documento": 0},
        {
            "/nosso_numero": "ours",
            "/numero_documento": "document",
            "/data_vencimento": "due",
            "/valor_documento": "amount",
        },
    )


def sheet(rng: Random) -> Draft:
    """Only the payment sheet."""
    draft = Draft(Canvas())
    slip = _Slip(rng, draft)
    _sheet(draft.canvas, slip, 60, rng.choice((("Beneficiário", "Pagador"), ("Cedente", "Sacado"))))
    _asks(rng, slip)
    return draft


def with_stub(rng: Random) -> Draft:
    """The payer's stub above, the sheet below the cut."""
    draft = Draft(Canvas())
    slip = _Slip(rng, draft)
    c = draft.canvas
    c.text(40, 60, _BANK_NAME, 11, bold=True)
    c.text(555, 60, "RECIBO DO PAGADOR", 9, bold=True, align="right")
    _cell(c, 40, 70, 275, "Beneficiário", (slip.payee.name, "payee"))
    _cell(c, 315, 70, 120, "CNPJ do beneficiário", (slip.payee.tax_id, "payee_id"))
    _cell(c, 435, 70, 120, "Vencimento", (f"{slip.due:%d/%m/%Y}", "due"), right=True)
    _cell(c, 40, 94, 275, "Pagador", (slip.payer.name, "payer"))
    _cell(c, 315, 94, 120, "Nosso número", (slip.ours, "ours"))
    _cell(c, 435, 94, 120, "Valor do documento", (money(slip.cents), "amount"), right=True)
    c.line(30, 160, 565, 160, 0.5, "4 3")
    _sheet(c, slip, 190, ("Beneficiário", "Pagador"))
    _asks(rng, slip)
    return draft


LAYOUTS = (sheet, with_stub)
