"""The text of a Word paragraph: runs, fields, links, tracked changes (as accepted), symbols, notes and boxes."""

from dataclasses import dataclass, field

from ementa.extraction.archives import Element
from ementa.extraction.extractors.ooxml.math import equation_text
from ementa.extraction.extractors.ooxml.package import attribute, child, local, number

PAGE = "\f"
"""Stands in a paragraph's text where the author broke the page."""
RENDERED = "\v"
"""Stands where Word broke the page when it last laid the document out."""
_SKIPPED = {"del", "moveFrom", "instrText", "delText", "delInstrText", "rPr", "pPr", "sdtPr", "Fallback", "fldData",
            "rubyPr", "annotationRef"}  # fmt: skip
_PLAIN = {"tab": "\t", "cr": "\n", "noBreakHyphen": "-", "lastRenderedPageBreak": RENDERED, "ptab": "\t"}


@dataclass(slots=True)
class Inline:
    """What a paragraph holds: its text, and what it points to, in order."""

    parts: list[str] = field(default_factory=lambda: [])
    boxes: list[Element] = field(default_factory=lambda: [])
    """`txbxContent` elements: text boxes anchored here."""
    notes: list[tuple[str, str]] = field(default_factory=lambda: [])
    """(`footnote`, `endnote` or `comment`, id)."""
    drawings: list[str] = field(default_factory=lambda: [])
    """Relationship ids of charts and diagrams."""
    images: int = 0

    @property
    def text(self) -> str:
        """The text, with page breaks as `PAGE` and `RENDERED`."""
        return "".join(self.parts)


def read_inline(paragraph: Element) -> Inline:
    """Everything that a paragraph holds."""
    inline = Inline()
    _walk(paragraph, inline)
    return inline


def _walk(element: Element, inline: Inline) -> None:
    for part in element:
        name = local(part)
        if name in _SKIPPED or (name == "r" and _hidden(part)):
            continue
        if name == "t":
            inline.parts.append(str(part.text or ""))
        elif name in _PLAIN:
            inline.parts.append(_PLAIN[name])
        elif not _special(name, part, inline):
            _walk(part, inline)


def _special(name: str, part: Element, inline: Inline) -> bool:
    """Handle an element that is more than a container of runs; False when it is one."""
    if name == "br":
        inline.parts.append(PAGE if attribute(part, "type") == "page" else "\n")
    elif name == "sym":
        inline.parts.append(_symbol(part))
    elif name in ("oMath", "oMathPara"):
        inline.parts.append(f" {equation_text(part)} ")
    elif name in ("footnoteReference", "endnoteReference", "commentReference"):
        inline.notes.append((name.removesuffix("Reference"), attribute(part, "id")))
    elif name == "txbxContent":
        inline.boxes.append(part)
    elif name in ("chart", "relIds"):
        inline.drawings.append(attribute(part, "id") if name == "chart" else attribute(part, "dm"))
    elif name in ("blip", "imagedata"):
        inline.images += 1
    elif name == "ffData":
        inline.parts.append(_form_box(part))
    else:
        return False
    return True


def _hidden(run: Element) -> bool:
    vanish = child(run, "rPr", "vanish")
    return vanish is not None and attribute(vanish, "val", "1") not in ("0", "false", "off")


def _symbol(element: Element) -> str:
    """A character of a symbol font; those of Wingdings' private range that mean a ticked or an empty box."""
    code = attribute(element, "char")
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    if 0xF000 <= value <= 0xF0FF:
        return {0xF0FE: "☒", 0xF0FD: "☒", 0xF0A8: "☐", 0xF06F: "☐", 0xF0FC: "✓", 0xF0B7: "•"}.get(value, "")
    return chr(value) if 0x20 <= value < 0xD800 else ""


def _form_box(element: Element) -> str:
    """A legacy form field: only its check box shows something of its own."""
    box = child(element, "checkBox")
    if box is None:
        return ""
    state = child(box, "checked")
    state = state if state is not None else child(box, "default")
    ticked = state is not None and attribute(state, "val", "1") not in ("0", "false", "off")
    return "☒ " if ticked else "☐ "


def span(properties: Element | None, name: str) -> int:
    """A cell's or row's count of columns (`gridSpan`, `gridBefore`), within what a page can hold."""
    found = child(properties, name)
    return min(max(number(attribute(found, "val"), 1), 0), 10_000) if found is not None else 0
