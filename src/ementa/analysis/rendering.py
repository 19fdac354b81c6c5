"""Values in the form that the user showed: "12345678000195" asks for bare digits, "31/03/2026" for that
order of parts."""

import datetime as dt
import re
from typing import Any, Literal

import msgspec

from ementa.analysis.types import Kind
from ementa.analysis.validators.boleto import parse_barcode, parse_line
from ementa.analysis.validators.dates import MONTHS
from ementa.analysis.validators.folding import fold

JsonType = Literal["string", "number", "boolean"]

NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENT})
_MASKED = frozenset({
    Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ, Kind.ACCESS_KEY, Kind.BOLETO, Kind.CEP, Kind.PHONE, Kind.PIS, Kind.CNH,
    Kind.RENAVAM, Kind.VOTER_ID, Kind.PLATE,
})  # fmt: skip
_LONG_MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
    "dezembro",
)  # fmt: skip
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_PLACEHOLDERS = frozenset({"string", "str", "texto", "text"})
_NUMBER_EXAMPLE = re.compile(r"([^\d\-]{0,6})(-?[\d.,]*\d)([^\d]{0,12})")


class Style(msgspec.Struct, frozen=True):
    """How a value is to be written. The default is the canonical form of its kind."""

    type: JsonType | None = None
    """None: the type of the canonical form."""
    mask: str = ""
    """Identifiers: `#` for each character, other signs as they are."""
    date: str = ""
    """strftime form, with `%B` for the Portuguese month name and `%E` for the English one."""
    prefix: str = ""
    suffix: str = ""
    grouping: str = ""
    decimal: str = ""
    """Numbers as strings: the decimal sign (empty for none) and the sign between thousands."""
    places: int = 0
    upper: bool | None = None


def style_of(kind: Kind, example: Any) -> Style:
    """The style that an example shows; the canonical one for an empty example."""
    if isinstance(example, bool):
        return Style(type="boolean")
    if isinstance(example, (int, float)):
        return Style(type="number")
    text = example.strip() if isinstance(example, str) else ""
    if not text:
        return Style()
    if text.lower() in _PLACEHOLDERS:
        return Style(type="string")
    if kind is Kind.DATE:
        return Style(date=_date_form(text))
    if kind in NUMERIC:
        return _number_style(text)
    if kind in _MASKED:
        mask = "".join("#" if c.isalnum() else c for c in text)
        return Style(mask=mask) if "#" in mask else Style()
    if kind is Kind.BOOLEAN:
        return Style(type="string") if fold(text) in ("sim", "nao") else Style()
    return Style()


def render(kind: Kind, value: Any, example: Any = None) -> Any:
    """The canonical `value` of `kind` in the form of `example`, where the value fits that form; else canonical."""
    return render_style(kind, value, style_of(kind, example))


def render_style(kind: Kind, value: Any, style: Style) -> Any:
    """`render`, for a style inferred once."""
    if value is None:
        return None
    if kind in NUMERIC and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _render_number(value, style)
    if kind is Kind.BOOLEAN and isinstance(value, bool):
        return ("Sim" if value else "Não") if style.type == "string" else value
    text = str(value)
    if style.type == "number":
        return _as_number(text)
    if kind is Kind.DATE and style.date:
        return _render_date(text, style.date)
    if style.mask:
        return _render_mask(kind, text, style.mask)
    return value


def _as_number(text: str) -> Any:
    digits = re.sub(r"[.\-/\s()]", "", text)
    # A number cannot keep zeros at the left or more than 15 digits exactly: such identifiers stay text.
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 and digits[0] != "0" else text


