# ruff: noqa: E501  (Portuguese prose and tables of layout read better whole)
"""Contracts: several pages of prose with parties, object, value in figures and words, dates in words, clauses."""

from datetime import date, timedelta
from random import Random

from benchmarks.documents.canvas import Canvas, Run
from benchmarks.documents.numbers import MONTHS, date_in_words, in_words, money
from benchmarks.documents.people import company, person
from benchmarks.documents.truth import Draft

_OBJECTS = [
    "a prestação de serviços de manutenção preventiva e corretiva dos equipamentos de informática da CONTRATANTE",
    "o fornecimento mensal de material de escritório e de limpeza, conforme a proposta comercial anexa",
    "o desenvolvimento, a implantação e o suporte de sistema de controle de estoque",
    "a locação de duas impressoras multifuncionais, com assistência técnica e reposição de peças",
]
_CLAUSES = [
    (
        "DAS OBRIGAÇÕES DA CONTRATADA",
        "A CONTRATADA executará os serviços com zelo e diligência, por profissionais qualificados, respondendo por danos que causar por dolo ou culpa, e manterá durante toda a execução as condições de habilitação exigidas.",
    ),
    (
        "DAS OBRIGAÇÕES DA CONTRATANTE",
        "A CONTRATANTE fornecerá as informações e os acessos necessários, acompanhará a execução por preposto designado e efetuará os pagamentos nos prazos ajustados neste instrumento.",
    ),
    (
        "DA CONFIDENCIALIDADE",
        "As partes obrigam-se a manter sigilo sobre dados e informações a que tiverem acesso em razão deste contrato, inclusive após o seu término, observada a Lei nº 13.709/2018 quanto ao tratamento de dados pessoais.",
    ),
    (
        "DO REAJUSTE",
        "Os valores serão reajustados a cada período de doze meses pela variação acumulada do IPCA, ou de outro índice que venha a substituí-lo, a contar da data de assinatura.",
    ),
    (
        "DA RESCISÃO",
        "O presente contrato poderá ser rescindido por qualquer das partes mediante aviso prévio e escrito com antecedência de trinta dias, sem prejuízo do pagamento pelos serviços já executados. O descumprimento de qualquer cláusula autoriza a rescisão imediata.",
    ),
    (
        "DA MULTA",
        "A parte que infringir qualquer disposição deste instrumento pagará à outra multa equivalente a dez por cento do valor total do contrato, além de perdas e danos que se apurarem.",
    ),
    (
        "DAS DISPOSIÇÕES GERAIS",
        "A tolerância de uma parte quanto ao descumprimento de obrigação pela outra não importará novação. Alterações somente terão validade por termo aditivo assinado por ambas as partes.",
    ),
    (
        "DA VINCULAÇÃO TRABALHISTA",
        "Não se estabelece entre a CONTRATANTE e os empregados da CONTRATADA qualquer vínculo, cabendo a esta os encargos trabalhistas, previdenciários e fiscais decorrentes da execução.",
    ),
]
_ORDINALS = ["PRIMEIRA", "SEGUNDA", "TERCEIRA", "QUARTA", "QUINTA", "SEXTA", "SÉTIMA", "OITAVA", "NONA", "DÉCIMA"]


class _Writer:
    """Prose that flows over pages."""

    def __init__(self, canvas: Canvas, size: float) -> None:
        self.canvas, self.size, self.y = canvas, size, 90.0

    def heading(self, text: str) -> None:
        """A centred bold line."""
        self.room(120)  # never a heading alone at the foot of a page
        self.canvas.text(self.canvas.width / 2, self.y, text, self.size + 0.5, bold=True, align="center")
        self.y += self.size * 2

    def prose(self, *runs: Run) -> None:
        """A paragraph; it never splits over pages."""
        letters = sum(len(run.text) for run in runs)
        self.room((letters * self.size * 0.5 / 440 + 2) * self.size * 1.5)
        self.y = self.canvas.paragraph(78, self.y, 440, runs, self.size, 1.5) + self.size * 0.6

    def room(self, needed: float) -> None:
        """Start another page when less than `needed` points are left."""
        if self.y + needed < self.canvas.height - 70:
            return
        self.canvas.text(self.canvas.width / 2, self.canvas.height - 40, str(self.canvas.page), 9, align="center")
        self.canvas.next_page()
        self.y = 80.0


