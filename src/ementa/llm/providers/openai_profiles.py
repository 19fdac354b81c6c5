"""What is different from one OpenAI-compatible server to the next, as data.

Which server it is, is read from its address or from what it says of its models (`owned_by`). What no profile knows is
learnt: a server that refuses a field by name is asked again without it (`openai_wire.Refusals`).
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ASSUMED_CONTEXT = 131_072
"""For a model of which nothing is known. Generous, because these servers refuse a prompt that does not fit instead of
cutting it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a server does not say of its models, though its documentation does."""

    names: re.Pattern[str]
    context_tokens: int
    capabilities: tuple[str, ...]
    refuses: frozenset[str] = frozenset()
    """Fields of a request that such a model does not take."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How to speak to one kind of server."""

    limit: str = "max_tokens"
    """Its name for the longest answer."""
    takes: frozenset[str] = frozenset({"seed", "top_k"})
    """Fields that not every server knows and this one does."""
    switches_thinking: bool = False
    """Whether `chat_template_kwargs` says if the model thinks."""
    closed_schemas: bool = False
    """Whether `strict` is only allowed for schemas whose objects are closed and require all their properties."""
    known: tuple[Known, ...] = field(default=())

    def find(self, model: str) -> Known | None:
        """What is known of a model."""
        return next((known for known in self.known if known.names.match(model)), None)


_CHAT = ("completion", "tools", "vision")
_THINKS = (*_CHAT, "thinking")
# https://platform.openai.com/docs/guides/reasoning: sampling cannot be set for models that reason.
_SAMPLING = frozenset({"temperature", "top_p", "stop", "presence_penalty", "frequency_penalty"})
_OPENAI = (
    Known(re.compile(r"text-embedding-"), 8191, ("embedding",)),
    Known(re.compile(r"whisper|tts|gpt-audio|gpt-realtime|.*-(audio|realtime|transcribe|tts)"), 16_000, ("audio",)),
    Known(re.compile(r"dall-e|gpt-image|sora"), 4096, ("image",)),
    Known(re.compile(r".*moderation"), 32_768, ("moderation",)),
    Known(re.compile(r"gpt-5[^/]*-chat"), 128_000, _CHAT),
    Known(re.compile(r"gpt-[5-9]"), 400_000, _THINKS, _SAMPLING),
    Known(re.compile(r"o\d"), 200_000, _THINKS, _SAMPLING),
    Known(re.compile(r"gpt-4\.1"), 1_047_576, _CHAT),
    Known(re.compile(r"gpt-4o|chatgpt-"), 128_000, _CHAT),
    Known(re.compile(r"gpt-4"), 8192, ("completion", "tools")),
    Known(re.compile(r"gpt-3\.5"), 16_385, ("completion", "tools")),
)
_LOCAL = frozenset({"seed", "top_k"})
OTHER = Profile()
OPENAI = Profile(
    limit="max_completion_tokens",
    takes=frozenset({"seed", "reasoning_effort"}),
    closed_schemas=True,
    known=_OPENAI,
)
_BY_OWNER = {
    "vllm": Profile(takes=_LOCAL | {"reasoning_effort"}, switches_thinking=True),
    "sglang": Profile(takes=_LOCAL | {"reasoning_effort"}, switches_thinking=True),
    "llamacpp": Profile(takes=_LOCAL, switches_thinking=True),
}
_BY_NAME = {"openai": OPENAI, "other": OTHER, **_BY_OWNER}
_BY_HOST = {"openai.com": OPENAI, "openai.azure.com": OPENAI}


def profile_of(url: str, owner: str, asked: str = "") -> Profile:
    """How to speak to the server at `url` whose models are `owned_by` that owner, unless a profile is asked for."""
    if asked in _BY_NAME:
        return _BY_NAME[asked]
    name = urlsplit(url).hostname or ""
    for suffix, profile in _BY_HOST.items():
        if name == suffix or name.endswith(f".{suffix}"):
            return profile
    return _BY_OWNER.get(owner.lower(), OTHER)