def _date_form(text: str) -> str:
    folded = fold(text)
    numeric = re.fullmatch(r"(\d{1,2}|dd|mm)([/.\-])(\d{1,2}|mm|dd)\2(\d{4}|\d{2}|a{4}|y{4}|a{2}|y{2})", folded)
    if numeric:
        sign, year = numeric[2], "%Y" if len(numeric[4]) == 4 else "%y"
        month_first = numeric[1] == "mm" or (numeric[3].isdigit() and int(numeric[3]) > 12)
        return sign.join(("%m", "%d", year) if month_first else ("%d", "%m", year))
    iso = re.fullmatch(r"(?:\d{4}|[ya]{4})([/.\-])(?:\d{2}|mm)\1(?:\d{2}|dd)(t.{1,30}| .{1,30})?", folded)
    if iso:
        form = iso[1].join(("%Y", "%m", "%d"))
        return form + ("T00:00:00" if (iso[2] or "").startswith("t") else "")
    if re.fullmatch(r"\d{8}", folded):
        return "%Y%m%d" if folded[:2] in ("19", "20") else "%d%m%Y"
    if re.fullmatch(r"(?:\d{2}|mm)/(?:\d{4}|[ya]{4})", folded):
        return "%m/%Y"
    if re.fullmatch(r"\d{1,2}o? de [a-z]{3,9} de \d{4}", folded):
        return "%-d de %B de %Y"
    if re.fullmatch(r"[a-z]{3,9} \d{1,2}, \d{4}", folded) and folded.split()[0] in MONTHS:
        return "%E %-d, %Y"
    return ""


def _render_date(text: str, form: str) -> str:
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return text
    parts = {
        "%d": f"{date.day:02}", "%-d": str(date.day), "%m": f"{date.month:02}", "%Y": f"{date.year:04}",
        "%y": f"{date.year % 100:02}", "%B": _LONG_MONTHS[date.month - 1], "%E": _ENGLISH_MONTHS[date.month - 1],
    }  # fmt: skip
    return re.sub(r"%-?[a-zA-Z]", lambda m: parts[m[0]], form)


def _number_style(text: str) -> Style:
    match = _NUMBER_EXAMPLE.fullmatch(text)
    if not match:
        return Style()
    body = match[2].lstrip("-")
    last = max(body.rfind("."), body.rfind(","))
    decimal, places = "", 0
    grouping = "".join(sorted(set(body) & {".", ","}))
    if last >= 0 and not (len(body) - last == 4 and body.count(body[last]) == body.count(".") + body.count(",")):
        decimal, places = body[last], len(body) - last - 1
        grouping = {".": ",", ",": "."}[decimal]
        # "1234,56" shows that thousands are not grouped; below a thousand nothing is shown and grouping is usual.
        if len(body[:last]) > 3 and grouping not in body:
            grouping = ""
    if decimal == "." and grouping not in body and not match[1]:
        grouping = ""
    return Style(type="string", prefix=match[1], suffix=match[3], grouping=grouping, decimal=decimal, places=places)


def _render_number(value: float, style: Style) -> Any:
    if style.type != "string":
        return value
    if not (style.prefix or style.suffix or style.grouping or style.decimal):
        return str(int(value) if value == int(value) else value)
    plain = f"{abs(value):,.{style.places}f}" if style.decimal else f"{abs(round(value)):,}"
    table = str.maketrans({",": style.grouping, ".": style.decimal or "."})
    return f"{style.prefix}{'-' if value < 0 else ''}{plain.translate(table)}{style.suffix}"


def _render_mask(kind: Kind, text: str, mask: str) -> str:
    characters = "".join(c for c in text if c.isalnum())
    wanted = mask.count("#")
    if kind is Kind.BOLETO and wanted == 44:
        slip = parse_line(text) or parse_barcode(text)
        return slip.barcode if slip else text
    if kind is Kind.PHONE and (mask.startswith("+") or wanted in (12, 13)):
        characters = characters if characters.startswith("0") else f"55{characters}"
    if set(mask) == {"#"}:
        return characters
    if len(characters) != wanted:
        return f"+{characters}" if set(mask) == {"+", "#"} else text
    rest = iter(characters)
    return "".join(next(rest) if c == "#" else c for c in mask)
