"""Whatever is written into a document comes out of it: every word, in order, in valid pages."""

from html import escape
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_documents import context, doc, docx, extractor, inline, msg, odf, paragraph, ppt, pptx, shape, sheet, xlsx

from ementa.extraction.base import Limits, Reading
from ementa.extraction.native import Grid, GridCell, PageBreak, PageBuilder, Paragraph, clean
from ementa.testing.extractors import check_reading

letters = st.characters(
    codec="utf-8",
    exclude_categories=["Cs", "Cc", "Cn", "Co", "Zs", "Zl", "Zp", "Cf"],
    exclude_characters='"*_`#|\\~[]<>&',
)
words = st.lists(
    st.text(letters, min_size=1, max_size=12).filter(lambda word: word.strip() == word), min_size=1, max_size=40
)
once = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rtf(text: str) -> bytes:
    units = text.encode("utf-16-le")
    codes = (int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2))
    return b"{\\rtf1\\uc1 " + "".join(f"\\u{code}?" for code in codes).encode() + b"}"


WRITERS = {
    "docx": lambda text: docx(paragraph(text)),
    "pptx": lambda text: pptx([shape(text)]),
    "odf": lambda text: odf("text", f"<text:p>{escape(text)}</text:p>"),
    "spreadsheet": lambda text: xlsx({"Sheet1": sheet(f'<row r="1">{inline("A1", text)}</row>')}),
    "doc": lambda text: doc(f"{text}\r"),
    "ppt": lambda text: ppt([text]),
    "rtf": rtf,
    "html": lambda text: f"<meta charset=utf-8><p>{escape(text)}</p>".encode(),
    "text": lambda text: text.encode("utf-8-sig"),
    "delimited": lambda text: f'"{text}"'.encode("utf-8-sig"),
    "xml": lambda text: f"<a>{escape(text)}</a>".encode(),
}


@pytest.mark.parametrize("name", sorted(WRITERS))
@once
@given(words=words)
def test_every_word_comes_out_in_order(name, tmp_path, words):
    path = tmp_path / "document"
    path.write_bytes(WRITERS[name](" ".join(words)))
    asked = context("document", "")
    reading = extractor(name).extract(path, asked)
    check_reading(reading, asked)
    found = [word.text for page in reading.pages for word in page.words]
    expected = [word for word in clean(" ".join(words)).split() if word]
    assert (found[1:] if name == "xml" else found) == expected


@once
@given(subject=words, body=words)
def test_a_message_says_what_was_written(tmp_path, subject, body):
    path = tmp_path / "m.msg"
    path.write_bytes(msg(" ".join(subject), " ".join(body)))
    reading = extractor("msg").extract(path, context("m.msg", ""))
    found = [word.text for page in reading.pages for word in page.words]
    assert found == ["From:", "Ana", "Subject:", *clean(" ".join(subject)).split(), *clean(" ".join(body)).split()]


cells = st.builds(
    GridCell,
    st.integers(0, 30),
    st.integers(0, 12),
    st.lists(st.builds(Paragraph, st.text(max_size=90)), max_size=3),
    st.integers(1, 5),
    st.integers(1, 5),
)
flows = st.lists(
    st.one_of(
        st.builds(
            Paragraph,
            st.text(max_size=400),
            st.sampled_from(["paragraph", "heading", "list_item", "header", "footer"]),
            st.integers(0, 12),
            st.booleans(),
        ),
        st.builds(Grid, st.lists(cells, max_size=30), st.none() | st.integers(0, 3)),
        st.builds(PageBreak, st.none() | st.text(max_size=10), st.sampled_from(["hard", "soft"])),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(flow=flows, lines=st.integers(2, 70))
def test_any_flow_makes_valid_pages(flow, lines):
    builder = PageBuilder(Limits(), lines)
    builder.add(*flow)
    pages = builder.pages()
    check_reading(Reading(pages), context("x", ""))
    for page in pages:
        for line in page.lines:
            tops = {page.words[at].box[1] for at in range(line.first, line.last)}
            assert tops, "a line without words"
        for table in page.tables:
            for cell in table.cells:
                assert cell.text.split() == [page.words[index].text for index in cell.words]


@settings(max_examples=100, deadline=None)
@given(words)
def test_words_of_a_paragraph_do_not_overlap(words):
    builder = PageBuilder(Limits())
    builder.paragraph(" ".join(words))
    for page in builder.pages():
        for line in page.lines:
            row = page.words[line.first : line.last]
            assert all(left.box[2] <= right.box[0] for left, right in pairwise(row))


def test_a_value_stands_right_of_its_label_and_below_its_header():
    builder = PageBuilder(Limits())
    builder.add(Grid([GridCell(row, column, [Paragraph(text)]) for row, column, text in (
        (0, 0, "Nome"), (0, 1, "Total"), (1, 0, "Café com leite"), (1, 1, "10,00"))]))  # fmt: skip
    page = builder.pages()[0]
    by_text = {word.text: word.box for word in page.words}
    assert by_text["10,00"][0] == by_text["Total"][0]
    assert by_text["10,00"][1] > by_text["Total"][1]
    assert by_text["10,00"][0] > by_text["leite"][2]
