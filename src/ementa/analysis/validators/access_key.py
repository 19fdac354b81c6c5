"""Access key of Brazilian electronic fiscal documents: 44 characters.

Source: Manual de Orientação do Contribuinte da NF-e (annex I) and Nota Técnica Conjunta 2025.001 (alphanumeric CNPJ):
UF (2, IBGE) AAMM (4) CNPJ (14) model (2) series (3) number (9) emission type (1) random code (8) check digit (1),
modulo 11 with weights 2–9 from the right over ASCII code minus 48.
"""

import re

import msgspec

from ementa.analysis.validators.checksums import complement_11, remainder_11
from ementa.analysis.validators.cnpj import format_cnpj, is_cnpj
from ementa.analysis.validators.cpf import format_cpf, is_cpf
from ementa.analysis.validators.states import IBGE_CODES

MODELS = {
    "55": "NF-e", "57": "CT-e", "58": "MDF-e", "59": "CF-e", "62": "NFCom", "63": "BP-e", "64": "GTV-e",
    "65": "NFC-e", "66": "NF3-e", "67": "CT-e OS",
}  # fmt: skip
_FORM = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")


class AccessKey(msgspec.Struct, frozen=True):
    """What a key says."""

    key: str
    state: str
    year: int
    month: int
    taxpayer: str
    """CNPJ in its printed form; CPF for persons who issue (field filled with zeros at the left)."""
    model: str
    series: int
    number: int
    emission: str


def check_digit(base: str) -> int:
    """The last digit of a key, from the 43 before it."""
    return complement_11(remainder_11(base))


def parse_access_key(text: str) -> AccessKey | None:
    """The key in `text` (spaces, dots and dashes between groups allowed; prefixes `NFe`, `CTe`, `MDFe` too).

    None unless the check digit, the state, the month, the model and the issuer's own check digits all hold."""
    compact = re.sub(r"[\s.\-/]", "", text[:200]).upper()
    compact = re.sub(r"^(?:NFE|CTE|MDFE)(?=\d)", "", compact)
    if not _FORM.fullmatch(compact) or check_digit(compact[:43]) != int(compact[43]):
        return None
    state, month = IBGE_CODES.get(compact[:2]), int(compact[4:6])
    taxpayer = _taxpayer(compact[6:20])
    if state is None or not 1 <= month <= 12 or compact[20:22] not in MODELS or taxpayer is None:
        return None
    return AccessKey(
        key=compact,
        state=state,
        year=2000 + int(compact[2:4]),
        month=month,
        taxpayer=taxpayer,
        model=compact[20:22],
        series=int(compact[22:25]),
        number=int(compact[25:34]),
        emission=compact[34],
    )


def _taxpayer(characters: str) -> str | None:
    if is_cnpj(characters):
        return format_cnpj(characters)
    if characters.startswith("000") and is_cpf(characters[3:]):
        return format_cpf(characters[3:])
    return None


def format_access_key(key: str) -> str:
    """Eleven groups of four, as printed on DANFE."""
    return " ".join(key[i : i + 4] for i in range(0, 44, 4))
