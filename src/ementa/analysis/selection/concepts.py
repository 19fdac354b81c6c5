"""Words of labels, keys and prompts reduced to what they mean, so that `data_vencimento`, "Vence em" and "due date"
meet.

A *concept* is one word that stands for its synonyms in Portuguese and English. A *role* is the part that a person or
company plays in a document; roles lie on two sides (who issues, who receives), because documents call them differently.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from ementa.analysis.kinds import key_words
from ementa.analysis.readers.vocabulary import match_label
from ementa.analysis.types import Kind
from ementa.analysis.validators.folding import fold

_ISSUER = """
emitente emissor emissora issuer emitiu emite emitir emitida prestador prestadora fornecedor fornecedora supplier
vendor beneficiario payee favorecido cedente vendedor vendedora seller vendeu vende contratada contratado locador
locadora credor credora creditor estabelecimento loja store merchant shop mercado cobra cobrou empresa company
provider outorgante lessor restaurante recebedor recebedora
"""
_RECEIVER = """
destinatario destinataria recipient tomador tomadora cliente client customer buyer comprador compradora
comprou compra pagador payer paga sacado contratante locatario locataria inquilino devedor devedora debtor
consumidor consumidora bill billed sold outorgado lessee tenant hirer adquirente
"""
_OTHER = """
transportador transportadora carrier avalista testemunha witness empregador employer empregado empregada employee
funcionario paciente patient medico doctor representante segurado seguradora aluno fiador remetente sender
signatario banco bank entrega ship mae mother pai father responsavel tabeliao advogado
"""
SIDES: dict[str, str] = {}
for _side, _names in (("issuer", _ISSUER), ("receiver", _RECEIVER), ("", _OTHER)):
    for _name in _names.split():
        SIDES[_name] = _side or _name
_WITHIN = frozenset(
    {"representante", "signatario", "responsavel", "testemunha", "fiador", "socio", "advogado", "banco", "medico"}
)
"""Roles of people who act for a party or beside it: what stands under the party's heading may well be theirs."""
_ROLE_OF = {
    "issuer": "emitente", "emissor": "emitente", "emissora": "emitente", "emitiu": "emitente", "emite": "emitente",
    "emitir": "emitente", "emitida": "emitente", "supplier": "fornecedor", "vendor": "fornecedor",
    "fornecedora": "fornecedor",
    "payee": "beneficiario", "favorecido": "beneficiario", "cobra": "beneficiario", "cobrou": "beneficiario",
    "seller": "vendedor",
    "vendedora": "vendedor", "vendeu": "vendedor", "vende": "vendedor", "contratado": "contratada",
    "prestadora": "prestador",
    "locadora": "locador", "recipient": "destinatario", "destinataria": "destinatario", "client": "cliente",
    "customer": "cliente", "buyer": "comprador", "compradora": "comprador", "comprou": "comprador", "payer": "pagador",
    "paga": "pagador", "locataria": "locatario", "tomadora": "tomador", "carrier": "transportador",
    "transportadora": "transportador", "employer": "empregador", "employee": "empregado", "empregada": "empregado",
    "patient": "paciente", "witness": "testemunha", "sender": "remetente", "mother": "mae", "father": "pai",
    "bank": "banco",
    "ship": "entrega", "bill": "cliente", "billed": "cliente", "sold": "cliente", "store": "loja", "merchant": "loja",
}  # fmt: skip

