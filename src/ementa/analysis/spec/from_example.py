"""From a JSON example of the answer to its tree: `{"CNPJ": ""}`, hints as values, and a filled-in Example."""

import re
from typing import Any, cast

from ementa.analysis.errors import ExampleMismatch, FormatInvalid
from ementa.analysis.kinds import Style, infer_kind, key_words, style_of
from ementa.analysis.spec.nodes import Group, Leaf, Many, Member, Node
from ementa.analysis.types import Kind
from ementa.kit.errors import EmentaError

_EMPTY = frozenset({"", "...", "…", "string", "str", "texto", "text", "null", "none", "?", "-"})
_HINT = re.compile(r"[^\W\d_]{2,}")
_DATE_FORM = re.compile(r"(?i)(?:[damy]{1,4}[/.\-]){1,2}[damy]{1,4}")
_MISSING = object()
_PLAIN = {
    Kind.MONEY: Style(type="string", decimal=".", places=2),
    Kind.NUMBER: Style(type="string"),
    Kind.INTEGER: Style(type="string"),
    Kind.PERCENT: Style(type="string"),
    Kind.BOOLEAN: Style(type="string"),
}
"""Numbers asked for as text by an empty string: plain digits with a point."""


def build_tree(form: Any, example: Any, max_items: int) -> Node:
    """The tree of the asked form. `example` is the filled-in Example, or `NO_EXAMPLE`.

    Raises `FormatInvalid` for a form that asks for nothing, `ExampleMismatch` when Example has another form.
    """
    return _node(form, example, "", "", max_items)


NO_EXAMPLE = _MISSING


def _node(form: Any, example: Any, key: str, path: str, max_items: int) -> Node:
    if isinstance(form, dict):
        return _group(cast("dict[str, Any]", form), example, path, max_items)
    if isinstance(form, list):
        return _many(cast("list[Any]", form), example, key, path, max_items)
    if isinstance(example, dict | list):
        raise _mismatch(path, "esperava-se um valor simples.", "a single value was expected.")
    return make_leaf(key, form, example)


def _group(form: dict[str, Any], example: Any, path: str, max_items: int) -> Group:
    if not form:
        raise _empty(path)
    filled: dict[str, Any] = {}
    if example is not _MISSING and example is not None:
        if not isinstance(example, dict):
            raise _mismatch(path, "esperava-se um objeto.", "an object was expected.")
        filled = cast("dict[str, Any]", example)
        unknown = [name for name in filled if name not in form]
        if unknown:
            shown = unknown[0][:80]
            raise _mismatch(path, f"a chave «{shown}» não foi pedida.", f"key “{shown}” was not asked for.")
    return Group(
        tuple(
            Member(name, _node(value, filled.get(name, _MISSING), name, f"{path}/{pointer(name)}", max_items))
            for name, value in form.items()
        )
    )


def _many(form: list[Any], example: Any, key: str, path: str, max_items: int) -> Many:
    filled: list[Any] = [_MISSING]
    if example is not _MISSING and example is not None:
        if not isinstance(example, list):
            raise _mismatch(path, "esperava-se uma lista.", "a list was expected.")
        filled = cast("list[Any]", example) or [_MISSING]
    if not form and not key and filled[0] is _MISSING:
        raise _empty(path)
    item: Any = form[0] if form else ""
    if not form and isinstance(filled[0], dict | list):
        item = cast("Any", filled[0])
    nodes = [_node(item, shown, singular(key), f"{path}/0", max_items) for shown in filled]
    for other in form[1:]:
        # Further items of the form are more examples of the same thing; one of another form cannot be honoured.
        _node(item, other, key, f"{path}/0", max_items)
    return Many(nodes[0], max_items)


def make_leaf(key: str, form: Any, example: Any = _MISSING) -> Leaf:
    """A leaf from its key, the value in the form (an example, a hint or nothing) and the one in Example."""
    text = form.strip() if isinstance(form, str) else ""
    hint = text if _is_hint(key, text) else ""
    named = infer_kind(key, "")
    if named is Kind.TEXT and key:
        named = infer_kind(singular(key), "")
    shown = form if example is _MISSING or example is None else example
    if isinstance(shown, str) and (shown.strip().lower() in _EMPTY or (shown is form and hint)):
        kind = named if named is not Kind.TEXT or not hint else infer_kind(hint, "")
    else:
        kind = infer_kind(singular(key) if infer_kind(key, "") is Kind.TEXT else key, shown)
    return Leaf(kind, _style(kind, shown), hint, keyless=not key_words(key) and not hint)


def _style(kind: Kind, shown: Any) -> Style:
    style = style_of(kind, shown)
    return text_style(kind) or style if isinstance(shown, str) and style.type != "string" else style


def text_style(kind: Kind) -> Style | None:
    """How a number or a yes/no is written where text was asked for; None for kinds that are text anyway."""
    return _PLAIN.get(kind)


def _is_hint(key: str, text: str) -> bool:
    """Whether a text in the form describes the value rather than showing one: words without digits, as in
    "número da nota"; a single word counts when it names a kind of value; "dd/mm/aaaa" shows a style."""
    if not text or text.lower() in _EMPTY or any(c.isdigit() for c in text) or _DATE_FORM.fullmatch(text):
        return False
    words = _HINT.findall(text)
    if "@" in text or not words:
        return False
    named = infer_kind(text, "") is not Kind.TEXT
    return named or len(words) > 1 or infer_kind(key, "") not in (Kind.TEXT, Kind.NAME, Kind.BOOLEAN)


def singular(key: str) -> str:
    """`CNPJs`, `valores`, `datas` without the plural ending, for asking what one of them is."""
    for ending, instead in (("ções", "ção"), ("coes", "cao"), ("ores", "or"), ("eis", "el"), ("ns", "m"), ("s", "")):
        if len(key) > len(ending) + 2 and key.lower().endswith(ending):
            return key[: -len(ending)] + instead
    return key


def pointer(key: str) -> str:
    """A key as a part of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _empty(path: str) -> EmentaError:
    where = path or "/"
    return FormatInvalid(
        details={"path": path},
        cause={"pt": f"não há campo a preencher em {where}.", "en": f"there is no field to fill at {where}."},
    )


def _mismatch(path: str, pt: str, en: str) -> ExampleMismatch:
    return ExampleMismatch(details={"path": path}, where=path or "/", cause={"pt": pt, "en": en})
