"""What charts and diagrams of Word and PowerPoint say: titles, series and categories as a table, boxes as lines."""

from ementa.extraction.archives import Element, Zip
from ementa.extraction.extractors.ooxml.package import attribute, child, children, local, number
from ementa.extraction.native import Flow, Grid, GridCell, Paragraph

_MAX_POINTS = 20_000


def read_drawing_part(archive: Zip, kind: str, target: str) -> list[Flow]:
    """The flow of a part related as `chart` or `diagramData`; nothing for other kinds."""
    if target not in archive:
        return []
    if kind == "chart":
        return _chart(archive.xml(target))
    if kind == "diagramData":
        return [Paragraph(text) for text in drawn_paragraphs(archive.xml(target))]
    return []


def drawn_paragraphs(element: Element) -> list[str]:
    """The text of every DrawingML paragraph below an element."""
    found = (
        "".join(str(run.text or "") for run in paragraph.iter() if local(run) == "t")
        for paragraph in element.iter()
        if local(paragraph) == "p"
    )
    return [text for text in found if text.strip()]


def _chart(root: Element) -> list[Flow]:
    flow: list[Flow] = []
    chart = child(root, "chart")
    title = child(chart, "title")
    if title is not None:
        flow.extend(Paragraph(text) for text in drawn_paragraphs(title))
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in (element for element in root.iter() if local(element) == "ser"):
        names.append(" ".join(_points(child(series, "tx")).values()))
        found = child(series, "cat")
        categories = categories or _points(found if found is not None else child(series, "xVal"))
        values = child(series, "val")
        columns.append(_points(values if values is not None else child(series, "yVal")))
    grid = _table(names, columns, categories)
    if grid.cells:
        flow.append(grid)
    return flow


def _points(element: Element | None) -> dict[int, str]:
    """Index to value of a series' cached points."""
    points: dict[int, str] = {}
    if element is None:
        return points
    for point in element.iter():
        value = child(point, "v")
        if local(point) == "pt" and value is not None and len(points) < _MAX_POINTS:
            points[number(attribute(point, "idx"))] = str(value.text or "")
        elif local(point) == "tx":
            points.update(dict(enumerate(str(found.text or "") for found in children(point, "v"))))
    if not points:
        points.update(dict(enumerate(str(found.text or "") for found in children(element, "v"))))
    return points


def _table(names: list[str], columns: list[dict[int, str]], categories: dict[int, str]) -> Grid:
    cells = [GridCell(0, 1 + at, [Paragraph(name)]) for at, name in enumerate(names) if name]
    cells += [GridCell(1 + row, 0, [Paragraph(text)]) for row, text in sorted(categories.items())]
    for at, column in enumerate(columns):
        cells += [GridCell(1 + row, 1 + at, [Paragraph(text)]) for row, text in sorted(column.items())]
    return Grid(cells, header_rows=1 if any(names) else 0)