_SYNONYMS = """
emissao: emitido emitida emitidos issue issued invoicedate issuance
vencimento: venc vence vencem vencer due payable expira
nascimento: nasc birth born
validade: valido valida expiry expiration vigente
saida: entrada
assinatura: assinado assinada signed signature celebrado firmado
pagamento: payment pagto
vigencia: prazo duracao term duration
valor: vlr vl amount value preco price quantia importancia montante custo
total: geral grand global cobrado liquido pagar pago devido amountdue totais
unitario: unit unit. unitaria vlunit
quantidade: qtd qtde quant qt quantity qty
descricao: description discriminacao produto produtos product servico servicos service historico mercadoria denominacao
numero: num nro nr no n number nº #
codigo: cod code sku
nota: nf nfe nfs nfse nfce fatura invoice danfe
documento: doc document titulo duplicata
serie: series
protocolo: protocol autorizacao
desconto: descontos abatimento discount
juros: mora interest
multa: fine penalty
frete: freight shipping
imposto: impostos tax taxes tributo tributos
produtos: mercadorias goods
nome: name razao social fantasia denominacao empresarial
endereco: address logradouro rua street avenida
bairro: district
municipio: cidade city
estado: uf state
telefone: fone tel phone celular telephone mobile
email: mail e-mail
natureza: nature
operacao: operation
pedido: order
contrato: contract
meses: mes months month
dias: dia days day
salario: salary wage
periodo: period competencia referencia
parcela: parcelas installment installments
ncm: sh
aliquota: aliq rate
unidade: un und unid
forma: metodo method meio
condicao: condicoes terms
inscricao: insc inscr
hora: time horario
objeto: object finalidade
chave: key
acesso: access
linha: line
digitavel: typeable
barras: barcode
agencia: branch
conta: account
caixa: cashier
troco: change
subtotal: sub
"""
_CONCEPT: dict[str, str] = {}
for _line in _SYNONYMS.strip().splitlines():
    _head, _, _rest = _line.partition(":")
    _CONCEPT[_head] = _head
    for _word in _rest.split():
        _CONCEPT.setdefault(_word, _head)
_CONCEPT["produtos"] = "produtos"
_CONCEPT["servicos"] = "servicos"
_PHRASES: tuple[tuple[str, str], ...] = (
    ("valor do documento", "total"), ("valor documento", "total"), ("valor a pagar", "total"), ("a pagar", "total"),
    ("valor do contrato", "total"), ("preco global", "total"), ("amount due", "total"), ("balance due", "total"),
    ("total due", "total"), ("valor da nota", "total"), ("valor da fatura", "total"), ("valor liquido", "liquido"),
    ("sub total", "subtotal"), ("sub-total", "subtotal"), ("razao social", "nome"), ("nome fantasia", "fantasia"),
    ("data do documento", "emissao"), ("nosso numero", "nosso"), ("nosso no", "nosso"), ("due date", "vencimento"),
    ("ordem de compra", "pedido"), ("valor por extenso", "total"), ("payment due", "vencimento"),
    ("pagar ate", "vencimento"), ("pague ate", "vencimento"), ("pagavel ate", "vencimento"),
    ("pagamento ate", "vencimento"),
    ("pay by", "vencimento"), ("payable by", "vencimento"), ("valido ate", "validade"), ("valida ate", "validade"),
)  # fmt: skip
_STOP = frozenset(
    [
        "de",
        "da",
        "do",
        "das",
        "dos",
        "a",
        "o",
        "as",
        "os",
        "e",
        "em",
        "na",
        "no",
        "nas",
        "nos",
        "para",
        "por",
        "com",
        "ou",
        "um",
        "uma",
        "the",
        "of",
        "and",
        "in",
        "on",
        "to",
        "for",
        "r$",
        "rs",
        "us$",
        "$",
        "que",
        "qual",
        "quais",
        "seu",
        "sua",
        "deste",
        "desta",
        "desse",
        "dessa",
        "este",
        "esta",
        "aos",
        "ao",
    ]
)
_LIGHT = {
    "nota": 0.25, "documento": 0.4, "fiscal": 0.1, "valor": 0.5, "numero": 0.5, "data": 0.5, "nome": 0.5, "codigo": 0.7,
    "item": 0.3, "itens": 0.3, "eletronica": 0.1, "contrato": 0.5, "completo": 0.1, "federal": 0.1, "mf": 0.1,
    "brl": 0.1,
    "hora": 0.2, "identificacao": 0.1, "dados": 0.1, "moeda": 0.3, "reais": 0.1, "recibo": 0.3, "cupom": 0.3,
    "sat": 0.2,
    "pedido": 0.8, "meses": 0.3, "dias": 0.3, "anos": 0.3,
}  # fmt: skip
IMPLIED: dict[Kind, frozenset[str]] = {
    Kind.CNPJ: frozenset({"cnpj", "cpf", "numero", "inscricao"}),
    Kind.CPF: frozenset({"cpf", "cnpj", "numero"}),
    Kind.CPF_OR_CNPJ: frozenset({"cnpj", "cpf", "documento", "tax", "id", "numero", "imposto"}),
    Kind.DATE: frozenset({"data", "date", "dt", "hora"}),
    Kind.MONEY: frozenset({"valor"}),
    Kind.CODE: frozenset({"numero"}),
    Kind.NAME: frozenset({"nome"}),
    Kind.ADDRESS: frozenset({"endereco", "completo"}),
    Kind.EMAIL: frozenset({"email", "mail", "contato", "e"}),
    Kind.PHONE: frozenset({"telefone", "fax", "whatsapp", "contato", "numero"}),
    Kind.CEP: frozenset({"cep", "zip", "postal", "codigo"}),
    Kind.ACCESS_KEY: frozenset({"chave", "acesso", "nota", "numero", "nfe"}),
    Kind.BOLETO: frozenset({"linha", "digitavel", "codigo", "barras", "boleto", "numero"}),
    Kind.PIX: frozenset({"pix", "chave", "copia", "cola", "codigo", "qr"}),
    Kind.PLATE: frozenset({"placa", "plate", "veiculo"}),
    Kind.PIS: frozenset({"pis", "pasep", "nit", "nis", "numero"}),
    Kind.CNH: frozenset({"cnh", "habilitacao", "registro", "numero"}),
    Kind.RENAVAM: frozenset({"renavam", "codigo", "numero"}),
    Kind.VOTER_ID: frozenset({"titulo", "documento", "eleitor", "eleitoral", "numero", "voter", "id"}),
    Kind.STATE: frozenset({"estado"}),
    Kind.NUMBER: frozenset(),
    Kind.INTEGER: frozenset(),
    Kind.PERCENT: frozenset({"percentual", "porcentagem", "percent", "%"}),
}
"""Concepts that a kind says by itself: "CNPJ" adds nothing to a value that is known to be one."""

