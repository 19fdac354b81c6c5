"""What a request needs of a model, read cheaply: a body that is only passed on is not read twice."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ementa.llm.errors import ModelCannotChat, ModelLacksCapability
from ementa.llm.types import ChatRequest, ModelInfo

COMPLETION = "completion"
NOTHING: frozenset[str] = frozenset()
_PICTURES = frozenset({"image_url", "input_image", "image"})
_LISTS = ("messages", "input")
"""Where a body keeps what was said: OpenAI's chats and Ollama's; OpenAI's responses."""


def needs_of(request: ChatRequest) -> frozenset[str]:
    """`tools`, `vision`."""
    needs = {"tools"} if request.tools and request.tool_choice != "none" else set[str]()
    if any(message.images for message in request.messages):
        needs.add("vision")
    return frozenset(needs)


def needs_of_body(body: Mapping[str, Any]) -> frozenset[str]:
    """The same of a body in OpenAI's or Ollama's dialect."""
    needs = {"tools"} if body.get("tools") and body.get("tool_choice") != "none" else set[str]()
    if body.get("images") or any(_has_picture(body.get(name)) for name in _LISTS):
        needs.add("vision")
    return frozenset(needs) if needs else NOTHING


def has_addresses(body: Mapping[str, Any]) -> bool:
    """Whether a body in OpenAI's dialect holds an image, a sound or a film by its address, for its reader to fetch."""
    return any(_is_address(part) for name in _LISTS for item in _items(body.get(name)) for part in _parts(item))


def require(info: ModelInfo, model: str, needs: Iterable[str]) -> None:
    """Raise `ModelCannotChat` or `ModelLacksCapability` when the server says that the model cannot do it. What a server
    does not say is left to it."""
    known = info.capabilities
    if not known:
        return
    for need in needs:
        if need not in known:
            if need == COMPLETION:
                raise ModelCannotChat(model=model, capabilities=", ".join(known))
            raise ModelLacksCapability.of(model, need, known)


def _has_picture(items: Any) -> bool:
    for item in cast("list[Any]", items) if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        message = cast("dict[str, Any]", item)
        if message.get("images"):
            return True
        content = message.get("content")
        if isinstance(content, list) and any(_is_picture(part) for part in cast("list[Any]", content)):
            return True
    return False


def _items(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _parts(item: Any) -> list[Any]:
    return _items(cast("dict[str, Any]", item).get("content")) if isinstance(item, dict) else []


def _is_address(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    for name, value in cast("dict[str, Any]", part).items():
        if name.endswith("_url"):
            url: Any = cast("dict[str, Any]", value).get("url") if isinstance(value, dict) else value
            if isinstance(url, str) and not url.startswith("data:"):
                return True
    return False


def _is_picture(part: Any) -> bool:
    return isinstance(part, dict) and cast("dict[str, Any]", part).get("type") in _PICTURES
