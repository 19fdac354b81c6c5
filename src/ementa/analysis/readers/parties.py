"""Whose a value is: the section or party heading under which it stands (emitente, destinatário, pagador…)."""

import re
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from ementa.analysis.readers.vocabulary import tidy
from ementa.analysis.validators.folding import fold
from ementa.analysis.view import PageView, Segment
from ementa.extraction.types import Box

_ROLES = """
emitente: emitente; identificacao do emitente; dados do emitente; emissor; emitente da nfs-e
destinatario: destinatario; destinatario / remetente; destinatario/remetente; dados do destinatario;
    destinatario - remetente; identificacao do destinatario; destinatario/emitente
remetente: remetente; dados do remetente
prestador: prestador; prestador de servicos; prestador de servico; prestador do servico; prestador dos servicos;
    dados do prestador; dados do prestador de servicos; identificacao do prestador; emitente da nfs-e; dados do
    prestador do servico; prestadora; dados do prestador de servico
tomador: tomador; tomador de servicos; tomador de servico; tomador do servico; tomador dos servicos; dados do
    tomador; dados do tomador de servicos; identificacao do tomador; dados do tomador do servico; dados do tomador
    de servico
pagador: pagador; dados do pagador; nome do pagador; nome do pagador/cpf/cnpj/endereco; pagador/avalista
sacado: sacado; dados do sacado
beneficiario: beneficiario; dados do beneficiario; nome do beneficiario; favorecido; recebedor; beneficiario final
cedente: cedente; dados do cedente
avalista: sacador/avalista; sacador / avalista; beneficiario final / sacador avalista
contratante: contratante; dados do contratante; dados da contratante
contratada: contratada; contratado; dados da contratada; dados do contratado
locador: locador; locadora; dados do locador
locatario: locatario; locataria; dados do locatario
vendedor: vendedor; vendedora; dados do vendedor; seller; outorgante vendedor
comprador: comprador; compradora; dados do comprador; buyer; outorgado comprador
cliente: cliente; dados do cliente; customer; bill to; billed to; sold to; client; consumidor; customer details;
    dados do consumidor; invoice to; identificacao do cliente; para; faturado para; faturar para; cobrar de;
    vendido para; emitido para; issued to; prepared for; to
entrega: ship to; local de entrega; endereco de entrega; delivery address; shipping address
fornecedor: fornecedor; dados do fornecedor; supplier; vendor; from; dados da empresa; empresa; de;
    emitido por; issued by; vendido por
transportador: transportador; transportadora; transportador / volumes transportados; transportador/volumes
    transportados; dados do transportador; transporte
empregador: empregador; dados do empregador
empregado: empregado; dados do empregado; funcionario; dados do funcionario
paciente: paciente; dados do paciente
segurado: segurado; dados do segurado
devedor: devedor; devedora
credor: credor; credora
-: fatura; fatura / duplicata; fatura/duplicata; duplicatas; faturas; calculo do imposto; dados do produto /
    servico; dados dos produtos / servicos; dados do produto/servico; dados dos produtos/servicos; itens; produtos;
    servicos; calculo do issqn; dados adicionais; informacoes complementares; discriminacao dos servicos; totais;
    valores; descricao dos servicos; discriminacao do servico; items; resumo; pagamento; dados do pagamento; forma
    de pagamento; instrucoes; servicos prestados; objeto; dados da nota; dados do documento; itens da nota; produtos
    e servicos; detalhes do pedido; itens do pedido; impostos; tributos; detalhamento; valores e impostos; payment
    details; testemunhas
"""
HEADINGS: dict[str, str] = {}
for _line in _ROLES.strip().replace("\n    ", " ").split("\n"):
    _role, _, _phrases = _line.partition(": ")
    for _phrase in _phrases.split("; "):
        HEADINGS[_phrase] = _role.strip("-")
"""Roles by heading; empty for headings of sections that belong to no party."""

_ROLE_WORDS = {words: role for words, role in HEADINGS.items() if words.isalpha() and len(words) > 4 and role}
_FILLING = frozenset({
    "dados", "do", "da", "de", "dos", "das", "e", "ou", "identificacao", "informacoes", "servico", "servicos",
    "mercadorias", "final", "nome", "details",
})  # fmt: skip
_MAX_HEADING = 60
_RECEIVERS = frozenset({"destinatario", "tomador", "pagador", "sacado", "cliente", "comprador", "entrega"})
_INLINE = re.compile(r"^([^:\n]{2,60}?)\s?(?::|\s-\s)")
_PROSE = re.compile(
    r"\b(CONTRATANTE|CONTRATAD[AO]|LOCADORA?|LOCAT[AÁ]RI[AO]|VENDEDORA?|COMPRADORA?|OUTORGANTE|OUTORGAD[AO]|CREDORA?|"
    r"DEVEDORA?|PRESTADORA?|TOMADORA?|CEDENTE|FORNECEDORA?|CLIENTE|EMPREGADORA?|EMPREGAD[OA])\b",
    re.IGNORECASE,
)
_NAMING = re.compile(r"(?:denominad|designad|chamad|doravante|simplesmente)[^.;:]{0,40}$", re.IGNORECASE)
_PROSE_REACH = 700


