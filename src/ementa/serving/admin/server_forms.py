"""The forms of `/admin/servers`."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr

from ementa.serving.admin.forms import PRINTABLE, Body, Instant, ModelNames, Name

Url = Annotated[str, Field(min_length=1, max_length=2000, pattern=PRINTABLE)]
Secret = Annotated[SecretStr, Field(max_length=4000)]
OptionName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
OptionText = Annotated[str, Field(max_length=1000, pattern=PRINTABLE)]
Option = OptionText | bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[float, Field(allow_inf_nan=False)]
Options = Annotated[dict[OptionName, Option], Field(max_length=50)]


class ServerCreate(Body):
    """A server to be added."""

    name: Name
    kind: Annotated[str, Field(max_length=50, description="One of `GET /admin/servers/kinds`.")]
    url: Annotated[Url, Field(description="Its address; for `llamacpp` the path of a GGUF file on this machine.")]
    secret: Annotated[Secret | None, Field(description="Its API key. Kept encrypted, never shown again.")] = None
    models: ModelNames = Field(default=[], description="When not empty, only these of its models are offered.")
    options: Options = Field(default={}, description="What only this kind of server knows. Not for secrets.")
    enabled: bool = True


class ServerChange(Body):
    """What shall be different. What is absent or null stays as it is."""

    name: Name | None = None
    url: Url | None = None
    secret: Annotated[Secret | None, Field(description="A new API key; empty removes the one there is.")] = None
    models: ModelNames | None = None
    options: Options | None = None
    enabled: bool | None = None


class Told(BaseModel):
    """A failure, as it is told."""

    error: str
    code: str


class ServerHealthRead(BaseModel):
    """Whether the server answers, as the gateway of the process that you ask last saw it."""

    reachable: bool
    version: str
    loaded: Annotated[list[str], Field(description="Models in its memory.")]
    error: str
    breaker: Annotated[str, Field(description="closed; open: left alone for a while; half_open: being tried again.")]
    retry_in_seconds: float
    running: Annotated[int, Field(description="Requests that it answers now.")]
    waiting: Annotated[int, Field(description="Requests in line for it.")]


class ServerRead(BaseModel):
    """A model server."""

    id: Annotated[str | None, Field(description="Null for a server of the settings, which only they can change.")]
    name: str
    kind: str
    url: str
    has_secret: bool
    models: list[str]
    options: dict[str, Any]
    enabled: bool
    problem: Annotated[Told | None, Field(description="Why the gateway cannot use it as it is stored.")]
    health: Annotated[ServerHealthRead | None, Field(description="Null while the gateway has not asked it yet.")]
    created_at: Instant | None
    updated_at: Instant | None


class ServerPage(BaseModel):
    """A page of servers: first those of the settings, then those added, oldest first."""

    servers: list[ServerRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class Kinds(BaseModel):
    """The kinds of server that can be added."""

    kinds: list[str]


class Tested(BaseModel):
    """What a server said when it was asked."""

    reachable: bool
    version: str
    models: list[str]
    problem: Told | None
    latency_ms: int
