"""Properties: whatever form is asked, the answer has it and every leaf has its proof."""

import json
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec import decode_spec, encode_spec, parse_spec
from ementa.extraction.types import Extraction

from .conftest import analyse, leaves

KEYS = st.sampled_from(
    ["cnpj", "data", "total", "itens", "nome", "resumo", "ativo", "qtd", "chave", "x", "a/b", "~", "é"]
)
VALUES = st.one_of(
    st.just(""),
    st.integers(-5, 5),
    st.floats(-1e6, 1e6),
    st.booleans(),
    st.none(),
    st.sampled_from(["dd/mm/aaaa", "nome"]),
)
FORMS = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=1), st.dictionaries(KEYS, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@given(FORMS)
@settings(max_examples=200, deadline=None)
def test_any_form_gives_a_bounded_schema_that_stores_and_returns(form: Any) -> None:
    spec = parse_spec(json.dumps(form), None, AnalysisSettings())
    assert decode_spec(encode_spec(spec)) == spec
    jsonschema.Draft202012Validator.check_schema(spec.schema)
    assert_bounded(spec.schema)


def assert_bounded(schema: dict[str, Any]) -> None:
    types = schema.get("type", [])
    if "enum" in schema:
        return
    if "string" in types:
        assert schema["maxLength"] <= 4000
    if "number" in types or "integer" in types:
        assert "string" in types or "maximum" in schema
    if types == "array":
        assert schema["maxItems"] <= 1000
        assert_bounded(schema["items"])
    if types == "object":
        assert schema["additionalProperties"] is False
        for part in schema["properties"].values():
            assert_bounded(part)


@given(form=FORMS, prompt=st.sampled_from(["Extraia os dados", "Liste todos", "Resuma", "What is this?"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_form_is_answered_in_its_form_with_one_proof_per_leaf(
    invoice: Extraction, form: Any, prompt: str
) -> None:
    result = await analyse(invoice, prompt, form)
    jsonschema.validate(result.response, result.schema)
    assert {path: leaf.value for path, leaf in result.proof.items()} == leaves(result.response)
    assert len(result.outcome.proof) == len(result.proof)
    json.dumps(result.response, allow_nan=False)
