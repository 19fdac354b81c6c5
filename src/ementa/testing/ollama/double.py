"""The double itself: its models, its memory, and the server that answers for them."""

from collections.abc import Sequence

from ementa.testing.loopback import Loopback
from ementa.testing.ollama.catalogue import DEFAULT_MODELS, DoubleModel
from ementa.testing.ollama.generation import Brain, Rules
from ementa.testing.ollama.library import Library
from ementa.testing.ollama.memory import Memory
from ementa.testing.ollama.routes import Routes
from ementa.testing.ollama.stats import Stats


class OllamaDouble(Loopback):
    """An Ollama server on the loopback interface. A context manager, plain or async; stop and start again at will."""

    def __init__(
        self,
        models: Sequence[DoubleModel] = DEFAULT_MODELS,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        brain: Brain | None = None,
        lists_capabilities: bool = True,
        max_loaded: int = 0,
        load_seconds: float = 0.0,
    ) -> None:
        """`port` 0 takes a free one, kept over restarts. `brain` answers instead of the rules.

        `lists_capabilities` false makes `/api/tags` as short as that of servers before 0.31. `max_loaded` models fit in
        memory, 0 is any number; loading one takes `load_seconds`.
        """
        self.stats = Stats()
        self.library = Library(models, self.stats, lists_capabilities=lists_capabilities)
        routes = Routes(self.library, Memory(self.stats, max_loaded, load_seconds), brain or Rules(), self.stats)
        super().__init__(routes.application, port=port, host=host)
