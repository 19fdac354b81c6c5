"""Which of our two languages a person reads."""

from ementa.kit.errors import Language


def preferred_language(accept_language: str | None) -> Language:
    """The language that an `Accept-Language` header asks for (RFC 9110, section 12.5.4); Portuguese unless English
    is wanted more."""
    weights: dict[str, float] = {}
    for part in (accept_language or "").split(",")[:20]:
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0].strip().lower()
        weights[primary] = max(weight, weights.get(primary, 0.0))
    anything = weights.get("*", 0.0)
    return "en" if weights.get("en", 0.0) > weights.get("pt", anything) else "pt"
