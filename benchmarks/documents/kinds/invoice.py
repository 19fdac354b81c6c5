"""Invoices (faturas, notas de serviço): boxed form, letter with label: value lines, and a two-column service note."""

from datetime import date, timedelta
from random import Random
from typing import Any

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import date_in_words, money
from benchmarks.documents.people import Item, Party, company, items, person
from benchmarks.documents.truth import Draft


class _Invoice:
    """The facts of one invoice and the tags under which they are drawn."""

    def __init__(self, rng: Random, draft: Draft, stock: str) -> None:
        self.draft = draft
        self.issuer: Party = company(rng, alphanumeric=rng.random() < 0.15)
        self.client: Party = person(rng) if rng.random() < 0.3 else company(rng)
        self.issued = date(2025, 3, 1) + timedelta(days=rng.randint(0, 560))
        self.due = self.issued + timedelta(days=rng.choice((7, 10, 15, 28, 30, 45)))
        self.number = str(rng.randint(1200, 998000))
        self.items: list[Item] = items(rng, stock, rng.randint(2, 6))
        self.total = sum(item.total_cents for item in self.items)
        declare = draft.value
        declare("number", "code", self.number)
        declare("issued", "date", self.issued.isoformat())
        declare("due", "date", self.due.isoformat())
        declare("total", "money", self.total / 100)
        for role, party in (("issuer", self.issuer), ("client", self.client)):
            declare(f"{role}.name", "name", party.name)
            declare(f"{role}.tax_id", "cpf_cnpj", party.tax_id)
            declare(f"{role}.email", "email", party.email)
            declare(f"{role}.phone", "phone", party.phone)
            declare(f"{role}.cep", "cep", party.cep)
        for row, item in enumerate(self.items):
            declare(f"item{row}.description", "text", item.description)
            declare(f"item{row}.quantity", "number", item.quantity)
            declare(f"item{row}.unit", "money", item.unit_cents / 100)
            declare(f"item{row}.total", "money", item.total_cents / 100)

    @property
    def client_label(self) -> str:
        """How the client's number is called."""
        return "CPF" if self.client.is_person else "CNPJ"


def _table(c: Canvas, invoice: _Invoice, top: float, titles: tuple[str, str, str, str], *, ruled: bool) -> float:
    left, columns, right, row = 40.0, (330.0, 430.0), 555.0, 17.0
    c.rect(left, top, right - left, row, fill=0.88 if ruled else 1.0, thick=0.6 if ruled else 0)
    c.text(left + 5, top + 12, titles[0], 8, bold=True)
    for x, title in zip((*columns, right), titles[1:], strict=True):
        c.text(x - 5, top + 12, title, 8, bold=True, align="right")
    if not ruled:
        c.line(left, top + row, right, top + row)
    for number, item in enumerate(invoice.items):
        base = top + (number + 1) * row + 12
        c.text(left + 5, base, item.description, 9, tag=f"item{number}.description")
        c.text(columns[0] - 5, base, str(item.quantity), 9, align="right", tag=f"item{number}.quantity")
        c.text(columns[1] - 5, base, money(item.unit_cents), 9, align="right", tag=f"item{number}.unit")
        c.text(right - 5, base, money(item.total_cents), 9, align="right", tag=f"item{number}.total")
        if ruled:
            c.line(left, base + 5, right, base + 5, 0.3)
    bottom = top + (len(invoice.items) + 1) * row
    if ruled:
        for x in (left, 280.0, *columns, right):
            c.line(x, top, x, bottom, 0.4)
    return bottom


def _money(
    c: Canvas, x: float, y: float, cents: int, size: float, tag: str, *, bold: bool = True, align: Any = "right"
) -> None:
    """The amount is marked without its currency sign."""
    text = money(cents)
    if align == "right":
        c.text(x, y, text, size, bold=bold, align="right", tag=tag)
        return
    end = c.text(x, y, "R$ ", size, bold=bold)
    c.text(end, y, text, size, bold=bold, tag=tag)


