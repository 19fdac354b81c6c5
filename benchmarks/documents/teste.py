"""Draws `examples/teste.jpg`, the invoice that `make run` sends: `python -m benchmarks.documents.teste`."""

import hashlib
from datetime import date
from pathlib import Path
from random import Random

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import access_key, cnpj, money
from benchmarks.documents.scan import Effects, photograph, to_jpeg

TARGET = Path(__file__).parents[2] / "examples" / "teste.jpg"
SEED = 20260331
_LEFT, _RIGHT = 36.0, 559.0
_ISSUED, _DUE = date(2026, 3, 12), date(2026, 4, 11)
_LINES = [
    ("001842", "Papel sulfite A4 75 g/m² - caixa 10 pct", "CX", 6, 18990),
    ("002310", "Toner preto LP-2600, 2.600 páginas", "UN", 4, 24950),
    ("004127", "Cadeira giratória com braços, preta", "UN", 3, 64900),
    ("004455", 'Suporte articulado para monitor 27"', "UN", 5, 17980),
    ("007901", "Cabo de rede Cat6 blindado 3 m", "UN", 24, 2190),
    ("009016", "Instalação e configuração (hora técnica)", "H", 8, 14500),
]
_FREIGHT, _DISCOUNT = 12500, 20000


def _cell(
    c: Canvas, x: float, y: float, w: float, h: float, label: str, value: str, size: float = 9.5, *, bold: bool = False
) -> None:
    c.rect(x, y, w, h, thick=0.5)
    c.text(x + 4, y + 8, label.upper(), 5.6, grey=0.25)
    c.text(x + 4, y + h - 6, value, size, bold=bold)


def _header(c: Canvas, issuer: str) -> None:
    c.rect(_LEFT, 36, 523, 92, thick=0.9)
    for radius, grey in ((0, 0.25), (7, 1.0), (13, 0.25)):  # a plain mark in place of a logo
        c.rect(50 + radius, 52 + radius, 56 - 2 * radius, 56 - 2 * radius, fill=grey, thick=0)
    c.text(122, 62, "HORIZONTE AZUL", 17, bold=True)
    c.text(122, 77, "Suprimentos e Equipamentos Ltda.", 10.5)
    c.text(122, 91, "Rua das Acácias, 1480 - Jardim América - Campinas/SP", 8)
    c.text(122, 102, "CEP 13015-904   Fone (19) 3254-7710", 8)
    c.text(122, 113, f"CNPJ {issuer}   IE 244.518.930.112", 8)
    c.text(122, 123, "financeiro@horizonteazul.com.br", 8)
    c.rect(400, 36, 159, 92, fill=0.92, thick=0.9)
    c.text(479.5, 58, "FATURA", 20, bold=True, align="center")
    c.text(479.5, 72, "de venda e serviços", 8, align="center")
    c.text(479.5, 95, "Nº 004.817", 14, bold=True, align="center")
    c.text(479.5, 116, "Série 1     Folha 1/1", 8, align="center")


def _parties(c: Canvas, buyer: str) -> None:
    c.text(_LEFT, 148, "DESTINATÁRIO / TOMADOR", 7.5, bold=True)
    _cell(c, _LEFT, 152, 330, 26, "Nome / razão social", "Clínica Santa Clara Diagnósticos S.A.", bold=True)
    _cell(c, 366, 152, 113, 26, "CNPJ", buyer)
    _cell(c, 479, 152, 80, 26, "Emissão", f"{_ISSUED:%d/%m/%Y}")
    _cell(c, _LEFT, 178, 250, 26, "Endereço", "Av. Getúlio Vargas, 2210 - Centro")
    _cell(c, 286, 178, 80, 26, "CEP", "30112-021")
    _cell(c, 366, 178, 113, 26, "Município / UF", "Belo Horizonte - MG")
    _cell(c, 479, 178, 80, 26, "Vencimento", f"{_DUE:%d/%m/%Y}", bold=True)
    _cell(c, _LEFT, 204, 250, 26, "Condição de pagamento", "30 dias - boleto bancário")
    _cell(c, 286, 204, 193, 26, "Contato", "compras@santaclara.com.br")
    _cell(c, 479, 204, 80, 26, "Pedido", "PC-2026/0391")


