"""Boxes and lines of a page as if it lay straight, for telling what stands beside what on a crooked scan."""

from collections.abc import Sequence

from ementa.extraction.types import Box, Line, Page

_ROW_OVERLAP = 0.5
_LEAST_SLOPE = 0.002
_LONG_LINE = 80.0


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return (min(x0s), min(y0s), max(x1s), max(y1s))


def on_row(a: Box, b: Box) -> bool:
    """Whether two boxes share at least half the height of the lower one."""
    overlap = min(a[3], b[3]) - max(a[1], b[1])
    return overlap >= _ROW_OVERLAP * min(a[3] - a[1], b[3] - b[1])


def overlap(a: Box, b: Box) -> float:
    """The width that two boxes share, in points."""
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)


def lines_of(page: Page) -> tuple[Line, ...]:
    """Lines of a page that has none: consecutive words that share a row and go to the right."""
    lines: list[Line] = []
    for i, word in enumerate(page.words):
        if lines and on_row(lines[-1].box, word.box) and word.box[0] >= page.words[i - 1].box[0]:
            last = lines[-1]
            lines[-1] = Line(last.first, i + 1, union((last.box, word.box)))
        else:
            lines.append(Line(i, i + 1, word.box))
    return tuple(lines)


def straightened(page: Page, lines: Sequence[Line]) -> list[Box]:
    """The words' boxes turned back by the slope of the lines of a crooked scan."""
    boxes = [word.box for word in page.words]
    slope = _slope(boxes, lines) if page.source == "ocr" else 0.0
    if abs(slope) < _LEAST_SLOPE:
        return boxes
    flat: list[Box] = []
    for x0, y0, x1, y1 in boxes:
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        dx, dy = slope * y, -slope * x
        flat.append((x0 + dx, y0 + dy, x1 + dx, y1 + dy))
    return flat


def _slope(boxes: Sequence[Box], lines: Sequence[Line]) -> float:
    """The median slope of the long lines, each counted by its length."""
    slopes: list[tuple[float, float]] = []
    for line in lines:
        first, last = boxes[line.first], boxes[line.last - 1]
        run = (last[0] + last[2] - first[0] - first[2]) / 2
        if run > _LONG_LINE:
            slopes.append(((last[1] + last[3] - first[1] - first[3]) / 2 / run, run))
    half, total = sum(run for _, run in slopes) / 2, 0.0
    for slope, run in sorted(slopes):
        total += run
        if total >= half:
            return slope
    return 0.0
