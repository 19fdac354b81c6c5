"""From a user's JSON Schema to the tree. What cannot be honoured is refused by name, never ignored."""

from typing import Any, cast
from urllib.parse import unquote

from ementa.analysis.errors import FormatInvalid, FormatUnsupported
from ementa.analysis.kinds import Style, infer_kind, key_words
from ementa.analysis.spec.from_example import pointer, singular, text_style
from ementa.analysis.spec.nodes import Absent, Group, Leaf, Many, Member, Node
from ementa.analysis.types import Kind
from ementa.kit.errors import EmentaError

_IGNORED = frozenset({
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly", "propertyOrdering",
})  # fmt: skip
_HONOURED = frozenset({
    "type", "properties", "required", "items", "enum", "const", "format", "$ref", "anyOf", "oneOf", "minItems",
    "maxItems", "minLength", "maxLength", "minimum", "maximum", "additionalProperties",
})  # fmt: skip
_BOUNDS = ("minLength", "maxLength", "minimum", "maximum")
_FORMATS = {"date": Kind.DATE, "date-time": Kind.DATE, "email": Kind.EMAIL, "cnpj": Kind.CNPJ, "cpf": Kind.CPF}
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_MAX_REFS = 20


def looks_like_schema(form: Any) -> bool:
    """Whether a form is a JSON Schema and not an example: `$schema`, or a `type` that goes with its parts."""
    if not isinstance(form, dict):
        return False
    keys = cast("dict[str, Any]", form)
    if isinstance(keys.get("$schema"), str):
        return True
    kind, properties = keys.get("type"), keys.get("properties")
    if isinstance(properties, dict) and properties:
        parts = cast("dict[str, Any]", properties).values()
        return kind == "object" and all(isinstance(part, dict | bool) for part in parts)
    return kind == "array" and isinstance(keys.get("items"), dict)


class SchemaReader:
    """Reads one schema. Holds the document that `$ref` points into."""

    def __init__(self, schema: dict[str, Any], max_items: int, max_keys: int) -> None:
        self._document = schema
        self._max_items = max_items
        self._left = max_keys

    def read(self) -> Node:
        """The tree. Raises `FormatUnsupported` or `FormatInvalid` with the place."""
        return self._node(self._document, "", "#", required=True, depth=0)

    def _node(self, schema: Any, key: str, where: str, *, required: bool, depth: int) -> Node:
        self._left -= 1
        if self._left < 0 or depth > _MAX_REFS:
            raise _unsupported(
                where, "recursão", "recursion", "Escreva os níveis por extenso.", "Spell the levels out."
            )
        schema, nullable = self._plain(schema, where)
        for word in schema:
            if word not in _IGNORED | _HONOURED:
                raise _unsupported(where, word, word, *_ADVICE)
        kind, nullable = _type_of(schema, where, nullable=nullable)
        absent: Absent = "null" if nullable else "omit" if not required else "empty" if kind == "string" else "null"
        if kind == "object":
            return self._group(schema, where, absent, depth)
        if kind == "array":
            return self._many(schema, key, where, absent, depth)
        return _leaf(schema, key, kind, absent, demanded=required and not nullable)

    def _group(self, schema: dict[str, Any], where: str, absent: Absent, depth: int) -> Group:
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not properties:
            raise _invalid(where, "o objeto não tem propriedades.", "the object has no properties.")
        if isinstance(schema.get("additionalProperties"), dict):
            raise _unsupported(where, "additionalProperties", "additionalProperties", *_ADVICE)
        needed = set(cast("list[str]", schema.get("required") or []))
        return Group(
            tuple(
                Member(
                    name,
                    self._node(
                        part, name, f"{where}/properties/{pointer(name)}", required=name in needed, depth=depth + 1
                    ),
                )
                for name, part in cast("dict[str, Any]", properties).items()
            ),
            _hint(schema),
            absent if absent != "empty" else "null",
        )

    def _many(self, schema: dict[str, Any], key: str, where: str, absent: Absent, depth: int) -> Many:
        if not isinstance(schema.get("items"), dict):
            raise _invalid(where, "a lista não diz o que são seus itens (items).", "the array does not say its items.")
        item = self._node(schema["items"], singular(key), f"{where}/items", required=True, depth=depth + 1)
        most = min(_natural(schema, "maxItems", where, self._max_items), self._max_items)
        return Many(item, most, _natural(schema, "minItems", where, 0), _hint(schema), absent)

    def _plain(self, schema: Any, where: str) -> tuple[dict[str, Any], bool]:
        """The schema with `$ref` followed and `anyOf: [X, null]` opened, and whether null is allowed."""
        nullable = False
        for _ in range(_MAX_REFS):
            if not isinstance(schema, dict):
                raise _invalid(where, "esperava-se um objeto.", "an object was expected.")
            current = cast("dict[str, Any]", schema)
            rest = {word: value for word, value in current.items() if word not in ("$ref", "anyOf", "oneOf")}
            if "$ref" in current:
                schema = {**self._target(current["$ref"], where), **rest}
                continue
            options = current.get("anyOf") or current.get("oneOf")
            if options is None:
                return current, nullable
            real = [option for option in cast("list[Any]", options) if option != {"type": "null"}]
            if len(real) != 1 or not isinstance(real[0], dict):
                raise _unsupported(where, "anyOf/oneOf", "anyOf/oneOf", *_ADVICE)
            nullable = nullable or len(real) < len(cast("list[Any]", options))
            schema = {**cast("dict[str, Any]", real[0]), **rest}
        raise _unsupported(where, "$ref", "$ref", "Escreva os níveis por extenso.", "Spell the levels out.")

    def _target(self, reference: Any, where: str) -> dict[str, Any]:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise _unsupported(
                where, f"$ref {reference}"[:100], f"$ref {reference}"[:100],
                "Só referências locais (#/$defs/…).", "Only local references (#/$defs/…).",
            )  # fmt: skip
        found: Any = self._document
        for part in reference[2:].split("/") if reference != "#" else []:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise _invalid(where, f"{reference[:100]} não existe.", f"{reference[:100]} does not exist.")
        return cast("dict[str, Any]", found)


