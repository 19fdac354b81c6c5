"""The double as a server."""

from collections.abc import Sequence

from ementa.testing.loopback import Loopback
from ementa.testing.ollama.generation import Brain, Rules
from ementa.testing.ollama.stats import Stats
from ementa.testing.openai.catalogue import DEFAULT_MODELS, DoubleModel, Flavour
from ementa.testing.openai.routes import Routes


class OpenAIDouble(Loopback):
    """An OpenAI-compatible server on the loopback interface."""

    def __init__(
        self,
        models: Sequence[DoubleModel] = DEFAULT_MODELS,
        *,
        flavour: Flavour = "vllm",
        key: str = "",
        brain: Brain | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        """`flavour` is whose words and strictness it has; `key` the only one that it takes, when there is one; `brain`
        answers instead of the rules."""
        self.stats = Stats()
        self.routes = Routes(models, brain or Rules(), self.stats, key=key, flavour=flavour)
        super().__init__(self.routes.application, port=port, host=host)

    @property
    def written(self) -> bytes:
        """The bytes of its last answer."""
        return self.routes.written
