"""Faults that are no part of any mode: answers that no server of any kind should give."""

from aiohttp import web

from ementa.testing.wire_faults import redirect_to_itself, send_endless_headers, send_long_line

_SPECIAL = frozenset({"redirect", "long-line", "endless-headers", "html", "silent-end"})
_START = b'data: {"choices":[{"index":0,"delta":{"content":"'
_END = b'"},"finish_reason":null}]}\n\n'


def is_special(model: str) -> bool:
    """Whether a model's name scripts one of these."""
    return model.partition(":")[0] in _SPECIAL


async def answer(model: str, request: web.Request) -> web.StreamResponse | None:
    """The answer that the name scripts; None for any other name."""
    name = model.partition(":")[0]
    if name == "redirect":
        return redirect_to_itself(request)
    if name == "html":
        return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    if name == "endless-headers":
        return await send_endless_headers(request)
    if name in ("long-line", "silent-end"):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if name == "long-line":
            await send_long_line(response, _START, _END)
        else:  # it ends as if it were whole, without having said so
            await response.write(_START + b"meia" + _END)
        return response
    return None
