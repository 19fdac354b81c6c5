"""What the OpenAPI document tells of `POST /upload`, whose fields the route reads by itself (see `ask.py`)."""

from typing import Any

_TEXTS: dict[str, tuple[str, str, Any]] = {
    "Prompt": ("O que procurar. / What to find.", "required", "Extraia o CNPJ do emitente"),
    "Format-Response": (
        "Exemplo JSON da resposta, ou um JSON Schema. / A JSON example of the answer, or a JSON Schema.",
        "required",
        '[{"CNPJ": ""}]',
    ),
    "Model": (
        "Modelo, como em GET /models. / A model, as in GET /models. `ementa-reader`: sem modelo / no model.",
        "required",
        "ementa-reader",
    ),
    "Example": (
        "O Format-Response preenchido com valores de exemplo. / The Format-Response filled in with example values.",
        "optional",
        '[{"CNPJ": "12.345.678/0001-95"}]',
    ),
    "TTL": ("Vida em segundos, até 24 h. / Time to live in seconds, up to 24 h.", "optional", "3600"),
    "Priority": ("`low`, `normal`, `high` ou/or -100…100.", "optional", "normal"),
    "Idempotency-Key": (
        "O mesmo valor repetido dá o mesmo documento. / The same value again gives the same document.",
        "optional",
        "pedido-77",
    ),
    "Callback-Url": (
        "Avisado ao terminar, se o host for permitido. / Told when it ends, if its host is allowed.",
        "optional",
        None,
    ),
    "Filename": (
        "Nome do arquivo num corpo sem multipart. / The file's name in a body that is not multipart.",
        "optional",
        "nota.txt",
    ),
}

_FILE = {"type": "string", "format": "binary"}
_ELSEWHERE = {
    "required": "Obrigatório, aqui ou no formulário. / Required, here or in the form.",
    "optional": "Opcional. / Optional.",
}


def _header(name: str, text: str, need: str, example: Any) -> dict[str, Any]:
    schema = {"type": "string", **({"examples": [example]} if example is not None else {})}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": f"{text} {_ELSEWHERE[need]}",
        "schema": schema,
    }


def _form() -> dict[str, Any]:
    fields = {name.lower().replace("-", "_"): {"type": "string", "description": _TEXTS[name][0]} for name in _TEXTS}
    return {"type": "object", "required": ["file"], "properties": {"file": _FILE, **fields}}


UPLOAD: dict[str, Any] = {
    "parameters": [_header(name, *about) for name, about in _TEXTS.items()],
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _FILE},
            "multipart/form-data": {"schema": _form()},
        },
    },
}
"""Each field may come as a header (UTF-8 or percent-encoded), in the form, or in the query; never twice."""