def _draw(rng: Random, canvas: Canvas, size: float, *, words_only_date: bool) -> Draft:
    draft = Draft(canvas)
    client, provider, signer = company(rng), company(rng), person(rng)
    signed = date(2025, 3, 1) + timedelta(days=rng.randint(0, 500))
    reais, months = rng.randint(20, 900) * 100 + rng.choice((0, 50)), rng.choice((6, 12, 18, 24, 36))
    number = f"{rng.randint(1, 400):03d}/{signed.year}"
    draft.value("number", "code", number)
    draft.value("value", "money", float(reais))
    draft.value("signed", "date", signed.isoformat())
    draft.value("months", "number", months)
    draft.value("signer", "name", signer.name)
    draft.value("signer_id", "cpf", signer.tax_id)
    for role, party in (("client", client), ("provider", provider)):
        draft.value(role, "name", party.name)
        draft.value(f"{role}_id", "cnpj", party.tax_id)
    w = _Writer(canvas, size)
    canvas.text(canvas.width / 2, 48, "CONTRATO DE PRESTAÇÃO DE SERVIÇOS", size + 2, bold=True, align="center")
    end = canvas.text(canvas.width / 2 - 40, 66, "Nº ", size + 1, bold=True)
    canvas.text(end, 66, number, size + 1, bold=True, tag="number")
    w.prose(
        Run("Pelo presente instrumento particular, de um lado "), Run(client.name, "client", bold=True),
        Run(", pessoa jurídica de direito privado, inscrita no CNPJ sob o nº"), Run(client.tax_id, "client_id"),
        Run(f", com sede na {client.street}, {client.district}, {client.city}/{client.state}, CEP {client.cep},"
            " doravante denominada CONTRATANTE; e, de outro lado,"),
        Run(provider.name, "provider", bold=True), Run(", inscrita no CNPJ sob o nº"), Run(provider.tax_id, "provider_id"),
        Run(f", com sede na {provider.street}, {provider.city}/{provider.state}, neste ato representada por"),
        Run(signer.name, "signer"), Run(", inscrito(a) no CPF sob o nº"), Run(signer.tax_id, "signer_id"),
        Run(", doravante denominada CONTRATADA, têm entre si justo e contratado o que segue:"),
    )  # fmt: skip
    w.heading(f"CLÁUSULA {_ORDINALS[0]} - DO OBJETO")
    w.prose(Run(f"O presente contrato tem por objeto {rng.choice(_OBJECTS)}."))
    w.heading(f"CLÁUSULA {_ORDINALS[1]} - DO VALOR E DO PAGAMENTO")
    w.prose(
        Run("Pela execução do objeto a CONTRATANTE pagará à CONTRATADA o valor total de R$"),
        Run(money(reais * 100), "value"), Run(f"({in_words(reais)} reais), em parcelas mensais e iguais, até o dia dez de cada mês."),
    )  # fmt: skip
    w.heading(f"CLÁUSULA {_ORDINALS[2]} - DO PRAZO")
    w.prose(
        Run("O prazo de vigência deste contrato é de"), Run(str(months), "months"),
        Run(f"({in_words(months)}) meses, contados da assinatura, prorrogável por termo aditivo."),
    )  # fmt: skip
    for ordinal, (title, body) in zip(_ORDINALS[3:], rng.sample(_CLAUSES, rng.randint(4, 7)), strict=False):
        w.heading(f"CLÁUSULA {ordinal} - {title}")
        w.prose(Run(body))
    w.prose(
        Run(
            f"Fica eleito o foro da comarca de {client.city}/{client.state} para dirimir as questões oriundas deste contrato."
        )
    )
    written = date_in_words(signed)
    if words_only_date:
        written = f"{in_words(signed.day)} de {MONTHS[signed.month - 1]} de {in_words(signed.year)}"
    w.prose(Run(f"{client.city},"), Run(written, "signed"), Run("."))
    w.room(90)
    for x, name, role in ((175, client.name, "CONTRATANTE"), (420, provider.name, "CONTRATADA")):
        canvas.line(x - 110, w.y + 40, x + 110, w.y + 40)
        tag = "client" if role == "CONTRATANTE" else "provider"
        canvas.text(x, w.y + 52, name, 8, align="center", tag=tag)
        canvas.text(x, w.y + 63, role, 8, align="center")
    _asks(rng, draft)
    return draft


def _asks(rng: Random, draft: Draft) -> None:
    draft.ask(
        rng.choice(("Extraia as partes, o valor e a data de assinatura do contrato.", "Resuma as partes e o valor deste contrato.")),
        {"contratante": {"nome": "", "cnpj": ""}, "contratada": {"nome": "", "cnpj": ""}, "valor_total": 0, "data_assinatura": ""},
        {
            "/contratante/nome": "client", "/contratante/cnpj": "client_id", "/contratada/nome": "provider",
            "/contratada/cnpj": "provider_id", "/valor_total": "value", "/data_assinatura": "signed",
        },
    )  # fmt: skip
    draft.ask(
        "Preencha os dados do contrato.",
        {"numero_contrato": "", "valor": 0, "vigencia_meses": 0, "representante": {"nome": "", "cpf": ""}},
        {
            "/numero_contrato": "number", "/valor": "value", "/vigencia_meses": "months",
            "/representante/nome": "signer", "/representante/cpf": "signer_id",
        },
    )  # fmt: skip


def serif(rng: Random) -> Draft:
    """Times, 12 points, the date with its day in figures."""
    return _draw(rng, Canvas(font="Times-Roman", bold="Times-Bold"), 12, words_only_date=False)


def sans(rng: Random) -> Draft:
    """Helvetica, 10.5 points, the date all in words."""
    return _draw(rng, Canvas(), 10.5, words_only_date=True)


LAYOUTS = (serif, sans)
