"""The double as a server."""

from collections.abc import Sequence

from ementa.testing.gemini.catalogue import DEFAULT_MODELS, DoubleModel
from ementa.testing.gemini.routes import Routes
from ementa.testing.loopback import Loopback
from ementa.testing.ollama.generation import Brain, Rules
from ementa.testing.ollama.stats import Stats

KEY = "AIza-double-0000000000"


class GeminiDouble(Loopback):
    """Google's Gemini API on the loopback interface."""

    def __init__(
        self,
        models: Sequence[DoubleModel] = DEFAULT_MODELS,
        *,
        key: str = KEY,
        brain: Brain | None = None,
        port: int = 0,
    ) -> None:
        """`key` is the only one that it takes; `brain` answers instead of the rules."""
        self.stats = Stats()
        self.key = key
        super().__init__(Routes(models, brain or Rules(), self.stats, key).application, port=port)
