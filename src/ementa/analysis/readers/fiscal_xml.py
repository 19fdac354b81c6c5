"""Reads NF-e, NFC-e, CT-e and NFS-e files by their structure: exact values, proven on the page that shows the file.

Tags as in the Manual de Orientação do Contribuinte (NF-e 4.00), the MOC of CT-e 4.00, and ABRASF 2.04 (NFS-e). Numbers
in XML have a decimal dot, so they are read here and not by the readers of printed numbers.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

from ementa.analysis.recognition import recognise
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.access_key import parse_access_key
from ementa.analysis.view import DocumentView
from ementa.extraction.archives import parse_xml

_FISCAL = re.compile(r"<(?:\w+:)?(?:infNFe|infCte|infCTe|infMDFe|InfNfse|CompNfse|infNFSe)\b")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_REACH = 4000

_PARTIES = {
    "emit": "emitente", "dest": "destinatario", "transporta": "transportador", "rem": "remetente",
    "exped": "expedidor", "receb": "recebedor", "toma": "tomador", "toma3": "tomador", "toma4": "tomador",
    "entrega": "entrega", "retirada": "retirada", "prestadorservico": "prestador", "prestador": "prestador",
    "tomadorservico": "tomador", "tomador": "tomador", "prest": "prestador", "tomadoroservico": "tomador",
}  # fmt: skip
_ROWS = frozenset({"det", "dup", "detpag"})
_LABELS = {
    "cnpj": "CNPJ", "cpf": "CPF", "xnome": "Nome / Razão social", "xfant": "Nome fantasia",
    "ie": "Inscrição estadual", "im": "Inscrição municipal", "xlgr": "Logradouro", "nro": "Número do endereço",
    "xcpl": "Complemento", "xbairro": "Bairro", "xmun": "Município", "uf": "UF", "cep": "CEP", "fone": "Telefone",
    "email": "E-mail", "nnf": "Número da nota", "nct": "Número do CT-e", "serie": "Série", "mod": "Modelo",
    "natop": "Natureza da operação", "dhemi": "Data de emissão", "demi": "Data de emissão",
    "dhsaient": "Data de saída", "dsaient": "Data de saída", "dvenc": "Vencimento", "vnf": "Valor total da nota",
    "vprod": "Valor dos produtos", "vdesc": "Desconto", "vfrete": "Valor do frete", "vseg": "Valor do seguro",
    "voutro": "Outras despesas", "vicms": "Valor do ICMS", "vbc": "Base de cálculo do ICMS", "vipi": "Valor do IPI",
    "vpis": "Valor do PIS", "vcofins": "Valor da COFINS", "vst": "Valor do ICMS ST",
    "vtottrib": "Valor aproximado dos tributos", "cprod": "Código do produto", "xprod": "Descrição do produto",
    "ncm": "NCM", "cfop": "CFOP", "ucom": "Unidade", "qcom": "Quantidade", "vuncom": "Valor unitário",
    "ceanprod": "EAN", "cean": "EAN", "picms": "Alíquota do ICMS", "pipi": "Alíquota do IPI",
    "ppis": "Alíquota do PIS", "pcofins": "Alíquota da COFINS", "nprot": "Protocolo de autorização",
    "chnfe": "Chave de acesso", "chcte": "Chave de acesso", "placa": "Placa", "pesob": "Peso bruto",
    "pesol": "Peso líquido", "qvol": "Volumes", "nfat": "Número da fatura", "ndup": "Duplicata",
    "vdup": "Valor da duplicata", "vorig": "Valor original", "vliq": "Valor líquido", "vpag": "Valor pago",
    "vtroco": "Troco", "infcpl": "Informações complementares", "vtprest": "Valor total do serviço",
    "vrec": "Valor a receber", "numero": "Número", "codigoverificacao": "Código de verificação",
    "dataemissao": "Data de emissão", "competencia": "Competência", "valorservicos": "Valor dos serviços",
    "valorliquidonfse": "Valor líquido da NFS-e", "valoriss": "Valor do ISS", "aliquota": "Alíquota",
    "razaosocial": "Razão social", "nomefantasia": "Nome fantasia", "discriminacao": "Discriminação dos serviços",
    "endereco": "Endereço", "bairro": "Bairro", "telefone": "Telefone", "inscricaomunicipal": "Inscrição municipal",
    "basecalculo": "Base de cálculo",
}  # fmt: skip
_MONEY = re.compile(r"v[A-Z]|[Vv]alor|BaseCalculo")
_PERCENT = re.compile(r"p[A-Z]|Aliquota")
_QUANTITY = re.compile(r"q[A-Z]|peso[BL]|nItem")
_DATE = re.compile(r"d[A-Z]|dh[A-Z]|[Dd]ata|Competencia")
_CODES = re.compile(r"n[A-Z]|c[A-Z]|NCM|CFOP|IE|IM|serie|mod|cEAN|nro|Numero|Codigo|Inscricao")


def is_fiscal(data: str) -> bool:
    """Whether the source is a fiscal document that this reader knows."""
    return bool(_FISCAL.search(data[:20000]))


def read_fiscal_xml(document: DocumentView, kinds: frozenset[Kind]) -> list[Candidate]:
    """Every value of the file, in its order, as each of the asked kinds that its tag allows."""
    root = parse_xml(_DECLARATION.sub("", document.extraction.data).encode())
    pointer = _Pointer(document)
    found: list[Candidate] = []
    for tag, text, party, row in _leaves(root):
        place = pointer.find(tag, text)
        if place is None:
            continue
        view, start, end = place
        for kind, value in _readings(tag, text, kinds):
            evidence = view.evidence(start, end)
            found.append(
                Candidate(
                    kind=kind,
                    value=value,
                    evidence=evidence,
                    how=How.EXACT if str(value) == evidence.text else How.NORMALISED,
                    checks=("xml",),
                    label=_LABELS.get(tag.lower(), tag),
                    label_score=0.97,
                    reader="fiscal_xml",
                    row=row,
                    party="" if row else party,
                )
            )
    return found


def _leaves(root: Any) -> Iterator[tuple[str, str, str, str]]:
    """Tag, text, party and row of every element with text and of the key attribute, in the file's order."""
    steps: list[tuple[Any, str, str]] = [(root, "", "")]
    count = 0
    while steps:
        element, party, row = steps.pop()
        if not isinstance(element.tag, str):
            continue
        tag = element.tag.rpartition("}")[2]
        party = _PARTIES.get(tag.lower(), party)
        if tag.lower() in _ROWS:
            count += 1
            row = f"x-{tag}{count}"
        text = " ".join(str(element.text or "").split())
        if text and not len(element):
            yield tag, text, party, row
        for name, value in element.attrib.items():
            if name == "Id":
                yield "Id", " ".join(str(value).split()), "", ""
        steps.extend((inner, party, row) for inner in reversed(element))


