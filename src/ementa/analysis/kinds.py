"""Kinds of value: the door that the specification and the selection use.

`infer_kind` says what a key wants, `recognise` reads a value of a kind, `render` writes it as the user's example shows,
`json_schema` bounds what a model may write. Canonical forms: CNPJ `12.345.678/0001-95`, CPF `529.982.247-25`, dates
`2026-03-31`, money and numbers as JSON numbers, access key 44 characters, boleto as its printed line, phone
`(11) 91234-5678`, CEP `01310-100`, PIX the code or the key itself.
"""

from typing import Any

from ementa.analysis.kind_names import infer_kind, key_words
from ementa.analysis.recognition import Parsed, recognise
from ementa.analysis.rendering import NUMERIC, Style, render, render_style, style_of
from ementa.analysis.types import Kind

__all__ = [
    "Parsed",
    "Style",
    "infer_kind",
    "json_schema",
    "key_words",
    "recognise",
    "render",
    "render_style",
    "style_of",
]

_MAX_LENGTHS = {
    Kind.CODE: 60, Kind.EMAIL: 254, Kind.NAME: 200, Kind.ADDRESS: 300, Kind.TEXT: 1000, Kind.ANSWER: 4000,
    Kind.PIX: 1024,
}  # fmt: skip
_PATTERNS = {
    Kind.CNPJ: r"^[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}$",
    Kind.CPF: r"^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$",
    Kind.CPF_OR_CNPJ: r"^([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"
    r"|[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2})$",
    Kind.ACCESS_KEY: r"^[0-9]{6}[0-9A-Z]{12}[0-9]{26}$",
    Kind.BOLETO: r"^([0-9]{5}\.[0-9]{5} [0-9]{5}\.[0-9]{6} [0-9]{5}\.[0-9]{6} [0-9] [0-9]{14}"
    r"|[0-9]{11}-[0-9] [0-9]{11}-[0-9] [0-9]{11}-[0-9] [0-9]{11}-[0-9])$",
    Kind.DATE: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    Kind.PHONE: r"^(\([0-9]{2}\) [0-9]{4,5}-[0-9]{4}|0[0-9]{3} [0-9]{3} [0-9]{4})$",
    Kind.CEP: r"^[0-9]{5}-[0-9]{3}$",
    Kind.PLATE: r"^([A-Z]{3}-[0-9]{4}|[A-Z]{3}[0-9][A-J][0-9]{2})$",
    Kind.PIS: r"^[0-9]{3}\.[0-9]{5}\.[0-9]{2}-[0-9]$",
    Kind.CNH: r"^[0-9]{11}$",
    Kind.RENAVAM: r"^[0-9]{11}$",
    Kind.VOTER_ID: r"^[0-9]{12}$",
    Kind.STATE: r"^[A-Z]{2}$",
}
_CANONICAL = Style()


def json_schema(kind: Kind, style: Style = _CANONICAL) -> dict[str, Any]:
    """The JSON Schema fragment of a value of `kind` written in `style`: always bounded in length or size."""
    if kind is Kind.BOOLEAN:
        return {"type": "string", "enum": ["Sim", "Não"]} if style.type == "string" else {"type": "boolean"}
    if kind in NUMERIC and style.type != "string":
        whole = "integer" if kind is Kind.INTEGER else "number"
        return {"type": whole, "minimum": -1e15, "maximum": 1e15}
    if kind in _PATTERNS and style == _CANONICAL:
        return {"type": "string", "pattern": _PATTERNS[kind], "maxLength": 60}
    if style.type == "number":
        return {"type": ["number", "string"], "maxLength": 60}
    return {"type": "string", "maxLength": _MAX_LENGTHS.get(kind, 60)}
