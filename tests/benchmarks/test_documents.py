"""The generator: the same arguments give the same bytes, and what it calls true is on the page."""

import json

import pypdfium2 as pdfium
import pytest
from benchmarks.documents.generate import KINDS, sample

EVERY = [(kind, layout) for kind, layouts in KINDS.items() for layout in range(len(layouts))]


@pytest.mark.parametrize(("kind", "layout"), EVERY)
def test_a_seed_always_draws_the_same_document(kind: str, layout: int) -> None:
    first, again = (sample(kind, layout, "digital", 7) for _ in range(2))
    assert first == again
    assert sample(kind, layout, "digital", 8).data != first.data


def test_a_seed_always_spoils_a_scan_alike() -> None:
    first, again = (sample("nfce", 0, "scan", 7) for _ in range(2))
    assert first.data == again.data
    assert first.effects == again.effects


@pytest.mark.parametrize(("kind", "layout"), EVERY)
def test_truth_stands_where_it_says(kind: str, layout: int) -> None:
    drawn = sample(kind, layout, "digital", 11)
    document = pdfium.PdfDocument(drawn.data)
    try:
        for expected in drawn.expected:
            for place in expected.places:
                page = document[place.page - 1]
                text = page.get_textpage()
                for x0, y0, x1, y1 in place.boxes:
                    height = page.get_height()
                    found = text.get_text_bounded(x0 - 1, height - y1 - 1, x1 + 1, height - y0 + 1)
                    in_bars = expected.kind in ("boleto", "access_key") and y1 - y0 > 20
                    assert found.strip() or in_bars, (expected.pointer, place)
                    assert 0 <= x0 < x1 <= page.get_width()
                    assert 0 <= y0 < y1 <= height
    finally:
        document.close()


@pytest.mark.parametrize(("kind", "layout"), EVERY)
def test_the_question_asks_for_what_is_expected(kind: str, layout: int) -> None:
    drawn = sample(kind, layout, "digital", 5)
    form = json.loads(drawn.format)
    for expected in drawn.expected:
        place = form
        for part in expected.pointer.split("/")[1:]:
            place = place[0] if isinstance(place, list) else place[part]
        assert not isinstance(place, (dict, list))
    assert json.loads(drawn.to_json())["expected"]
