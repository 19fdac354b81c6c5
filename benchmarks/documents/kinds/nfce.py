"""NFC-e: the consumer's note on a roll, with its access key and the QR code of the tax office's page."""

from datetime import date, timedelta
from random import Random

import segno

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import access_key, money
from benchmarks.documents.people import Item, company, items
from benchmarks.documents.truth import Draft


class _Note:
    """The facts of one NFC-e."""

    def __init__(self, rng: Random, draft: Draft) -> None:
        self.draft = draft
        self.shop = company(rng)
        self.items: list[Item] = items(rng, "groceries", rng.randint(2, 7))
        self.day = date(2025, 3, 1) + timedelta(days=rng.randint(0, 560))
        self.time = f"{rng.randint(8, 21):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
        self.number, self.series = rng.randint(1000, 999999), rng.choice((1, 2, 10))
        self.total = sum(item.total_cents for item in self.items)
        self.payment = rng.choice(("Cartão de Débito", "Dinheiro", "PIX"))
        self.key = access_key(
            rng, state=self.shop.state, issued=self.day, issuer=self.shop.tax_id, model=65,
            series=self.series, number=self.number,
        )  # fmt: skip
        self.token = f"{rng.getrandbits(160):040X}"
        draft.value("name", "name", self.shop.name)
        draft.value("cnpj", "cnpj", self.shop.tax_id)
        draft.value("key", "access_key", self.key)
        draft.value("number", "code", str(self.number))
        draft.value("date", "date", self.day.isoformat())
        draft.value("total", "money", self.total / 100)
        for row, item in enumerate(self.items):
            draft.value(f"item{row}.description", "text", item.description)
            draft.value(f"item{row}.quantity", "number", item.quantity)
            draft.value(f"item{row}.total", "money", item.total_cents / 100)


def _head(c: Canvas, note: _Note, size: float) -> float:
    middle = c.width / 2
    c.text(middle, 24, note.shop.name, size + 1, bold=True, align="center", tag="name")
    end = c.text(middle - 70, 24 + size * 1.5, "CNPJ: ", size)
    c.text(end, 24 + size * 1.5, note.shop.tax_id, size, tag="cnpj")
    c.text(middle, 24 + size * 3, f"{note.shop.street}, {note.shop.city}, {note.shop.state}", size - 1, align="center")
    title = "Documento Auxiliar da Nota Fiscal de Consumidor Eletrônica"
    c.text(middle, 24 + size * 4.5, title, size - 1.4, bold=True, align="center")
    return 24 + size * 6.5


def _goods(c: Canvas, note: _Note, size: float, y: float) -> float:
    left, quantity, unit, amount = 12.0, c.width - 110, c.width - 62, c.width - 14
    c.text(left, y, "Descrição", size - 0.5, bold=True)
    for x, title in ((quantity, "Qtde"), (unit, "Vl Unit"), (amount, "Vl Total")):
        c.text(x, y, title, size - 0.5, bold=True, align="right")
    for row, item in enumerate(note.items):
        y += size * 1.5
        c.text(left, y, item.description, size - 0.5, tag=f"item{row}.description")
        c.text(quantity, y, str(item.quantity), size - 0.5, align="right", tag=f"item{row}.quantity")
        c.text(unit, y, money(item.unit_cents), size - 0.5, align="right")
        c.text(amount, y, money(item.total_cents), size - 0.5, align="right", tag=f"item{row}.total")
    y += size * 2
    c.text(left, y, "Qtde. total de itens", size)
    c.text(amount, y, str(len(note.items)), size, align="right")
    y += size * 1.6
    c.text(left, y, "Valor a pagar R$", size + 1, bold=True)
    c.text(amount, y, money(note.total), size + 1, bold=True, align="right", tag="total")
    y += size * 1.6
    c.text(left, y, note.payment, size)
    c.text(amount, y, money(note.total), size, align="right", tag="total")
    return y + size * 2.2


def _foot(c: Canvas, note: _Note, size: float, y: float) -> None:
    middle = c.width / 2
    grouped = " ".join(note.key[at : at + 4] for at in range(0, 44, 4))
    c.text(middle, y, "Consulte pela Chave de Acesso em www.fazenda.exemplo.gov.br/nfce", size - 1.5, align="center")
    c.text(middle, y + size * 1.4, grouped, size - 1, align="center", tag="key")
    y += size * 3.2
    end = c.text(12, y, "NFC-e nº ", size)
    end = c.text(end, y, str(note.number), size, tag="number")
    end = c.text(end, y, f"  Série {note.series:03d}  ", size)
    end = c.text(end, y, f"{note.day:%d/%m/%Y}", size, tag="date")
    c.text(end, y, f" {note.time}", size)
    qr = segno.make(f"http://www.fazenda.exemplo.gov.br/nfce/qrcode?p={note.key}|2|1|1|{note.token}", error="m")
    c.squares(middle - 55, y + 12, 110, [list(row) for row in qr.matrix], "key")
    c.text(middle, y + 136, "Consumidor não identificado", size, align="center")


def _asks(rng: Random, note: _Note) -> None:
    note.draft.ask(
        rng.choice(("Extraia os dados da NFC-e.", "Leia a nota do consumidor.")),
        {"chave": "", "numero": "", "data": "", "total": 0, "emitente": {"nome": "", "cnpj": ""}},
        {
            "/chave": "key", "/numero": "number", "/data": "date", "/total": "total",
            "/emitente/nome": "name", "/emitente/cnpj": "cnpj",
        },
    )  # fmt: skip
    note.draft.ask(
        "Liste os itens comprados com quantidade e valor.",
        {"itens": [{"descricao": "", "quantidade": 0, "valor_total": 0}]},
        {
            f"/itens/{row}/{name}": f"item{row}.{tag}"
            for row in range(len(note.items))
            for name, tag in (("descricao", "description"), ("quantidade", "quantity"), ("valor_total", "total"))
        },
    )


def _draw(rng: Random, canvas: Canvas, size: float) -> Draft:
    draft = Draft(canvas)
    note = _Note(rng, draft)
    canvas.height = 300.0 + size * 1.5 * len(note.items) + size * 12
    _foot(canvas, note, size, _goods(canvas, note, size, _head(canvas, note, size)))
    _asks(rng, note)
    return draft


def roll(rng: Random) -> Draft:
    """A roll of 100 mm in a sans face."""
    return _draw(rng, Canvas(width=283.5), 8)


def typewriter(rng: Random) -> Draft:
    """A wider roll in a typewriter face."""
    return _draw(rng, Canvas(width=340.0, font="Courier", bold="Courier-Bold"), 8)


LAYOUTS = (roll, typewriter)
