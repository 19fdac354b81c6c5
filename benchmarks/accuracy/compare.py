"""When an answered value equals the true one, and when its proof stands where the value was drawn."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.documents.canvas import Box
from benchmarks.documents.truth import Expected


def same(kind: str, truth: Any, answer: Any) -> bool:
    """Equality of meaning: masks, case, accents and spaces do not count; digits, letters and amounts do."""
    if answer is None or answer == "":
        return False
    if kind in ("money", "number"):
        return _number(answer) is not None and abs(_number(answer) - float(truth)) < 0.005  # type: ignore[operator]
    if kind == "date":
        return str(answer)[:10] == truth
    if kind == "phone":  # with or without the country
        return _bare(answer).removeprefix("55") == _bare(truth)
    if kind == "code":  # leading zeros are the printer's
        return _bare(answer).lstrip("0") == _bare(truth).lstrip("0")
    if kind in ("name", "text"):
        return _bare(answer) == _bare(truth)
    return _bare(answer) == _bare(truth)


def _bare(value: Any) -> str:
    text = unicodedata.normalize("NFKD", str(value))
    return re.sub(r"[^0-9a-z@]", "", text.casefold().encode("ascii", "ignore").decode())


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = re.sub(r"[^\d,.-]", "", str(value))
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON value with its JSON Pointer."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{number}")
    else:
        yield pointer, value


def overlap(first: Sequence[Box], second: Sequence[Box]) -> float:
    """Intersection over union of two sets of rectangles, by area, exactly."""
    xs = sorted({x for box in (*first, *second) for x in (box[0], box[2])})
    ys = sorted({y for box in (*first, *second) for y in (box[1], box[3])})
    both = either = 0.0
    for left, right in itertools.pairwise(xs):
        for top, bottom in itertools.pairwise(ys):
            x, y = (left + right) / 2, (top + bottom) / 2
            inside = [any(b[0] <= x <= b[2] and b[1] <= y <= b[3] for b in boxes) for boxes in (first, second)]
            area = (right - left) * (bottom - top)
            both += area * all(inside)
            either += area * any(inside)
    return both / either if either else 0.0


def best_overlap(
    expected: Expected, page: int | None, boxes: Sequence[Box], size: tuple[float, float], drawn: tuple[float, float]
) -> float:
    """The best overlap with any place where the value stands. `size` is the page as read, `drawn` as it was drawn: a
    photograph's size in points depends on the resolution that it claims."""
    across, down = drawn[0] / size[0], drawn[1] / size[1]
    scaled = [(b[0] * across, b[1] * down, b[2] * across, b[3] * down) for b in boxes]
    return max((overlap(scaled, place.boxes) for place in expected.places if place.page == page), default=0.0)
