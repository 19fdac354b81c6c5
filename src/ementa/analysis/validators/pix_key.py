"""PIX keys (BACEN, Resolução BCB 1/2020): CPF, CNPJ, e-mail, mobile phone `+55…`, or a random UUID (version 4)."""

import re

from ementa.analysis.validators.cnpj import parse_cnpj
from ementa.analysis.validators.cpf import parse_cpf
from ementa.analysis.validators.email import parse_email
from ementa.analysis.validators.phone import parse_phone

RANDOM_PATTERN = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_RANDOM = re.compile(RANDOM_PATTERN)


def parse_pix_key(text: str) -> tuple[str, str] | None:
    """The key and its type: `cpf`, `cnpj`, `email`, `phone` or `random`."""
    compact = text[:100].strip()
    if _RANDOM.fullmatch(compact):
        return compact.lower(), "random"
    for name, parse in (("cnpj", parse_cnpj), ("cpf", parse_cpf), ("email", parse_email), ("phone", parse_phone)):
        value = parse(compact)
        if value is not None:
            return value, name
    return None
