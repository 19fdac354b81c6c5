# ruff: noqa: E501  (Portuguese prose and tables of layout read better whole)
"""NF-e pages in the manner of the DANFE: access key with Code 128 bars, captioned cells, table of goods."""

from datetime import date, timedelta
from random import Random

from benchmarks.documents.canvas import Canvas
from benchmarks.documents.numbers import access_key, money
from benchmarks.documents.people import company, items
from benchmarks.documents.truth import Draft


class _Note:
    """The facts of one NF-e."""

    def __init__(self, rng: Random, draft: Draft) -> None:
        self.draft = draft
        self.issuer, self.client = company(rng), company(rng)
        self.issued = date(2025, 3, 1) + timedelta(days=rng.randint(0, 560))
        self.number, self.series = rng.randint(100, 999999), rng.choice((1, 1, 1, 2, 5))
        self.key = access_key(
            rng, state=self.issuer.state, issued=self.issued, issuer=self.issuer.tax_id, model=55,
            series=self.series, number=self.number,
        )  # fmt: skip
        self.items = items(rng, "goods", rng.randint(2, 7))
        self.goods = sum(item.total_cents for item in self.items)
        self.freight = rng.choice((0, rng.randint(1500, 30000)))
        self.total = self.goods + self.freight
        self.nature = rng.choice(
            ("Venda de mercadoria", "Venda de produção do estabelecimento", "Remessa para conserto")
        )
        self.written_number = f"{self.number:09d}"
        self.written_number = ".".join(self.written_number[at : at + 3] for at in (0, 3, 6))
        draft.value("key", "access_key", self.key)
        draft.value("number", "code", self.written_number)
        draft.value("series", "code", str(self.series))
        draft.value("issued", "date", self.issued.isoformat())
        draft.value("total", "money", self.total / 100)
        draft.value("goods", "money", self.goods / 100)
        draft.value("nature", "text", self.nature)
        for role, party in (("issuer", self.issuer), ("client", self.client)):
            draft.value(role, "name", party.name)
            draft.value(f"{role}_id", "cnpj", party.tax_id)
        for row, item in enumerate(self.items):
            draft.value(f"item{row}.code", "code", item.code)
            draft.value(f"item{row}.description", "text", item.description)
            draft.value(f"item{row}.quantity", "number", item.quantity)
            draft.value(f"item{row}.unit", "money", item.unit_cents / 100)
            draft.value(f"item{row}.total", "money", item.total_cents / 100)


def _cell(
    c: Canvas, x: float, y: float, w: float, caption: str, value: str = "", tag: str = "", *, right: bool = False
) -> None:
    c.rect(x, y, w, 22, thick=0.5)
    c.text(x + 3, y + 7, caption, 5.5)
    c.text(x + w - 3 if right else x + 3, y + 18, value, 8.5, align="right" if right else "left", tag=tag)


def _head(c: Canvas, note: _Note, top: float) -> None:
    c.rect(36, top, 220, 92)
    c.text(
        146, top + 34, note.issuer.name, min(10, 400 / len(note.issuer.name)), bold=True, align="center", tag="issuer"
    )
    c.text(146, top + 48, f"{note.issuer.street} - {note.issuer.district}", 7.5, align="center")
    c.text(146, top + 59, f"{note.issuer.city} - {note.issuer.state}   CEP {note.issuer.cep}", 7.5, align="center")
    c.text(146, top + 70, f"Fone {note.issuer.phone}", 7.5, align="center")
    c.rect(256, top, 83, 92)
    c.text(297, top + 15, "DANFE", 12, bold=True, align="center")
    c.text(297, top + 25, "Documento Auxiliar da", 6, align="center")
    c.text(297, top + 32, "Nota Fiscal Eletrônica", 6, align="center")
    c.text(262, top + 46, "0 - ENTRADA", 6)
    c.text(262, top + 54, "1 - SAÍDA", 6)
    c.text(324, top + 51, "1", 10, bold=True)
    end = c.text(262, top + 68, "Nº ", 8.5, bold=True)
    c.text(end, top + 68, note.written_number, 8.5, bold=True, tag="number")
    end = c.text(262, top + 79, "SÉRIE ", 8.5, bold=True)
    c.text(end, top + 79, str(note.series), 8.5, bold=True, tag="series")
    c.text(262, top + 88, "FOLHA 1/1", 6)
    c.rect(339, top, 220, 36)
    c.bars(347, top + 4, 204, 28, note.key, "Code128", "key")
    c.rect(339, top + 36, 220, 24)
    c.text(342, top + 43, "CHAVE DE ACESSO", 5.5)
    c.text(
        449,
        top + 55,
        " ".join(note.key[at : at + 4] for at in range(0, 44, 4)),
        7.6,
        bold=True,
        align="center",
        tag="key",
    )
    c.rect(339, top + 60, 220, 32)
    c.text(449, top + 73, "Consulta de autenticidade no portal nacional da NF-e", 6.5, align="center")


