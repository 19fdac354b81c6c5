"""What kind of value a field of the asked form wants, by the name of its key and by its example."""

import re
from typing import Any

from ementa.analysis.recognition import recognise
from ementa.analysis.types import Kind
from ementa.analysis.validators.folding import fold

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANSWER = _words(
    """
    resumo sumario summary sintese objeto object conclusao analise parecer explicacao explanation justificativa
    finalidade purpose resposta answer clausulas obrigacoes riscos abstract overview
    """
)
_PERCENT = _words("aliquota percentual porcentagem percent percentage pct perc rate")
_MONEY_FIRST = _words("valor valores value vlr vl preco price amount custo cost base")
_DATE = _words(
    """
    data date dt vencimento emissao nascimento validade due birth birthday vence expiry expiration
    """
)
_MONEY = _words(
    """
    total subtotal desconto discount juros interest multa fine frete shipping freight imposto tax taxes tributo
    tributos icms iss issqn ipi cofins csll irrf ir inss salario salary wage saldo balance tarifa fee liquido
    net bruto gross mora acrescimo acrescimos deducao deducoes troco change pagar pago cobrado despesa despesas
    seguro gorjeta taxa receita fatura montante quantia entrada sinal aluguel
    """
)
_NUMBER = _words(
    """
    quantidade qtd qtde quant quantity qty peso weight area volume volumes km quilometragem consumo medida
    altura largura comprimento
    """
)
_INTEGER = _words(
    """
    parcelas installments paginas pages idade age dias days meses months anos years count
    """
)
_CODE = _words(
    """
    numero num nro nr no number codigo cod code serie series id identificador protocolo protocol inscricao ie im
    ncm cfop cst csosn sku referencia ref agencia conta account branch pedido order matricula registro rg nota
    nf nfe nfse invoice chassi processo apolice lote doc documento document ean gtin cbo cnae carteira docto
    matr oab crm crea
    """
)
_ADDRESS = _words("endereco address logradouro rua avenida street")
_NAME = _words(
    """
    nome name razao social cliente customer client fornecedor supplier vendor emitente issuer emissor
    destinatario recipient remetente sender beneficiario payee pagador payer tomador prestador contratante
    contratada contratado sacado cedente locador locatario vendedor seller comprador buyer empresa company banco
    bank responsavel transportadora transportador fantasia mae pai mother father filiacao cidade city municipio
    bairro district cargo funcionario empregado empregador employee employer paciente patient medico aluno
    titular sacador avalista consumidor segurado seguradora outorgante outorgado autor reu devedor credor fiador
    testemunha signatario loja estabelecimento store merchant pais country nacionalidade
    """
)
_BOOLEAN_STARTS = _words("is has tem possui optante ativo assinado signed")

_SINGLE: tuple[tuple[frozenset[str], Kind], ...] = (
    (_PERCENT, Kind.PERCENT),
    (_MONEY_FIRST, Kind.MONEY),
    (frozenset({"linha", "boleto", "barras", "barcode", "digitavel"}), Kind.BOLETO),
    (frozenset({"pix", "qrcode", "brcode"}), Kind.PIX),
    (frozenset({"cnpj"}), Kind.CNPJ),
    (frozenset({"cpf"}), Kind.CPF),
    (frozenset({"email", "mail", "emails"}), Kind.EMAIL),
    (
        _words(
            """
    telefone fone celular phone mobile whatsapp tel fax telefones cellphone telephone
    """
        ),
        Kind.PHONE,
    ),
    (frozenset({"cep", "zip", "zipcode", "postal", "postcode"}), Kind.CEP),
    (frozenset({"placa", "plate"}), Kind.PLATE),
    (frozenset({"pasep", "nit", "nis", "pis"}), Kind.PIS),
    (frozenset({"cnh", "habilitacao"}), Kind.CNH),
    (frozenset({"renavam"}), Kind.RENAVAM),
    (frozenset({"eleitor", "voter"}), Kind.VOTER_ID),
    (_ANSWER, Kind.ANSWER),
    (frozenset({"uf", "estado", "state"}), Kind.STATE),
    (_DATE, Kind.DATE),
    (_INTEGER, Kind.INTEGER),
    (_NUMBER, Kind.NUMBER),
    (frozenset({"total", "subtotal", "soma", "somatorio"}), Kind.MONEY),
    (_ADDRESS, Kind.ADDRESS),
    (_CODE, Kind.CODE),
    (_MONEY, Kind.MONEY),
    (_NAME, Kind.NAME),
)
_PHRASES: tuple[tuple[frozenset[str], Kind], ...] = (
    (frozenset({"chave", "pix"}), Kind.PIX),
    (frozenset({"copia", "cola"}), Kind.PIX),
    (frozenset({"qr", "code"}), Kind.PIX),
    (frozenset({"chave"}), Kind.ACCESS_KEY),
    (frozenset({"access", "key"}), Kind.ACCESS_KEY),
    (frozenset({"cpf", "cnpj"}), Kind.CPF_OR_CNPJ),
    (frozenset({"tax", "id"}), Kind.CPF_OR_CNPJ),
    (frozenset({"estado", "civil"}), Kind.TEXT),
    (frozenset({"nosso", "numero"}), Kind.CODE),
    (frozenset({"peso", "bruto"}), Kind.NUMBER),
    (frozenset({"peso", "liquido"}), Kind.NUMBER),
    (frozenset({"unidade"}), Kind.TEXT),
    (frozenset({"forma", "pagamento"}), Kind.TEXT),
    (frozenset({"condicao", "pagamento"}), Kind.TEXT),
    (frozenset({"natureza"}), Kind.TEXT),
)
_SOFT = frozenset({Kind.NAME, Kind.TEXT, Kind.CODE, Kind.NUMBER, Kind.ADDRESS, Kind.MONEY, Kind.INTEGER, Kind.DATE})
_SHAPES: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"[0-9A-Zx]{2}\.[0-9A-Zx]{3}\.[0-9A-Zx]{3}/[0-9A-Zx]{4}-[0-9x]{2}", Kind.CNPJ),
        (r"[0-9Xx]{3}\.[0-9Xx]{3}\.[0-9Xx]{3}-[0-9Xx]{2}", Kind.CPF),
        (r"\d{2}[/.\-]\d{2}[/.\-]\d{4}|\d{4}-\d{2}-\d{2}(?:T.{1,30})?", Kind.DATE),
        (r"(?i:dd[/.\-]mm[/.\-](?:aaaa|yyyy)|(?:aaaa|yyyy)-mm-dd)", Kind.DATE),
        (r"(?:R\$|US\$|\$|€)\s?-?[\d.,Xx]{1,20}", Kind.MONEY),
        (r"\d{1,3}(?:\.\d{3}){0,5},\d{2}", Kind.MONEY),
        (r"[\d.,]{1,12}\s?%", Kind.PERCENT),
        (r"[^@\s]{1,64}@[^@\s]{1,190}\.[a-z]{2,10}", Kind.EMAIL),
        (r"\(?\d{2}\)\s?\d{4,5}-?\d{4}|\+55[\d\s()\-]{10,18}", Kind.PHONE),
        (r"\d{5}-\d{3}", Kind.CEP),
        (r"\d{44}|(?:\d{4} ){10}\d{4}", Kind.ACCESS_KEY),
        (r"\d{5}\.?\d{5} \d{5}\.?\d{6} \d{5}\.?\d{6} \d \d{14}|\d{47,48}", Kind.BOLETO),
        (r"\d{14}", Kind.CNPJ),
        (r"[A-Z]{3}-\d{4}|[A-Z]{3}\d[A-Z]\d{2}", Kind.PLATE),
    )
)
_STRICT = (Kind.CNPJ, Kind.CPF, Kind.ACCESS_KEY, Kind.BOLETO, Kind.EMAIL, Kind.CEP)
_TYPE_NAMES = {
    "number": Kind.NUMBER, "numero": Kind.NUMBER, "float": Kind.NUMBER, "decimal": Kind.NUMBER, "double": Kind.NUMBER,
    "integer": Kind.INTEGER, "int": Kind.INTEGER, "inteiro": Kind.INTEGER, "date": Kind.DATE, "data": Kind.DATE,
    "boolean": Kind.BOOLEAN, "bool": Kind.BOOLEAN, "booleano": Kind.BOOLEAN,
}  # fmt: skip


