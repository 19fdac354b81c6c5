"""Retail receipts (cupons): a narrow roll in a typewriter face, and a wider one in two columns."""

from datetime import date, timedelta
from random import Random

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import money
from benchmarks.documents.people import Item, Party, company, items
from benchmarks.documents.truth import Draft


class _Receipt:
    """The facts of one receipt."""

    def __init__(self, rng: Random, draft: Draft) -> None:
        self.draft = draft
        self.shop: Party = company(rng)
        self.day = date(2025, 3, 1) + timedelta(days=rng.randint(0, 560))
        self.time = f"{rng.randint(8, 21):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
        self.items: list[Item] = items(rng, "groceries", rng.randint(3, 8))
        self.total = sum(item.total_cents for item in self.items)
        self.number = f"{rng.randint(1, 999999):06d}"
        self.payment = rng.choice(("DINHEIRO", "CARTAO DEBITO", "CARTAO CREDITO", "PIX"))
        draft.value("name", "name", self.shop.name.upper())
        draft.value("cnpj", "cnpj", self.shop.tax_id)
        draft.value("date", "date", self.day.isoformat())
        draft.value("total", "money", self.total / 100)
        draft.value("number", "code", self.number)
        draft.value("payment", "text", self.payment)
        for row, item in enumerate(self.items):
            draft.value(f"item{row}.description", "text", item.description)
            draft.value(f"item{row}.quantity", "number", item.quantity)
            draft.value(f"item{row}.total", "money", item.total_cents / 100)


def _asks(rng: Random, receipt: _Receipt) -> None:
    draft = receipt.draft
    draft.ask(
        rng.choice(("Extraia loja, CNPJ, data e total do cupom.", "Leia o cupom e preencha os campos.")),
        {"estabelecimento": "", "cnpj": "", "data": "", "total": 0},
        {"/estabelecimento": "name", "/cnpj": "cnpj", "/data": "date", "/total": "total"},
    )
    draft.ask(
        "Quais itens foram comprados e quanto custaram?",
        {"itens": [{"descricao": "", "quantidade": 0, "valor": 0}], "total": 0},
        {"/total": "total"}
        | {
            f"/itens/{row}/{key}": f"item{row}.{tag}"
            for row in range(len(receipt.items))
            for key, tag in (("descricao", "description"), ("quantidade", "quantity"), ("valor", "total"))
        },
    )
    draft.ask("Qual o CNPJ?", [{"CNPJ": ""}], {"/0/CNPJ": "cnpj"})