def _goods(c: Canvas, note: _Note, top: float, titles: tuple[str, ...]) -> float:
    c.text(36, top - 3, "DADOS DOS PRODUTOS / SERVIÇOS", 6.5, bold=True)
    edges, row = (36.0, 80.0, 270.0, 318.0, 350.0, 382.0, 420.0, 488.0, 559.0), 15.0
    c.rect(36, top, 523, row)
    for number, title in enumerate(titles):
        c.text((edges[number] + edges[number + 1]) / 2, top + 10, title, 5.8, align="center")
    for number, item in enumerate(note.items):
        base = top + (number + 1) * row + 10.5
        c.text(edges[0] + 3, base, item.code, 7.5, tag=f"item{number}.code")
        c.text(edges[1] + 3, base, item.description, 7.5, tag=f"item{number}.description")
        c.text(edges[2] + 3, base, "48025610", 7.5)
        c.text(edges[3] + 8, base, "5102", 7.5)
        c.text(edges[4] + 8, base, item.unit, 7.5)
        c.text(edges[6] - 3, base, f"{item.quantity},0000", 7.5, align="right", tag=f"item{number}.quantity")
        c.text(edges[7] - 3, base, money(item.unit_cents), 7.5, align="right", tag=f"item{number}.unit")
        c.text(edges[8] - 3, base, money(item.total_cents), 7.5, align="right", tag=f"item{number}.total")
    bottom = top + (len(note.items) + 1) * row + 6
    for x in edges:
        c.line(x, top, x, bottom, 0.4)
    c.line(36, bottom, 559, bottom)
    return bottom


_TITLES = ("CÓDIGO", "DESCRIÇÃO DO PRODUTO", "NCM/SH", "CFOP", "UN", "QUANT", "VALOR UNIT", "VALOR TOTAL")


def _body(c: Canvas, note: _Note, top: float) -> None:
    _cell(c, 36, top, 303, "NATUREZA DA OPERAÇÃO", note.nature, "nature")
    _cell(c, 339, top, 220, "PROTOCOLO DE AUTORIZAÇÃO DE USO", f"1352{note.key[-11:]} {note.issued:%d/%m/%Y} 10:42:18")
    _cell(c, 36, top + 22, 180, "INSCRIÇÃO ESTADUAL", "244.518.930.112")
    _cell(c, 216, top + 22, 180, "INSCRIÇÃO ESTADUAL DO SUBST. TRIB.")
    _cell(c, 396, top + 22, 163, "CNPJ", note.issuer.tax_id, "issuer_id")
    y = top + 56
    c.text(36, y - 3, "DESTINATÁRIO / REMETENTE", 6.5, bold=True)
    _cell(c, 36, y, 323, "NOME / RAZÃO SOCIAL", note.client.name, "client")
    _cell(c, 359, y, 115, "CNPJ / CPF", note.client.tax_id, "client_id")
    _cell(c, 474, y, 85, "DATA DA EMISSÃO", f"{note.issued:%d/%m/%Y}", "issued")
    _cell(c, 36, y + 22, 250, "ENDEREÇO", note.client.street)
    _cell(c, 286, y + 22, 110, "BAIRRO / DISTRITO", note.client.district)
    _cell(c, 396, y + 22, 78, "CEP", note.client.cep)
    _cell(c, 474, y + 22, 85, "DATA DA SAÍDA", f"{note.issued:%d/%m/%Y}", "issued")
    _cell(c, 36, y + 44, 250, "MUNICÍPIO", note.client.city)
    _cell(c, 286, y + 44, 30, "UF", note.client.state)
    _cell(c, 316, y + 44, 158, "FONE / FAX", note.client.phone)
    _cell(c, 474, y + 44, 85, "HORA DA SAÍDA", "10:42")


