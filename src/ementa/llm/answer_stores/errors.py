"""Failures of the stores of answers."""

from ementa.kit.errors import Invalid, Unavailable


class RedisNotConfigured(Invalid):
    """Answers shall be kept in Redis, and no Redis is named."""

    code = "REDIS_NOT_CONFIGURED"
    pt = "EMENTA_LLM__CACHE_STORE=redis precisa de EMENTA_REDIS_URL (redis://servidor:6379/0)."
    en = "EMENTA_LLM__CACHE_STORE=redis needs EMENTA_REDIS_URL (redis://server:6379/0)."


class AnswersOutOfReach(Unavailable):
    """Remembered answers could not be erased: their store does not answer."""

    code = "ANSWERS_OUT_OF_REACH"
    pt = "As respostas guardadas não puderam ser apagadas: o Redis não responde. Tente de novo."
    en = "The remembered answers could not be erased: Redis does not answer. Try again."
