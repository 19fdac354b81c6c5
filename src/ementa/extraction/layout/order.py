"""Reading order: columns of running text one after the other, everything else row by row.

A gutter is a vertical strip that hardly any segment crosses. It separates columns only when both sides are filled like
running text; the gutters of tables and forms have short segments beside them, and those are read across.
"""

from statistics import median

from ementa.extraction.layout.segments import Segment, make_rows

Row = list[Segment]

_BIN = 3.0
_MIN_SEGMENTS = 5
_FILLED = 0.55
_CROSSED = 0.12
_MAX_DEPTH = 6


def order(segments: list[Segment], depth: int = 0) -> list[list[Row]]:
    """The segments as regions of rows, in reading order."""
    if not segments:
        return []
    split = _columns(segments) if depth < _MAX_DEPTH and len(segments) >= 2 * _MIN_SEGMENTS else None
    if split is None:
        return [make_rows(segments)]
    left, right, across = split
    regions: list[list[Row]] = []
    for band_left, band_right, spanning in _bands(left, right, across):
        regions += order(band_left, depth + 1)
        regions += order(band_right, depth + 1)
        if spanning:
            regions.append(make_rows(spanning))
    return regions


def _columns(segments: list[Segment]) -> tuple[list[Segment], list[Segment], list[Segment]] | None:
    """The segments left of, right of and across the best gutter, if there is one."""
    for low, high in _gutters(segments):
        middle = (low + high) / 2
        left = [s for s in segments if s.x1 <= middle + _BIN and s.x0 < middle]
        right = [s for s in segments if s.x0 >= middle - _BIN and s.x1 > middle]
        if len(left) + len(right) < len(segments):
            placed = {id(s) for s in left} | {id(s) for s in right}
            across = [s for s in segments if id(s) not in placed]
        else:
            across = []
        if _is_text_beside_text(left, right, across):
            return left, right, across
    return None


def _gutters(segments: list[Segment]) -> list[tuple[float, float]]:
    """Strips that few segments cross, the widest first."""
    x0 = min(s.x0 for s in segments)
    x1 = max(s.x1 for s in segments)
    count = int((x1 - x0) / _BIN) + 1
    if count < 20:
        return []
    change = [0.0] * (count + 1)
    total = 0.0
    for s in segments:
        change[int((s.x0 - x0) / _BIN)] += s.height
        change[min(count, int((s.x1 - x0) / _BIN) + 1)] -= s.height
        total += s.height
    limit = _CROSSED * total
    found: list[tuple[float, float]] = []
    cover, start = 0.0, -1
    for i in range(count):
        cover += change[i]
        free = cover <= limit
        if free and start < 0:
            start = i
        elif not free and start >= 0:
            found.append((x0 + start * _BIN, x0 + i * _BIN))
            start = -1
    width = x1 - x0
    inner = [(a, b) for a, b in found if a > x0 + 0.12 * width and b < x1 - 0.12 * width and b - a >= 2 * _BIN]
    return sorted(inner, key=lambda strip: strip[0] - strip[1])[:4]


def _is_text_beside_text(left: list[Segment], right: list[Segment], across: list[Segment]) -> bool:
    if len(left) < _MIN_SEGMENTS or len(right) < _MIN_SEGMENTS or len(across) > (len(left) + len(right)) / 2:
        return False
    top, bottom = max(min(s.y0 for s in left), min(s.y0 for s in right)), min(_bottom(left), _bottom(right))
    shorter = min(_bottom(left) - min(s.y0 for s in left), _bottom(right) - min(s.y0 for s in right))
    if bottom - top < 0.3 * shorter:
        return False
    return _filled(left) and _filled(right)


def _filled(side: list[Segment]) -> bool:
    """Whether most lines of a side run through most of its width, and hold several words."""
    x0, x1 = min(s.x0 for s in side), max(s.x1 for s in side)
    return median(s.x1 - s.x0 for s in side) >= _FILLED * (x1 - x0) and median(len(s.words) for s in side) >= 3


def _bottom(side: list[Segment]) -> float:
    return max(s.y1 for s in side)


def _bands(
    left: list[Segment], right: list[Segment], across: list[Segment]
) -> list[tuple[list[Segment], list[Segment], list[Segment]]]:
    """What stands above each segment that crosses the gutter, then that segment; at last what is below all of them."""
    if not across:
        return [(left, right, [])]
    bands: list[tuple[list[Segment], list[Segment], list[Segment]]] = []
    across = sorted(across, key=lambda s: s.y0)
    left, right = sorted(left, key=lambda s: s.y0), sorted(right, key=lambda s: s.y0)
    i = j = 0
    for spanning in across:
        middle = (spanning.y0 + spanning.y1) / 2
        a, b = i, j
        while i < len(left) and (left[i].y0 + left[i].y1) / 2 < middle:
            i += 1
        while j < len(right) and (right[j].y0 + right[j].y1) / 2 < middle:
            j += 1
        if bands and a == i and b == j:
            bands[-1][2].append(spanning)
        else:
            bands.append((left[a:i], right[b:j], [spanning]))
    bands.append((left[i:], right[j:], []))
    return bands
