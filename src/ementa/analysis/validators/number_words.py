"""Numbers and amounts written out in Portuguese: "mil duzentos e trinta e quatro reais e cinquenta centavos"."""

import re

from ementa.analysis.validators.folding import fold

_SMALL = {
    "zero": 0, "um": 1, "uma": 1, "hum": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6,
    "sete": 7, "oito": 8, "nove": 9, "dez": 10, "onze": 11, "doze": 12, "treze": 13, "quatorze": 14, "catorze": 14,
    "quinze": 15, "dezesseis": 16, "dezasseis": 16, "dezessete": 17, "dezoito": 18, "dezenove": 19, "vinte": 20,
    "trinta": 30, "quarenta": 40, "cinquenta": 50, "cincoenta": 50, "sessenta": 60, "setenta": 70, "oitenta": 80,
    "noventa": 90, "cem": 100, "cento": 100, "duzentos": 200, "duzentas": 200, "trezentos": 300, "trezentas": 300,
    "quatrocentos": 400, "quatrocentas": 400, "quinhentos": 500, "quinhentas": 500, "seiscentos": 600,
    "seiscentas": 600, "setecentos": 700, "setecentas": 700, "oitocentos": 800, "oitocentas": 800, "novecentos": 900,
    "novecentas": 900,
}  # fmt: skip
_SCALES = {
    "mil": 10**3, "milhao": 10**6, "milhoes": 10**6, "bilhao": 10**9, "bilhoes": 10**9, "trilhao": 10**12,
    "trilhoes": 10**12,
}  # fmt: skip
_REAIS = frozenset({"real", "reais"})
_CENTS = frozenset({"centavo", "centavos"})
NUMERALS = frozenset(_SMALL) | frozenset(_SCALES)
"""Every word that numbers are made of, folded."""
CURRENCY_WORDS = _REAIS | _CENTS
_TOKEN = re.compile(r"[a-z]+")
_MAX_WORDS = 40


def parse_cardinal(text: str) -> int | None:
    """1234 from "mil duzentos e trinta e quatro"; None when it is no number or its parts stand in no valid order."""
    words = [w for w in _TOKEN.findall(fold(text[:400])) if w != "e"]
    if not words or len(words) > _MAX_WORDS or any(w not in NUMERALS for w in words):
        return None
    return _cardinal(words)


def _cardinal(words: list[str]) -> int | None:
    total, group, last_scale = 0, 0, 10**15
    last = 1000
    for word in words:
        if word in _SCALES:
            scale = _SCALES[word]
            if scale >= last_scale or (group == 0 and word != "mil"):
                return None
            total += max(group, 1) * scale
            group, last, last_scale = 0, 1000, scale
            continue
        value = _SMALL[word]
        rank = 100 if value >= 100 else 10 if value >= 20 else 1
        # Teens close a group as units do: "vinte e doze" is no number.
        if rank >= last or (last == 10 and 10 <= value < 20):
            return None
        group, last = group + value, rank
    return total + group


def parse_amount_words(text: str) -> float | None:
    """1234.5 from "mil duzentos e trinta e quatro reais e cinquenta centavos"; needs the word reais or centavos."""
    words = [w for w in _TOKEN.findall(fold(text[:400])) if w not in ("e", "de")]
    if not words or len(words) > _MAX_WORDS:
        return None
    reais, cents, pending = 0, 0, list[str]()
    seen = False
    for word in words:
        if word in NUMERALS:
            pending.append(word)
            continue
        value = _cardinal(pending) if pending else None
        if value is None:
            return None
        if word in _REAIS and not seen:
            reais = value
        elif word in _CENTS and value < 100:
            cents = value
        else:
            return None
        seen, pending = True, []
    return (reais * 100 + cents) / 100 if seen and not pending else None
