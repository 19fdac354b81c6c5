# ruff: noqa: E501  (Portuguese prose and tables of layout read better whole)
"""Fictitious companies, people and addresses."""

from dataclasses import dataclass
from random import Random

from benchmarks.documents.numbers import cnpj, cpf

_NAMES = [
    "Aurora", "Horizonte", "Ipê", "Jatobá", "Serra Azul", "Vale Verde", "Litoral Norte", "Pau-Brasil", "Três Rios", "Mirante",
    "Cristalina", "Boa Vista", "Guará", "Araucária", "Maré Alta", "São Bento", "Santa Clara", "Nova Era", "Pedra Branca",
]  # fmt: skip
_TRADES = [
    "Comércio de Papéis", "Serviços de Informática", "Distribuidora de Alimentos", "Engenharia e Consultoria",
    "Materiais Elétricos", "Transportes e Logística", "Ferramentas Industriais", "Equipamentos Médicos",
    "Soluções Contábeis", "Indústria de Embalagens", "Móveis e Decorações", "Produtos de Limpeza",
]  # fmt: skip
_ENDINGS = ["Ltda", "Ltda.", "S.A.", "LTDA ME", "EPP", "Eireli"]
_FIRST = [
    "Ana",
    "Beatriz",
    "Carlos",
    "Daniela",
    "Eduardo",
    "Fernanda",
    "Gustavo",
    "Helena",
    "Igor",
    "Juliana",
    "Luís",
    "Mariana",
    "Otávio",
    "Patrícia",
    "Rafael",
    "Sônia",
    "Tiago",
    "Vanessa",
]
_LAST = [
    "Almeida",
    "Barbosa",
    "Cardoso",
    "Duarte",
    "Esteves",
    "Figueiredo",
    "Gonçalves",
    "Hipólito",
    "Junqueira",
    "Lacerda",
    "Magalhães",
    "Nogueira",
    "Pacheco",
    "Queiroz",
    "Rezende",
    "Siqueira",
    "Tavares",
    "Vasconcelos",
]
_STREETS = ["Rua das Acácias", "Av. Brasil", "Rua XV de Novembro", "Av. Getúlio Vargas", "Rua Marechal Deodoro",
            "Alameda dos Ipês", "Travessa São José", "Rua do Comércio", "Av. Beira-Mar", "Rodovia BR-116"]  # fmt: skip
_CITIES = [
    ("São Paulo", "SP", "01"), ("Campinas", "SP", "13"), ("Rio de Janeiro", "RJ", "20"), ("Niterói", "RJ", "24"),
    ("Belo Horizonte", "MG", "30"), ("Uberlândia", "MG", "38"), ("Curitiba", "PR", "80"), ("Londrina", "PR", "86"),
    ("Porto Alegre", "RS", "90"), ("Florianópolis", "SC", "88"), ("Salvador", "BA", "40"), ("Recife", "PE", "50"),
    ("Fortaleza", "CE", "60"), ("Goiânia", "GO", "74"),
]  # fmt: skip
_DISTRICTS = ["Centro", "Jardim América", "Vila Nova", "Santo Antônio", "Boa Viagem", "Distrito Industrial"]


@dataclass(frozen=True, slots=True)
class Party:
    """A company or a person as documents name it."""

    name: str
    tax_id: str
    street: str
    district: str
    city: str
    state: str
    cep: str
    phone: str
    email: str

    @property
    def is_person(self) -> bool:
        """Whether `tax_id` is a CPF."""
        return "/" not in self.tax_id


def _place(rng: Random) -> dict[str, str]:
    city, state, zone = rng.choice(_CITIES)
    return {
        "street": f"{rng.choice(_STREETS)}, {rng.randint(10, 4900)}",
        "district": rng.choice(_DISTRICTS),
        "city": city,
        "state": state,
        "cep": f"{zone}{rng.randint(100, 999)}-{rng.randint(0, 999):03d}",
        "phone": f"({rng.choice((11, 19, 21, 31, 41, 48, 51, 71, 81))}) {rng.randint(2, 5)}{rng.randint(100, 999)}-{rng.randint(0, 9999):04d}",
    }