def _asks(rng: Random, invoice: _Invoice) -> None:
    draft, client = invoice.draft, invoice.client_label
    draft.ask(
        rng.choice((
            "Extraia os dados principais desta fatura.",
            "Leia a nota e preencha o JSON com número, datas, valores e as partes.",
            "Quais são o número, as datas, o valor total, o emitente e o cliente?",
        )),
        {
            "numero": "", "data_emissao": "", "data_vencimento": "", "valor_total": 0,
            "emitente": {"nome": "", "cnpj": ""}, "cliente": {"nome": "", client.lower(): ""},
        },
        {
            "/numero": "number", "/data_emissao": "issued", "/data_vencimento": "due", "/valor_total": "total",
            "/emitente/nome": "issuer.name", "/emitente/cnpj": "issuer.tax_id",
            "/cliente/nome": "client.name", f"/cliente/{client.lower()}": "client.tax_id",
        },
    )  # fmt: skip
    draft.ask(
        rng.choice(("Liste os itens da fatura.", "Extraia a tabela de itens com quantidades e valores.")),
        {"itens": [{"descricao": "", "quantidade": 0, "valor_unitario": 0, "valor_total": 0}], "total": 0},
        {"/total": "total"}
        | {
            f"/itens/{row}/{key}": f"item{row}.{tag}"
            for row in range(len(invoice.items))
            for key, tag in (("descricao", "description"), ("quantidade", "quantity"),
                             ("valor_unitario", "unit"), ("valor_total", "total"))
        },
    )  # fmt: skip
    draft.ask(
        rng.choice(
            ("Qual o CNPJ de quem emitiu a fatura e quando ela vence?", "Informe o CNPJ do emitente e o vencimento.")
        ),
        [{"CNPJ do emitente": "", "Vencimento": ""}],
        {"/0/CNPJ do emitente": "issuer.tax_id", "/0/Vencimento": "due"},
    )
    draft.ask(
        rng.choice(("Pegue os contatos do emitente.", "Extract the issuer's contact details.")),
        {"emitente": {"email": "", "telefone": "", "cep": ""}},
        {"/emitente/email": "issuer.email", "/emitente/telefone": "issuer.phone", "/emitente/cep": "issuer.cep"},
    )


def boxed(rng: Random) -> Draft:
    """A form of captioned cells."""
    draft = Draft(Canvas())
    inv = _Invoice(rng, draft, "goods")
    c = draft.canvas
    captions = rng.choice((
        ("FATURA", "Emissão", "Vencimento", "Destinatário", "VALOR TOTAL"),
        ("NOTA FATURA", "Data de emissão", "Data de vencimento", "Cliente", "TOTAL A PAGAR"),
        ("FATURA COMERCIAL", "Emitida em", "Vence em", "Sacado", "TOTAL GERAL"),
    ))  # fmt: skip

    def cell(x: float, y: float, w: float, caption: str, value: str, tag: str = "") -> None:
        c.rect(x, y, w, 28)
        c.text(x + 4, y + 9, caption, 6.5, grey=0.2)
        c.text(x + 4, y + 22, value, 9.5, tag=tag)

    c.rect(40, 36, 515, 74)
    c.text(50, 56, inv.issuer.name, 13, bold=True, tag="issuer.name")
    c.text(50, 71, f"{inv.issuer.street} - {inv.issuer.district} - {inv.issuer.city}/{inv.issuer.state}", 8.5)
    end = c.text(50, 84, "CEP ", 8.5)
    end = c.text(end, 84, inv.issuer.cep, 8.5, tag="issuer.cep")
    end = c.text(end, 84, "   Tel. ", 8.5)
    c.text(end, 84, inv.issuer.phone, 8.5, tag="issuer.phone")
    end = c.text(50, 97, "CNPJ ", 8.5)
    end = c.text(end, 97, inv.issuer.tax_id, 8.5, tag="issuer.tax_id")
    end = c.text(end, 97, "   E-mail ", 8.5)
    c.text(end, 97, inv.issuer.email, 8.5, tag="issuer.email")
    c.text(545, 60, captions[0], 15, bold=True, align="right")
    c.text(545 - 4, 80, inv.number, 12, bold=True, align="right", tag="number")
    c.text(545 - 10 - 12 * 0.6 * len(inv.number), 80, "Nº", 12, bold=True, align="right")
    cell(40, 120, 280, captions[3], inv.client.name, "client.name")
    cell(320, 120, 235, inv.client_label, inv.client.tax_id, "client.tax_id")
    cell(40, 148, 280, "Endereço", f"{inv.client.street} - {inv.client.city}/{inv.client.state}")
    cell(320, 148, 110, captions[1], f"{inv.issued:%d/%m/%Y}", "issued")
    cell(430, 148, 125, captions[2], f"{inv.due:%d/%m/%Y}", "due")
    bottom = _table(c, inv, 196, ("DESCRIÇÃO", "QTDE", "VL. UNITÁRIO", "VL. TOTAL"), ruled=True)
    c.rect(380, bottom + 12, 175, 30, fill=0.92)
    c.text(386, bottom + 31, captions[4], 8, bold=True)
    _money(c, 549, bottom + 32, inv.total, 13, "total")
    _asks(rng, inv)
    return draft


