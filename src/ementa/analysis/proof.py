"""The last step: the answer in the asked form, and the proof of every leaf.

Boxes come only from the words of our own extraction. What a model wrote freely is looked for on the pages: found, it
carries the place and how it was recognised there; not found, it leaves marked `unproven`. A value that the document
does not have is null (or what the user's own schema leaves for it) and its proof says so: `unproven`, confidence 0,
no page.
"""

from typing import Any

from ementa.analysis.kinds import recognise, render_style
from ementa.analysis.readers import read_candidates
from ementa.analysis.selection.answers import is_supported
from ementa.analysis.selection.fitting import fits
from ementa.analysis.selection.locating import Finder, evidence_of
from ementa.analysis.selection.types import Passage, Pick, Selection
from ementa.analysis.spec.from_example import pointer as escape
from ementa.analysis.spec.nodes import Leaf, Many, Node
from ementa.analysis.types import Evidence, How, Kind, LeafProof, Outcome
from ementa.extraction.types import Box, Extraction

UNPROVEN_MARK = "[?]"
"""Stands after a sentence of an answer that its citations do not bear."""
_CHECKED = frozenset({Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ, Kind.ACCESS_KEY})
"""Kinds that carry check digits and that readers give even when those fail (`readers/unchecked.py`)."""
_WORDS = frozenset({Kind.NAME, Kind.TEXT, Kind.ADDRESS, Kind.CODE, Kind.ANSWER, Kind.STATE})
_OMITTED = object()


def prove(extraction: Extraction, selection: Selection) -> Outcome:
    """The outcome of a selection over its document."""
    assembly = _Assembly(extraction, selection)
    response = assembly.node(selection.root, "")
    return Outcome(
        response=None if response is _OMITTED else response,
        proof=tuple(assembly.proof),
        model=selection.model,
        usage=selection.usage,
        warnings=tuple(dict.fromkeys((*extraction.warnings, *selection.warnings, *assembly.warnings))),
    )


