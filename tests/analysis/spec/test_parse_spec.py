"""Forms that users send: what is asked of each leaf, and what is refused."""

import json
import time
from typing import Any

import pytest

from ementa.analysis.errors import (
    ExampleInvalid,
    ExampleMismatch,
    FormatInvalid,
    FormatTooLarge,
    FormatUnsupported,
)
from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec import Group, Leaf, Many, Node, parse_spec
from ementa.analysis.types import Kind
from ementa.kit.errors import EmentaError

SETTINGS = AnalysisSettings()


def leaf_of(form: Any, example: Any = None) -> Leaf:
    spec = parse_spec(json.dumps(form), None if example is None else json.dumps(example), SETTINGS)
    node: Node = spec.root
    while not isinstance(node, Leaf):
        node = node.item if isinstance(node, Many) else node.members[0].node
    return node


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ([{"CNPJ": ""}], Kind.CNPJ),
        ({"cnpjs": [""]}, Kind.CNPJ),
        ({"datas_vencimento": [""]}, Kind.DATE),
        ({"total": 0}, Kind.MONEY),
        ({"n": "número da nota"}, Kind.CODE),
        ({"quando": "data de emissão"}, Kind.DATE),
        ({"v": "R$ 1.234,56"}, Kind.MONEY),
        ({"resumo": ""}, Kind.ANSWER),
        ("", Kind.TEXT),
        (["..."], Kind.TEXT),
        ({"ativo": True}, Kind.BOOLEAN),
    ],
)
def test_the_key_the_hint_or_the_value_shown_decides_the_kind(form: Any, kind: Kind) -> None:
    assert leaf_of(form).kind is kind


@pytest.mark.parametrize(
    ("form", "types"),
    [
        ({"total": 0}, ["number", "null"]),
        ({"total": ""}, ["string", "null"]),
        ({"paginas": 0}, ["integer", "null"]),
        ({"assinado": True}, ["boolean", "null"]),
        ({"assinado": ""}, ["string", "null"]),
    ],
)
def test_the_json_type_shown_is_the_json_type_given(form: Any, types: list[str]) -> None:
    schema = parse_spec(json.dumps(form), None, SETTINGS).schema
    (fragment,) = schema["properties"].values()
    assert fragment["type"] == types


def test_a_filled_in_example_shows_the_style() -> None:
    assert leaf_of([{"CNPJ": ""}], [{"CNPJ": "12345678000195"}]).style.mask == "#" * 14
    assert leaf_of({"data": ""}, {"data": "31/12/2026"}).style.date == "%d/%m/%Y"
    assert leaf_of({"data": "dd/mm/aaaa"}).style.date == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("text", "line", "column"), [('{"a": ', 1, 7), ('{\n "a": 1 "b"\n}', 2, 9), ("CNPJ", 1, 1), ("[1,]", 1, 3)]
)
def test_broken_json_says_where(text: str, line: int, column: int) -> None:
    with pytest.raises(FormatInvalid) as caught:
        parse_spec(text, None, SETTINGS)
    assert caught.value.details["line"] == line
    assert abs(caught.value.details["column"] - column) <= 2
    assert str(line) in caught.value.text("pt")


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', "{}", "[]", "[{}]", '{"a":{}}', "NaN", "[1e999]", "[" + "9" * 5000 + "]", '["\\ud800"]', ""],
)
def test_what_asks_for_nothing_or_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(FormatInvalid):
        parse_spec(text, None, SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000 + "]" * 5000,
        json.dumps({f"k{number}": "" for number in range(501)}),
        json.dumps({f"k{number}": "" for number in range(1_000_000)}),
        '{"a": "' + "x" * 100_001 + '"}',
        '["' + '\\"' * 49_000,
    ],
    ids=["deep", "keys", "a million keys", "long", "a string that never ends"],
)
def test_a_hostile_form_is_refused_before_anything_is_built(text: str) -> None:
    started = time.process_time()
    with pytest.raises(EmentaError) as caught:
        parse_spec(text, None, SETTINGS)
    assert isinstance(caught.value, FormatTooLarge | FormatInvalid)
    assert time.process_time() - started < 5  # quadratic work would take minutes


@pytest.mark.parametrize("example", ['{"b": 1}', "[]", '"x"', '{"a": [1]}'])
def test_an_example_of_another_form_is_refused(example: str) -> None:
    with pytest.raises(ExampleMismatch):
        parse_spec('{"a": ""}', example, SETTINGS)


def test_a_broken_example_is_its_own_error() -> None:
    with pytest.raises(ExampleInvalid):
        parse_spec('{"a": ""}', '{"a": ', SETTINGS)


_PARTY = {"type": "object", "properties": {"cnpj": {"type": "string"}, "nome": {"type": ["string", "null"]}}}
_ITEM = {"type": "object", "properties": {"descricao": {"type": "string"}}}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "party": {"type": "object", "properties": {"cnpj": {"type": "string"}, "nome": {"type": ["string", "null"]}}}
    },
    "properties": {
        "emitente": {"$ref": "#/$defs/party"},
        "tipo": {"enum": ["NF-e", "boleto"]},
        "total": {"type": "number", "minimum": 0},
        "emitida": {"type": "string", "format": "date"},
        "itens": {
            "type": "array",
            "maxItems": 5,
            "items": {"type": "object", "properties": {"descricao": {"type": "string"}}},
        },
        "obs": {"anyOf": [{"type": "string", "maxLength": 30}, {"type": "null"}]},
    },
    "required": ["emitente", "total"],
}


def test_a_json_schema_is_honoured() -> None:
    spec = parse_spec(json.dumps(SCHEMA), None, SETTINGS)
    assert isinstance(spec.root, Group)
    nodes = {member.name: member.node for member in spec.root.members}
    party, itens, total, tipo, obs = (nodes[name] for name in ("emitente", "itens", "total", "tipo", "obs"))
    assert isinstance(party, Group)
    assert [member.name for member in party.members] == ["cnpj", "nome"]
    assert isinstance(itens, Many)
    assert itens.max_items == 5
    assert isinstance(total, Leaf)
    assert total.bounds == {"minimum": 0}
    assert isinstance(tipo, Leaf)
    assert (tipo.choices, tipo.absent) == (("NF-e", "boleto"), "omit")
    assert isinstance(obs, Leaf)
    assert (obs.bounds, obs.absent) == ({"maxLength": 30}, "null")
    assert spec.schema["required"] == ["emitente", "total", "obs"]  # `obs` may be null, so it is always there


@pytest.mark.parametrize(
    "part",
    [
        {"type": "string", "pattern": "^(a+)+$"},
        {"oneOf": [{"type": "string"}, {"type": "number"}]},
        {"$ref": "https://example.com/schema.json"},
        {"type": ["string", "number"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "patternProperties": {}},
    ],
)
def test_what_a_schema_asks_and_is_not_honoured_is_named(part: dict[str, Any]) -> None:
    with pytest.raises(FormatUnsupported) as caught:
        parse_spec(json.dumps({"$schema": "x", "type": "object", "properties": {"a": part}}), None, SETTINGS)
    assert caught.value.details["path"].startswith("#/properties/a")


def test_a_schema_that_refers_to_itself_is_refused() -> None:
    schema = {"$schema": "x", "type": "object", "properties": {"a": {"$ref": "#"}}}
    with pytest.raises(FormatUnsupported):
        parse_spec(json.dumps(schema), None, SETTINGS)
