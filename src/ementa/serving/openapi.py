"""What the API document tells of doors, which FastAPI knows nothing of. Each dialect lists its `Operation`s.

The schema of a body is made from the very struct that reads it, so the two cannot differ.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

Schema = dict[str, Any]

_SECURITY = [{"APIKeyHeader": list[str]()}, {"HTTPBearer": list[str]()}]
_HEADERS: Schema = {
    "X-Ementa-Model": {"schema": {"type": "string"}, "description": "Quem respondeu. / Who answered."},
    "X-Ementa-Server": {"schema": {"type": "string"}, "description": "Em que servidor. / On which server."},
    "X-Ementa-Queue-Ms": {"schema": {"type": "string"}, "description": "Espera na fila. / Time in line."},
    "X-Ementa-Overhead-Ms": {"schema": {"type": "string"}, "description": "Custo da Ementa. / Cost of Ementa."},
    "X-Ementa-Cache": {"schema": {"enum": ["hit", "miss"]}, "description": "Se foi lembrada. / Whether remembered."},
}
_PARAMETERS: list[Schema] = [
    {
        "name": "X-Ementa-Timeout",
        "in": "header",
        "required": False,
        "schema": {"type": "number", "minimum": 1},
        "description": "Segundos que a resposta pode levar. / Seconds that the answer may take.",
    },
    {
        "name": "X-Ementa-Cache",
        "in": "header",
        "required": False,
        "schema": {"enum": ["on", "off"]},
        "description": "Usar respostas lembradas. / Whether remembered answers are used.",
    },
]


class Operation(msgspec.Struct, frozen=True):
    """One method of one path."""

    summary: str
    tag: str
    answer: Schema
    """The schema of the answer."""
    body: type | None = None
    """The struct that reads the body."""
    body_name: str = ""
    """Before the names of its schemas in the document."""
    model_call: bool = True
    """Whether a model answers, so that its headers apply."""
    parameters: tuple[Schema, ...] = ()
    stream: str = ""
    """The media type of the answer in pieces, when there is one."""
    errors: tuple[int, ...] = ()
    """Statuses besides those that every path has."""
    public: bool = False
    """Whether no key is needed."""


def operation_of(told: Operation, schemas: Schema) -> Schema:
    """The operation in the document's form; what its body needs is added to `schemas`."""
    content: Schema = {"application/json": {"schema": told.answer}}
    if told.stream:
        content[told.stream] = {"schema": {"type": "string"}}
    answer: Schema = {"description": "OK", "content": content}
    operation: Schema = {
        "summary": told.summary,
        "tags": [told.tag],
        "responses": {"200": answer},
    }
    if not told.public:
        operation["security"] = _SECURITY
    parameters = [*told.parameters]
    if told.model_call:
        answer["headers"] = _HEADERS
        parameters += _PARAMETERS
    if parameters:
        operation["parameters"] = parameters
    if told.body is not None:
        schema = _schema_of(told.body, told.body_name, schemas)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def object_of(properties: Mapping[str, Schema], *optional: str) -> Schema:
    """An object that has these properties and perhaps others; all but the optional ones are always there."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties)}


def list_of(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def _schema_of(kind: type, name: str, schemas: Schema) -> Schema:
    (schema,), parts = msgspec.json.schema_components([kind], ref_template=f"#/components/schemas/{name}{{name}}")
    schemas.update({f"{name}{part}": told for part, told in parts.items()})
    return schema
