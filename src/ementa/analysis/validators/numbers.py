"""Numbers, money and percentages as Brazil and the English-speaking world print them.

Which sign is the decimal one, when a text alone could mean both:
1. both signs present: the last one is decimal (`1.234,56`, `1,234.56`);
2. one sign repeated: it groups thousands (`1.234.567`);
3. one dot before exactly three digits: thousands (`1.234` is 1234, the Brazilian reading);
4. one comma before exactly three digits: decimal (`1,234` is 1.234, quantities with three places) unless it is money,
   where it groups thousands (`$1,234`), as money has no three places;
5. otherwise the only sign is decimal (`12,5`, `12.50`, `0,1234`).
"""

import re

from ementa.analysis.validators.number_words import parse_amount_words, parse_cardinal

GROUPED_PT = r"\d{1,3}(?:\.\d{3}){1,5}(?:,\d{1,10})?"
GROUPED_EN = r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,10})?"
PLAIN = r"\d{1,15}(?:[.,]\d{1,10})?"
PATTERN = rf"(?:{GROUPED_PT}|{GROUPED_EN}|{PLAIN})"
_BODY = re.compile(PATTERN, re.ASCII)
_CURRENCY = re.compile(r"R\s?\$|US\s?\$|U\$|\$|€|£|\bBRL\b|\bUSD\b|\bEUR\b", re.IGNORECASE)


def parse_number(text: str, *, money: bool = False) -> float | int | None:
    """The number in `text`, an int when it has no decimal part. Signs: leading or trailing `-`, or parentheses."""
    body = "".join(text[:60].split())
    negative = False
    if body.startswith("(") and body.endswith(")"):
        body, negative = body[1:-1], True
    if body[:1] in "-−–+":
        negative, body = body[:1] != "+" or negative, body[1:]
    elif body.endswith("-"):
        negative, body = True, body[:-1]
    if not _BODY.fullmatch(body):
        return None
    plain = _to_plain(body, money=money)
    value = float(plain) if "." in plain else int(plain)
    return -value if negative else value


def _to_plain(body: str, *, money: bool) -> str:
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        decimal = "." if body.rfind(".") > body.rfind(",") else ","
    elif dots + commas != 1:
        decimal = ""
    else:
        sign = "." if dots else ","
        tail = len(body) - body.index(sign) - 1
        thousands = tail == 3 and len(body) <= 7 and (sign == "." or money) and not body.startswith("0")
        decimal = "" if thousands else sign
    grouping = {"": ".,", ".": ",", ",": "."}[decimal]
    plain = "".join(c for c in body if c not in grouping)
    return plain.replace(",", ".")


def parse_money(text: str) -> float | None:
    """The amount in `text`, with or without a currency sign, in digits or in words."""
    stripped = _CURRENCY.sub("", text[:400], count=1).strip()
    if stripped[:1].isalpha():
        return parse_amount_words(text)
    # "R$ -5,00", "-R$ 5,00" and "5,00 (cinco reais)" are all written.
    stripped = re.sub(r"(?<=\d)\s*\([a-zà-ú\s]{3,300}\)$", "", stripped, flags=re.IGNORECASE)
    value = parse_number(stripped, money=True)
    return None if value is None else float(value)


def parse_percent(text: str) -> float | None:
    """12.5 from `12,5%`, `12,5 %` or "12,5 por cento"; the number itself, not its hundredth."""
    body = re.sub(r"\s*(?:%|por cento|percent)\s*$", "", text[:80].strip(), flags=re.IGNORECASE)
    value = parse_number(body)
    return None if value is None else float(value)


def parse_integer(text: str) -> int | None:
    """The whole number in `text`, in digits or words; `3,0000` counts as 3."""
    value = parse_number(text)
    if value is None:
        return parse_cardinal(text)
    return int(value) if value == int(value) else None


def format_pt(value: float, places: int = 2) -> str:
    """`1.234,56`."""
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


def format_en(value: float, places: int = 2) -> str:
    """`1,234.56`."""
    return f"{value:,.{places}f}"
