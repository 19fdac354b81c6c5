"""Finds the items of till receipts: `2 UN x 4,35  8,70` after the description, on its line or the one before."""

import re
from collections.abc import Iterator

import msgspec

from ementa.analysis.view import PageView

_AMOUNT = r"\d{1,6}(?:\.\d{3}){0,2}[.,]\d{2,4}"
_SALE = re.compile(
    r"(?P<quantity>(?<![\w.,])\d{1,6}(?:[.,]\d{1,4})?)\s{0,3}"
    r"(?P<unit>UN|UND|UNID|KG|G|GR|L|LT|ML|PC|PCT|CX|FR|DZ|M|MT|M2|PÇ|PT|CJ|PR|RL|SC|BD|GL)?\s{0,3}[xX×*]\s{0,3}"
    rf"(?:R\$\s?)?(?P<price>{_AMOUNT})(?:\s{{0,3}}=)?\s{{1,3}}(?:R\$\s?)?(?P<total>{_AMOUNT})(?![\w]|[.,]\d)"
)
_NUMBERING = re.compile(r"^\s{0,3}(?P<item>\d{1,3})\s{1,3}(?:(?P<code>\d{4,14})\s{1,3})?(?=\S*[A-Za-zÀ-ÿ])")
_HEADS = {"quantity": "Quantidade", "unit": "Unidade", "price": "Valor unitário", "total": "Valor total"}


class RecordCell(msgspec.Struct, frozen=True):
    """One cell: its words (indexes into the page's), the head of its column and the name of its row."""

    words: tuple[int, ...]
    head: str
    row: str


def receipt_cells(view: PageView) -> Iterator[RecordCell]:
    """The cells of every item sold; heads are Descrição, Quantidade, Unidade, Valor unitário, Valor total, Código."""
    for number, sale in enumerate(_SALE.finditer(view.text), 1):
        row = f"p{view.page.number}t-r{number}"
        yield from _description(view, sale, row)
        for group, head in _HEADS.items():
            if sale[group]:
                yield RecordCell(tuple(view.words_of(*sale.span(group))), head, row)


def _description(view: PageView, sale: re.Match[str], row: str) -> Iterator[RecordCell]:
    start = view.text.rfind("\n", 0, sale.start()) + 1
    end = sale.start()
    if not any(c.isalpha() for c in view.text[start:end]):
        end = max(start - 1, 0)
        start = view.text.rfind("\n", 0, end) + 1
    text = view.text[start:end]
    numbering = _NUMBERING.match(text)
    if numbering:
        if numbering["code"]:
            code = start + numbering.start("code")
            yield RecordCell(tuple(view.words_of(code, code + len(numbering["code"]))), "Código", row)
        start += numbering.end()
    kept = view.text[start:end].rstrip()
    if any(c.isalpha() for c in kept) and len(kept) <= 120:
        yield RecordCell(tuple(view.words_of(start, start + len(kept))), "Descrição", row)
