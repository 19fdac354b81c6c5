"""Word's styles and list numbers: which paragraph is a heading, and the label that stands before it."""

import re
from dataclasses import dataclass, field

from ementa.extraction.archives import Element, Zip
from ementa.extraction.extractors.ooxml.package import attribute, child, children, local, number

_HEADING = re.compile(r"^(?:heading|t[ií]tulo|überschrift|titre)\s*([1-9])$", re.IGNORECASE)
_TITLES = {"title", "título", "titulo"}
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


@dataclass(slots=True)
class Style:
    """What a paragraph style says, itself and through those it is based on."""

    heading: int = 0
    numbering: tuple[str, int] | None = None
    based_on: str = ""


@dataclass(slots=True)
class Level:
    """One level of a list."""

    form: str = "decimal"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class Numbering:
    """The lists of a document and how far each has counted."""

    lists: dict[str, str] = field(default_factory=lambda: {})
    levels: dict[tuple[str, int], Level] = field(default_factory=lambda: {})
    restarts: dict[tuple[str, int], int] = field(default_factory=lambda: {})
    _counts: dict[tuple[str, int], int] = field(default_factory=lambda: {})
    _seen: set[str] = field(default_factory=lambda: set())

    def label(self, list_id: str, depth: int) -> str:
        """Count one more item of the list at that depth and return its label, `1.`, `b)`, `•`; empty for no list."""
        key = self.lists.get(list_id)
        level = self.levels.get((key or "", depth))
        if key is None or level is None:
            return ""
        if list_id not in self._seen:
            self._seen.add(list_id)
            for (owner, at), start in self.restarts.items():
                if owner == list_id:
                    self._counts[key, at] = start - 1
        self._counts[key, depth] = self._counts.get((key, depth), level.start - 1) + 1
        for deeper in range(depth + 1, 9):
            self._counts.pop((key, deeper), None)
        if level.form == "bullet":
            return "•"
        return _PLACE.sub(lambda place: self._number(key or "", int(place[1]) - 1), level.text).strip()

    def _number(self, key: str, depth: int) -> str:
        level = self.levels.get((key, depth), Level())
        return format_number(self._counts.get((key, depth), level.start), level.form)


def format_number(value: int, form: str) -> str:
    """The number in one of Word's formats; unknown ones count in digits."""
    if form in ("lowerRoman", "upperRoman") and 0 < value < 5000:
        roman = _roman(value)
        return roman.upper() if form == "upperRoman" else roman
    if form in ("lowerLetter", "upperLetter") and value > 0:
        letter = chr(97 + (value - 1) % 26) * min(1 + (value - 1) // 26, 20)
        return letter.upper() if form == "upperLetter" else letter
    if form == "decimalZero":
        return f"{value:02d}"
    if form == "ordinal":
        return f"{value}º"
    return "" if form == "none" else str(value)


def _roman(value: int) -> str:
    text = ""
    for size, letters in _ROMAN:
        count, value = divmod(value, size)
        text += letters * count
    return text


def read_styles(archive: Zip, part: str | None) -> dict[str, Style]:
    """Every paragraph style by id, inheritance already followed."""
    if part is None or part not in archive:
        return {}
    styles: dict[str, Style] = {}
    for element in children(archive.xml(part), "style"):
        if attribute(element, "type") != "paragraph":
            continue
        properties = child(element, "pPr")
        based = child(element, "basedOn")
        styles[attribute(element, "styleId")] = Style(
            heading=_style_heading(element, properties),
            numbering=numbering_of(properties),
            based_on=attribute(based, "val") if based is not None else "",
        )
    for style in styles.values():
        _inherit(style, styles)
    return styles


def _style_heading(element: Element, properties: Element | None) -> int:
    outline = child(properties, "outlineLvl")
    if outline is not None:
        level = number(attribute(outline, "val"), 9)
        return level + 1 if 0 <= level < 6 else 0
    name = child(element, "name")
    text = attribute(name, "val").strip().lower() if name is not None else ""
    match = _HEADING.match(text)
    if match:
        return min(int(match[1]), 6)
    return 1 if text in _TITLES else 0


def _inherit(style: Style, styles: dict[str, Style]) -> None:
    base = styles.get(style.based_on)
    for _ in range(20):
        if base is None:
            return
        style.heading = style.heading or base.heading
        style.numbering = style.numbering or base.numbering
        base = styles.get(base.based_on)


def numbering_of(properties: Element | None) -> tuple[str, int] | None:
    """The list and depth that paragraph properties name. List `0` means: none, whatever the style says."""
    found = child(properties, "numPr")
    if found is None:
        return None
    list_id = child(found, "numId")
    depth = child(found, "ilvl")
    if list_id is None:
        return None
    return attribute(list_id, "val"), min(max(number(attribute(depth, "val")), 0), 8) if depth is not None else 0


def read_numbering(archive: Zip, part: str | None) -> Numbering:
    """The lists that the document defines."""
    numbering = Numbering()
    if part is None or part not in archive:
        return numbering
    root = archive.xml(part)
    for abstract in children(root, "abstractNum"):
        key = attribute(abstract, "abstractNumId")
        for level in children(abstract, "lvl"):
            numbering.levels[key, number(attribute(level, "ilvl"))] = _level(level)
    for concrete in children(root, "num"):
        abstract = child(concrete, "abstractNumId")
        list_id = attribute(concrete, "numId")
        numbering.lists[list_id] = attribute(abstract, "val") if abstract is not None else ""
        for override in children(concrete, "lvlOverride"):
            start = child(override, "startOverride")
            if start is not None:
                numbering.restarts[list_id, number(attribute(override, "ilvl"))] = number(attribute(start, "val"), 1)
    return numbering


def _level(element: Element) -> Level:
    level = Level()
    for part in element:
        value = attribute(part, "val")
        match local(part):
            case "numFmt":
                level.form = value
            case "lvlText":
                level.text = value
            case "start":
                level.start = number(value, 1)
            case _:
                pass
    return level
