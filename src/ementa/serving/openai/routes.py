"""The addresses of OpenAI's API."""

from ementa.serving.deps import Door, DoorRoute
from ementa.serving.openai.chat import chat_completions
from ementa.serving.openai.completions import completions
from ementa.serving.openai.embeddings import embeddings
from ementa.serving.openai.models import get_model, list_models
from ementa.serving.openai.rerank import rerank
from ementa.serving.openai.responses import responses

ROUTES = (
    DoorRoute("/v1/chat/completions", Door("openai.chat", chat_completions), methods=["POST"]),
    DoorRoute("/v1/embeddings", Door("openai.embeddings", embeddings), methods=["POST"]),
    DoorRoute("/v1/completions", Door("openai.completions", completions), methods=["POST"]),
    DoorRoute("/v1/responses", Door("openai.responses", responses), methods=["POST"]),
    DoorRoute("/v1/rerank", Door("openai.rerank", rerank), methods=["POST"]),
    DoorRoute("/v1/models", Door("openai.models", list_models), methods=["GET"]),
    DoorRoute("/v1/models/{model:path}", Door("openai.models", get_model), methods=["GET"]),
)
"""In the order in which they are tried."""