def _readings(tag: str, text: str, kinds: frozenset[Kind]) -> Iterator[tuple[Kind, Any]]:
    key = parse_access_key(text) if tag in ("Id", "chNFe", "chCTe", "chMDFe") else None
    if key is not None:
        if Kind.ACCESS_KEY in kinds:
            yield Kind.ACCESS_KEY, key.key
        return
    for kind in sorted(kinds & _kinds_of(tag)):
        value = _value(kind, text)
        if value is not None:
            yield kind, value


_TAGGED: tuple[tuple[re.Pattern[str], frozenset[Kind]], ...] = (
    (re.compile(r"CNPJ|Cnpj", re.ASCII), frozenset({Kind.CNPJ})),
    (re.compile(r"CPF|Cpf", re.ASCII), frozenset({Kind.CPF})),
    (re.compile(r"UF|Uf"), frozenset({Kind.STATE})),
    (re.compile(r"CEP|Cep"), frozenset({Kind.CEP})),
    (re.compile(r"fone|Telefone"), frozenset({Kind.PHONE})),
    (re.compile(r"email|Email"), frozenset({Kind.EMAIL})),
    (re.compile(r"placa"), frozenset({Kind.PLATE})),
    (re.compile(r"xLgr|Endereco"), frozenset({Kind.ADDRESS})),
    (re.compile(r"x[A-Z]\w*|natOp|RazaoSocial|NomeFantasia|Bairro"), frozenset({Kind.NAME})),
    (_DATE, frozenset({Kind.DATE})),
    (_MONEY, frozenset({Kind.MONEY, Kind.NUMBER})),
    (_PERCENT, frozenset({Kind.PERCENT, Kind.NUMBER})),
    (_QUANTITY, frozenset({Kind.NUMBER, Kind.INTEGER})),
    (_CODES, frozenset({Kind.CODE, Kind.INTEGER})),
)


def _kinds_of(tag: str) -> frozenset[Kind]:
    for pattern, kinds in _TAGGED:
        if pattern.match(tag):
            return kinds | {Kind.TEXT}
    return frozenset({Kind.TEXT})


def _value(kind: Kind, text: str) -> Any:
    if kind in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.INTEGER):
        if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,10})?", text, re.ASCII):
            return None
        number = float(text)
        if kind is Kind.INTEGER:
            return int(number) if number == int(number) else None
        return int(text) if kind is Kind.NUMBER and "." not in text else number
    if kind is Kind.DATE:
        try:
            return dt.date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            return None
    parsed = recognise(kind, text)
    return parsed.value if parsed else None


class _Pointer:
    """Walks the pages beside the file: elements stand there in the same order."""

    def __init__(self, document: DocumentView) -> None:
        self._views = document.pages
        self._page = 0
        self._at = 0

    def find(self, tag: str, text: str) -> tuple[Any, int, int] | None:
        """Where the page shows `tag: text`, from the last place found on; the characters of the text."""
        pattern = re.compile(rf"(?:^|(?<=\s)){re.escape(tag)}:\s+({_flexible(text)})(?!\S)")
        for page in range(self._page, min(self._page + 2, len(self._views))):
            view = self._views[page]
            at = self._at if page == self._page else 0
            match = pattern.search(view.text, at, at + _REACH + len(text))
            if match:
                self._page, self._at = page, match.end()
                return view, *match.span(1)
        return None


def _flexible(text: str) -> str:
    return r"\s+".join(re.escape(word) for word in text.split()[:400])
