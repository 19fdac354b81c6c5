"""Messages as OpenAI's clients write them, read as ours."""

import binascii
from collections.abc import Mapping, Sequence

import msgspec

from ementa.llm.types import Message, Role, ToolCall
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
ROLE = {
    "pt": f"deve ser um de {', '.join(ROLES)}",
    "en": f"it must be one of {', '.join(ROLES)}",
}
_FETCHED = {
    "pt": "imagens por endereço não são buscadas; envie-as como data:image/…;base64,…",
    "en": "images by address are not fetched; send them as data:image/…;base64,…",
}
_NOT_BASE64 = {"pt": "a imagem não é base64 válido", "en": "the image is not valid base64"}
_PART = {
    "pt": "só partes de tipo text e image_url são lidas por este modelo",
    "en": "only parts of type text and image_url are read by this model",
}


class ImageUrl(msgspec.Struct):
    """Where an image is, or the image itself as a data URL."""

    url: str


class Part(msgspec.Struct):
    """A piece of a message."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None


class FunctionCall(msgspec.Struct):
    """What the model asked to be called."""

    name: str
    arguments: str = "{}"


class CallBody(msgspec.Struct):
    """The same, with its id."""

    function: FunctionCall
    id: str = ""


class MessageBody(msgspec.Struct):
    """One message. `reasoning_content` is how several servers and clients hand thoughts back."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[CallBody] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    reasoning_content: str | None = None


def read_messages(bodies: Sequence[MessageBody]) -> tuple[Message, ...]:
    """The conversation; raises `ParameterInvalid`, `ParameterUnsupported`."""
    names: dict[str, str] = {}
    messages: list[Message] = []
    for position, body in enumerate(bodies):
        place = f"messages[{position}]"
        role = ROLES.get(body.role)
        if role is None:
            raise ParameterInvalid(name=f"{place}.role", cause=ROLE)
        text, images = read_parts(body.content, f"{place}.content")
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments or "{}") for call in body.tool_calls or ()
        )
        names.update((call.id, call.name) for call in calls)
        answers = body.tool_call_id or ""
        messages.append(
            Message(
                role,
                text,
                images=images,
                thinking=body.reasoning_content or "",
                tool_calls=calls,
                tool_call_id=answers,
                tool_name=names.get(answers, body.name or "") if role == "tool" else "",
            )
        )
    return tuple(messages)


def read_parts(content: str | Sequence[Part] | None, place: str) -> tuple[str, tuple[str, ...]]:
    """The text and the images (base64) of a message."""
    if content is None or isinstance(content, str):
        return content or "", ()
    texts: list[str] = []
    images: list[str] = []
    for position, part in enumerate(content):
        at = f"{place}[{position}]"
        if part.type == "text":
            texts.append(part.text or "")
        elif part.type == "refusal":
            texts.append(part.refusal or part.text or "")
        elif part.type == "image_url" and part.image_url is not None:
            url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
            images.append(read_image(url, f"{at}.image_url"))
        else:
            raise ParameterUnsupported(name=f"{at}.type", cause=_PART)
    return "\n".join(texts), tuple(images)


def read_image(url: str, place: str) -> str:
    """The base64 of a data URL; an address elsewhere is never fetched."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        raise ParameterUnsupported(name=place, cause=_FETCHED)
    try:
        empty = not binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        empty = True
    if empty:
        raise ParameterInvalid(name=place, cause=_NOT_BASE64)
    return data
