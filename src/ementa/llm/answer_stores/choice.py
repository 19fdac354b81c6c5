"""Makes the store that the settings name."""

from ementa.db.database import Database
from ementa.kit.registry import AdapterMissing
from ementa.llm.answer_stores.database import DatabaseAnswers
from ementa.llm.answer_stores.errors import RedisNotConfigured
from ementa.llm.answer_stores.memory import MemoryAnswers
from ementa.llm.answers import AnswerStore
from ementa.llm.settings import LlmSettings


def open_answers(settings: LlmSettings, database: Database) -> AnswerStore:
    """The store; nothing is connected before its first use. Made even when the cache is off, because a request may ask
    for it. Raises `RedisNotConfigured`, `AdapterMissing`."""
    if settings.cache_store == "memory":
        return MemoryAnswers(settings.cache_bytes)
    if settings.cache_store == "database":
        return DatabaseAnswers(database, settings.cache_bytes)
    if settings.redis_url is None or not settings.redis_url.get_secret_value():
        raise RedisNotConfigured
    try:
        from ementa.llm.answer_stores.redis import RedisAnswers  # noqa: PLC0415 - an extra, and 25 MB that few need
    except ImportError as error:
        raise AdapterMissing(name="redis", group="answer_stores", cause="pip install 'ementa[redis]'") from error
    return RedisAnswers(settings.redis_url.get_secret_value())
