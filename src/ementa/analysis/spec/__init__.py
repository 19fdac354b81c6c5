"""The asked form: `Format-Response` (any JSON example, or a JSON Schema) and `Example` become a checked tree and a
bounded schema.

- A text, a number, true/false or null is one value; an object is its keys; a list is one form repeated.
- The key's name decides the kind of a value (`cnpj`, `data_emissao`, `total`…); words in its place are a hint
  ("número da nota"), a value in its place shows a style ("31/12/2026", "R$ 1.234,56", "12345678000195").
- The JSON type shown is the JSON type given: `0` gives numbers, `""` gives text. What the document does not have is
  null.
- A JSON Schema is recognised by `$schema` or by `type` with `properties` or `items`.

Start at `nodes.py` (the tree), then `from_example.py` and `from_schema.py` (into it), `bounded.py` (out of it).
"""

from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec.bounded import schema_of
from ementa.analysis.spec.from_example import NO_EXAMPLE, build_tree
from ementa.analysis.spec.from_schema import SchemaReader, looks_like_schema
from ementa.analysis.spec.nodes import Group, Leaf, Many, Member, Node, Spec, decode_spec, encode_spec
from ementa.analysis.spec.reading import read_json

__all__ = ["Group", "Leaf", "Many", "Member", "Node", "Spec", "decode_spec", "encode_spec", "parse_spec"]


def parse_spec(format_text: str, example_text: str | None, settings: AnalysisSettings) -> Spec:
    """The checked form that `Format-Response` and `Example` ask for. CPU only, milliseconds.

    Raises `FormatInvalid` and `ExampleInvalid` (with line and column for broken JSON), `FormatTooLarge`,
    `FormatUnsupported` and `ExampleMismatch`.
    """
    form = read_json(format_text, "Format-Response", settings)
    example = NO_EXAMPLE
    if example_text is not None and example_text.strip():
        example = read_json(example_text, "Example", settings)
    if looks_like_schema(form):
        root = SchemaReader(form, settings.max_list_items, settings.max_format_keys).read()
    else:
        root = build_tree(form, example, settings.max_list_items)
    return Spec(root, schema_of(root))