SELF_EVIDENT = frozenset({
    Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ, Kind.ACCESS_KEY, Kind.BOLETO, Kind.PIX, Kind.EMAIL, Kind.PHONE, Kind.CEP,
    Kind.PLATE, Kind.PIS, Kind.CNH, Kind.RENAVAM, Kind.VOTER_ID,
})  # fmt: skip
"""Kinds whose form says what they are even without a label."""
OF_PARTIES = frozenset({
    Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ, Kind.EMAIL, Kind.PHONE, Kind.CEP, Kind.NAME, Kind.ADDRESS, Kind.STATE,
    Kind.CODE, Kind.TEXT, Kind.PIX, Kind.PIS, Kind.CNH,
})  # fmt: skip
"""Kinds of which each party of a document has its own."""


@lru_cache(maxsize=16384)
def concepts_of(text: str) -> frozenset[str]:
    """The concepts of a label or a key, without roles and stop words."""
    return frozenset(word for word in _reduced(text) if word not in SIDES)


@lru_cache(maxsize=16384)
def roles_of(text: str) -> tuple[str, ...]:
    """The roles that a text names, in its order."""
    found = [_ROLE_OF.get(word, word) for word in _words(text) if word in SIDES]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=16384)
def label_phrase(label: str) -> str:
    """A label as the vocabulary writes it, when OCR bent it a little."""
    match = match_label(label)
    return match.phrase if match and match.score < 1.0 else label


def same_party(wanted: str, found: str) -> float:
    """How well a value of role `found` is of role `wanted`: 1 the same, 0.8 the same side, 0 unknown, -1 somebody
    else."""
    if not wanted or not found:
        return 0.0
    if wanted == found:
        return 1.0
    if wanted in _WITHIN or found in _WITHIN:
        return 0.0
    return 0.8 if SIDES.get(wanted, wanted) == SIDES.get(found, found) else -1.0


def weight(concepts: Iterable[str]) -> float:
    """How much concepts say together; words that stand on every document say little."""
    return sum(_LIGHT.get(concept, 1.0) for concept in concepts)


def _reduced(text: str) -> list[str]:
    folded = re.sub(r"[_\-/.:()]+", " ", " ".join(key_words(text)) or fold(text))
    spoken = f" {fold(text).replace('_', ' ')} "
    found: list[str] = []
    for phrase, concept in _PHRASES:
        if f" {phrase} " in spoken or f" {_bare(phrase)} " in f" {folded} ":
            found.append(concept)
            folded = f" {folded} ".replace(f" {_bare(phrase)} ", " ")
    return found + [
        _CONCEPT.get(word, _CONCEPT.get(_single(word), word)) for word in folded.split() if word not in _STOP
    ]


def _bare(phrase: str) -> str:
    return " ".join(key_words(phrase))


def _words(text: str) -> list[str]:
    return key_words(text) or fold(text).split()


def _single(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 else word
