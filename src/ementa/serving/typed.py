"""Reads a body, already parsed, as a struct; whatever does not fit is named in both languages."""

import re
from typing import Any, TypeVar

import msgspec

from ementa.serving.errors import ParameterInvalid

T = TypeVar("T")

_PLACE = re.compile(r" - at `(?P<place>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_TYPES = re.compile(r"Expected `(?P<wanted>[^`]*)`(?:, got `(?P<got>[^`]*)`)?")
_RANGE = re.compile(r"Expected `(?P<kind>[^`]*)`(?P<length> of length)? (?P<bound>[<>]=?) (?P<value>\S+)")


def read_as(kind: type[T], body: Any) -> T:
    """`body` as `kind`; raises `ParameterInvalid` that names the place and what is expected there."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise explained(str(error)) from None


def explained(message: str) -> ParameterInvalid:
    """What msgspec says, for people."""
    found = _PLACE.search(message)
    place = found["place"].removeprefix("$").removeprefix(".") if found else ""
    text = message[: found.start()] if found else message
    if missing := _MISSING.match(text):
        name = ".".join(filter(None, (place, missing["field"])))
        return ParameterInvalid(name=name, cause={"pt": "é obrigatório", "en": "it is required"})
    name = place or "body"
    if limit := _RANGE.match(text):
        wanted = f"{limit['bound']} {limit['value']}"
        pt, en = ("ter tamanho", "have a length") if limit["length"] else ("ser", "be")
        return ParameterInvalid(name=name, cause={"pt": f"deve {pt} {wanted}", "en": f"it must {en} {wanted}"})
    if types := _TYPES.match(text):
        wanted, got = _types(types["wanted"]), _types(types["got"] or "")
        cause = {
            "pt": f"deve ser {wanted}" + (f", veio {got}" if got else ""),
            "en": f"it must be {wanted}" + (f", not {got}" if got else ""),
        }
        return ParameterInvalid(name=name, cause=cause)
    return ParameterInvalid(name=name, cause=text[:200])


_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def _types(names: str) -> str:
    """JSON's names of types."""
    return " | ".join(_WORDS.get(name, name) for name in names.split(" | ")) if names else ""