def roll(rng: Random) -> Draft:
    """80 mm roll, Courier, quantity x price on a line of its own as cash registers print it."""
    draft = Draft(Canvas(width=226.8, font="Courier", bold="Courier-Bold"))
    receipt = _Receipt(rng, draft)
    c = draft.canvas
    c.height = 250.0 + 22 * len(receipt.items)
    middle, left, right, y = c.width / 2, 10.0, c.width - 10, 24.0
    c.text(
        middle,
        y,
        receipt.shop.name.upper(),
        min(9, 340 / len(receipt.shop.name)),
        bold=True,
        align="center",
        tag="name",
    )
    c.text(middle, y + 11, receipt.shop.street.upper(), 7, align="center")
    c.text(middle, y + 20, f"{receipt.shop.city.upper()} - {receipt.shop.state}", 7, align="center")
    end = c.text(left, y + 31, "CNPJ: ", 7.5)
    c.text(end, y + 31, receipt.shop.tax_id, 7.5, tag="cnpj")
    c.line(left, y + 36, right, y + 36, dash="2 2")
    end = c.text(left, y + 46, f"{receipt.day:%d/%m/%Y}", 7.5, tag="date")
    c.text(end, y + 46, f" {receipt.time}", 7.5)
    c.text(right, y + 46, receipt.number, 7.5, align="right", tag="number")
    c.text(right - 32, y + 46, "COO:", 7.5, align="right")
    c.text(middle, y + 60, rng.choice(("CUPOM FISCAL", "CUPOM NAO FISCAL")), 9, bold=True, align="center")
    c.text(left, y + 71, "ITEM DESCRICAO", 7)
    c.text(left, y + 80, "QTD UN  VL UNIT(R$)", 7)
    c.text(right, y + 80, "VL ITEM(R$)", 7, align="right")
    c.line(left, y + 84, right, y + 84, dash="2 2")
    y += 94
    for row, item in enumerate(receipt.items):
        end = c.text(left, y, f"{row + 1:03d} ", 7.5)
        c.text(end, y, item.description, 7.5, tag=f"item{row}.description")
        end = c.text(left + 18, y + 10, str(item.quantity), 7.5, tag=f"item{row}.quantity")
        c.text(end, y + 10, f" {item.unit} x {money(item.unit_cents)}", 7.5)
        c.text(right, y + 10, money(item.total_cents), 7.5, align="right", tag=f"item{row}.total")
        y += 22
    c.line(left, y - 4, right, y - 4, dash="2 2")
    c.text(left, y + 10, "TOTAL R$", 11, bold=True)
    c.text(right, y + 10, money(receipt.total), 11, bold=True, align="right", tag="total")
    c.text(left, y + 24, receipt.payment, 7.5, tag="payment")
    c.text(right, y + 24, money(receipt.total), 7.5, align="right", tag="total")
    c.text(middle, y + 46, "OBRIGADO, VOLTE SEMPRE!", 7.5, align="center")
    _asks(rng, receipt)
    return draft


def columns(rng: Random) -> Draft:
    """A wider roll in a sans face with one line an item."""
    draft = Draft(Canvas(width=300.0))
    receipt = _Receipt(rng, draft)
    c = draft.canvas
    c.height = 230.0 + 14 * len(receipt.items)
    left, right = 14.0, 286.0
    c.text(150, 26, receipt.shop.name.upper(), 9.5, bold=True, align="center", tag="name")
    c.text(150, 38, f"{receipt.shop.street} - {receipt.shop.city}/{receipt.shop.state}", 7.5, align="center")
    end = c.text(left, 52, "CNPJ ", 8)
    c.text(end, 52, receipt.shop.tax_id, 8, tag="cnpj")
    end = c.text(left, 66, rng.choice(("Data: ", "Data da compra: ", "Emitido em ")), 8)
    end = c.text(end, 66, f"{receipt.day:%d/%m/%Y}", 8, tag="date")
    c.text(end, 66, f"  Hora: {receipt.time[:5]}", 8)
    end = c.text(left, 80, "Cupom nº ", 8)
    c.text(end, 80, receipt.number, 8, tag="number")
    for x, title, align in (
        (left, "Descrição", "left"),
        (180.0, "Qtde", "right"),
        (235.0, "Unit.", "right"),
        (right, "Valor", "right"),
    ):
        c.text(x, 98, title, 7.5, bold=True, align=align)  # type: ignore[arg-type]
    c.line(left, 102, right, 102)
    y = 114.0
    for row, item in enumerate(receipt.items):
        c.text(left, y, item.description, 8, tag=f"item{row}.description")
        c.text(180, y, str(item.quantity), 8, align="right", tag=f"item{row}.quantity")
        c.text(235, y, money(item.unit_cents), 8, align="right")
        c.text(right, y, money(item.total_cents), 8, align="right", tag=f"item{row}.total")
        y += 14
    c.line(left, y - 6, right, y - 6)
    c.text(left, y + 10, rng.choice(("Total", "Valor total", "Total a pagar")), 11, bold=True)
    c.text(right, y + 10, money(receipt.total), 11, bold=True, align="right", tag="total")
    end = c.text(left, y + 26, "Forma de pagamento: ", 8)
    c.text(end, y + 26, receipt.payment, 8, tag="payment")
    _asks(rng, receipt)
    return draft


LAYOUTS = (roll, columns)
