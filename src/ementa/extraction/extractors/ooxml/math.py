"""Office equations (OMML) as a line of text: fractions as `a/b`, powers as `x^2`, roots as `√(x)`."""

from ementa.extraction.archives import Element
from ementa.extraction.extractors.ooxml.package import attribute, child, children, local

_MAX_DEPTH = 60
_TIGHT = set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,")


def equation_text(element: Element, depth: int = 0) -> str:
    """The equation as text."""
    if depth > _MAX_DEPTH:
        return ""
    return "".join(_part(part, depth + 1) for part in element)


def _part(element: Element, depth: int) -> str:
    name = local(element)
    if name == "t":
        return str(element.text or "")
    rule = _RULES.get(name)
    if rule is not None:
        return rule(element, depth)
    return "" if name.endswith("Pr") else equation_text(element, depth)


def _of(element: Element, name: str, depth: int) -> str:
    found = child(element, name)
    return equation_text(found, depth) if found is not None else ""


def _group(text: str) -> str:
    """In parentheses unless it is one number or name."""
    return text if len(text) <= 1 or set(text) <= _TIGHT else f"({text})"


def _fraction(element: Element, depth: int) -> str:
    return f"{_group(_of(element, 'num', depth))}/{_group(_of(element, 'den', depth))}"


def _script(element: Element, depth: int) -> str:
    lower, upper = _of(element, "sub", depth), _of(element, "sup", depth)
    text = _of(element, "e", depth)
    if lower:
        text += f"_{_group(lower)}"
    return f"{text}^{_group(upper)}" if upper else text


def _radical(element: Element, depth: int) -> str:
    degree = _of(element, "deg", depth)
    return f"{degree}√({_of(element, 'e', depth)})"


def _operator(element: Element, depth: int) -> str:
    symbol = child(element, "naryPr", "chr")
    sign = attribute(symbol, "val") if symbol is not None else "∫"
    lower, upper = _of(element, "sub", depth), _of(element, "sup", depth)
    text = sign + (f"_{_group(lower)}" if lower else "") + (f"^{_group(upper)}" if upper else "")
    return f"{text} {_of(element, 'e', depth)}"


def _delimited(element: Element, depth: int) -> str:
    begin = child(element, "dPr", "begChr")
    end = child(element, "dPr", "endChr")
    inside = ", ".join(equation_text(part, depth) for part in children(element, "e"))
    left = attribute(begin, "val") if begin is not None else "("
    right = attribute(end, "val") if end is not None else ")"
    return f"{left}{inside}{right}"


def _function(element: Element, depth: int) -> str:
    return f"{_of(element, 'fName', depth)} {_of(element, 'e', depth)}"


def _matrix(element: Element, depth: int) -> str:
    rows = (", ".join(equation_text(cell, depth) for cell in children(row, "e")) for row in children(element, "mr"))
    return "; ".join(rows)


def _limit(element: Element, depth: int) -> str:
    return f"{_of(element, 'e', depth)}_{_group(_of(element, 'lim', depth))}"


_RULES = {
    "f": _fraction,
    "sSup": _script,
    "sSub": _script,
    "sSubSup": _script,
    "sPre": _script,
    "rad": _radical,
    "nary": _operator,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "limLow": _limit,
    "limUpp": _limit,
}