def company(rng: Random, *, alphanumeric: bool = False) -> Party:
    """A company; a few carry the alphanumeric CNPJ."""
    head = rng.choice(_NAMES)
    slug = head.lower().translate(str.maketrans("áàâãéêíóôõúç ", "aaaaeeiooouc-"))
    return Party(
        name=f"{head} {rng.choice(_TRADES)} {rng.choice(_ENDINGS)}",
        tax_id=cnpj(rng, alphanumeric=alphanumeric),
        email=f"{rng.choice(('contato', 'financeiro', 'fiscal', 'vendas'))}@{slug}.com.br",
        **_place(rng),
    )


def person(rng: Random) -> Party:
    """A natural person with a CPF."""
    first, middle, last = rng.choice(_FIRST), rng.choice(_LAST), rng.choice(_LAST)
    return Party(
        name=f"{first} {middle} {last}" if middle != last else f"{first} {last}",
        tax_id=cpf(rng),
        email=f"{first.lower().translate(str.maketrans('áéíóúâêôãõç', 'aeiouaeoaoc'))}.{rng.randint(10, 99)}@exemplo.com.br",
        **_place(rng),
    )


@dataclass(frozen=True, slots=True)
class Item:
    """A line of goods or services, in cents."""

    code: str
    description: str
    unit: str
    quantity: int
    unit_cents: int

    @property
    def total_cents(self) -> int:
        """What the line adds to the total."""
        return self.quantity * self.unit_cents


_GOODS = [
    ("Papel sulfite A4 75 g", "CX", 18990), ("Caneta esferográfica azul", "UN", 189), ("Toner preto 2.600 páginas", "UN", 24990),
    ("Cadeira giratória com braços", "UN", 54900), ("Cabo de rede Cat6 3 m", "UN", 2190), ("Luva nitrílica tam. M", "PR", 1290),
    ("Disjuntor bipolar 32 A", "UN", 4890), ("Óleo lubrificante 20 L", "BD", 38900), ("Detergente neutro 5 L", "GL", 2350),
    ("Parafuso sextavado M8", "CT", 3290), ("Fita adesiva 48 mm", "RL", 890), ("Lâmpada LED 12 W", "UN", 1450),
    ("Mouse óptico USB", "UN", 3990), ("Pasta suspensa kraft", "CX", 7650),
]  # fmt: skip
_SERVICES = [
    ("Consultoria em processos fiscais", "H", 18500), ("Manutenção preventiva de servidores", "H", 15000),
    ("Desenvolvimento de relatórios", "H", 21000), ("Treinamento de usuários", "H", 12500),
    ("Instalação de ponto de rede", "UN", 9800), ("Limpeza de ar-condicionado", "UN", 16000),
    ("Suporte técnico mensal", "MES", 145000), ("Auditoria de estoque", "UN", 320000),
]  # fmt: skip
_GROCERIES = [
    ("ARROZ TIPO 1 5KG", "UN", 2890), ("FEIJAO CARIOCA 1KG", "UN", 849), ("CAFE TORRADO 500G", "UN", 1990),
    ("LEITE INTEGRAL 1L", "UN", 529), ("OLEO DE SOJA 900ML", "UN", 779), ("ACUCAR REFINADO 1KG", "UN", 459),
    ("SABAO EM PO 1,6KG", "UN", 2190), ("MACARRAO ESPAGUETE", "UN", 499), ("BISCOITO MAIZENA", "UN", 615),
    ("DETERGENTE 500ML", "UN", 289), ("PAPEL HIGIENICO 12R", "PC", 2149), ("AGUA MINERAL 1,5L", "UN", 319),
]  # fmt: skip
_STOCK = {"goods": _GOODS, "services": _SERVICES, "groceries": _GROCERIES}


def items(rng: Random, stock: str, count: int) -> list[Item]:
    """`count` different lines of `goods`, `services` or `groceries`."""
    return [
        Item(
            code=f"{rng.randint(1000, 999999):06d}",
            description=description,
            unit=unit,
            quantity=rng.randint(1, 12),
            unit_cents=max(100, cents + rng.randint(-cents // 5, cents // 5)),
        )
        for description, unit, cents in rng.sample(_STOCK[stock], count)
    ]