def _type_of(schema: dict[str, Any], where: str, *, nullable: bool) -> tuple[str, bool]:
    given = schema.get("type")
    names = cast("list[Any]", given) if isinstance(given, list) else [given] if given is not None else []
    real = [name for name in names if name != "null"]
    for name in real:
        if name not in _TYPES:
            raise _invalid(where, f"o tipo {str(name)[:40]} não existe.", f"type {str(name)[:40]} does not exist.")
    nullable = nullable or len(real) < len(names)
    if len(real) > 1:
        if set(real) <= {"number", "integer"}:
            return "number", nullable
        raise _unsupported(where, "type", "type", "Use um só tipo (e null).", "Use a single type (and null).")
    if real:
        return str(real[0]), nullable
    if "properties" in schema:
        return "object", nullable
    if "items" in schema:
        return "array", nullable
    return "string", nullable


def _leaf(schema: dict[str, Any], key: str, json_type: str, absent: Absent, *, demanded: bool) -> Leaf:
    choices = [schema["const"]] if "const" in schema else cast("list[Any]", schema.get("enum") or [])
    allowed = tuple(choice for choice in choices if isinstance(choice, str | int | float | bool))
    if None in choices:
        absent, demanded = "null", False
    hint = _hint(schema)
    shown = cast("list[Any]", schema.get("examples") or [""])[0]
    kind = _kind(schema, key, hint, json_type, shown)
    constrained = allowed or schema.get("minLength") or schema.get("format")
    bounds: dict[str, Any] = {word: schema[word] for word in _BOUNDS if word in schema}
    style = {
        "number": Style(), "integer": Style(), "boolean": Style(),
    }.get(json_type) or text_style(kind) or Style()  # fmt: skip
    if schema.get("format") == "date-time":
        style = Style(date="%Y-%m-%dT00:00:00")
    if absent == "empty" and constrained:
        absent = "null"
    return Leaf(
        kind,
        style,
        hint,
        allowed,
        absent,
        bounds,
        required=demanded and absent == "null",
        keyless=not key_words(key) and not hint,
    )


def _kind(schema: dict[str, Any], key: str, hint: str, json_type: str, shown: Any) -> Kind:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if json_type == "boolean":
        return Kind.BOOLEAN
    named = infer_kind(key, shown)
    if named is Kind.TEXT:
        named = infer_kind(singular(key), shown)
    if named is Kind.TEXT and hint:
        named = infer_kind(hint, shown)
    if json_type == "integer":
        return Kind.INTEGER
    if json_type == "number":
        return named if named in (Kind.MONEY, Kind.NUMBER, Kind.PERCENT, Kind.INTEGER) else Kind.NUMBER
    return named


def _hint(schema: dict[str, Any]) -> str:
    parts = (schema.get("description"), schema.get("title"))
    return next((part.strip()[:500] for part in parts if isinstance(part, str) and part.strip()), "")


def _natural(schema: dict[str, Any], word: str, where: str, default: int) -> int:
    value = schema.get(word, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _invalid(where, f"{word} deve ser um inteiro ≥ 0.", f"{word} must be an integer ≥ 0.")
    return value


_ADVICE = (
    "Use type, properties, required, items, enum, const, format, $ref local, description e limites de tamanho.",
    "Use type, properties, required, items, enum, const, format, local $ref, description and bounds of size.",
)


def _unsupported(where: str, pt: str, en: str, advice_pt: str, advice_en: str) -> EmentaError:
    return FormatUnsupported(
        details={"path": where}, where=where, what={"pt": pt, "en": en}, advice={"pt": advice_pt, "en": advice_en}
    )


def _invalid(where: str, pt: str, en: str) -> EmentaError:
    return FormatInvalid(details={"path": where}, cause={"pt": f"em {where}, {pt}", "en": f"at {where}, {en}"})
