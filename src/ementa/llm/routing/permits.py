"""Which models somebody may call.

Patterns say it (`gemma3:*`), and they are of models: of those that answer, whatever name was asked for and whoever
answers for whom. So neither an alias, nor a rule, nor a fallback leads further than the patterns do. A name that is no
model's own, such as an alias or one that only a rule speaks of, may stand among the patterns as it is: it then gives
what it stands for. The built-in reader is no model, and everybody may ask it.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from ementa.llm.reader import READER

_LATEST = ":latest"


def is_permitted(model: str, may: Sequence[str]) -> bool:
    """Whether a model's own name matches a pattern; a model without a tag is the one tagged `latest`."""
    if model == READER:
        return True
    names = (model, model.removesuffix(_LATEST) if model.endswith(_LATEST) else model + _LATEST)
    return any(fnmatchcase(name, pattern) for name in names for pattern in may)


def is_within(pattern: str, may: Sequence[str]) -> bool:
    """Whether whatever matches a pattern surely matches one of `may` too."""
    if pattern in may:
        return True
    plain = (one for one in may if not set("?[") & set(one))
    return "[" not in pattern and any(fnmatchcase(pattern, one) for one in plain)
