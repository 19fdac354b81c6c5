"""The error table: the only place that knows HTTP statuses. Every failure leaves in the form of its address
(`serving/forms.py`; ours is `{"error", "code", "details", "timestamp"}`), in the language that the request prefers."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ementa.jobs.errors import DatabaseUnavailable
from ementa.jobs.runner import TROUBLE
from ementa.kit.errors import (
    Conflict,
    EmentaError,
    Forbidden,
    Gone,
    Invalid,
    LimitExceeded,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
)
from ementa.kit.language import preferred_language
from ementa.llm.errors import ModelContextExceeded, ModelRejected, RateLimited
from ementa.serving.errors import BodyTooDeep
from ementa.serving.forms import Face, error_body, face_of, is_absent
from ementa.storage.errors import StorageFull
from ementa.upkeep.errors import DiskLow

RETRY_AFTER_SECONDS = 5
"""What `Retry-After` says of something temporarily unavailable when the error does not know better."""


class ServerStopping(Unavailable):
    """The server ends, and this request was not answered within its grace."""

    code = "SERVER_STOPPING"
    pt = "O servidor está parando e não pôde terminar este pedido. Tente de novo em instantes."
    en = "The server is stopping and could not finish this request. Try again in a moment."


class RouteNotFound(NotFound):
    """Nothing lives at this path."""

    code = "ROUTE_NOT_FOUND"
    pt = "Não existe nada em {path}. Veja os endereços em /docs."
    en = "There is nothing at {path}. See the addresses at /docs."


class MethodNotAllowed(Invalid):
    """The path exists, but not for this method."""

    code = "METHOD_NOT_ALLOWED"
    pt = "O método {method} não se aplica a este endereço. Use: {allowed}."
    en = "Method {method} does not apply to this address. Use: {allowed}."


class RequestInvalid(Invalid):
    """Parameters or body do not have the form that the API declares."""

    code = "REQUEST_INVALID"
    pt = "Parâmetros inválidos: {names}. Os detalhes dizem o que se espera."
    en = "Invalid parameters: {names}. The details say what is expected."


class RequestMalformed(Invalid):
    """This is not well-formed HTTP."""

    code = "REQUEST_MALFORMED"
    pt = "A requisição HTTP está malformada: {cause}."
    en = "The HTTP request is malformed: {cause}."


class HeadersTooLarge(TooLarge):
    """All headers together are beyond the limit."""

    code = "HEADERS_TOO_LARGE"
    pt = (
        "Os cabeçalhos passam do limite de {limit} bytes. Envie os campos longos no formulário multipart "
        "ou ajuste EMENTA_APP__MAX_HEADER_BYTES."
    )
    en = (
        "The headers are larger than the limit of {limit} bytes. Send long fields in the multipart form "
        "or adjust EMENTA_APP__MAX_HEADER_BYTES."
    )


class BodyTooLarge(TooLarge):
    """The body is beyond what this address takes."""

    code = "BODY_TOO_LARGE"
    pt = "O corpo da requisição passa do limite de {limit} bytes deste endereço."
    en = "The request body is larger than the limit of {limit} bytes of this address."


class BodyTimeout(Invalid):
    """The request came too slowly."""

    code = "BODY_TIMEOUT"
    pt = "A requisição chegou devagar demais e foi abandonada após {seconds} s. Verifique a conexão e envie de novo."
    en = "The request came too slowly and was given up after {seconds} s. Check the connection and send it again."


class ClientLeft(Invalid):
    """The client hung up before the end of its request."""

    code = "CLIENT_LEFT"
    pt = "O cliente encerrou a conexão antes do fim da requisição."
    en = "The client closed the connection before the end of its request."


STATUSES: Mapping[type[EmentaError], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Gone: 410,
    Conflict: 409,
    TooLarge: 413,
    LimitExceeded: 429,
    UpstreamFailed: 502,
    Unavailable: 503,
    StorageFull: 507,
    DiskLow: 507,
    MethodNotAllowed: 405,
    RequestMalformed: 400,
    HeadersTooLarge: 431,
    BodyTimeout: 408,
    ClientLeft: 400,
    EmentaError: 500,
}
"""The nearest ancestor counts."""

FOREIGN_STATUSES: Mapping[type[EmentaError], int] = {
    Invalid: 400,
    ModelContextExceeded: 400,
    ModelRejected: 400,
    BodyTooDeep: 400,
}
"""What OpenAI's and Ollama's clients know these by, under `/v1` and `/api`. A model that is nowhere is 404 there."""
_FOREIGN = {**STATUSES, **FOREIGN_STATUSES}


def status_of(kind: type[EmentaError]) -> int:
    """The HTTP status of an error."""
    return next(STATUSES[ancestor] for ancestor in kind.__mro__ if ancestor in STATUSES)


def status_at(error: EmentaError, face: Face) -> int:
    """The HTTP status of an error under the addresses of `face`."""
    if face == "ementa":
        return status_of(type(error))
    if is_absent(error):
        return 404
    return next(_FOREIGN[ancestor] for ancestor in type(error).__mro__ if ancestor in _FOREIGN)


def error_response(error: EmentaError, accept_language: str | None, path: str = "") -> Response:
    """The answer that tells `error`, in the form of `path`."""
    face = face_of(path)
    status = status_at(error, face)
    headers = {"Content-Language": "pt-BR", "Vary": "Accept-Language"}
    language = preferred_language(accept_language)
    if language == "en":
        headers["Content-Language"] = "en"
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ementa"'
    if status in (429, 503, 507) and (error.retryable or "retry_after" in error.params):
        headers["Retry-After"] = str(error.params.get("retry_after", RETRY_AFTER_SECONDS))
    if isinstance(error, RateLimited):
        headers.update(error.headers)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = str(error.params["allowed"])
    if face == "openai" and not error.retryable:
        headers["X-Should-Retry"] = "false"  # OpenAI's clients would try every 5xx and 429 again
    return Response(error_body(error, language, face), status, headers, "application/json")


def explain(error: Exception, *, method: str, path: str) -> EmentaError:
    """What a user is told of any exception; what we did not foresee is the bare root error, never its own words."""
    if isinstance(error, EmentaError):
        return error
    if isinstance(error, RequestValidationError):
        return _explain_validation(error.errors())
    if isinstance(error, HTTPException):
        return _explain_http(error, method, path)
    if isinstance(error, ClientDisconnect):
        return ClientLeft()
    if isinstance(error, DataError):
        return Invalid()  # the database cannot hold such a value: a null character, a number beyond its range
    if isinstance(error, TROUBLE):
        return DatabaseUnavailable()
    return EmentaError()


def install(app: FastAPI) -> None:
    """Let every exception that a route may end in leave by the table. The rest is caught by the outermost middleware,
    which also logs it."""

    async def handle(request: Request, error: Exception) -> Response:
        explained = explain(error, method=request.method, path=request.scope["path"])
        return error_response(explained, request.headers.get("accept-language"), request.scope["path"])

    for kind in (EmentaError, RequestValidationError, HTTPException, ClientDisconnect, DataError, *TROUBLE):
        app.add_exception_handler(kind, handle)


def _explain_validation(problems: Iterable[Any]) -> EmentaError:
    details: list[dict[str, str]] = []
    for problem in problems:
        place, *rest = cast("tuple[object, ...]", problem.get("loc", ())) or ("request",)
        details.append({"in": str(place), "name": ".".join(map(str, rest)), "problem": str(problem.get("msg", ""))})
    names = ", ".join(dict.fromkeys(detail["name"] or detail["in"] for detail in details))
    return RequestInvalid(details=details[:50], names=names[:300])


def _explain_http(error: HTTPException, method: str, path: str) -> EmentaError:
    if error.status_code == 404:
        return RouteNotFound(path=path[:200])
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow") or (error.headers or {}).get("allow") or ""
        return MethodNotAllowed(details={"allowed": allowed}, method=method, allowed=allowed)
    if error.status_code < 500:
        phrase = HTTPStatus(error.status_code).phrase
        return RequestMalformed(cause=phrase)
    return EmentaError()
