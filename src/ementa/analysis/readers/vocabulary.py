"""The words with which documents name their values, in Portuguese and English, and the kinds of value that each names.

Folded (lower case, no accents). A text that is here, or nearly here after OCR, is a label and not a value.
"""

import re
from functools import lru_cache

from rapidfuzz import fuzz, process

from ementa.analysis.types import Kind
from ementa.analysis.validators.folding import fold

_NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENT})
_TAXPAYER = frozenset({Kind.CPF, Kind.CNPJ, Kind.CPF_OR_CNPJ})
_WORDS = frozenset({Kind.NAME, Kind.TEXT, Kind.ADDRESS})
_CODES = frozenset({Kind.CODE, Kind.INTEGER, Kind.TEXT})
_CONTACT = frozenset({Kind.EMAIL, Kind.PHONE, Kind.TEXT})

_SOURCES: tuple[tuple[frozenset[Kind], str], ...] = (
    (
        frozenset({Kind.CNPJ, Kind.CPF_OR_CNPJ}),
        """
        cnpj; cnpj/mf; cnpj do emitente; cnpj do prestador; cnpj do tomador; cnpj do beneficiario; cnpj do fornecedor;
        company registration number; inscricao no cnpj
        """,
    ),
    (
        frozenset({Kind.CPF, Kind.CPF_OR_CNPJ}),
        """
        cpf; cpf do cliente; cpf do pagador; cpf/mf; cpf do consumidor
        """,
    ),
    (
        _TAXPAYER,
        """
        cnpj/cpf; cpf/cnpj; cnpj / cpf; cpf / cnpj; cnpj ou cpf; cpf ou cnpj; cnpj/cpf do sacado; tax id; tax id number;
        cnpj/cpf do beneficiario; cpf/cnpj do pagador; cpf/cnpj do beneficiario; cgc; cgc/cpf; vat number; cpf/cnpj do
        tomador; cpf/cnpj do prestador; cpf/cnpj do cliente
        """,
    ),
    (
        frozenset({Kind.DATE, Kind.TEXT}),
        """
        data; data de emissao; data da emissao; data emissao; emissao; emitido em; dt emissao; dt. emissao; dt de
        emissao; data/hora da emissao; data e hora da emissao; data e hora de emissao; data de vencimento; data do
        vencimento; data vencimento; vencimento; vence em; venc.; venc; dt vencimento; dt. vencimento; data do
        documento; data documento; data doc.; data do processamento; data processamento; data de processamento; data de
        pagamento; data do pagamento; pagamento em; pago em; data de nascimento; nascimento; data nascimento; nasc.; dt.
        nascimento; data da saida; data saida; data de saida; data da entrada; data entrada/saida; data saida/entrada;
        data de saida/entrada; data da saida/entrada; data saida / entrada; validade; data de validade; valido ate;
        valida ate; date; issue date; invoice date; issued on; due date; payment due; due on; date of issue; date of
        birth; birth date; expiry date; expiration date; order date; data do pedido; data da compra; data da venda; data
        de assinatura; data da assinatura; data do contrato; data de inicio; data inicio; inicio; termino; data de
        termino; data fim; inicio da vigencia; fim da vigencia; vigencia; prazo; data base; data de admissao; admissao;
        data de entrega; entrega; delivery date; payment date; data limite; competencia; mes de referencia; referencia;
        periodo; periodo de apuracao; data de referencia; mes/ano; payable until; data do recebimento; data de
        recebimento; data da nota; data da leitura; leitura anterior; leitura atual; proxima leitura; data da consulta;
        data do exame; data e hora; data/hora; emissao em; data da operacao; hora da saida; hora de saida; hora saida;
        hora; hora da emissao; time
        """,
    ),
    (
        _NUMERIC | {Kind.TEXT},
        """
        valor; valor total; valor total da nota; valor total da nota fiscal; v. total da nota; vl. total da nota; total
        da nota; valor do documento; (=) valor do documento; valor documento; valor cobrado; (=) valor cobrado; valor a
        pagar; total a pagar; valor pago; valor total a pagar; total; total geral; total r$; valor r$; valor total r$;
        subtotal; sub-total; sub total; valor dos produtos; valor total dos produtos; v. total produtos; total dos
        produtos; valor dos servicos; valor do servico; valor total dos servicos; valor total do servico; valor liquido;
        valor liquido da nota; valor liquido da nfs-e; valor bruto; desconto; descontos; (-) desconto; desconto /
        abatimento; (-) desconto / abatimento; desconto/abatimento; valor do desconto; (-) outras deducoes; outras
        deducoes; outros acrescimos; (+) outros acrescimos; acrescimos; mora / multa; (+) mora / multa; mora/multa;
        juros / multa; multa; juros; juros de mora; frete; valor do frete; valor frete; seguro; valor do seguro; outras
        despesas; outras despesas acessorias; outras desp. acess.; despesas acessorias; base de calculo; base de calculo
        do icms; base de calc. do icms; base calc. icms; b. calc. icms; base de calculo icms; base de calculo do issqn;
        base de calculo do icms st; base de calc. icms s.t.; valor do icms; valor icms; v. icms; valor do icms
        substituicao; valor do icms st; valor do icms subst.; valor icms subst.; valor do ipi; valor ipi; valor total do
        ipi; v. ipi; valor do iss; valor do issqn; iss; issqn; icms; ipi; pis; cofins; csll; ir; irrf; inss; valor do
        pis; valor da cofins; valor do cofins; iss retido; valor aprox. dos tributos; valor aproximado dos tributos; v.
        tot. trib.; tributos; impostos; v. imp. importacao; aliquota; aliquota icms; aliquota ipi; aliq. icms; aliq.
        ipi; aliq.; aliquota iss; aliquota do iss; percentual; quantidade; qtd; qtd.; qtde; qtde.; quant; quant.; qt;
        quantidade de parcelas; parcelas; numero de parcelas; valor unitario; valor unit.; vl. unit.; vl unit; v. unit.;
        vlr unit; vlr. unit.; vlr unitario; preco unitario; preco unit.; preco; unitario; unit.; vl. total; vl total; v.
        total; vlr total; vlr. total; valor item; preco total; valor da parcela; valor das parcelas; valor parcela;
        salario; salario base; salario bruto; salario liquido; saldo; saldo anterior; saldo atual; troco; valor
        recebido; valor entregue; dinheiro; taxa; tarifa; taxa de juros; amount; total amount; amount due; grand total;
        balance; balance due; subtotal amount; sub-total amount; tax; sales tax; discount; shipping; freight; unit
        price; price; quantity; qty; line total; total due; net amount; gross amount; fee; paid; change; tip; rate; peso
        bruto; peso liquido; peso; volumes; consumo; consumo kwh; valor do aluguel; aluguel; valor mensal; valor do
        contrato; valor global; preco global; valor da causa; quantidade de itens; qtd. total de itens; qtde total de
        itens; qtd total de itens; idade; valor deducoes; deducoes; valor total das deducoes; base calculo; valor a ser
        pago; importancia; quantia; vltotal; vl.total; vlunit; vl.unit.; vl unitario; valor moeda; quantidade moeda;
        total de itens
        """,
    ),
    (
        _CODES,
        """
        numero; n; no; nr; nr.; num.; num; n.; numero da nota; numero da nota fiscal; numero nota; nota fiscal; nota
        fiscal no; nf; nf no; nf-e; nf-e no; nfe; nfs-e; nfs-e no; nfc-e; nfc-e no; numero da nfs-e; numero da nf-e;
        serie; numero / serie; numero/serie; subserie; folha; numero do documento; no do documento; no documento; n do
        documento; num. documento; num. do documento; nr. do documento; nr do documento; nosso numero; nosso-numero;
        nosso no; agencia / codigo beneficiario; agencia/codigo do beneficiario; agencia/codigo beneficiario; agencia /
        codigo do beneficiario; agencia/codigo cedente; agencia; conta; conta corrente; banco; carteira; especie doc.;
        especie doc; especie; aceite; uso do banco; moeda; especie moeda; codigo; cod.; cod; codigo do produto; cod.
        produto; cod. prod.; cod.prod.; ref; ref.; sku; item; ncm; ncm/sh; cfop; cst; csosn; cst/csosn; o/cst; un; un.;
        unid; unid.; unidade; und; unit; inscricao estadual; insc. estadual; insc. est.; inscr. estadual; ie; i.e.;
        inscricao municipal; insc. municipal; inscr. municipal; im; i.m.; inscricao estadual do subst. tribut.;
        inscricao estadual do subst. trib.; insc. est. do subst. tributario; inscricao estadual do substituto
        tributario; protocolo; protocolo de autorizacao; protocolo de autorizacao de uso; codigo de verificacao; cod.
        verificacao; contrato; contrato no; numero do contrato; numero do pedido; pedido; pedido no; n do pedido; ordem
        de compra; matricula; registro; rg; identidade; carteira de identidade; documento; processo; processo no; numero
        do processo; lote; apolice; chassi; instalacao; codigo do cliente; cod. cliente; unidade consumidora; id;
        invoice; invoice number; invoice no; invoice no.; invoice #; order number; order no; order no.; order #; receipt
        no; receipt number; receipt #; reference; po number; account number; customer id; customer no; bill no; doc no;
        serial number; recibo no; recibo n; numero do recibo; cupom; coo; ccf; extrato no; caixa; operador; rps; numero
        do rps; codigo antt; placa do veiculo; placa; renavam; cnh; registro cnh; no registro; numero de registro; pis;
        pis/pasep; pis/pasep/nit; nit; nis; titulo de eleitor; titulo eleitoral; zona; secao; cartao; nsu; autorizacao;
        cnae; cbo; codigo do servico; codigo de servico; codigo do municipio; fatura no; fatura; numero da fatura;
        modelo; linha digitavel; codigo de barras; duplicata; duplicata no; parcela; num. parcela; cod. barras; ean;
        gtin; quantidade de paginas; pagina; page; item no; item no.; it; it.; seq; seq.; n item
        """,
    ),
    (
        _WORDS,
        """
        nome; nome / razao social; nome/razao social; razao social; razao social / nome; razao social/nome; nome
        fantasia; nome do cliente; cliente; nome completo; nome empresarial; nome do prestador; nome do tomador;
        fornecedor; vendedor; comprador; emitente; emissor; destinatario; remetente; beneficiario; beneficiario final;
        pagador; sacado; cedente; sacador/avalista; sacador / avalista; pagador/avalista; tomador; prestador;
        contratante; contratada; contratado; locador; locatario; empresa; responsavel; funcionario; empregado;
        empregador; paciente; medico; aluno; titular; recebi de; recebemos de; recebi(emos) de; a importancia de;
        importancia de; referente a; proveniente de; correspondente a; natureza da operacao; natureza de operacao; nat.
        da operacao; nat. operacao; endereco; logradouro; rua; bairro; bairro / distrito; bairro/distrito; municipio;
        cidade; cidade/uf; municipio/uf; complemento; pais; endereco do beneficiario; endereco de entrega; local de
        pagamento; local; forma de pagamento; condicao de pagamento; condicoes de pagamento; meio de pagamento; forma
        pagto; descricao; descricao do produto; descricao do produto / servico; descricao do produto/servico; descricao
        dos produtos; descricao dos produtos / servicos; descricao dos produtos/servicos; descricao do servico;
        descricao dos servicos; discriminacao; discriminacao dos servicos; produto; produto/servico; servico; item /
        descricao; historico; observacoes; observacao; obs; obs.; informacoes complementares; dados adicionais;
        instrucoes; mensagem; assunto; objeto; name; full name; company; company name; customer; customer name; client;
        bill to; billed to; ship to; sold to; supplier; vendor; seller; buyer; from; to; payee; payer; address; street;
        city; billing address; shipping address; description; details; notes; subject; payment method; payment terms;
        terms; cashier; store; merchant; contact; status; situacao; cargo; funcao; profissao; estado civil;
        nacionalidade; filiacao; nome da mae; nome do pai; mae; pai; frete por conta; modalidade do frete;
        transportadora; transportador; marca; placa/uf; especie/marca; country; vendedor(a); local da prestacao; local
        de prestacao; local da prestacao do servico; municipio da prestacao do servico; atividade; tipo; categoria;
        departamento; setor; periodo de referencia; banco destino; instituicao; favorecido; frete por conta de; e-mail /
        site; site; regime tributario; optante simples nacional; marca/modelo; cor; veiculo;
        para; faturado para; vendido para; emitido para; emitido por
        """,
    ),
    (
        frozenset({Kind.ADDRESS, Kind.NAME, Kind.TEXT, Kind.CEP, Kind.STATE}),
        """
        cep; zip; zip code; postal code; uf; estado; state; cep/cidade
        """,
    ),
    (
        _CONTACT,
        """
        telefone; telefones; tel; tel.; fone; fone / fax; fone/fax; telefone / fax; telefone/fax; celular; whatsapp;
        fax; phone; telephone; mobile; e-mail; email; contato; phone number; telefone/e-mail; sac
        """,
    ),
    (
        frozenset({Kind.ACCESS_KEY, Kind.CODE}),
        """
        chave de acesso; chave de acesso da nf-e; chave; chave nf-e; access key; chave de acesso nfc-e; chave de acesso
        da nfc-e; chave de acesso para consulta
        """,
    ),
    (
        frozenset({Kind.PIX, Kind.CPF, Kind.CNPJ, Kind.EMAIL, Kind.PHONE, Kind.CPF_OR_CNPJ, Kind.TEXT}),
        """
        chave pix; pix; pix copia e cola; chave do pix; pague com pix; pix key
        """,
    ),
)