def letter(rng: Random) -> Draft:
    """Label: value lines in a serif face, table without rules, dates sometimes in words."""
    draft = Draft(Canvas(font="Times-Roman", bold="Times-Bold"))
    inv = _Invoice(rng, draft, rng.choice(("goods", "services")))
    c = draft.canvas
    words = rng.random() < 0.4
    labels = rng.choice((
        ("Fatura nº:", "Data de emissão:", "Vencimento:", "Cliente:", "Total:"),
        ("Número da fatura:", "Emissão:", "Data do vencimento:", "Tomador:", "Valor total:"),
        ("Documento nº:", "Emitido em:", "Pagar até:", "Para:", "Valor a pagar:"),
    ))  # fmt: skip

    def pair(x: float, y: float, label: str, value: str, tag: str = "") -> None:
        end = c.text(x, y, f"{label} ", 10.5, bold=True)
        c.text(end, y, value, 10.5, tag=tag)

    c.text(60, 66, inv.issuer.name, 16, bold=True, tag="issuer.name")
    pair(60, 84, "CNPJ:", inv.issuer.tax_id, "issuer.tax_id")
    c.text(60, 99, f"{inv.issuer.street}, {inv.issuer.district}, {inv.issuer.city} - {inv.issuer.state}", 10.5)
    pair(60, 114, "CEP:", inv.issuer.cep, "issuer.cep")
    pair(200, 114, "Telefone:", inv.issuer.phone, "issuer.phone")
    pair(60, 129, "E-mail:", inv.issuer.email, "issuer.email")
    c.line(60, 140, 535, 140, 1.2)
    pair(60, 164, labels[0], inv.number, "number")
    pair(60, 181, labels[1], date_in_words(inv.issued) if words else f"{inv.issued:%d/%m/%Y}", "issued")
    pair(310, 181, labels[2], date_in_words(inv.due) if words else f"{inv.due:%d/%m/%Y}", "due")
    pair(60, 205, labels[3], inv.client.name, "client.name")
    pair(60, 220, f"{inv.client_label}:", inv.client.tax_id, "client.tax_id")
    pair(60, 235, "Endereço:", f"{inv.client.street}, {inv.client.city} - {inv.client.state}")
    bottom = _table(c, inv, 262, ("Descrição", "Qtd.", "Preço unitário", "Subtotal"), ruled=False)
    c.line(40, bottom + 6, 555, bottom + 6)
    c.text(400, bottom + 26, labels[4], 12, bold=True)
    _money(c, 550, bottom + 26, inv.total, 12, "total")
    c.text(60, bottom + 70, "Pagamento por transferência ou boleto. Obrigado pela preferência.", 10)
    _asks(rng, inv)
    return draft


def service_note(rng: Random) -> Draft:
    """A municipal service note (NFS-e): provider and taker sections."""
    draft = Draft(Canvas())
    inv = _Invoice(rng, draft, "services")
    c = draft.canvas
    c.rect(36, 30, 523, 46)
    c.text(297, 48, f"PREFEITURA MUNICIPAL DE {inv.issuer.city.upper()}", 11, bold=True, align="center")
    c.text(297, 64, "NOTA FISCAL DE SERVIÇOS ELETRÔNICA - NFS-e", 10, bold=True, align="center")
    c.rect(36, 76, 523, 30)
    for x, label, value, tag in (
        (42, "Número da Nota", inv.number, "number"),
        (190, "Data de Emissão", f"{inv.issued:%d/%m/%Y}", "issued"),
        (400, "Vencimento", f"{inv.due:%d/%m/%Y}", "due"),
    ):
        c.text(x, 86, label, 7)
        c.text(x, 99, value, 10, bold=True, tag=tag)
    for top, title, role, party in (
        (112, "PRESTADOR DE SERVIÇOS", "issuer", inv.issuer), (190, "TOMADOR DE SERVIÇOS", "client", inv.client),
    ):  # fmt: skip
        c.rect(36, top, 523, 72)
        c.text(297, top + 12, title, 8.5, bold=True, align="center")
        end = c.text(42, top + 26, "Nome/Razão Social: ", 8.5)
        c.text(end, top + 26, party.name, 8.5, bold=True, tag=f"{role}.name")
        end = c.text(42, top + 39, "CPF/CNPJ: ", 8.5)
        c.text(end, top + 39, party.tax_id, 8.5, bold=True, tag=f"{role}.tax_id")
        end = c.text(300, top + 39, "Telefone: ", 8.5)
        c.text(end, top + 39, party.phone, 8.5, tag=f"{role}.phone")
        end = c.text(
            42, top + 52, f"Endereço: {party.street} - {party.district} - {party.city}/{party.state}   CEP: ", 8.5
        )
        c.text(end, top + 52, party.cep, 8.5, tag=f"{role}.cep")
        end = c.text(42, top + 65, "E-mail: ", 8.5)
        c.text(end, top + 65, party.email, 8.5, tag=f"{role}.email")
    c.text(297, 280, "DISCRIMINAÇÃO DOS SERVIÇOS", 8.5, bold=True, align="center")
    bottom = _table(c, inv, 288, ("SERVIÇO", "QTDE", "PREÇO UNIT.", "VALOR"), ruled=True)
    c.rect(36, bottom + 14, 523, 26, fill=0.93)
    end = c.text(170, bottom + 31, "VALOR TOTAL DA NOTA = ", 11, bold=True)
    _money(c, end, bottom + 31, inv.total, 11, "total", align="left")
    c.text(42, bottom + 60, "Código do serviço: 17.01    Alíquota: 2,00 %    ISS retido: NÃO", 8.5)
    _asks(rng, inv)
    return draft


LAYOUTS = (boxed, letter, service_note)