def _tax(c: Canvas, note: _Note, y: float) -> None:
    c.text(36, y - 3, "CÁLCULO DO IMPOSTO", 6.5, bold=True)
    icms = note.goods * 18 // 100
    for x, caption, value, tag in (
        (36, "BASE DE CÁLC. DO ICMS", money(note.goods), "goods"), (140, "VALOR DO ICMS", money(icms), ""),
        (244, "BASE CÁLC. ICMS ST", "0,00", ""), (348, "VALOR DO ICMS ST", "0,00", ""),
        (452, "VALOR TOTAL DOS PRODUTOS", money(note.goods), "goods"),
    ):  # fmt: skip
        _cell(c, x, y, 107 if x == 452 else 104, caption, value, tag, right=True)
    for x, caption, value, tag in (
        (36, "VALOR DO FRETE", money(note.freight), ""), (140, "VALOR DO SEGURO", "0,00", ""), (244, "DESCONTO", "0,00", ""),
        (348, "VALOR DO IPI", "0,00", ""), (452, "VALOR TOTAL DA NOTA", money(note.total), "total"),
    ):  # fmt: skip
        _cell(c, x, y + 22, 107 if x == 452 else 104, caption, value, tag, right=True)


def _asks(rng: Random, note: _Note) -> None:
    note.draft.ask(
        rng.choice(("Extraia os dados da NF-e.", "Leia o DANFE e preencha o JSON.", "Quais são os dados desta nota fiscal?")),
        {
            "chave_acesso": "", "numero": "", "serie": "", "data_emissao": "", "valor_total_nota": 0,
            "emitente": {"razao_social": "", "cnpj": ""}, "destinatario": {"razao_social": "", "cnpj": ""},
        },
        {
            "/chave_acesso": "key", "/numero": "number", "/serie": "series", "/data_emissao": "issued", "/valor_total_nota": "total",
            "/emitente/razao_social": "issuer", "/emitente/cnpj": "issuer_id",
            "/destinatario/razao_social": "client", "/destinatario/cnpj": "client_id",
        },
    )  # fmt: skip
    note.draft.ask(
        "Liste os produtos da nota.",
        {"produtos": [{"codigo": "", "descricao": "", "quantidade": 0, "valor_unitario": 0, "valor_total": 0}]},
        {
            f"/produtos/{row}/{key}": f"item{row}.{tag}"
            for row in range(len(note.items))
            for key, tag in (("codigo", "code"), ("descricao", "description"), ("quantidade", "quantity"),
                             ("valor_unitario", "unit"), ("valor_total", "total"))
        },
    )  # fmt: skip
    note.draft.ask(
        "Qual a chave de acesso e a natureza da operação?",
        [{"Chave de acesso": "", "Natureza da operação": ""}],
        {"/0/Chave de acesso": "key", "/0/Natureza da operação": "nature"},
    )


def portrait(rng: Random) -> Draft:
    """A sheet with the receipt strip on top."""
    draft = Draft(Canvas())
    note = _Note(rng, draft)
    c = draft.canvas
    c.rect(36, 24, 440, 34)
    c.text(40, 34, f"RECEBEMOS DE {note.issuer.name.upper()} OS PRODUTOS CONSTANTES DA NOTA AO LADO", 5.5)
    c.text(40, 53, "DATA DO RECEBIMENTO          IDENTIFICAÇÃO E ASSINATURA DO RECEBEDOR", 5.5)
    c.rect(476, 24, 83, 34)
    c.text(517, 36, "NF-e", 9, bold=True, align="center")
    c.text(517, 48, note.written_number, 8, bold=True, align="center", tag="number")
    c.line(36, 64, 559, 64, 0.5, "3 3")
    _head(c, note, 70)
    _body(c, note, 162)
    _tax(c, note, 296)
    bottom = _goods(c, note, 354, _TITLES)
    c.text(36, bottom + 14, "DADOS ADICIONAIS", 6.5, bold=True)
    c.rect(36, bottom + 17, 523, 60)
    c.text(40, bottom + 30, "Documento emitido por ME ou EPP optante pelo Simples Nacional.", 7.5)
    _asks(rng, note)
    return draft


def plain(rng: Random) -> Draft:
    """No strip; goods before taxes; a serif face."""
    draft = Draft(Canvas(font="Times-Roman", bold="Times-Bold"))
    note = _Note(rng, draft)
    c = draft.canvas
    _head(c, note, 36)
    _body(c, note, 128)
    bottom = _goods(c, note, 264, _TITLES)
    _tax(c, note, bottom + 18)
    _asks(rng, note)
    return draft


LAYOUTS = (portrait, plain)