class _Heading(msgspec.Struct, frozen=True):
    box: Box
    role: str


class Parties:
    """The parties of one page. Tables of records, whose tops `breaks` are, end what stands above them."""

    def __init__(self, view: PageView, breaks: Sequence[Box] = ()) -> None:
        headings = [h for s in view.segments if (h := _heading(s))]
        self._bands = _bands([*headings, *(_Heading(box, "") for box in breaks)])
        first = next((band[0] for band in self._bands if band[0].role), None)
        # What stands above the first party's heading is the letterhead, when that party is the one who receives.
        self._letterhead_ends = first.box[1] if first and first.role in _RECEIVERS else -1.0
        self._tops = [min(h.box[1] for h in band) for band in self._bands]
        self._opens, self._closes = _prose_marks(view.text)

    def of(self, start: int, box: Box) -> str:
        """The role under which a value stands, empty for none."""
        role = self._in_prose(start) or self._by_heading(box)
        return role or ("emitente" if (box[1] + box[3]) / 2 < self._letterhead_ends else "")

    def _by_heading(self, box: Box) -> str:
        middle = (box[1] + box[3]) / 2
        at = bisect_right(self._tops, middle)
        for band in reversed(self._bands[max(at - 12, 0) : at]):
            before = [h for h in band if h.box[0] <= box[0] + 6.0]
            if before:
                return max(before, key=lambda h: h.box[0]).role
            if len(band) == 1 and band[0].box[0] > box[2]:
                continue
            return band[0].role
        return ""

    def _in_prose(self, start: int) -> str:
        at = bisect_right(self._closes[0], start)
        if at < len(self._closes[0]) and self._closes[0][at] - start < _PROSE_REACH:
            opened = bisect_right(self._opens[0], start)
            crossed = opened < len(self._opens[0]) and self._opens[0][opened] < self._closes[0][at]
            if not crossed:
                return self._closes[1][at]
        opened = bisect_right(self._opens[0], start) - 1
        if opened >= 0 and start - self._opens[0][opened] < _PROSE_REACH:
            return self._opens[1][opened]
        return ""


def _heading(segment: Segment) -> _Heading | None:
    words = tidy(segment.text)
    role = _role_of(words)
    if role is None:
        inline = _INLINE.match(segment.text[:80])
        role = HEADINGS.get(tidy(inline[1])) if inline else None
    return None if role is None else _Heading(segment.box, role)


def _role_of(words: str) -> str | None:
    """The role of a heading: one of the known, or any that is made of roles and filling words ("destinatário /
    tomador", "dados da compradora"); empty for other sections ("dados para pagamento"), None for no heading."""
    if words in HEADINGS:
        return HEADINGS[words]
    parts = re.findall(r"[a-z]+", words) if len(words) <= _MAX_HEADING else []
    roles = [_ROLE_WORDS[part] for part in parts if part in _ROLE_WORDS]
    if roles and all(part in _ROLE_WORDS or part in _FILLING for part in parts):
        return roles[0]
    return "" if parts[:1] == ["dados"] and not any(c.isdigit() or c == ":" for c in words) else None


def _bands(headings: list[_Heading]) -> list[list[_Heading]]:
    """Headings grouped by the row on which they stand, from the top."""
    bands: list[list[_Heading]] = []
    for heading in sorted(headings, key=lambda h: h.box[1]):
        if bands and heading.box[1] < bands[-1][0].box[3] - 1.0:
            bands[-1].append(heading)
        else:
            bands.append([heading])
    return bands


_Marks = tuple[list[int], list[str]]


def _prose_marks(text: str) -> tuple[_Marks, _Marks]:
    """Where prose opens a party ("CONTRATANTE: Fulano…"), and where it names the last ("…, doravante CONTRATANTE")."""
    opens: _Marks = ([], [])
    closes: _Marks = ([], [])
    for match in _PROSE.finditer(text):
        role = HEADINGS.get(fold(match[1]), fold(match[1]))
        if text[match.end() : match.end() + 2].strip()[:1] == ":":
            marks = opens
        elif _NAMING.search(text, max(match.start() - 60, 0), match.start()):
            marks = closes
        else:
            continue
        marks[0].append(match.start())
        marks[1].append(role)
    return opens, closes