LABELS: dict[str, frozenset[Kind]] = {}
for _kinds, _phrases in _SOURCES:
    for _phrase in " ".join(_phrases.split()).split("; "):
        LABELS[_phrase] = LABELS.get(_phrase, frozenset()) | _kinds
_BY_LENGTH = sorted(LABELS)
_EDGES = re.compile(
    r"^[\s\d.()\[\]+=\-–*•|:/\\]{1,8}(?=[^\W\d])|[\s:.\-–=|_#*]+$|\s?r\$$|\s?\(?r\$\)?\s?:?$|\s?(?:n[º°o]?|#)\s?[:.]?$"
)
_NUMBER_SIGN = re.compile(r"\b(?:n|no|nr|num)\s?[º°.]{1,2}(?=\s|$|:)")


class LabelMatch:
    """A label of the vocabulary that a text is."""

    __slots__ = ("kinds", "phrase", "score")

    def __init__(self, phrase: str, kinds: frozenset[Kind], score: float) -> None:
        self.phrase, self.kinds, self.score = phrase, kinds, score

    def allows(self, kind: Kind) -> bool:
        """Whether it may name a value of `kind`. Labels of codes and words may name what the vocabulary cannot know."""
        return kind in self.kinds


@lru_cache(maxsize=16384)
def tidy(text: str) -> str:
    """A label's words, folded, without numbering before it and signs after it."""
    folded = fold(text[:120])
    return _EDGES.sub("", _EDGES.sub("", folded)).strip() or folded


@lru_cache(maxsize=16384)
def match_label(text: str) -> LabelMatch | None:
    """The label that `text` is, exactly or nearly (OCR); None for longer texts and for what is no label."""
    if len(text) > 60:
        return None
    for form in (fold(text).strip(" :"), tidy(text)):
        if form in LABELS:
            return LabelMatch(form, LABELS[form], 1.0)
    words = tidy(text)
    if len(words) < 5 or sum(c.isdigit() for c in words) > 2:
        return None
    found = process.extractOne(words, _BY_LENGTH, scorer=fuzz.ratio, score_cutoff=86)
    if found is None:
        return None
    phrase, score, _ = found
    return LabelMatch(phrase, LABELS[phrase], score / 100)