def _table(c: Canvas) -> int:
    columns = (_LEFT, 82.0, 318.0, 346.0, 392.0, 472.0, _RIGHT)
    top, row = 246.0, 20.0
    c.rect(_LEFT, top, 523, row, fill=0.86, thick=0.6)
    titles = ("CÓDIGO", "DESCRIÇÃO", "UN", "QTDE.", "VALOR UNIT. (R$)", "VALOR TOTAL (R$)")
    for number, title in enumerate(titles):
        c.text((columns[number] + columns[number + 1]) / 2, top + 13, title, 6.6, bold=True, align="center")
    subtotal = 0
    for number, (code, description, unit, quantity, cents) in enumerate(_LINES, start=1):
        base = top + number * row + 13.5
        subtotal += quantity * cents
        c.text(columns[0] + 6, base, code, 9)
        c.text(columns[1] + 5, base, description, 9)
        c.text((columns[2] + columns[3]) / 2, base, unit, 9, align="center")
        c.text(columns[4] - 6, base, str(quantity), 9, align="right")
        c.text(columns[5] - 6, base, money(cents), 9, align="right")
        c.text(columns[6] - 6, base, money(quantity * cents), 9, align="right")
        c.line(_LEFT, top + (number + 1) * row, _RIGHT, top + (number + 1) * row, 0.3)
    bottom = top + (len(_LINES) + 4) * row
    for x in columns:
        c.line(x, top, x, bottom, 0.5)
    c.line(_LEFT, bottom, _RIGHT, bottom, 0.6)
    return subtotal


def _totals(c: Canvas, subtotal: int) -> None:
    top = 462.0
    _cell(c, _LEFT, top, 131, 28, "Subtotal", f"R$ {money(subtotal)}", 10)
    _cell(c, 167, top, 110, 28, "Frete", f"R$ {money(_FREIGHT)}", 10)
    _cell(c, 277, top, 110, 28, "Desconto", f"R$ {money(_DISCOUNT)}", 10)
    c.rect(387, top, 172, 28, fill=0.9, thick=0.9)
    c.text(391, top + 9, "VALOR TOTAL DA FATURA", 6, bold=True)
    c.text(553, top + 23, f"R$ {money(subtotal + _FREIGHT - _DISCOUNT)}", 14, bold=True, align="right")


def _footer(c: Canvas, key: str, issuer: str) -> None:
    c.text(_LEFT, 512, "DADOS PARA PAGAMENTO", 7.5, bold=True)
    c.rect(_LEFT, 516, 523, 44, thick=0.5)
    c.text(42, 530, "Banco 912 - Banco Exemplo S.A.    Agência 0417-3    Conta corrente 58.204-7", 9)
    c.text(42, 543, f"PIX (chave CNPJ): {issuer}", 9)
    c.text(42, 555, "Após o vencimento: multa de 2 % e juros de 1 % ao mês.", 8)
    c.text(_LEFT, 582, "CHAVE DE ACESSO DA NF-e RELACIONADA", 7.5, bold=True)
    c.rect(_LEFT, 586, 523, 62, thick=0.5)
    c.text(297.5, 601, " ".join(key[at : at + 4] for at in range(0, 44, 4)), 10.5, align="center")
    c.bars(132, 608, 331, 34, key, "Code128", "key")
    c.text(_LEFT, 668, "OBSERVAÇÕES", 7.5, bold=True)
    c.rect(_LEFT, 672, 523, 54, thick=0.5)
    c.text(42, 686, "Mercadorias conferidas na entrega. Garantia de 12 meses contra defeitos de fabricação.", 8.5)
    c.text(42, 698, "Trocas em até 7 dias corridos mediante apresentação desta fatura.", 8.5)
    c.text(42, 710, "Documento fictício, desenhado para demonstração.", 8.5)
    c.line(60, 776, 250, 776, 0.5)
    c.text(155, 787, "Recebido por (assinatura e data)", 7.5, align="center")
    c.line(345, 776, 535, 776, 0.5)
    c.text(440, 787, "Horizonte Azul Suprimentos e Equipamentos Ltda.", 7.5, align="center")


def draw() -> bytes:
    """The JPEG: a page photographed slightly askew under uneven light."""
    rng = Random(SEED)
    issuer, buyer = cnpj(rng), cnpj(rng)
    key = access_key(rng, state="SP", issued=_ISSUED, issuer=issuer, model=55, series=1, number=4817)
    canvas = Canvas()
    _header(canvas, issuer)
    _parties(canvas, buyer)
    _totals(canvas, _table(canvas))
    _footer(canvas, key, issuer)
    effects = Effects(
        dpi=150,
        skew=-0.9,
        blur=0.35,
        noise=3.5,
        shadow=0.28,
        shadow_angle=35,
        paper=(247, 245, 238),
        ink=32,
        quality=62,
    )
    return to_jpeg(photograph(canvas.to_pdf(), effects, SEED)[0], effects)


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(draw())
    print(f"{TARGET}: {TARGET.stat().st_size} bytes, sha256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")
