"""The one error tree.

EmentaError
├── Invalid           what was asked cannot be understood           (never retried)
├── Unauthenticated   nobody we know is asking                      (never retried)
├── Forbidden         known, but not allowed                        (never retried)
├── NotFound          it does not exist, or not for you             (never retried)
│   └── Gone          it was here, and was erased on purpose
├── Conflict          it contradicts what is already there          (never retried)
├── TooLarge          beyond a limit of size, pages, pixels, depth  (never retried)
├── LimitExceeded     too many or too fast; later it will pass      (retried later)
├── UpstreamFailed    a server we depend on answered badly          (retried)
└── Unavailable       something we need is absent or overloaded     (retried)

A domain subclasses a category, gives a stable `code` and its sentence in both languages. HTTP statuses live in
`app/errors.py` only; jobs read `retryable`.
"""

from typing import Any, ClassVar, Literal, Self, cast

Language = Literal["pt", "en"]

_by_code: dict[str, "type[EmentaError]"] = {}


class EmentaError(Exception):
    """Root of every failure that Ementa explains to a user.

    `params` fill the sentence; one that is itself words comes in both languages, as `{"pt": …, "en": …}`. `details` is
    any JSON value that helps a program act on the error.
    """

    code: ClassVar[str] = "INTERNAL"
    pt: ClassVar[str] = "Erro interno. Veja os logs com o X-Request-Id desta resposta."
    en: ClassVar[str] = "Internal error. See the logs with this response's X-Request-Id."
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            return
        owner = _by_code.setdefault(cls.code, cls)
        if (owner.__module__, owner.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"error code {cls.code} belongs to {owner.__qualname__}, not {cls.__qualname__}")

    def __init__(self, details: Any = None, **params: Any) -> None:
        self.details = details
        self.params = params
        super().__init__(self.text("en"))

    def text(self, language: Language = "pt") -> str:
        """The sentence for people, in the language asked for."""
        template = self.pt if language == "pt" else self.en
        return template.format(**{name: _in_language(value, language) for name, value in self.params.items()})

    def to_record(self) -> dict[str, Any]:
        """What is stored of the error, from which `from_record` makes it again in any language."""
        return {"code": self.code, "params": _storable(self.params), "details": _storable(self.details)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "EmentaError":
        """The stored error again. A code that no longer exists comes back as the root error with its details."""
        kind = _by_code.get(str(record.get("code")))
        params = cast("dict[str, Any]", record.get("params") or {})
        details = record.get("details")
        if kind is None:
            return EmentaError(details={"code": record.get("code"), "details": details})
        error = kind.__new__(kind)
        EmentaError.__init__(error, details, **params)
        return error

    def with_details(self, details: Any) -> Self:
        """The same error carrying `details`."""
        self.details = details
        return self


def _storable(value: Any) -> Any:
    """`value` without the characters that a database refuses: the null character and halves of surrogate pairs, which
    broken files put into the causes of errors."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in cast("list[Any]", value)]
    return value


def _in_language(value: Any, language: Language) -> Any:
    if not isinstance(value, dict):
        return value
    words = cast("dict[str, Any]", value)
    return words[language] if words.keys() == {"pt", "en"} else words


class Invalid(EmentaError):
    """What was asked cannot be understood."""

    code = "INVALID"
    pt = "Pedido inválido."
    en = "Invalid request."


class Unauthenticated(EmentaError):
    """Nobody we know is asking."""

    code = "UNAUTHENTICATED"
    pt = "Credencial ausente ou inválida. Envie uma chave válida no cabeçalho Key."
    en = "Missing or invalid credential. Send a valid key in the Key header."


class Forbidden(EmentaError):
    """Known, but not allowed."""

    code = "FORBIDDEN"
    pt = "Você não tem permissão para isto."
    en = "You are not allowed to do this."


class NotFound(EmentaError):
    """It does not exist, or not for the one who asks."""

    code = "NOT_FOUND"
    pt = "Não encontrado."
    en = "Not found."


class Gone(NotFound):
    """It was here and was erased on purpose."""

    code = "GONE"
    pt = "Já não existe: foi apagado."
    en = "No longer here: it was erased."


class Conflict(EmentaError):
    """It contradicts what is already there."""

    code = "CONFLICT"
    pt = "Conflito com o estado atual."
    en = "Conflict with the current state."


class TooLarge(EmentaError):
    """Beyond a limit of size, pages, pixels or depth."""

    code = "TOO_LARGE"
    pt = "Maior do que o limite permitido."
    en = "Larger than the limit allows."


class LimitExceeded(EmentaError):
    """Too many or too fast; it will pass later."""

    code = "LIMIT_EXCEEDED"
    pt = "Limite excedido. Tente de novo mais tarde."
    en = "Limit exceeded. Try again later."
    retryable = True


class UpstreamFailed(EmentaError):
    """A server that we depend on answered badly."""

    code = "UPSTREAM_FAILED"
    pt = "Um serviço de que dependemos respondeu com erro."
    en = "A service that we depend on failed."
    retryable = True


class Unavailable(EmentaError):
    """Something that we need is absent or overloaded."""

    code = "UNAVAILABLE"
    pt = "Serviço indisponível no momento."
    en = "Service unavailable at the moment."
    retryable = True


def all_errors() -> dict[str, type[EmentaError]]:
    """Every error class of Ementa imported so far, by code (the reference page and its test read it). Those that tests,
    doubles and plugins define are not ours to document."""
    return {code: kind for code, kind in _by_code.items() if _is_ours(kind.__module__)}


def _is_ours(module: str) -> bool:
    return module.startswith("ementa.") and not module.startswith("ementa.testing.")