def key_words(key: str) -> list[str]:
    """The words of a key, folded: `dataEmissão`, `data_emissao` and "Data de emissão" give data, emissao."""
    spaced = _CAMEL.sub(" ", key[:200])
    words = re.findall(r"[a-z0-9%]+", fold(spaced))
    return [w for w in words if w not in ("de", "da", "do", "das", "dos", "of", "the", "e", "and", "em", "para")]


def infer_kind(key: str, example: Any = None) -> Kind:
    """The kind that a key wants. The key's name decides; an example that plainly is something else (a CNPJ under
    `cliente`, a word under `valor`, a boolean anywhere) overrules a vague name, and decides when
    the name says nothing."""
    if isinstance(example, bool):
        return Kind.BOOLEAN
    named = _named_kind(key)
    if isinstance(example, (int, float)):
        return named if named not in (None, Kind.TEXT, Kind.NAME, Kind.ANSWER) else _numeric(example)
    shown = _shown_kind(example) if isinstance(example, str) else None
    if named is None:
        return shown or Kind.TEXT
    if shown is None:
        return named
    if named in _SOFT and (shown in _STRICT or shown in (Kind.DATE, Kind.MONEY, Kind.PERCENT)):
        return shown
    if shown is Kind.NAME and named in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.CODE, Kind.DATE):
        return Kind.TEXT
    return named


def _numeric(example: float) -> Kind:
    return Kind.INTEGER if isinstance(example, int) else Kind.NUMBER


def _named_kind(key: str) -> Kind | None:
    words = key_words(key)
    found = set(words)
    if "?" in key or len(words) > 7:
        return Kind.ANSWER
    if key.rstrip().endswith("%") or "%" in found:
        return Kind.PERCENT
    if words and words[0] in _BOOLEAN_STARTS:
        return Kind.BOOLEAN
    if {"mail", "e"} <= found or "email" in found:
        return Kind.EMAIL
    for phrase, kind in _PHRASES:
        if phrase <= found:
            return kind
    for names, kind in _SINGLE:
        if names & found:
            return kind
    return None


def _shown_kind(example: str) -> Kind | None:
    text = " ".join(example[:400].split())
    if not text or text.lower() in ("string", "str", "texto", "text", "..."):
        return None
    if text.lower() in _TYPE_NAMES:
        return _TYPE_NAMES[text.lower()]
    return _shaped_kind(text) or _free_kind(text)


def _shaped_kind(text: str) -> Kind | None:
    for pattern, kind in _SHAPES:
        if pattern.fullmatch(text):
            return kind
    for kind in (*_STRICT, Kind.PIX, Kind.PHONE, Kind.DATE):
        if recognise(kind, text):
            return kind
    return None


def _free_kind(text: str) -> Kind | None:
    if fold(text) in ("sim", "nao", "true", "false"):
        return Kind.BOOLEAN
    if re.fullmatch(r"-?\d{1,3}(?:\.\d{3})*,\d{1,4}|-?\d{1,12}\.\d{1,4}", text):
        return Kind.NUMBER
    if not any(c.isdigit() for c in text) and len(text) > 2:
        return Kind.NAME
    return None