class _Assembly:
    def __init__(self, extraction: Extraction, selection: Selection) -> None:
        self.proof: list[LeafProof] = []
        self.warnings: list[str] = []
        self._selection = selection
        self._finder = Finder(extraction)
        self._pages = {page.number: page for page in extraction.pages}
        self._read: dict[tuple[Kind, str], Pick] = {}
        self._read_kinds: set[Kind] = set()

    def node(self, node: Node, pointer: str) -> Any:
        if isinstance(node, Leaf):
            return self._leaf(node, pointer)
        if isinstance(node, Many):
            count = self._selection.counts.get(pointer, 0)
            if count < node.min_items:
                self.warnings.append(f"TOO_FEW_ITEMS:{pointer}")
            items = (self.node(node.item, f"{pointer}/{number}") for number in range(count))
            return [item for item in items if item is not _OMITTED]
        found: dict[str, Any] = {}
        for member in node.members:
            value = self.node(member.node, f"{pointer}/{escape(member.name)}")
            if value is not _OMITTED:
                found[member.name] = value
        return found

    def _leaf(self, leaf: Leaf, pointer: str) -> Any:
        pick = self._selection.picks.get(pointer)
        if pick is not None and pick.sentences:
            return self._answer(leaf, pointer, pick)
        if pick is not None and pick.value is not None:
            if not pick.located:
                pick = self._locate(pick)
            value = render_style(pick.kind, pick.value, leaf.style)
            if fits(leaf, value):
                self.proof.append(self._proof(pointer, value, pick))
                if pick.kind in _CHECKED and not pick.checks and pick.evidence:
                    self.warnings.append(f"CHECK_DIGITS_FAILED:{pointer}")
                return value
            self.warnings.append(f"VALUE_DOES_NOT_FIT:{pointer}")
        return self._absent(leaf, pointer)

    def _absent(self, leaf: Leaf, pointer: str) -> Any:
        if leaf.absent == "omit":
            return _OMITTED
        value = "" if leaf.absent == "empty" else None
        if leaf.required and value is None:
            self.warnings.append(f"REQUIRED_VALUE_MISSING:{pointer}")
        self.proof.append(LeafProof(path=pointer, value=value, how=How.UNPROVEN))
        return value

    def _proof(self, pointer: str, value: Any, pick: Pick, citations: tuple[Evidence, ...] = ()) -> LeafProof:
        if not pick.evidence:
            return LeafProof(
                path=pointer,
                value=value,
                how=pick.how,
                checks=pick.checks,
                confidence=pick.confidence,
                citations=citations,
            )
        first = pick.evidence[0]
        page = self._pages[first.page]
        boxes = tuple(
            _inside(b, page.width, page.height) for e in pick.evidence if e.page == first.page for b in e.boxes
        )
        return LeafProof(
            path=pointer,
            value=value,
            how=pick.how,
            page=first.page,
            boxes=boxes,
            text=" ".join(e.text for e in pick.evidence if e.page == first.page)[:2000],
            checks=pick.checks,
            confidence=pick.confidence,
            page_width=page.width,
            page_height=page.height,
            citations=citations,
        )

    # -- what a model wrote

    def _locate(self, pick: Pick) -> Pick:
        if pick.kind not in _WORDS:
            known = self._known(pick.kind).get((pick.kind, repr(pick.value)))
            if known is not None:
                return known
        found = self._finder.find(str(pick.value)) if pick.kind in _WORDS else None
        if found is None:
            return Pick(pick.kind, pick.value, How.UNPROVEN, confidence=0.0)
        parsed = recognise(pick.kind, str(pick.value))
        checks = parsed.checks if parsed else ()
        return Pick(pick.kind, pick.value, found.how, (found.evidence,), checks, round(found.confidence * 0.8, 4))

    def _known(self, kind: Kind) -> dict[tuple[Kind, str], Pick]:
        """What the readers find of a kind anywhere in the document, to check a written value against."""
        if kind not in self._read_kinds:
            self._read_kinds.add(kind)
            for c in read_candidates(self._finder.extraction, frozenset({kind})):
                pick = Pick(c.kind, c.value, c.how, (c.evidence,), c.checks, round(c.confidence * 0.8, 4))
                self._read.setdefault((c.kind, repr(c.value)), pick)
        return self._read

    # -- open answers

    def _answer(self, leaf: Leaf, pointer: str, pick: Pick) -> Any:
        numbers: dict[int, int] = {}
        parts: list[str] = []
        doubted: list[str] = []
        limit = leaf.bounds.get("maxLength", 4000)
        for number, (sentence, cites) in enumerate(zip(pick.sentences, pick.cites, strict=True), 1):
            passages = [self._selection.cited[index] for index in cites]
            borne = pick.how is How.EXACT or is_supported(sentence, passages)
            marks = "".join(f" [{numbers.setdefault(index, len(numbers) + 1)}]" for index in cites)
            part = f"{sentence}{marks}" if borne else f"{sentence}{marks} {UNPROVEN_MARK}"
            if sum(len(p) + 1 for p in parts) + len(part) > limit:
                self.warnings.append(f"ANSWER_SHORTENED:{pointer}")
                break
            parts.append(part)
            if not borne:
                doubted.append(f"sentence_{number}_unproven")
        value = " ".join(parts)
        if not parts or not fits(leaf, value):
            return self._absent(leaf, pointer)
        citations = tuple(self._citation(self._selection.cited[index]) for index in numbers)
        how = How.UNPROVEN if doubted else pick.how
        shown = Pick(pick.kind, value, how, citations[:1], tuple(doubted), pick.confidence)
        self.proof.append(self._proof(pointer, value, shown, citations))
        return value

    def _citation(self, passage: Passage) -> Evidence:
        page = self._pages[passage.page]
        evidence = evidence_of(page, passage.first, passage.last)
        return Evidence(
            evidence.page, tuple(_inside(b, page.width, page.height) for b in evidence.boxes), evidence.text
        )


def _inside(box: Box, width: float, height: float) -> Box:
    x0, y0, x1, y1 = box
    return (min(max(x0, 0.0), width), min(max(y0, 0.0), height), min(max(x1, 0.0), width), min(max(y1, 0.0), height))
